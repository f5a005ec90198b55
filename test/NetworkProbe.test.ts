import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as Dns from "effect/net/Dns"
import { TestClock } from "effect/testing"
import * as NetworkProbe from "../src/NetworkProbe.ts"

/** A DNS that answers every query so. */
const answering = (answer: Effect.Effect<ReadonlyArray<Dns.DnsRecord>, Dns.DnsErrorReason>) =>
  Layer.succeed(Dns.Dns)(Dns.make({
    lookup: () => Effect.succeed([]),
    resolve: (hostname, recordType) =>
      Effect.mapError(answer, (reason) => new Dns.DnsError({ reason, method: "resolve", hostname, recordType }))
  }))

const wanOk = (answer: Parameters<typeof answering>[0], options?: NetworkProbe.Options) =>
  Effect.flatMap(NetworkProbe.NetworkProbe, (probe) => probe.wanOk).pipe(
    Effect.provide(Layer.provide(NetworkProbe.layer(options), answering(answer)))
  )

const outcomes: ReadonlyArray<readonly [Dns.DnsErrorReason, boolean]> = [
  ["NotFound", true],
  ["Refused", false],
  ["ServerFailure", false],
  ["Temporary", false],
  ["Timeout", false]
]

describe("NetworkProbe", () => {
  for (const [reason, expected] of outcomes) {
    it.effect(`${reason} means that the network is ${expected ? "there" : "not there"}`, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* wanOk(Effect.fail(reason)), expected)
      }))
  }

  it.effect("a server that does not answer within the timeout is not there", () =>
    Effect.gen(function*() {
      const asking = yield* Effect.forkScoped(wanOk(Effect.never, { timeout: "3 seconds" }))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.isFalse(yield* Fiber.join(asking))
    }))
})

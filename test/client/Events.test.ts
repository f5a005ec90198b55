import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Client, type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, reconnected } from "../support/time.ts"

const tags = (mqtt: Client) => Stream.runCollect(Stream.map(mqtt.events, ({ _tag }) => _tag))

/** How a client ends, and what is left of its events from then on. */
const endings: ReadonlyArray<
  readonly [how: string, end: (kit: Kit, mqtt: Client, scope: Scope.Closeable) => Effect.Effect<unknown>]
> = [
  ["by `disconnect`", (_, mqtt) => complete(mqtt.disconnect)],
  ["with its scope", (_kit, _mqtt, scope) => complete(Scope.close(scope, Exit.void))],
  [
    "by a failure that no retry can mend",
    ({ broker, network }) =>
      broker.refuseSession(0x87).pipe(Effect.andThen(network.reset), Effect.andThen(TestClock.adjust(reconnected)))
  ]
]

describe("events", () => {
  for (const [how, end] of endings) {
    scenario(`end with the client, after the last of them (${how})`, {}, (kit) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const mqtt = yield* kit.connect().pipe(Scope.provide(scope))
        const collecting = yield* begin(tags(mqtt))
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        yield* end(kit, mqtt, scope)
        const happened = yield* complete(Fiber.join(collecting))
        assert.deepStrictEqual(happened, ["ConnectionEnded", "ConnectionAccepted", "ConnectionEnded"])
        // Whoever comes later hears that there is nothing more to come.
        assert.deepStrictEqual(yield* complete(tags(mqtt)), [])
        yield* complete(Scope.close(scope, Exit.void))
      }))
  }

  for (const session of ["persistent", "clean"] as const) {
    scenario(
      `S43 ${
        session === "persistent" ? "tell once of a session that is lost" : "do not tell of sessions that nobody keeps"
      }`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session })
          const collecting = yield* begin(tags(mqtt))
          for (const keepSessions of [true, false, true]) {
            yield* kit.network.reset
            yield* kit.broker.restart({ keepSessions })
            yield* TestClock.adjust(reconnected)
          }
          yield* complete(mqtt.disconnect)
          const happened = yield* complete(Fiber.join(collecting))
          const another = ["ConnectionEnded", "ConnectionAccepted"]
          const news = session === "persistent" ? ["SessionLost"] : []
          assert.deepStrictEqual(happened, [...another, ...another, ...news, ...another, "ConnectionEnded"])
        })
    )
  }

  scenario(
    "one who does not pull until the client has ended has the last of them",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const pull = yield* Stream.toPull(mqtt.events)
        const first = yield* begin(pull)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        assert.deepStrictEqual((yield* Fiber.join(first)).map(({ _tag }) => _tag), ["ConnectionEnded"])
        yield* complete(mqtt.disconnect)
        const rest = yield* Stream.runCollect(Stream.fromPull(Effect.succeed(pull)))
        assert.deepStrictEqual(rest.map(({ _tag }) => _tag), ["ConnectionAccepted", "ConnectionEnded"])
      })
  )
})

/**
 * The promises of Effect RPC, over MQTT in both versions and every serialization, and over Effect's own protocol in
 * memory.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Queue, type Scope, Stream } from "effect"
import { RpcClient, RpcSerialization, RpcTest } from "effect/rpc"
import { scenario } from "../support/scenario.ts"
import { begin, complete, settle } from "../support/time.ts"
import * as OverMqtt from "./overMqtt.ts"
import { handlers, Probe, Service, Unknown } from "./service.ts"

interface Behaviour {
  readonly name: string
  readonly tell: (
    service: OverMqtt.ServiceClient,
    probe: Probe
  ) => Effect.Effect<unknown, unknown, Scope.Scope>
}

/** Within a second: sooner than the messages that are sent again. */
const until = (isSo: () => boolean) =>
  complete(Effect.repeat(Effect.sleep("10 millis"), { until: isSo, times: 100 })).pipe(
    Effect.andThen(Effect.sync(() => assert.isTrue(isSo())))
  )

const behaviours: ReadonlyArray<Behaviour> = [
  {
    name: "a call has the answer of its handler",
    tell: (service) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* complete(service.Double({ number: 21 })), 42)
      })
  },
  {
    name: "each of many calls at once has its own answer",
    tell: (service) =>
      Effect.gen(function*() {
        const numbers = Array.from({ length: 200 }, (_, number) => number)
        const answers = yield* complete(
          Effect.forEach(numbers, (number) => service.Double({ number }), { concurrency: "unbounded" })
        )
        assert.deepStrictEqual(answers, numbers.map((number) => number * 2))
      })
  },
  {
    name: "a typed error is the caller's",
    tell: (service) =>
      Effect.gen(function*() {
        const error = yield* complete(Effect.flip(service.Find({ name: "Eve" })))
        assert.deepStrictEqual(error, new Unknown({ name: "Eve" }))
      })
  },
  {
    name: "a defect is the caller's, and of no other call",
    tell: (service) =>
      Effect.gen(function*() {
        const waiting = yield* begin(Effect.exit(service.Wait({ name: "other" })))
        const exit = yield* complete(Effect.exit(service.Die({ message: "broken" })))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), "broken")
        assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
        assert.isUndefined(waiting.pollUnsafe())
        yield* complete(Fiber.interrupt(waiting))
      })
  },
  {
    name: "headers reach the handler",
    tell: (service) =>
      Effect.gen(function*() {
        const greeting = service.Greet(undefined).pipe(RpcClient.withHeaders({ "x-name": "Ada" }))
        assert.strictEqual(yield* complete(greeting), "Hello Ada")
      })
  },
  {
    name: "a stream has all elements in order, and ends",
    tell: (service) =>
      Effect.gen(function*() {
        const numbers = yield* complete(Stream.runCollect(service.Count({ to: 100, at: 7 })))
        assert.deepStrictEqual([...numbers], Array.from({ length: 100 }, (_, index) => index + 1))
      })
  },
  {
    name: "an empty stream ends",
    tell: (service) =>
      Effect.gen(function*() {
        assert.deepStrictEqual([...yield* complete(Stream.runCollect(service.Count({ to: 0, at: 1 })))], [])
      })
  },
  {
    name: "a stream that fails has its elements first, then its typed error",
    tell: (service) =>
      Effect.gen(function*() {
        const numbers: Array<number> = []
        const error = yield* service.CountAndFail({ to: 3 }).pipe(
          Stream.runForEach((number) => Effect.sync(() => numbers.push(number))),
          Effect.flip,
          complete
        )
        assert.deepStrictEqual(numbers, [1, 2, 3])
        assert.deepStrictEqual(error, new Unknown({ name: "more" }))
      })
  },
  {
    name: "a handler produces no more than its caller takes",
    tell: (service, probe) =>
      Effect.gen(function*() {
        const queue = yield* complete(service.Endless({ name: "endless" }, { asQueue: true, streamBufferSize: 4 }))
        const taken = yield* complete(Effect.forEach([1, 2, 3], () => Queue.take(queue)))
        assert.deepStrictEqual(taken, [1, 2, 3])
        yield* complete(Effect.sleep("2 seconds"))
        const { produced } = probe
        // The elements that were taken, that are in the buffer, and that are on the way there.
        assert.isAtMost(produced, 3 + 4 + 2)
        yield* complete(Effect.sleep("2 seconds"))
        assert.strictEqual(probe.produced, produced)
        yield* complete(Effect.forEach([1, 2, 3], () => Queue.take(queue)))
        yield* complete(Effect.sleep("2 seconds"))
        assert.isAbove(probe.produced, produced)
      })
  },
  {
    name: "a slow caller of one stream holds up no other call",
    tell: (service) =>
      Effect.gen(function*() {
        yield* complete(service.Endless({ name: "slow" }, { asQueue: true, streamBufferSize: 1 }))
        yield* complete(Effect.sleep("1 second"))
        assert.strictEqual(yield* complete(service.Double({ number: 3 })), 6)
      })
  },
  {
    name: "an answer that takes time to decode arrives whole, and holds up no other call",
    tell: (service) =>
      Effect.gen(function*() {
        const slow = yield* begin(service.Slow(undefined))
        const count = yield* begin(Stream.runCollect(service.SlowCount(undefined)))
        yield* complete(Effect.sleep("300 millis"))
        const quick = yield* begin(service.Double({ number: 3 }))
        yield* complete(Effect.sleep("300 millis"))
        assert.strictEqual(yield* Fiber.join(quick), 6)
        assert.strictEqual(yield* complete(Fiber.join(slow)), 7)
        assert.deepStrictEqual([...yield* complete(Fiber.join(count))], [1, 2, 3])
      })
  },
  {
    name: "interrupting a call interrupts its handler",
    tell: (service, probe) =>
      Effect.gen(function*() {
        const call = yield* begin(service.Wait({ name: "one" }))
        const other = yield* begin(service.Wait({ name: "two" }))
        yield* until(() => probe.started.length === 2)
        assert.deepStrictEqual(probe.interrupted, [])
        yield* complete(Fiber.interrupt(call))
        yield* until(() => probe.interrupted.length > 0)
        yield* settle
        assert.deepStrictEqual(probe.interrupted, ["one"])
        yield* complete(Fiber.interrupt(other))
        yield* until(() => probe.interrupted.length === 2)
      })
  },
  {
    name: "a stream that is no longer pulled interrupts its handler",
    tell: (service, probe) =>
      Effect.gen(function*() {
        const some = yield* complete(Stream.runCollect(Stream.take(service.Endless({ name: "endless" }), 5)))
        assert.deepStrictEqual([...some], [1, 2, 3, 4, 5])
        yield* until(() => probe.interrupted.length === 1)
      })
  },
  {
    name: "a discarded call is over when its handler has begun, and the handler goes on",
    tell: (service, probe) =>
      Effect.gen(function*() {
        probe.gate.closeUnsafe()
        yield* complete(service.Double({ number: 5 }, { discard: true }))
        assert.isUndefined(probe.doubled.get(5))
        probe.gate.openUnsafe()
        yield* until(() => probe.doubled.get(5) === 1)
      })
  },
  {
    name: "text of any kind arrives as it is",
    tell: (service) =>
      Effect.gen(function*() {
        const name = "Zoë\n{\"_tag\":\"Exit\"}\n\u0000\u{1F600}"
        assert.deepStrictEqual(yield* complete(Effect.flip(service.Find({ name }))), new Unknown({ name }))
      })
  }
]

describe("in memory", () => {
  for (const { name, tell } of behaviours) {
    it.effect(name, () => {
      const probe = new Probe()
      return RpcTest.makeClient(Service, { disableFatalDefects: true }).pipe(
        Effect.flatMap((service) => tell(service, probe)),
        Effect.provide(handlers(probe)),
        Effect.scoped
      )
    })
  }
})

const serializations: { readonly [name: string]: OverMqtt.Serialization } = {
  JSON: RpcSerialization.layerJson,
  NDJSON: RpcSerialization.layerNdjson,
  "JSON-RPC": RpcSerialization.layerJsonRpc(),
  SchemaBinary: RpcSerialization.layerSchemaBinary()
}

describe.each(Object.entries(serializations))("over MQTT, in %s", (_, serialization) => {
  for (const { name, tell } of behaviours) {
    scenario(name, { leavesUnfinished: false }, (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const server = kit.version === "5.0" ? { group: "servers" } : {}
        yield* tell(yield* OverMqtt.both(kit, probe, { serialization, server }), probe)
      }))
  }
})

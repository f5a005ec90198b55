/**
 * Schedules of Effect 3 as policies of the client.
 */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Fiber, Random, Schedule, TestClock } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork } from "effect-mqtt-v3/testing"
import { brokerAndClient } from "./support.ts"

class Patience extends Context.Tag("test/Patience")<Patience, { readonly attempts: number }>() {}

/** Milliseconds from the loss of the connection to each attempt to open the next one, of which all but the last fail. */
const attemptsAfterLoss = (failures: number) =>
  Effect.gen(function*() {
    const network = yield* FakeNetwork.FakeNetwork
    yield* network.refuseConnect(failures)
    yield* network.reset
    yield* TestClock.adjust("5 minutes")
    const openings = (yield* network.log).filter(({ event }) => event.startsWith("open"))
    return openings.slice(1).map(({ at }) => Math.round(at))
  })

it.scoped("each attempt waits as the schedule says", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* attemptsAfterLoss(2), [100, 300, 700])
  }).pipe(Effect.provide(brokerAndClient({ reconnect: Schedule.exponential("100 millis") }))))

it.scoped("a schedule that ends ends the client, with what the last attempt failed of", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    const closed = yield* Effect.fork(Effect.flip(mqtt.closed))
    yield* network.refuseConnect(10)
    yield* network.reset
    yield* TestClock.adjust("1 minute")
    const { reason } = yield* Fiber.join(closed)
    assert.strictEqual(reason._tag, "PortRefused")
    assert.strictEqual((yield* network.counters).attempts, 3)
  }).pipe(Effect.provide(
    brokerAndClient({ reconnect: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)) })
  )))

it.scoped("chance in a schedule is the program's", () =>
  Effect.gen(function*() {
    const reconnect = Schedule.jittered(Schedule.spaced("1 second"))
    const attempts = (seed: string) =>
      attemptsAfterLoss(3).pipe(
        Effect.provide(brokerAndClient({ reconnect })),
        Effect.scoped,
        Effect.withRandom(Random.make(seed))
      )
    const once = yield* attempts("a seed")
    assert.notDeepEqual(once, [1000, 2000, 3000, 4000])
    assert.deepStrictEqual(yield* attempts("a seed"), once)
    assert.notDeepEqual(yield* attempts("another seed"), once)
  }))

it.scoped("a schedule may depend on a service of the program", () =>
  Effect.gen(function*() {
    const reconnect = Schedule.spaced("1 second").pipe(
      Schedule.whileOutputEffect((attempt) => Effect.map(Patience, ({ attempts }) => attempt < attempts))
    )
    const closed = Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const network = yield* FakeNetwork.FakeNetwork
      const closed = yield* Effect.fork(Effect.flip(mqtt.closed))
      yield* network.refuseConnect(10)
      yield* network.reset
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(closed)
      return (yield* network.counters).attempts
    })
    const patience = yield* Effect.context<Patience>()
    const provided = Schedule.provideContext(reconnect, patience)
    assert.strictEqual(yield* Effect.provide(closed, brokerAndClient({ reconnect: provided })), 5)
  }).pipe(Effect.provideService(Patience, { attempts: 4 })))

it.scoped("a schedule sees the error of this package", () =>
  Effect.gen(function*() {
    const seen: Array<string> = []
    const reconnect = Schedule.spaced("1 second").pipe(
      Schedule.tapInput(({ reason }: { readonly reason: { readonly _tag: string } }) =>
        Effect.sync(() => seen.push(reason._tag))
      )
    )
    yield* Effect.provide(attemptsAfterLoss(1), brokerAndClient({ reconnect }))
    assert.deepStrictEqual(seen, ["ConnectionLost", "PortRefused"])
  }))

it.scoped("the default can be built upon, and waits two seconds at most at first, and forty in the end", () =>
  Effect.gen(function*() {
    const waits: Array<number> = []
    const reconnect = MqttClient.defaultReconnect.pipe(
      Schedule.delayed((delay) => {
        waits.push(Number(delay.value._tag === "Millis" ? delay.value.millis : NaN))
        return 1000
      })
    )
    yield* Effect.provide(attemptsAfterLoss(7), brokerAndClient({ reconnect })).pipe(
      Effect.withRandom(Random.fixed([0.5]))
    )
    // Chance is in the middle each time.
    assert.deepStrictEqual(waits, [1250, 2500, 5000, 10_000, 20_000, 25_000, 25_000, 25_000])
  }))

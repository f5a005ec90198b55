/**
 * `next` and `deliveries` of typed topics: the program gets decoded messages only, and all others are settled.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Logger, References, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MqttClient, MqttError, MqttTopic } from "../../src/index.ts"
import { assertReason, reasonAtOnce, reasonOf } from "../support/reasons.ts"
import { type Client, clientId, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

const Power = MqttTopic.make("site/{site}/power", { payload: Schema.FiniteFromString })

const bad = "plenty"

const through = (mqtt: Client) => Effect.provideService(MqttClient.MqttClient, mqtt)

/** Warnings and errors, as they are logged. */
const logging = <A, E, R>(effect: Effect.Effect<A, E, R>, logged: Array<string>) =>
  effect.pipe(
    Effect.provide(Logger.layer([Logger.make(({ logLevel, message }) => logged.push(`${logLevel}: ${message}`))])),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )

const publishAll = ({ broker }: Kit, payloads: ReadonlyArray<string>, qos: 0 | 1 | 2 = 1) =>
  Effect.andThen(
    Effect.forEach(payloads, (payload) => broker.publish("site/north/power", payload, { qos })),
    TestClock.adjust(4 * roundTrip)
  )

/** The codes with which the client answered messages so far; 3.1.1 has none but success. */
const answers = (kit: Kit) => Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ reasonCode }) => reasonCode))

const in50 = ({ version }: Kit, reasonCode: number) => version === "5.0" ? reasonCode : 0

const subscribed = (kit: Kit) =>
  Effect.map(
    sent(kit, "Subscribe"),
    (packets) => packets.flatMap(({ subscriptions }) => subscriptions.map(({ topicFilter }) => topicFilter))
  )

const inflight = ({ broker }: Kit) => Effect.map(broker.session(clientId), (session) => session?.inflight)

describe("next", () => {
  const isDecoded = (received: MqttTopic.Received<{ readonly site: string }, number>) => [
    received.parameters.site,
    received.payload,
    received.message.text
  ]

  scenario(
    "returns the first message that decodes, and leaves those behind it to the next one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const logged: Array<string> = []
        const next = yield* begin(logging(through(mqtt)(Power.next()), logged))
        yield* TestClock.adjust(roundTrip)
        yield* publishAll(kit, [bad, "1", bad, "2"])
        assert.deepStrictEqual(isDecoded(yield* Fiber.join(next)), ["north", 1, "1"])
        assert.deepStrictEqual(yield* answers(kit), [in50(kit, 0x99), 0])
        assert.lengthOf(logged, 1)
        assert.match(logged[0], /^Warn: The payload of "site\/north\/power" cannot be decoded/)
        const second = yield* complete(logging(through(mqtt)(Power.next()), logged))
        assert.deepStrictEqual(isDecoded(second), ["north", 2, "2"])
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* answers(kit), [in50(kit, 0x99), 0, in50(kit, 0x99), 0])
        assert.strictEqual(yield* inflight(kit), 0)
        assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
      })
  )

  scenario("a retained message that does not decode is seen once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.publish("site/north/power", bad, { qos: 1, retain: true })
      const put: Array<MqttTopic.Invalid> = []
      const onInvalid = (invalid: MqttTopic.Invalid) => Effect.sync(() => put.push(invalid))
      const waiting = through(mqtt)(Power.next({ timeout: "3 seconds", onInvalid }))
      const failure = assertReason(yield* reasonOf(waiting), "NextTimeout")
      assert.deepStrictEqual([failure.topicFilter, failure.timeout], ["site/+/power", 3000])
      assert.lengthOf(put, 1)
      assert.deepStrictEqual(yield* answers(kit), [0])
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(yield* sent(kit, "Unsubscribe"), 1)
    }))

  scenario("interrupted, it unsubscribes, and what it has not settled goes back", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const next = yield* begin(through(mqtt)(Power.next({ onInvalid: () => Effect.never })))
      yield* TestClock.adjust(roundTrip)
      yield* publishAll(kit, [bad, "1"])
      yield* Fiber.interrupt(next)
      assert.deepStrictEqual(yield* answers(kit), [])
      const { payload } = yield* complete(logging(through(mqtt)(Power.next()), []))
      assert.strictEqual(payload, 1)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* answers(kit), [in50(kit, 0x99), 0])
    }))

  scenario("fails when the client closes", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const next = yield* begin(Effect.flip(through(mqtt)(Power.next())))
      yield* TestClock.adjust(roundTrip)
      yield* complete(mqtt.disconnect)
      assert.strictEqual((yield* Fiber.join(next)).reason._tag, "Closed")
      assert.strictEqual((yield* reasonAtOnce(through(mqtt)(Power.next())))._tag, "Closed")
    }))

  scenario("of a share", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const next = yield* begin(through(mqtt)(Power.next({ share: "workers", qos: 0 })))
      yield* TestClock.adjust(roundTrip)
      yield* publishAll(kit, ["1"])
      const { message, payload } = yield* Fiber.join(next)
      assert.deepStrictEqual([payload, message.qos], [1, 0])
      assert.deepStrictEqual(yield* subscribed(kit), ["$share/workers/site/+/power"])
      const wrong = yield* reasonAtOnce(through(mqtt)(Power.next({ share: "a/b" })))
      assert.strictEqual(wrong._tag, "InvalidRequest")
      const wrongTimeout = yield* reasonAtOnce(through(mqtt)(Power.next({ timeout: "soon" as never })))
      assert.strictEqual(wrongTimeout._tag, "InvalidOptions")
      yield* TestClock.adjust(roundTrip)
    }))
})

describe("deliveries", () => {
  type Taken = MqttTopic.Delivery<{ readonly site: string }, number>

  /** Takes all that comes, and acknowledges nothing. */
  const taking = Effect.fnUntraced(function*<R = never>(mqtt: Client, options?: MqttTopic.SubscribeOptions<R>) {
    const taken: Array<Taken> = []
    const logged: Array<string> = []
    const fiber = yield* begin(
      logging(
        through(mqtt)(
          Stream.runForEach(Power.deliveries(options), (delivery) => Effect.sync(() => taken.push(delivery)))
        ),
        logged
      )
    )
    yield* TestClock.adjust(roundTrip)
    return { fiber, taken, logged }
  })

  scenario("the program settles what decodes, in any order, and nothing else", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { fiber, logged, taken } = yield* taking(mqtt)
      yield* publishAll(kit, ["1", bad, "2", "3"])
      assert.deepStrictEqual(
        taken.map(({ message, parameters, payload }) => [parameters.site, payload, message.text]),
        [["north", 1, "1"], ["north", 2, "2"], ["north", 3, "3"]]
      )
      assert.lengthOf(logged, 1)
      yield* taken[2].acknowledge
      yield* taken[1].reject(0x97)
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* taken[0].acknowledge
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0, in50(kit, 0x99), in50(kit, 0x97), 0])
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(roundTrip)
    }))

  scenario("what does not decode is acknowledged when its place has it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { fiber, logged, taken } = yield* taking(mqtt, { onInvalid: { deadLetter: "dead" } })
      yield* kit.broker.holdAcknowledgements()
      yield* kit.broker.publish("site/north/power", bad, { qos: 1 })
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [])
      yield* kit.broker.releaseAcknowledgements()
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* answers(kit), [0])
      assert.deepStrictEqual((yield* sent(kit, "Publish")).map(({ topic }) => topic), ["dead"])
      assert.deepStrictEqual([taken, logged], [[], []])
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(roundTrip)
    }))

  const places: ReadonlyArray<
    readonly [name: string, failure: Effect.Effect<never, unknown>, reasonCode: number, logs: number]
  > = [
    ["fails", Effect.fail("full"), 0x99, 1],
    ["dies", Effect.die("full"), 0x99, 1],
    ["refuses it", Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x97 })), 0x97, 0]
  ]
  for (const [name, failure, reasonCode, logs] of places) {
    scenario(`a place that ${name} ends nothing, and the message is refused`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber, logged, taken } = yield* taking(mqtt, { onInvalid: () => failure })
        yield* publishAll(kit, [bad, "1"])
        assert.deepStrictEqual(taken.map(({ payload }) => payload), [1])
        yield* taken[0].acknowledge
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(yield* answers(kit), [in50(kit, reasonCode), 0])
        assert.lengthOf(logged, logs)
        assert.isUndefined(fiber.pollUnsafe())
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust(roundTrip)
      }))
  }

  scenario("what cannot be is refused at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const failing = (options: MqttTopic.SubscribeOptions<never>) =>
        Effect.map(reasonAtOnce(through(mqtt)(Stream.runDrain(Power.deliveries(options)))), ({ _tag }) => _tag)
      assert.strictEqual(yield* failing({ onInvalid: { deadLetter: "site/a/power" } }), "InvalidOptions")
      assert.strictEqual(yield* failing({ share: "+" }), "InvalidRequest")
      assert.strictEqual(yield* failing(null as never), "InvalidOptions")
      assert.deepStrictEqual(yield* subscribed(kit), [])
    }))
})

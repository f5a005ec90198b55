/**
 * `consume` with `attempts` and `deadLetter`: the outcome of messages whose handler fails.
 */
import { assert, describe } from "@effect/vitest"
import { Data, Deferred, Effect, Exit, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type { ConsumeOptions } from "../../src/MqttClient.ts"
import { MqttError, MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { type Client, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"
import { acknowledged, publish, quiet } from "./support/consuming.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const codes = (kit: Kit) => Effect.map(sent(kit, "Puback"), (packets) => packets.map(({ reasonCode }) => reasonCode))

/** What the broker has of the topics that begin with this. */
const messagesOf = ({ broker }: Kit, prefix: string) =>
  Effect.map(broker.messages, (messages) => messages.filter(({ topic }) => topic.startsWith(prefix)))

/** A consumer of `t/+` whose handler fails for texts that end in "x", and the order in which handlers ran. */
const consuming = Effect.fnUntraced(function*(
  mqtt: Client,
  options: ConsumeOptions,
  failure: Effect.Effect<never, unknown> = Effect.fail(new Broken({ message: "broken" }))
) {
  const runs: Array<string> = []
  const handler = ({ text }: MqttMessage) =>
    Effect.suspend(() => {
      runs.push(text)
      return text.endsWith("x") ? failure : Effect.void
    })
  const fiber = yield* begin(quiet(mqtt.consume("t/+", handler, options)))
  yield* TestClock.adjust(roundTrip)
  return { fiber, runs }
})

const end = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.andThen(Fiber.interrupt(fiber), TestClock.adjust(2 * roundTrip))

describe("attempts", () => {
  const threeTimes = Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(2)])
  const failures = {
    fails: Effect.fail(new Broken({ message: "broken" })),
    dies: Effect.die("dead"),
    "interrupts itself": Effect.interrupt
  }

  for (const [how, failure] of Object.entries(failures)) {
    scenario(
      `of a handler that ${how}, as the schedule says, before \`onFailure\` does`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { fiber, runs } = yield* consuming(mqtt, { attempts: threeTimes, onFailure: "reject" }, failure)
          yield* publish(kit, "1", "2x", "3")
          assert.deepStrictEqual(runs, ["1", "2x"])
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(runs, ["1", "2x", "2x"])
          assert.deepStrictEqual(yield* acknowledged(kit), [1])
          yield* TestClock.adjust("1 second")
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(runs, ["1", "2x", "2x", "2x", "3"])
          assert.deepStrictEqual(yield* codes(kit), kit.version === "5.0" ? [0, 0x80, 0] : [0, 0, 0])
          assert.strictEqual((yield* mqtt.stats).handlerRetries, 2)
          assert.strictEqual((yield* mqtt.stats).deadLetters, 0)
          yield* end(fiber)
        })
    )
  }

  scenario("end with the one that succeeds, and the consumer goes on", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      let attempts = 0
      const inputs: Array<unknown> = []
      const schedule = Schedule.tap(Schedule.spaced("1 second"), ({ input }) => Effect.sync(() => inputs.push(input)))
      const consumer = yield* begin(mqtt.consume("t/+", () => ++attempts < 4 ? Effect.fail("not yet") : Effect.void, {
        attempts: schedule
      }))
      yield* TestClock.adjust(roundTrip)
      yield* publish(kit, "1", "2")
      yield* TestClock.adjust("3 seconds")
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(attempts, 5)
      assert.deepStrictEqual(inputs, ["not yet", "not yet", "not yet"])
      assert.deepStrictEqual(yield* acknowledged(kit), [1, 2])
      yield* end(consumer)
    }))

  scenario("with `onFailure: \"stop\"` the last failure ends it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      let attempts = 0
      const consumer = yield* begin(
        mqtt.consume("t/+", () => Effect.fail(++attempts), { attempts: Schedule.recurs(2) })
      )
      yield* TestClock.adjust(roundTrip)
      yield* publish(kit, "1")
      assert.deepStrictEqual(consumer.pollUnsafe(), Exit.fail(3))
      assert.deepStrictEqual(yield* acknowledged(kit), [])
    }))

  scenario(
    "are not made of a message that the handler refuses, at first or later",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const rejected = Effect.fail(new MqttRejected({ reasonCode: 0x99 }))
        const first = yield* consuming(mqtt, { attempts: threeTimes, deadLetter: "dead" }, rejected)
        yield* publish(kit, "1x")
        assert.deepStrictEqual(first.runs, ["1x"])
        yield* end(first.fiber)
        let attempts = 0
        const later = yield* consuming(
          mqtt,
          { attempts: threeTimes, deadLetter: "dead" },
          Effect.suspend((): Effect.Effect<never, unknown> => ++attempts === 1 ? Effect.fail("broken") : rejected)
        )
        yield* publish(kit, "2x")
        yield* TestClock.adjust("1 second")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(later.runs, ["2x", "2x"])
        assert.deepStrictEqual(yield* codes(kit), [0x99, 0x99])
        assert.deepStrictEqual(yield* messagesOf(kit, "dead"), [])
        yield* end(later.fiber)
      })
  )

  scenario("hold up those of the same key only", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { fiber, runs } = yield* consuming(mqtt, {
        attempts: threeTimes,
        onFailure: "acknowledge",
        concurrency: 2,
        key: ({ topic }) => topic
      })
      yield* publish(kit, "ax", "a2", "b1", "b2")
      assert.deepStrictEqual(runs, ["ax", "b1", "b2"])
      // Acknowledgements leave in the order of the messages.
      assert.deepStrictEqual(yield* acknowledged(kit), [])
      yield* TestClock.adjust("2 seconds")
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(runs, ["ax", "b1", "b2", "ax", "ax", "a2"])
      assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3, 4])
      yield* end(fiber)
    }))

  scenario(
    "are not begun once it ends: a message that waits for one goes back at once",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const until = Deferred.makeUnsafe<void>()
        const { fiber, runs } = yield* consuming(mqtt, {
          attempts: Schedule.spaced("1 second"),
          until: Deferred.await(until),
          deadLetter: "dead"
        })
        yield* publish(kit, "1x")
        yield* Deferred.succeed(until, undefined)
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(fiber.pollUnsafe(), Exit.void)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(runs, ["1x"])
        const next = yield* consuming(mqtt, {}, Effect.die("dead"))
        assert.deepStrictEqual(next.runs, ["1x"])
        assert.isTrue(Exit.isFailure(yield* Fiber.await(next.fiber)))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* messagesOf(kit, "dead"), [])
        assert.deepStrictEqual(yield* acknowledged(kit), [])
      })
  )

  scenario("nor is the next one when an attempt fails as it ends", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const until = Deferred.makeUnsafe<void>()
      const slow = Effect.delay(Effect.fail("broken"), "1 second")
      const { fiber, runs } = yield* consuming(
        mqtt,
        { attempts: Schedule.recurs(5), until: Deferred.await(until) },
        slow
      )
      yield* publish(kit, "1x")
      yield* Deferred.succeed(until, undefined)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(fiber.pollUnsafe(), Exit.void)
      assert.deepStrictEqual(runs, ["1x"])
      assert.deepStrictEqual(yield* acknowledged(kit), [])
    }))
})

describe("a dead letter", () => {
  for (const concurrency of [1, 3]) {
    scenario(
      `of a poison message lets the others through (${concurrency} at once)`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { fiber, runs } = yield* consuming(mqtt, {
            concurrency,
            attempts: Schedule.recurs(1),
            deadLetter: "dead"
          })
          yield* publish(kit, "1", "2x", "3", "4x", "5")
          yield* TestClock.adjust(4 * roundTrip)
          assert.deepStrictEqual(runs.toSorted(), ["1", "2x", "2x", "3", "4x", "4x", "5"])
          assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3, 4, 5])
          const dead = yield* messagesOf(kit, "dead")
          assert.deepStrictEqual(dead.map(({ payload }) => new TextDecoder().decode(payload)), ["2x", "4x"])
          assert.deepStrictEqual(dead.map(({ qos }) => qos), [1, 1])
          const { deadLetters, handlerRetries } = yield* mqtt.stats
          assert.deepStrictEqual({ deadLetters, handlerRetries }, { deadLetters: 2, handlerRetries: 2 })
          yield* end(fiber)
        })
    )
  }

  scenario("has what its sender said, and the topic, the error and the attempts", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { fiber } = yield* consuming(
        mqtt,
        { attempts: Schedule.recurs(2), deadLetter: { topic: ({ topic }) => `dead/${topic}`, qos: 2, retain: true } },
        Effect.fail(new Broken({ message: "no\nstock" }))
      )
      yield* kit.broker.publish("t/a", "x", {
        qos: 1,
        properties: {
          contentType: "text/plain",
          payloadFormatIndicator: 1,
          correlationData: new Uint8Array([1, 2]),
          responseTopic: "answers",
          messageExpiryInterval: 60,
          userProperties: [["a", "b"]]
        }
      })
      yield* TestClock.adjust(6 * roundTrip)
      const [{ properties, qos, topic }] = yield* messagesOf(kit, "dead")
      assert.strictEqual(topic, "dead/t/a")
      assert.strictEqual(qos, 2)
      assert.deepStrictEqual(
        properties,
        kit.version === "3.1.1" ? {} : {
          contentType: "text/plain",
          payloadFormatIndicator: 1,
          correlationData: new Uint8Array([1, 2]),
          responseTopic: "answers",
          userProperties: [["a", "b"], ["original-topic", "t/a"], ["error", "no stock"], ["attempts", "3"]]
        }
      )
      assert.deepStrictEqual((yield* kit.broker.retained).map(({ topic }) => topic), ["dead/t/a"])
      assert.deepStrictEqual(yield* acknowledged(kit), [1])
      yield* end(fiber)
    }))

  scenario("is acknowledged before its message is", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.holdAcknowledgements("Puback")
      const { fiber } = yield* consuming(mqtt, { deadLetter: "dead" })
      yield* publish(kit, "1x")
      assert.lengthOf(yield* messagesOf(kit, "dead"), 1)
      assert.deepStrictEqual(yield* acknowledged(kit), [])
      yield* kit.broker.releaseAcknowledgements()
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual(yield* acknowledged(kit), [1])
      assert.strictEqual((yield* mqtt.stats).deadLetters, 1)
      yield* end(fiber)
    }))

  const refusing = { authorizePublish: ({ topic }: { readonly topic: string }) => topic === "dead" ? 0x87 : 0 } as const

  for (const [onFailure, code] of [["reject", 0x80], ["acknowledge", 0x00]] as const) {
    scenario(
      `that the server refuses is a failure: \`onFailure: "${onFailure}"\``,
      { versions: ["5.0"], broker: refusing },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const { fiber, runs } = yield* consuming(mqtt, { deadLetter: "dead", onFailure })
          yield* publish(kit, "1x", "2")
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(runs, ["1x", "2"])
          assert.deepStrictEqual(yield* codes(kit), [code, 0])
          assert.strictEqual((yield* mqtt.stats).deadLetters, 0)
          yield* end(fiber)
        })
    )
  }

  scenario(
    "that the server refuses ends it, as `onFailure` is \"stop\"",
    { versions: ["5.0"], broker: refusing },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber } = yield* consuming(mqtt, { deadLetter: "dead" })
        yield* publish(kit, "1x", "2")
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error instanceof MqttError && error.reason._tag, "PublishRefused")
        yield* TestClock.adjust(roundTrip)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* acknowledged(kit), [])
      })
  )

  scenario(
    "that is too large goes without what its sender said, or without all",
    { versions: ["5.0"], broker: { maximumPacketSize: 550 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { fiber } = yield* consuming(mqtt, { deadLetter: "dead" })
        for (const [bytes, properties] of [[150, 3], [500, 1], [530, 0]] as const) {
          yield* kit.broker.publish("t/a", `${"y".repeat(bytes)}x`, {
            qos: 1,
            properties: bytes === 150 ? { userProperties: [["a", "b".repeat(350)]] } : {}
          })
          yield* TestClock.adjust(4 * roundTrip)
          const { userProperties = [] } = (yield* messagesOf(kit, "dead")).at(-1)?.properties ?? {}
          assert.lengthOf(userProperties, properties, `${bytes} bytes`)
        }
        assert.deepStrictEqual(yield* acknowledged(kit), [1, 2, 3])
        yield* end(fiber)
      })
  )

  for (const deadLetter of ["t/dead", "dead/#", ""]) {
    scenario(`cannot go to "${deadLetter}", which would not take it or come back`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const error = yield* Effect.flip(mqtt.consume(["s", "t/+"], () => Effect.void, { deadLetter }))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
        // A function tells with the message.
        const { fiber } = yield* consuming(mqtt, { deadLetter: () => deadLetter })
        yield* publish(kit, "1x")
        const later = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(later instanceof MqttError && later.reason._tag, "InvalidOptions")
        assert.deepStrictEqual(yield* acknowledged(kit), [])
      }))
  }

  scenario(
    "cannot go to a topic of the shared subscription itself",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const error = yield* Effect.flip(mqtt.consume("$share/a/t/+", () => Effect.void, { deadLetter: "t/dead" }))
        assert.strictEqual(error.reason._tag, "InvalidOptions")
      })
  )

  scenario("whose topic cannot be told is a failure", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const deadLetter = () => {
        throw new Error("no topic")
      }
      const { fiber, runs } = yield* consuming(mqtt, { deadLetter, onFailure: "acknowledge" })
      yield* publish(kit, "1x", "2")
      assert.deepStrictEqual(runs, ["1x", "2"])
      assert.deepStrictEqual(yield* acknowledged(kit), [1, 2])
      yield* end(fiber)
    }))

  scenario("is published while it ends, and its message acknowledged", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const slow = Effect.delay(Effect.fail("broken"), "1 second")
      const { fiber } = yield* consuming(mqtt, { deadLetter: "dead" }, slow)
      yield* publish(kit, "1x")
      yield* complete(Fiber.interrupt(fiber))
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf(yield* messagesOf(kit, "dead"), 1)
      assert.deepStrictEqual(yield* acknowledged(kit), [1])
    }))

  scenario(
    "that the end of the client cuts off leaves its message as it is",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.broker.holdAcknowledgements("Puback")
        const { fiber } = yield* consuming(mqtt, { deadLetter: "dead", onFailure: "reject" })
        yield* publish(kit, "1x")
        yield* complete(mqtt.disconnect)
        assert.deepStrictEqual(yield* complete(Fiber.await(fiber)), Exit.void)
        assert.deepStrictEqual(yield* acknowledged(kit), [])
      })
  )

  scenario("of a request that could not be handled", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const responder = yield* begin(quiet(mqtt.respond("t/+", () => Effect.fail("broken"), { deadLetter: "dead" })))
      yield* TestClock.adjust(roundTrip)
      yield* kit.broker.publish("t/a", "?", { qos: 1, properties: { responseTopic: "answers" } })
      yield* TestClock.adjust(3 * roundTrip)
      const [{ properties }] = yield* messagesOf(kit, "dead")
      assert.strictEqual(properties.responseTopic, "answers")
      yield* end(responder)
    }))
})

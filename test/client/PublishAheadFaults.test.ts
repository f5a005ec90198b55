/**
 * Publishing ahead of the acknowledgements, under faults: `publishAsync`, `publishSink`, `flush`.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Queue, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as Packet from "../../src/protocol/Packet.ts"
import { accepted, type Client, clientId, connections, type Kit, record, scenario, sent } from "../support/scenario.ts"
import {
  begin,
  complete,
  failingConnect,
  reconnectDelay,
  reconnected,
  responseTimeout,
  roundTrip
} from "../support/time.ts"

const isPublishOf = (text: string) => (packet: Packet.Packet): boolean =>
  packet._tag === "Publish" && new TextDecoder().decode(packet.payload) === text

/** Each time one of these has reached the broker, and before its acknowledgement reaches the client. */
const cutAfter = (kit: Kit, texts: ReadonlyArray<string>) =>
  Effect.forEach(
    texts,
    (text) => Effect.andThen(kit.broker.awaitPacket(clientId, isPublishOf(text)), kit.network.reset)
  ).pipe(Effect.forkScoped({ startImmediately: true }))

/** A client that has lost its connection and does not get another one before `online`. */
const offline = Effect.fnUntraced(function*(kit: Kit, options?: Parameters<Kit["connect"]>[0]) {
  const mqtt = yield* kit.connect(options)
  yield* kit.network.refuseConnect(1000)
  yield* kit.network.reset
  yield* TestClock.adjust(roundTrip)
  return mqtt
})

const online = ({ network }: Kit) =>
  Effect.andThen(network.allowConnect, TestClock.adjust(reconnectDelay + failingConnect + reconnected))

describe("publishAsync", () => {
  for (const qos of [1, 2] as const) {
    scenario(
      `S15 QoS ${qos}: two ahead and a last one awaited: all three once and in order`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const received = yield* record(yield* complete(mqtt.subscribe("t", { qos })))
          yield* complete(Effect.asVoid(mqtt.publishAsync("t", "0", { qos })))
          yield* complete(Effect.asVoid(mqtt.publishAsync("t", "1", { qos })))
          yield* complete(mqtt.publish("t", "2", { qos }))
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(received.texts(), ["0", "1", "2"])
          assert.strictEqual((yield* mqtt.stats).inFlight, 0)
        })
    )
  }

  for (const session of ["clean", "persistent"] as const) {
    for (const maxInFlight of [1, 2, 1000]) {
      scenario(
        `S16 R82 twenty, with a cut after every third (${session}, window ${maxInFlight})`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ session, maxInFlight })
            const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
            const numbers = Array.range(0, 19).map(String)
            yield* cutAfter(kit, ["2", "5", "8", "11", "14", "17"])
            yield* complete(Effect.gen(function*() {
              const acknowledgements = yield* Effect.forEach(
                numbers,
                (text) => mqtt.publishAsync("t", text, { qos: 1 })
              )
              yield* Effect.all(acknowledgements)
            }))
            yield* TestClock.adjust(roundTrip)
            const withoutRepetition = (texts: ReadonlyArray<string>) =>
              maxInFlight === 1 ? Array.dedupeAdjacent(texts) : Array.dedupe(texts)
            assert.deepStrictEqual(withoutRepetition(yield* accepted(kit)), numbers)
            if (session === "persistent") assert.deepStrictEqual(withoutRepetition(received.texts()), numbers)
            assert.strictEqual((yield* mqtt.stats).inFlight, 0)
          })
      )
    }
  }

  scenario(
    "S29 R82 m1 and m2 ahead, cut, m3 awaited: the broker has them in this order before m3 completes",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.drop
        const m1 = yield* complete(mqtt.publishAsync("t", "m1", { qos: 1 }))
        const m2 = yield* complete(mqtt.publishAsync("t", "m2", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "m3", { qos: 1 }))
        assert.deepStrictEqual(yield* accepted(kit), ["m1", "m2", "m3"])
        // They are over as well: nobody waits.
        yield* Effect.all([m1, m2])
      })
  )

  scenario(
    "S30 R81 one ahead, then no further call, cut: it is sent again by itself",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.broker.holdAcknowledgements()
        const acknowledgement = yield* complete(mqtt.publishAsync("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(reconnected + roundTrip)
        const [first, second] = yield* sent(kit, "Publish")
        assert.deepStrictEqual([first.dup, second.dup], [false, true])
        assert.strictEqual(second.packetIdentifier, first.packetIdentifier)
        yield* acknowledgement
      })
  )

  scenario(
    "an acknowledgement tells everybody who waits for it, before and after it came",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const acknowledgement = yield* complete(mqtt.publishAsync("t", "hello", { qos: 1 }))
        const waiting = yield* Effect.forEach([1, 2, 3], () => begin(acknowledgement))
        yield* Fiber.interrupt(waiting[0])
        yield* TestClock.adjust(roundTrip)
        for (const fiber of waiting.slice(1)) assert.strictEqual((yield* Fiber.join(fiber)).reasonCode, 0x00)
        assert.strictEqual((yield* acknowledgement).reasonCode, 0x00)
      })
  )

  scenario(
    "QoS 0 that was on its way when the connection ended is told of once it has left on the next",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        // The write fails at once: the network has taken nothing.
        yield* kit.network.closed
        const acknowledgement = yield* complete(mqtt.publishAsync("t", "hello"))
        const waiting = yield* begin(acknowledgement)
        yield* TestClock.adjust(1)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(reconnected + roundTrip)
        assert.isDefined(waiting.pollUnsafe())
        assert.deepStrictEqual(yield* accepted(kit), ["hello"])
      })
  )

  scenario("QoS 0 that may have gone out in part is not sent again, and says so", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.stallWrites
      const publishing = yield* begin(Effect.flip(mqtt.publish("t", "hello")))
      yield* TestClock.adjust(roundTrip)
      assert.isUndefined(publishing.pollUnsafe())
      yield* kit.network.reset
      assert.strictEqual((yield* complete(Fiber.join(publishing))).reason._tag, "ConnectionLost")
      yield* TestClock.adjust(reconnected + roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), [])
    }))

  scenario("`whenOffline` decides before anything waits", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      const failing = Effect.asVoid(mqtt.publishAsync("t", "0", { qos: 1, whenOffline: "fail" }))
      assert.strictEqual((yield* Effect.flip(failing)).reason._tag, "Offline")
      yield* Effect.flatten(mqtt.publishAsync("t", "0", { whenOffline: "drop" }))
      yield* online(kit)
      assert.deepStrictEqual(yield* accepted(kit), [])
    }))

  for (
    const [policy, survivors] of [
      ["suspend", ["1", "2", "3", "4"]],
      ["fail", ["1", "2"]],
      ["dropNewest", ["1", "2"]],
      ["dropOldest", ["3", "4"]]
    ] as const
  ) {
    scenario(`a full outbox with the policy \`${policy}\``, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* offline(kit, { outbox: { messages: 2, policy } })
        const publishing = yield* begin(
          Effect.forEach(["1", "2", "3", "4"], (text) =>
            Effect.exit(Effect.flatten(mqtt.publishAsync("t", text, { qos: 1 }))), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust(0)
        yield* online(kit)
        const exits = yield* complete(Fiber.join(publishing))
        assert.deepStrictEqual(
          exits.map(Exit.isSuccess),
          ["1", "2", "3", "4"].map((text) =>
            survivors.some((survivor) =>
              survivor === text
            )
          )
        )
        assert.deepStrictEqual(yield* accepted(kit), [...survivors])
      }))
  }

  scenario(
    "R79 what expires while it waits fails, and does not hold up what comes behind it",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ maxInFlight: 1, responseTimeout: "10 seconds", keepAlive: "10 seconds" })
        yield* kit.broker.holdAcknowledgements()
        const options = { qos: 1, properties: { messageExpiryInterval: 2 } } as const
        const sentInTime = yield* complete(mqtt.publishAsync("t", "sent", options))
        const late = yield* begin(Effect.flip(Effect.asVoid(mqtt.publishAsync("t", "late", options))))
        const last = yield* begin(Effect.flatten(mqtt.publishAsync("t", "last", { qos: 1 })))
        yield* TestClock.adjust("3 seconds")
        yield* kit.broker.releaseAcknowledgements()
        yield* complete(sentInTime)
        assert.strictEqual((yield* complete(Fiber.join(late))).reason._tag, "MessageExpired")
        yield* complete(Fiber.join(last))
        assert.deepStrictEqual(yield* accepted(kit), ["sent", "last"])
        assert.strictEqual((yield* mqtt.stats).expired, 1)
      })
  )
})

describe("what may not be sent", () => {
  scenario("S58 R53 many that the server forbids do not hold up the one behind them", {
    versions: ["5.0"],
    broker: { maximumQos: 1 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 1 })
      const forbidden = yield* Effect.forEach(Array.range(1, 10), () =>
        begin(Effect.flip(mqtt.publish("t", "x", { qos: 2 }))))
      const allowed = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
      yield* TestClock.adjust(2 * roundTrip)
      for (const fiber of forbidden) {
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "ServerLimit")
      }
      assert.isDefined(allowed.pollUnsafe())
      assert.deepStrictEqual(yield* accepted(kit), ["hello"])
    }))
})

describe("publishSink", () => {
  const numbered = (count: number, qos: 0 | 1 | 2) =>
    Array.range(0, count - 1).map((number) => ({ topic: "t", payload: String(number), qos }))

  scenario("takes from the stream no more than the window", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 5, responseTimeout: "10 seconds", keepAlive: "10 seconds" })
      yield* kit.broker.holdAcknowledgements()
      let pulled = 0
      const messages = Stream.fromIterable(numbered(100, 1)).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sync(() => pulled++))
      )
      const publishing = yield* begin(Stream.run(messages, mqtt.publishSink))
      yield* TestClock.adjust(10 * roundTrip)
      assert.strictEqual((yield* sent(kit, "Publish")).length, 5)
      // The one that waits for the window, and nothing behind it.
      assert.strictEqual(pulled, 6)
      yield* kit.broker.releaseAcknowledgements()
      assert.strictEqual(yield* complete(Fiber.join(publishing)), 100)
      assert.deepStrictEqual(yield* accepted(kit), Array.range(0, 99).map(String))
    }))

  scenario("fails when one message is refused; those behind it in the outbox are not sent any more", {
    versions: ["5.0"],
    broker: { authorizePublish: ({ topic }) => topic === "forbidden" ? 0x87 : 0x00 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 2 })
      const messages = numbered(20, 1).map((message, index) =>
        index === 3 ? { ...message, topic: "forbidden" } : message
      )
      const error = yield* complete(Effect.flip(Stream.run(Stream.fromIterable(messages), mqtt.publishSink)))
      assert.strictEqual(error.reason._tag, "PublishRefused")
      yield* TestClock.adjust(10 * roundTrip)
      const published = yield* accepted(kit)
      assert.deepStrictEqual(published, ["0", "1", "2", "4", "5"].slice(0, published.length))
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 0)
      yield* complete(mqtt.publish("t", "after", { qos: 1 }))
    }))

  scenario("interrupted: what the window had is delivered, nothing else leaves", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 4 })
      const publishing = yield* begin(Stream.run(Stream.fromIterable(numbered(20, 2)), mqtt.publishSink))
      yield* TestClock.adjust(1)
      yield* Fiber.interrupt(publishing)
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 0)
      yield* TestClock.adjust(4 * roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["0", "1", "2", "3"])
    }))

  scenario(
    "QoS 0 that was restored and QoS 1 behind it: all are sent once, and counted once",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent", maxInFlight: 2 })
        yield* kit.network.closed
        const messages = numbered(20, 0).map((
          message,
          index
        ) => ({ ...message, qos: index % 2 === 0 ? 0 : 1 } as const))
        const publishing = yield* begin(Stream.run(Stream.fromIterable(messages), mqtt.publishSink))
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(yield* complete(Fiber.join(publishing)), 20)
        assert.deepStrictEqual((yield* accepted(kit)).toSorted(), Array.range(0, 19).map(String).toSorted())
      })
  )

  scenario(
    "QoS 0 that leaves a second time does not stand for another message of its chunk",
    {},
    (kit) =>
      Effect.gen(function*() {
        const options = { maxInFlight: 1, responseTimeout: "10 seconds", keepAlive: "10 seconds" } as const
        const mqtt = yield* kit.connect({ session: "persistent", ...options })
        yield* kit.broker.holdAcknowledgements()
        yield* kit.network.closed
        const messages = numbered(3, 1).map((message, index) => index === 0 ? { ...message, qos: 0 } as const : message)
        const publishing = yield* begin(Stream.run(Stream.fromIterable(messages), mqtt.publishSink))
        yield* TestClock.adjust(reconnected + roundTrip)
        // The last one still waits for the window, so it can be withdrawn.
        yield* Fiber.interrupt(publishing)
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(3 * roundTrip)
        assert.deepStrictEqual((yield* accepted(kit)).toSorted(), ["0", "1"])
      })
  )

  scenario("a cut in the middle of ten thousand", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* cutAfter(kit, ["2500", "7000"])
      const count = yield* complete(Stream.run(Stream.fromIterable(numbered(10_000, 1)), mqtt.publishSink))
      assert.strictEqual(count, 10_000)
      assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)), Array.range(0, 9999).map(String))
      assert.strictEqual(yield* connections(kit), 3)
    }))

  scenario(
    "S56 R74 R82 ten thousand in flight when the link is cut: the replay uses the whole window, a subscription passes it",
    {},
    (
      kit
    ) =>
      Effect.gen(function*() {
        const options = { responseTimeout: "10 seconds", keepAlive: "10 seconds" } as const
        const mqtt = yield* kit.connect({ session: "persistent", maxInFlight: 10_000, ...options })
        yield* kit.network.drop
        const publishing = yield* begin(Stream.run(Stream.fromIterable(numbered(12_000, 1)), mqtt.publishSink))
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* mqtt.stats).inFlight, 10_000)
        yield* kit.broker.holdAcknowledgements("Puback")
        yield* kit.network.reset
        const subscribing = yield* begin(Effect.asVoid(mqtt.subscribe("other", { qos: 1 })))
        // One round trip: the window is full again, SUBACK is there.
        yield* TestClock.adjust(reconnected + roundTrip)
        assert.strictEqual((yield* sent(kit, "Publish")).length, 10_000)
        assert.isDefined(subscribing.pollUnsafe())
        yield* kit.broker.releaseAcknowledgements()
        assert.strictEqual(yield* complete(Fiber.join(publishing)), 12_000)
        assert.deepStrictEqual(yield* accepted(kit), Array.range(0, 11_999).map(String))
      })
  )

  scenario("the same sink can be run again, and by two at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const run = Stream.run(Stream.fromIterable(numbered(10, 1)), mqtt.publishSink)
      assert.deepStrictEqual(yield* complete(Effect.all([run, run], { concurrency: 2 })), [10, 10])
      assert.strictEqual(yield* complete(run), 10)
      assert.strictEqual(yield* complete(Stream.run(Stream.empty, mqtt.publishSink)), 0)
    }))
})

describe("flush", () => {
  scenario("waits for what every call published, of every QoS, over a reconnect", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent", maxInFlight: 2 })
      yield* kit.network.drop
      const texts = Array.range(0, 9).map(String)
      yield* begin(
        Effect.forEach(texts, (text, index) => mqtt.publish("t", text, { qos: index % 3 as 0 | 1 | 2 }), {
          concurrency: "unbounded"
        })
      )
      const flushing = yield* begin(mqtt.flush)
      yield* TestClock.adjust(responseTimeout)
      assert.isUndefined(flushing.pollUnsafe())
      yield* complete(Fiber.join(flushing))
      assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      assert.deepStrictEqual(
        (yield* accepted(kit)).filter((text) => Number(text) % 3 > 0).toSorted(),
        texts.filter((text) => Number(text) % 3 > 0)
      )
    }))

  scenario(
    "does not wait for what comes later, and one that is interrupted leaves the others",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ responseTimeout: "10 seconds", keepAlive: "10 seconds" })
        yield* begin(mqtt.publish("t", "1", { qos: 1 }))
        yield* TestClock.adjust(0)
        const interrupted = yield* begin(mqtt.flush)
        const flushing = yield* begin(mqtt.flush)
        yield* Fiber.interrupt(interrupted)
        yield* TestClock.adjust(roundTrip / 2)
        yield* kit.broker.holdAcknowledgements()
        const later = yield* begin(mqtt.publish("t", "2", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        assert.isDefined(flushing.pollUnsafe())
        assert.isUndefined(later.pollUnsafe())
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(roundTrip)
      })
  )

  scenario(
    "S36 fails with Closed at once after the end, and when the end comes first",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.drop
        yield* begin(Effect.exit(mqtt.publish("t", "1", { qos: 1 })))
        yield* begin(Effect.exit(mqtt.publish("t", "0")))
        yield* TestClock.adjust(1)
        const flushing = yield* begin(Effect.flip(mqtt.flush))
        yield* complete(mqtt.disconnect)
        assert.strictEqual((yield* complete(Fiber.join(flushing))).reason._tag, "Closed")
        assert.strictEqual((yield* Effect.flip(mqtt.flush)).reason._tag, "Closed")
      })
  )
})

describe("publishing while the outcome of others is told", () => {
  scenario(
    "a window of one never deadlocks who publishes from the acknowledgement of another",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt: Client = yield* kit.connect({ maxInFlight: 1, outbox: { messages: 1 } })
        const done = yield* Queue.unbounded<string>()
        const chain = (number: number): Effect.Effect<void, unknown> =>
          number === 20 ?
            Effect.asVoid(Queue.offer(done, "done")) :
            mqtt.publishAsync("t", String(number), { qos: 1 }).pipe(
              Effect.flatten,
              Effect.andThen(Effect.suspend(() => chain(number + 1)))
            )
        yield* complete(Effect.all([chain(0), chain(10), chain(15)], { concurrency: "unbounded" }))
        assert.strictEqual(yield* Queue.size(done), 3)
        assert.strictEqual((yield* accepted(kit)).length, 20 + 10 + 5)
      })
  )

  scenario(
    "S14 a client that never gets a connection keeps what it was given, in order",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.network.refuseConnect(3)
        const opening = yield* kit.start({ initialConnection: "retry", reconnect: Schedule.spaced("1 second") })
        const mqtt = yield* complete(Fiber.join(opening))
        const publishing = yield* begin(
          Effect.forEach(["1", "2", "3"], (text) => mqtt.publishAsync("t", text, { qos: 1 }), {
            concurrency: "unbounded"
          })
        )
        yield* complete(Effect.flatMap(Fiber.join(publishing), Effect.all))
        assert.deepStrictEqual(yield* accepted(kit), ["1", "2", "3"])
      })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as MqttError from "../../src/MqttError.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectClient } from "../support/peer.ts"
import { reasonOf } from "../support/reasons.ts"
import { accepted, type Client, clientId, type Kit, record, scenario, sent } from "../support/scenario.ts"
import {
  begin,
  complete,
  failingConnect,
  reconnectDelay,
  reconnected,
  responseTimeout,
  roundTrip
} from "../support/time.ts"

/** A client that has lost its connection and does not get another one before `allowConnect`. */
const offline = Effect.fnUntraced(function*(kit: Kit, options?: Parameters<Kit["connect"]>[0]) {
  const mqtt = yield* kit.connect(options)
  yield* kit.network.refuseConnect(1000)
  yield* kit.network.reset
  yield* TestClock.adjust(roundTrip)
  return mqtt
})

/** Lets the next attempt through, and time until it has succeeded. */
const online = ({ network }: Kit) =>
  Effect.andThen(network.allowConnect, TestClock.adjust(reconnectDelay + failingConnect + reconnected))

const subscribed = (mqtt: Client, qos: 0 | 1 | 2) => Effect.flatMap(complete(mqtt.subscribe("t", { qos })), record)

describe("publish", () => {
  scenario("S7 R65 QoS 0: exactly one message comes back", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* subscribed(mqtt, 0)
      const acknowledgement = yield* mqtt.publish("t", "hello")
      assert.strictEqual(acknowledgement.reasonCode, 0x00)
      yield* TestClock.adjust(10 * roundTrip)
      assert.deepStrictEqual(received.texts(), ["hello"])
      const [publish] = yield* sent(kit, "Publish")
      assert.deepStrictEqual([publish.dup, publish.packetIdentifier], [false, 0])
    }))

  scenario(
    "QoS 0: completes when the network has taken its bytes, and not before",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.network.stallWrites
        const publishing = yield* begin(mqtt.publish("t", "hello"))
        yield* TestClock.adjust(10 * roundTrip)
        assert.isUndefined(publishing.pollUnsafe())
        yield* kit.network.resumeWrites
        yield* TestClock.adjust(0)
        assert.isDefined(publishing.pollUnsafe())
        // The broker does not have it yet.
        assert.deepStrictEqual(yield* accepted(kit), [])
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* accepted(kit), ["hello"])
      })
  )

  scenario(
    "S8 R66 R76 QoS 1: completes with its PUBACK, exactly one message comes back",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const received = yield* subscribed(mqtt, 1)
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip - 1)
        assert.isUndefined(publishing.pollUnsafe())
        assert.strictEqual((yield* mqtt.stats).inFlight, 1)
        yield* TestClock.adjust(1)
        assert.isDefined(publishing.pollUnsafe())
        yield* TestClock.adjust(10 * roundTrip)
        assert.deepStrictEqual(received.texts(), ["hello"])
        const [publish] = yield* sent(kit, "Publish")
        assert.isFalse(publish.dup)
        assert.isAbove(publish.packetIdentifier, 0)
      })
  )

  scenario(
    "R77 R78 QoS 2: completes with its PUBCOMP, exactly one message comes back",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const received = yield* subscribed(mqtt, 2)
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 2 }))
        yield* TestClock.adjust(2 * roundTrip - 1)
        assert.isUndefined(publishing.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isDefined(publishing.pollUnsafe())
        yield* TestClock.adjust(10 * roundTrip)
        assert.deepStrictEqual(received.texts(), ["hello"])
        const [publish] = yield* sent(kit, "Publish")
        const [pubrel] = yield* sent(kit, "Pubrel")
        assert.strictEqual(pubrel.packetIdentifier, publish.packetIdentifier)
      })
  )

  scenario(
    "S42 R122 topics of every length and of many bytes a character come through",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const received = yield* record(yield* complete(mqtt.subscribe("#", { qos: 1 })))
        const topics = [
          ...[1, 122, 127, 128, 16_383, 65_535].map((length) => "t".repeat(length)),
          "größe/温度/🌡",
          "a//b/"
        ]
        yield* complete(Effect.forEach(topics, (topic) => mqtt.publish(topic, "x", { qos: 1 })))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.messages.map(({ topic }) => topic), topics)
      })
  )

  for (
    const [row, topic] of [
      ["R69", ""],
      ["R68", "a/+"],
      ["R68", "a/#"],
      ["R4", "a\u0000b"],
      ["R2", "a\ud800b"],
      ["R9", "t".repeat(65_536)]
    ] as const
  ) {
    scenario(
      `${row} the topic ${JSON.stringify(topic.slice(0, 10))} is refused at once`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const error = yield* Effect.flip(mqtt.publish(topic, "x", { qos: 1 }))
          assert.strictEqual(error.reason._tag === "InvalidRequest" ? error.reason.field : error.reason._tag, "topic")
          assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
        })
    )
  }

  for (const qos of [1, 2] as const) {
    scenario(
      `R80 QoS ${qos}: a refusal ends it with the reason, frees the identifier and is not sent again`,
      { versions: ["5.0"], broker: { authorizePublish: () => 0x87 } },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent" })
          const reason = yield* reasonOf(mqtt.publish("t", "hello", { qos }))
          assert.deepStrictEqual(reason, new MqttError.PublishRefused({ topic: "t", reasonCode: 0x87 }))
          assert.strictEqual((yield* mqtt.stats).inFlight, 0)
          yield* kit.network.reset
          yield* TestClock.adjust(reconnected + roundTrip)
          // A PUBREL before it completes what an earlier program may have left under the identifier.
          const types = (yield* kit.broker.received(clientId)).map(({ _tag }) => _tag)
          assert.lengthOf(types.filter((type) => type === "Publish"), 1)
          assert.notInclude(types.slice(types.indexOf("Publish")), "Pubrel")
        })
    )
  }

  scenario(
    "the reason code of a success is told",
    { versions: ["5.0"], broker: { reportsNoSubscribers: true } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        assert.strictEqual((yield* complete(mqtt.publish("t", "x", { qos: 1 }))).reasonCode, 0x10)
        assert.strictEqual((yield* complete(mqtt.publish("t", "x", { qos: 2 }))).reasonCode, 0x10)
      })
  )

  scenario("S45 many publishes of one turn leave in one write", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const writes = Effect.map(kit.network.connections, ([connection]) => connection.writes)
      const before = yield* writes
      const publishing = yield* begin(
        Effect.forEach(Array.range(0, 99), (number) => mqtt.publish("t", String(number), { qos: number % 2 ? 1 : 0 }), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* writes, before + 1)
      yield* complete(Fiber.join(publishing))
      assert.deepStrictEqual(yield* accepted(kit), Array.range(0, 99).map(String))
    }))

  scenario(
    "S35 all 65,535 identifiers in use suspend the next publish",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ maxInFlight: 65_535, responseTimeout: "10 seconds" })
        yield* kit.broker.holdAcknowledgements()
        const all = yield* begin(
          Effect.forEach(Array.range(1, 65_535), () => mqtt.publish("t", "x", { qos: 1 }), {
            concurrency: "unbounded",
            discard: true
          })
        )
        yield* complete(kit.broker.awaitPacket(clientId, "Publish", 65_535))
        assert.strictEqual((yield* mqtt.stats).inFlight, 65_535)
        const next = yield* begin(mqtt.publish("t", "next", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* mqtt.stats).outboxMessages, 1)
        yield* kit.broker.releaseAcknowledgements()
        yield* complete(Fiber.join(all))
        yield* complete(Fiber.join(next))
        assert.strictEqual((yield* kit.broker.messages).length, 65_536)
      })
  )
})

describe("an interrupted publish", () => {
  scenario("S47 before its first byte: nothing is sent and its place is free", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      const withdrawn = yield* begin(mqtt.publish("t", "withdrawn", { qos: 1 }))
      const kept = yield* begin(mqtt.publish("t", "kept", { qos: 1 }))
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 2)
      yield* Fiber.interrupt(withdrawn)
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 1)
      yield* online(kit)
      yield* complete(Fiber.join(kept))
      assert.deepStrictEqual(yield* accepted(kit), ["kept"])
    }))

  scenario("S47 in the turn it began: nothing is sent", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.flatMap(begin(mqtt.publish("t", "withdrawn", { qos: 1 })), Fiber.interrupt)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), [])
    }))

  for (const qos of [1, 2] as const) {
    scenario(
      `S47 QoS ${qos}, after its first byte: it is delivered and its identifier returns`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const publishing = yield* begin(mqtt.publish("t", "hello", { qos }))
          yield* TestClock.adjust(1)
          yield* Fiber.interrupt(publishing)
          assert.strictEqual((yield* mqtt.stats).inFlight, 1)
          yield* TestClock.adjust(2 * roundTrip)
          assert.deepStrictEqual(yield* accepted(kit), ["hello"])
          assert.strictEqual((yield* mqtt.stats).inFlight, 0)
        })
    )
  }

  scenario(
    "S47 sent and not acknowledged: it is delivered on the next connection",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.network.drop
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(1)
        yield* Fiber.interrupt(publishing)
        yield* TestClock.adjust(responseTimeout + reconnected + roundTrip)
        assert.deepStrictEqual(yield* accepted(kit), ["hello"])
      })
  )
})

describe("without a connection", () => {
  scenario("every QoS waits in the outbox, and leaves in its order", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      const publishing = yield* begin(
        Effect.forEach([0, 1, 2, 0, 1] as const, (qos, index) => mqtt.publish("t", String(index), { qos }), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 5)
      yield* online(kit)
      yield* complete(Fiber.join(publishing))
      assert.deepStrictEqual(yield* accepted(kit), ["0", "1", "2", "3", "4"])
    }))

  scenario("`whenOffline` fails, or drops what is QoS 0", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* offline(kit)
      assert.strictEqual((yield* reasonOf(mqtt.publish("t", "0", { whenOffline: "fail" })))._tag, "Offline")
      assert.strictEqual((yield* reasonOf(mqtt.publish("t", "1", { qos: 1, whenOffline: "drop" })))._tag, "Offline")
      yield* mqtt.publish("t", "0", { whenOffline: "drop" })
      yield* online(kit)
      yield* complete(mqtt.publish("t", "2", { qos: 1, whenOffline: "fail" }))
      assert.deepStrictEqual(yield* accepted(kit), ["2"])
    }))

  scenario(
    "R79 Message Expiry Interval counts down while the message waits",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* offline(kit)
        const expires = (messageExpiryInterval: number) => ({ qos: 1, properties: { messageExpiryInterval } }) as const
        const expiring = yield* begin(Effect.flip(mqtt.publish("t", "short", expires(5))))
        const kept = yield* begin(mqtt.publish("t", "long", expires(60)))
        yield* TestClock.adjust("10 seconds")
        yield* online(kit)
        assert.strictEqual((yield* complete(Fiber.join(expiring))).reason._tag, "MessageExpired")
        yield* complete(Fiber.join(kept))
        assert.deepStrictEqual(yield* accepted(kit), ["long"])
        const [publish] = yield* sent(kit, "Publish")
        assert.approximately(publish.properties.messageExpiryInterval ?? 0, 50, 1)
        assert.strictEqual((yield* mqtt.stats).expired, 1)
      })
  )

  scenario("R79 what was sent does not expire any more", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* kit.broker.holdAcknowledgements("Pubrec")
      const publishing = yield* begin(
        mqtt.publish("t", "hello", { qos: 2, properties: { messageExpiryInterval: 1 } })
      )
      // One for PUBREL, which completes the identifier, and one for the message.
      yield* TestClock.adjust(2 * roundTrip)
      yield* kit.network.refuseConnect(1000)
      yield* kit.network.reset
      yield* kit.broker.releaseAcknowledgements()
      yield* TestClock.adjust("10 seconds")
      yield* online(kit)
      yield* complete(Fiber.join(publishing))
      assert.deepStrictEqual((yield* sent(kit, "Publish")).map(({ dup }) => dup), [false, true])
    }))

  for (
    const [policy, survivors, failures] of [
      ["suspend", ["1", "2", "3", "4"], 0],
      ["fail", ["1", "2"], 2],
      ["dropNewest", ["1", "2"], 2],
      ["dropOldest", ["3", "4"], 2]
    ] as const
  ) {
    scenario(`a full outbox with the policy \`${policy}\``, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* offline(kit, { outbox: { messages: 2, policy } })
        const publishing = yield* begin(
          Effect.forEach(["1", "2", "3", "4"], (text) => Effect.exit(mqtt.publish("t", text, { qos: 1 })), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* mqtt.stats).outboxMessages, 2)
        yield* online(kit)
        const exits = yield* complete(Fiber.join(publishing))
        assert.strictEqual(exits.filter((exit) => exit._tag === "Failure").length, failures)
        assert.deepStrictEqual(yield* accepted(kit), [...survivors])
        assert.strictEqual((yield* mqtt.stats).outboxDropped, policy.startsWith("drop") ? failures : 0)
      }))
  }
})

describe("a server that answers what it was not asked", () => {
  it.effect("S34 R113 acknowledgements that are late or unknown complete nothing, and nothing twice", () =>
    Effect.gen(function*() {
      const { mqtt, peer } = yield* connectClient({
        clientId,
        responseTimeout: "10 seconds",
        reconnect: Schedule.spaced(reconnectDelay)
      })
      yield* peer.send(
        { _tag: "Puback", packetIdentifier: 1 },
        { _tag: "Pubcomp", packetIdentifier: 1 },
        { _tag: "Suback", packetIdentifier: 1, reasonCodes: [0] },
        { _tag: "Unsuback", packetIdentifier: 1, reasonCodes: [0] }
      )
      yield* TestClock.adjust(roundTrip)
      const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
      const { packetIdentifier } = yield* complete(peer.expect("Publish"))
      const subscribing = yield* begin(mqtt.subscribe("t"))
      const subscribe = yield* complete(peer.expect("Subscribe"))
      // The right identifiers, the wrong kinds.
      yield* peer.send(
        { _tag: "Pubcomp", packetIdentifier },
        { _tag: "Suback", packetIdentifier, reasonCodes: [0] },
        { _tag: "Puback", packetIdentifier: subscribe.packetIdentifier },
        { _tag: "Unsuback", packetIdentifier: subscribe.packetIdentifier, reasonCodes: [0] }
      )
      yield* TestClock.adjust(roundTrip)
      assert.isUndefined(publishing.pollUnsafe())
      assert.isUndefined(subscribing.pollUnsafe())
      yield* peer.send(
        { _tag: "Puback", packetIdentifier },
        { _tag: "Puback", packetIdentifier },
        { _tag: "Suback", packetIdentifier: subscribe.packetIdentifier, reasonCodes: [0] },
        { _tag: "Suback", packetIdentifier: subscribe.packetIdentifier, reasonCodes: [0] }
      )
      yield* complete(Fiber.join(publishing))
      yield* Effect.asVoid(complete(Fiber.join(subscribing)))
      assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      assert.strictEqual((yield* mqtt.stats).connections, 1)
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
})

describe("the payload is the publisher's again when the publish has ended", () => {
  const whole = (payload: Uint8Array, size: number): boolean =>
    payload.length === size && payload.every((byte) => byte === 1)

  for (const size of [100, 20_000, 100_000]) {
    scenario(
      `QoS 0: it may be filled anew at once, whatever the network still keeps (${size} bytes)`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const payload = new Uint8Array(size).fill(1)
          yield* complete(mqtt.publish("t", payload))
          payload.fill(2)
          yield* TestClock.adjust(10 * roundTrip)
          const [message] = yield* kit.broker.messages
          assert.isTrue(whole(message.payload, size))
        })
    )

    for (const qos of [1, 2] as const) {
      scenario(
        `QoS ${qos}: interrupted when it was sent, it is sent again as it was (${size} bytes)`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({ session: "persistent" })
            yield* kit.network.stallWrites
            const payload = new Uint8Array(size).fill(1)
            const publishing = yield* begin(mqtt.publish("t", payload, { qos }))
            yield* TestClock.adjust(roundTrip)
            yield* kit.network.reset
            yield* complete(Fiber.interrupt(publishing))
            payload.fill(2)
            yield* TestClock.adjust(10 * reconnected)
            const [message] = yield* kit.broker.messages
            assert.isTrue(whole(message.payload, size))
          })
      )
    }
  }

  scenario(
    "a buffer that is transferred while its message waits leaves the bounds of the outbox as they were",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* offline(kit)
        const payload = new Uint8Array(1000)
        const publishing = yield* begin(mqtt.publish("t", payload, { qos: 1 }))
        assert.strictEqual((yield* mqtt.stats).outboxBytes, "t".length + 1000)
        structuredClone(payload, { transfer: [payload.buffer] })
        yield* online(kit)
        yield* complete(Fiber.join(publishing))
        assert.strictEqual((yield* mqtt.stats).outboxBytes, 0)
      })
  )
})

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Ref, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { textOf } from "../support/packets.ts"
import { accept, connectClient, leavesNothing, nextConnection, type Peer } from "../support/peer.ts"
import { reasonOf } from "../support/reasons.ts"
import { accepted, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, latency, reconnectDelay, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const topic = "gateway/status"

/** The retained word. */
const word = ({ broker }: Kit) =>
  Effect.map(broker.retained, (retained) => retained.filter((message) => message.topic === topic).map(textOf).join())

/** What the client has published, in order, over all connections. */
const published = (kit: Kit) =>
  Effect.map(sent(kit, "Publish"), (packets) => packets.map((packet) => `${packet.topic} ${textOf(packet)}`))

const show = (packet: Packet.ClientPacket): string =>
  packet._tag === "Publish" ? `${textOf(packet)}${packet.dup ? " DUP" : ""}` : packet._tag

describe("presence", () => {
  scenario("is a Will, a birth and a goodbye on one topic, QoS 1 and retained", {}, (kit) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.provide(kit.connect({ presence: { topic } }), scope)
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* word(kit), "online")
      const [connect] = yield* sent(kit, "Connect")
      const { payload, properties, ...will } = connect?.will ?? assert.fail("no Will")
      assert.deepStrictEqual([textOf({ payload }), properties, will], [
        "offline",
        {},
        { topic, qos: 1, retain: true }
      ])
      yield* complete(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* word(kit), "offline")
      const [birth, goodbye] = yield* sent(kit, "Publish")
      assert.deepStrictEqual([birth?.qos, birth?.retain, goodbye?.qos, goodbye?.retain], [1, true, 1, true])
      // The goodbye was acknowledged before DISCONNECT, and the Will dropped.
      const packets = yield* kit.broker.packets("client")
      const last = packets.slice(-3).map(({ packet }) => packet._tag)
      assert.deepStrictEqual(last, ["Publish", "Puback", "Disconnect"])
      assert.deepStrictEqual(yield* accepted(kit), ["online", "offline"])
    }))

  for (const qos of [0, 1, 2] as const) {
    scenario(
      `QoS ${qos}: says online, offline after a loss, online again, and offline at the end`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const presence = { topic, online: "here", offline: new TextEncoder().encode("gone"), qos } as const
          const mqtt = yield* kit.connect({ presence, session: "persistent" })
          yield* TestClock.adjust(2 * roundTrip)
          assert.strictEqual(yield* word(kit), "here")
          yield* kit.network.reset
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(yield* word(kit), "gone")
          yield* TestClock.adjust("1 second")
          assert.strictEqual(yield* word(kit), "here")
          yield* complete(mqtt.disconnect)
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(yield* word(kit), "gone")
          assert.deepStrictEqual(yield* accepted(kit), ["here", "gone", "here", "gone"])
        })
    )
  }

  scenario(
    "a connection that the program replaces leaves `offline` until the next one says `online`",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ presence: { topic } })
        yield* TestClock.adjust(roundTrip)
        yield* complete(mqtt.replaceConnection)
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(yield* word(kit), "offline")
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* accepted(kit), ["online", "offline", "online"])
      })
  )

  scenario(
    "`disconnectWith` says goodbye, unless the server is to publish the Will",
    {},
    (kit) =>
      Effect.gen(function*() {
        const reasonString = kit.version === "5.0" ? { reasonString: "home" } : {}
        const polite = yield* kit.connect({ presence: { topic } })
        yield* complete(polite.disconnectWith(reasonString))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* published(kit), [`${topic} online`, `${topic} offline`])
        assert.strictEqual((yield* sent(kit, "Disconnect")).length, 1)
        const mqtt = yield* kit.connect({ presence: { topic } })
        yield* complete(mqtt.disconnectWithWill)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual((yield* published(kit)).slice(2), [`${topic} online`])
        assert.deepStrictEqual(yield* accepted(kit), ["online", "offline", "online", "offline"])
        assert.strictEqual(yield* word(kit), "offline")
      })
  )

  scenario("a `disconnectWith` that is refused says no goodbye", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ presence: { topic } })
      const error = yield* Effect.flip(mqtt.disconnectWith({ reasonCode: 0x01 }))
      assert.strictEqual(error.reason._tag, "InvalidRequest")
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* word(kit), "online")
    }))

  scenario(
    "a goodbye that nobody acknowledges in time leaves it to the Will",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({
          presence: { topic },
          drainTimeout: "1 second",
          responseTimeout: "10 seconds"
        })
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.stall("1500 millis")
        const ending = yield* begin(mqtt.disconnect)
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(ending.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isDefined(ending.pollUnsafe())
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* word(kit), "offline")
        assert.deepStrictEqual(yield* sent(kit, "Disconnect"), [])
      })
  )

  scenario(
    "the goodbye goes before what waits, and nothing behind it",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ presence: { topic }, maxInFlight: 1 })
        yield* TestClock.adjust(roundTrip)
        const publishing = yield* begin(Effect.forEach(
          ["a", "b", "c"],
          (text) => Effect.exit(mqtt.publish("t", text, { qos: 1 })),
          { concurrency: "unbounded" }
        ))
        yield* complete(mqtt.disconnect)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(yield* published(kit), [`${topic} online`, "t a", `${topic} offline`])
        const exits = yield* Fiber.join(publishing)
        assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, false])
      })
  )

  scenario(
    "an answer is asked for while a slow subscriber keeps the client from reading",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ presence: { topic } })
        yield* Effect.asVoid(complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } })))
        for (const text of ["1", "2", "3", "4"]) yield* kit.broker.publish("t", text, { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        const began = yield* Clock.currentTimeMillis
        yield* complete(mqtt.disconnect)
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 500)
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* sent(kit, "Disconnect")).length, 1)
        assert.strictEqual(yield* word(kit), "offline")
      })
  )

  scenario("a client that ends without a connection leaves it to the server", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ presence: { topic } })
      yield* TestClock.adjust(roundTrip)
      yield* kit.network.reset
      yield* complete(mqtt.disconnect)
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* word(kit), "offline")
    }))
})

describe("birth and Will", () => {
  const birth = { topic: "birth", payload: "birth", qos: 1 } as const

  /** Messages and SUBSCRIBE that the server has received since it was asked last; it answers PINGREQ. */
  const seen = (peer: Peer) =>
    Effect.gen(function*() {
      const packets = [...(yield* peer.receiveAll)]
      if (packets.some(({ _tag }) => _tag === "Pingreq")) {
        yield* peer.send({ _tag: "Pingresp" })
        yield* TestClock.adjust(roundTrip)
        packets.push(...(yield* peer.receiveAll))
      }
      return packets
        .filter(({ _tag }) => _tag === "Publish" || _tag === "Subscribe")
        .map(show)
    })

  for (const version of versions) {
    for (const qos of [0, 1, 2] as const) {
      it.effect(`the birth is the first message, behind SUBSCRIBE and before all others, QoS ${qos} (${version})`, () =>
        leavesNothing(Effect.gen(function*() {
          const { mqtt, peer } = yield* connectClient({
            protocolVersion: version,
            session: "persistent",
            birth: { ...birth, qos },
            reconnect: Schedule.spaced(reconnectDelay),
            responseTimeout: "10 seconds"
          })
          assert.deepStrictEqual(yield* seen(peer), ["birth"])
          yield* begin(Effect.scoped(Effect.andThen(mqtt.subscribe("s"), Effect.never)))
          yield* begin(Effect.exit(mqtt.publish("t", "in flight", { qos: 1 })))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* seen(peer), ["Subscribe", "in flight"])
          yield* peer.reset
          yield* TestClock.adjust(latency)
          yield* begin(Effect.exit(mqtt.publish("t", "waiting", { qos: 1 })))
          yield* begin(Effect.exit(mqtt.publish("t", "waiting, too")))
          yield* TestClock.adjust(reconnectDelay)
          const next = yield* nextConnection
          yield* accept(next, { sessionPresent: true })
          assert.deepStrictEqual(yield* seen(next), ["Subscribe", "birth", "in flight DUP", "waiting", "waiting, too"])
        })))
    }

    it.effect(`QoS 0 too waits for a birth that the window has no room for (${version})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({
          protocolVersion: version,
          session: "persistent",
          maxInFlight: 1,
          birth,
          reconnect: Schedule.spaced(reconnectDelay),
          responseTimeout: "10 seconds"
        })
        const { packetIdentifier: first } = yield* peer.expect("Publish")
        yield* peer.send({ _tag: "Puback", packetIdentifier: first })
        yield* TestClock.adjust(roundTrip)
        yield* begin(Effect.exit(mqtt.publish("t", "released", { qos: 2 })))
        yield* TestClock.adjust(roundTrip)
        yield* seen(peer)
        yield* peer.send({ _tag: "Pubrec", packetIdentifier: 2 })
        yield* TestClock.adjust(roundTrip)
        yield* peer.expect("Pubrel")
        yield* peer.reset
        yield* TestClock.adjust(latency + reconnectDelay)
        const next = yield* nextConnection
        yield* begin(Effect.exit(mqtt.publish("t", "waits")))
        yield* accept(next, { sessionPresent: true })
        assert.deepStrictEqual((yield* next.receiveAll).map(show), ["Pubrel"])
        yield* next.send({ _tag: "Pubcomp", packetIdentifier: 2 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual((yield* next.receiveAll).map(show), ["birth", "waits"])
      })))
  }

  scenario(
    "effects are run for every attempt, the Will first",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const attempts = yield* Ref.make(0)
        const mqtt = yield* kit.connect({
          will: Effect.map(Ref.updateAndGet(attempts, (n) => n + 1), (n) => ({ topic: "death", payload: `${n}` })),
          birth: Effect.map(Ref.get(attempts), (n) => ({ topic: "birth", payload: `${n}`, qos: 1 }))
        })
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.refuseConnect(1)
        yield* kit.network.reset
        yield* TestClock.adjust("1 second")
        // The second attempt got no connection.
        const wills = (yield* sent(kit, "Connect")).map(({ will }) => will && textOf(will))
        assert.deepStrictEqual(wills, ["1", "3"])
        assert.deepStrictEqual(yield* published(kit), ["birth 1", "birth 3"])
        yield* complete(mqtt.disconnect)
      })
  )

  scenario("an effect that fails is a failed attempt", {}, (kit) =>
    Effect.gen(function*() {
      for (const option of ["will", "birth"] as const) {
        const failures = yield* Ref.make(1)
        const failing: Effect.Effect<MqttClient.Will, MqttError.MqttError> = Effect.flatMap(
          Ref.getAndUpdate(failures, (n) => n - 1),
          (n) =>
            n > 0
              ? Effect.fail(MqttError.fromReason(new MqttError.ConnectionLost({ cause: "no number" })))
              : Effect.succeed(birth)
        )
        const fiber = yield* kit.start({ clientId: option, [option]: failing })
        assert.strictEqual((yield* reasonOf(Fiber.join(fiber)))._tag, "ConnectionLost")
        yield* Ref.set(failures, 1)
        yield* kit.connect({ clientId: option, [option]: failing, initialConnection: "retry" })
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* sent(kit, "Connect", option)).length, 1)
      }
    }))

  scenario("an effect that never ends is a failed attempt after `connectTimeout`", {}, (kit) =>
    Effect.gen(function*() {
      for (const option of ["will", "birth"] as const) {
        const fiber = yield* kit.start({ [option]: Effect.never, connectTimeout: "1 second" })
        yield* TestClock.adjust("1 second")
        const reason = yield* reasonOf(Fiber.join(fiber))
        assert.deepStrictEqual(reason, new MqttError.ConnectTimeout({ timeout: 1000, waitingFor: option }))
      }
    }))
})

import { assert, describe } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { clientId, connections, record, scenario, sent, stateOf } from "../support/scenario.ts"
import { complete, connected, connecting, latency, reconnectDelay, reconnected } from "../support/time.ts"

describe("sessions", () => {
  scenario("S44 a cold boot with a clean slate, 3.1.1: one connection cleans, the next resumes", {
    versions: ["3.1.1"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "cleanStartThenPersistent" })
      const packets = yield* kit.broker.received(clientId)
      assert.deepStrictEqual(
        packets.map((packet) => packet._tag === "Connect" ? ["Connect", packet.cleanStart] : [packet._tag]),
        [["Connect", true], ["Disconnect"], ["Connect", false]]
      )
      yield* kit.network.reset
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.deepStrictEqual((yield* sent(kit, "Connect")).map(({ cleanStart }) => cleanStart), [true, false, false])
    }))

  for (const initialConnection of ["fail", "retry"] as const) {
    scenario(
      `S44 the old session is thrown away once, whatever becomes of the second CONNECT: initialConnection ${initialConnection}`,
      { versions: ["3.1.1"] },
      (kit) =>
        Effect.gen(function*() {
          const starting = yield* kit.start({
            session: "cleanStartThenPersistent",
            refuseUnknownSession: true,
            initialConnection
          })
          // The first connection is accepted, and the second one cut before its CONNACK, twice.
          yield* TestClock.adjust(connected)
          for (let cut = 0; cut < 2; cut++) {
            yield* TestClock.adjust(connecting + latency)
            yield* kit.network.reset
            yield* TestClock.adjust(reconnectDelay)
          }
          const mqtt = yield* complete(Fiber.join(starting))
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          assert.deepStrictEqual(
            (yield* sent(kit, "Connect")).map(({ cleanStart }) => cleanStart),
            [true, false, false, false]
          )
        })
    )
  }

  scenario(
    "S44 a cold boot with a clean slate, 5.0: Clean Start with a session expiry",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "cleanStartThenPersistent", sessionExpiry: "1 hour" })
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        const connects = yield* sent(kit, "Connect")
        assert.deepStrictEqual(connects.map(({ cleanStart }) => cleanStart), [true, false])
        assert.deepStrictEqual(connects.map(({ properties }) => properties.sessionExpiryInterval), [3600, 3600])
      })
  )

  scenario("R27 R28 a clean session asks for nothing to be kept, a persistent one for a day", { versions: ["5.0"] }, (
    kit
  ) =>
    Effect.gen(function*() {
      yield* kit.connect({ clientId: "clean" })
      yield* kit.connect({ clientId: "persistent", session: "persistent" })
      const [clean] = yield* sent(kit, "Connect", "clean")
      const [persistent] = yield* sent(kit, "Connect", "persistent")
      assert.deepStrictEqual([clean.cleanStart, clean.properties.sessionExpiryInterval], [true, undefined])
      assert.deepStrictEqual([persistent.cleanStart, persistent.properties.sessionExpiryInterval], [false, 86_400])
    }))

  scenario(
    "R40 an assigned client identifier is adopted and used again",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ clientId: "" })
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Connected" ? state.clientId : state._tag, "assigned1")
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        const connects = yield* sent(kit, "Connect", "assigned1")
        assert.deepStrictEqual(connects.map((connect) => connect.clientId), ["", "assigned1"])
      })
  )

  scenario(
    "R38 a generated client identifier is one that every server takes, and stays",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ clientId: undefined })
        const first = yield* stateOf(mqtt)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        const second = yield* stateOf(mqtt)
        const identifiers = [first, second].map((state) => state._tag === "Connected" ? state.clientId : "")
        assert.match(identifiers[0], /^[0-9a-zA-Z]{1,23}$/)
        assert.strictEqual(identifiers[0], identifiers[1])
      })
  )

  scenario(
    "S54 R135 two clients with one identifier: the loser reports SessionTakenOver and does not fight",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const loser = yield* kit.connect()
        yield* kit.connect()
        yield* TestClock.adjust(20 * reconnected)
        assert.strictEqual(yield* connections(kit), 2)
        const state = yield* stateOf(loser)
        assert.strictEqual(state._tag === "Closed" ? state.error?.reason._tag : state._tag, "SessionTakenOver")
      })
  )

  scenario(
    "S43 a session made by a CONNECT whose CONNACK was lost has none of our subscriptions",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
        yield* kit.network.cutAfter({ bytes: 1, direction: "toClient", how: "reset" }, "next")
        yield* kit.broker.restart({ keepSessions: false })
        yield* TestClock.adjust(3 * reconnected)
        const connacks = (yield* kit.broker.packets(clientId)).flatMap(({ packet }) =>
          packet._tag === "Connack" ? [packet.sessionPresent] : []
        )
        assert.deepStrictEqual(connacks, [false, false, true])
        yield* kit.broker.publish("t", "hello", { qos: 1 })
        yield* TestClock.adjust(reconnected)
        assert.deepStrictEqual(received.texts(), ["hello"])
      })
  )

  scenario(
    "S43 R88 a session made by a CONNECT whose CONNACK was lost begins its identifiers anew, also on later connections",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 2 })))
        yield* kit.broker.publish("t", "of the old session", { qos: 2 })
        // PUBREC has left, and PUBREL never comes.
        yield* TestClock.adjust(latency)
        yield* kit.network.cutAfter({ bytes: 1, direction: "toClient", how: "reset" }, "next")
        yield* kit.broker.restart({ keepSessions: false })
        yield* TestClock.adjust(3 * reconnected)
        // The connection on which the session was in doubt ends before the server has sent anything.
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        assert.strictEqual(yield* connections(kit), 4)
        yield* kit.broker.publish("t", "of the new session", { qos: 2 })
        yield* TestClock.adjust(reconnected)
        const identifiers = (yield* kit.broker.packets(clientId)).flatMap(({ direction, packet }) =>
          direction === "sent" && packet._tag === "Publish" ? [packet.packetIdentifier] : []
        )
        assert.deepStrictEqual(identifiers, [1, 1])
        assert.deepStrictEqual(received.texts(), ["of the old session", "of the new session"])
      })
  )
})

/**
 * Exchanges with a server that does unusual things, as the whole client lives through them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectClient, type Peer } from "../support/peer.ts"
import { accepted, type Client, clientId, connections, record, scenario, sent, stateOf } from "../support/scenario.ts"
import { begin, complete, reconnectDelay, reconnected, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** A test against a server that says what the test says, in each version. */
const scripted = (
  name: string,
  versions: ReadonlyArray<ProtocolVersion>,
  story: (
    mqtt: Client,
    server: Peer,
    version: ProtocolVersion
  ) => Effect.Effect<void, unknown, ScriptedServer.ScriptedServer | Scope.Scope>,
  options?: MqttClient.Options
) => {
  for (const version of versions) {
    it.effect(`${name} (${version})`, () =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({
          clientId,
          protocolVersion: version,
          session: "persistent",
          keepAlive: 0,
          responseTimeout: "10 seconds",
          reconnect: Schedule.spaced(reconnectDelay),
          ...options
        })
        yield* story(mqtt, peer, version)
      }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
  }
}

const publish = (
  text: string,
  options: { readonly qos: 0 | 1 | 2; readonly packetIdentifier?: number; readonly dup?: boolean }
) => ({
  _tag: "Publish",
  topic: "t",
  payload: new TextEncoder().encode(text),
  ...options
} as const)

/** Subscribed to everything, and what came. */
const subscribed = Effect.fnUntraced(function*(mqtt: Client, server: Peer) {
  const subscribing = yield* begin(mqtt.subscribe("#", { qos: 2 }))
  const { packetIdentifier } = yield* complete(server.expect("Subscribe"))
  yield* server.send({ _tag: "Suback", packetIdentifier, reasonCodes: [2] })
  return yield* record(yield* complete(Fiber.join(subscribing)))
})

/** In a session that may be another program's, PUBREL comes before the first message of QoS 2, and PINGREQ behind it. */
const identifiersCompleted = Effect.fnUntraced(function*(server: Peer) {
  yield* complete(server.expect("Pubrel"))
  yield* complete(server.expect("Pingreq"))
  yield* server.send({ _tag: "Pingresp" })
})

describe("what the server says of what it was sent", () => {
  scripted(
    "R23 R84 PUBREC of an identifier we do not know is answered, in 5.0 with 0x92",
    versions,
    (_, server, version) =>
      Effect.gen(function*() {
        yield* server.send({ _tag: "Pubrec", packetIdentifier: 77 })
        const pubrel = yield* complete(server.expect("Pubrel"))
        assert.deepStrictEqual([pubrel.packetIdentifier, pubrel.reasonCode], [77, version === "5.0" ? 0x92 : 0x00])
      })
  )

  scripted(
    "R84 PUBREL for PUBREC that came twice says 0x00 both times, and the publish ends once",
    versions,
    (mqtt, server) =>
      Effect.gen(function*() {
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 2 }))
        yield* identifiersCompleted(server)
        const { packetIdentifier } = yield* complete(server.expect("Publish"))
        yield* server.send({ _tag: "Pubrec", packetIdentifier }, { _tag: "Pubrec", packetIdentifier })
        for (let count = 0; count < 2; count++) {
          assert.strictEqual((yield* complete(server.expect("Pubrel"))).reasonCode, 0x00)
        }
        yield* server.send({ _tag: "Pubcomp", packetIdentifier }, { _tag: "Pubcomp", packetIdentifier })
        yield* complete(Fiber.join(publishing))
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      })
  )

  scripted("R23 PUBACK for a QoS 2 publish ends it", versions, (mqtt, server) =>
    Effect.gen(function*() {
      const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 2 }))
      yield* identifiersCompleted(server)
      const { packetIdentifier } = yield* complete(server.expect("Publish"))
      yield* server.send({ _tag: "Puback", packetIdentifier })
      yield* complete(Fiber.join(publishing))
    }))
})

describe("what the server sends twice, or in another manner", () => {
  scripted("R92 DUP is shown and drops nothing at QoS 1", versions, (mqtt, server) =>
    Effect.gen(function*() {
      const received = yield* subscribed(mqtt, server)
      for (const dup of [true, false, true]) {
        yield* server.send(publish("same", { qos: 1, packetIdentifier: 5, dup }))
        yield* complete(server.expect("Puback"))
      }
      assert.deepStrictEqual(received.messages.map(({ dup }) => dup), [true, false, true])
    }))

  scripted(
    "R88 R146 QoS 2 is recognised after hours without PUBREL, on a connection that stays",
    versions,
    (mqtt, server) =>
      Effect.gen(function*() {
        const received = yield* subscribed(mqtt, server)
        yield* server.send(publish("once", { qos: 2, packetIdentifier: 5 }))
        yield* complete(server.expect("Pubrec"))
        yield* TestClock.adjust("12 hours")
        yield* server.send(publish("once", { qos: 2, packetIdentifier: 5, dup: true }))
        yield* complete(server.expect("Pubrec"))
        yield* server.send({ _tag: "Pubrel", packetIdentifier: 5 })
        yield* complete(server.expect("Pubcomp"))
        assert.deepStrictEqual(received.texts(), ["once"])
        yield* server.send(publish("next", { qos: 2, packetIdentifier: 5 }))
        yield* complete(server.expect("Pubrec"))
        assert.deepStrictEqual(received.texts(), ["once", "next"])
      })
  )

  scripted(
    "R90 what was refused with PUBREC is over: the identifier stands for a new message",
    ["5.0"],
    (mqtt, server) =>
      Effect.gen(function*() {
        const texts: Array<string> = []
        const consuming = yield* begin(
          mqtt.consume("t", ({ text }) => {
            texts.push(text)
            return Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 }))
          }, { qos: 2 })
        )
        const { packetIdentifier } = yield* complete(server.expect("Subscribe"))
        yield* server.send({ _tag: "Suback", packetIdentifier, reasonCodes: [2] })
        for (const text of ["first", "second"]) {
          yield* server.send(publish(text, { qos: 2, packetIdentifier: 9 }))
          assert.strictEqual((yield* complete(server.expect("Pubrec"))).reasonCode, 0x99)
        }
        assert.deepStrictEqual(texts, ["first", "second"])
        yield* Fiber.interrupt(consuming)
      })
  )

  scripted(
    "R91 the exchange of a message that nobody pulls for longer than it lives is finished",
    ["5.0"],
    (mqtt, server) =>
      Effect.gen(function*() {
        const subscribing = yield* begin(mqtt.subscribe("#", { qos: 2 }))
        const { packetIdentifier } = yield* complete(server.expect("Subscribe"))
        yield* server.send({ _tag: "Suback", packetIdentifier, reasonCodes: [2] })
        const messages = yield* complete(Fiber.join(subscribing))
        yield* server.send({
          ...publish("short", { qos: 2, packetIdentifier: 3 }),
          properties: { messageExpiryInterval: 1 }
        })
        yield* complete(server.expect("Pubrec"))
        yield* TestClock.adjust("1 minute")
        yield* server.send({ _tag: "Pubrel", packetIdentifier: 3 })
        yield* complete(server.expect("Pubcomp"))
        const received = yield* record(messages)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(received.texts(), ["short"])
      })
  )
})

describe("R134 what the server says when it ends the connection", () => {
  const outcomes = [
    [0x8b, "comes back", "Server shutting down"],
    [0x89, "comes back", "Server busy"],
    [0x97, "comes back", "Quota exceeded"],
    [0x8e, "stays away", "Session taken over"],
    [0x9d, "stays away", "Server moved"],
    [0x9c, "stays away", "Use another server"]
  ] as const
  for (const [reasonCode, outcome, name] of outcomes) {
    scripted(
      `${name} (0x${reasonCode.toString(16)}): the client ${outcome}`,
      ["5.0"],
      (mqtt, server) =>
        Effect.gen(function*() {
          yield* server.send({ _tag: "Disconnect", reasonCode, properties: { reasonString: "because" } })
          yield* TestClock.adjust(roundTrip)
          const state = yield* stateOf(mqtt)
          assert.strictEqual(state._tag, outcome === "comes back" ? "Disconnected" : "Closed")
          const error = state._tag === "Disconnected" || state._tag === "Closed" ? state.error : undefined
          if (reasonCode !== 0x8e) {
            assert.strictEqual(error?.reason._tag === "ServerDisconnected" && error.reason.reasonCode, reasonCode)
            assert.include(error?.message, "because")
          }
          if (outcome === "stays away") return
          const scripted = yield* ScriptedServer.ScriptedServer
          yield* complete(Effect.tap(scripted.accept, (connection) => connection.handshake()))
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        })
    )
  }
})

describe("what a server says of the session", () => {
  scenario(
    "R46 Session Present 1 to a clean client is a violation; the next connection is a new one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.broker.lieAboutSessionPresent(true)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 3)
        assert.strictEqual((yield* mqtt.stats).connections, 2)
      })
  )

  scenario(
    "R50 a refusal that says Session Present 1 is still that refusal, or a violation, and is tried again",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        yield* kit.broker.lieAboutSessionPresent(true)
        yield* kit.broker.refuseSession(0x88)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        assert.deepStrictEqual(yield* accepted(kit), ["hello"])
      })
  )

  scenario(
    "R49 Session Present 0 while the server still has the session: nothing is lost",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
        yield* kit.network.drop
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.lieAboutSessionPresent(false)
        yield* kit.network.reset
        yield* complete(Fiber.join(publishing))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(received.texts(), ["hello"])
      })
  )
})

describe("subscriptions that are asked for together", () => {
  scenario("R62 R116 one that the server does not offer does not take the others with it", {
    versions: ["5.0"],
    broker: { sharedSubscriptionAvailable: false }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      const good = yield* begin(mqtt.subscribe("a", { qos: 1 }))
      const bad = yield* begin(Effect.flip(mqtt.subscribe("$share/group/b")))
      const other = yield* begin(mqtt.subscribe("c"))
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      assert.strictEqual((yield* complete(Fiber.join(bad))).reason._tag, "ServerLimit")
      assert.deepStrictEqual((yield* complete(Fiber.join(good))).granted, [1])
      assert.deepStrictEqual((yield* complete(Fiber.join(other))).granted, [0])
    }))

  scenario("R56 so many that one packet would be too large for the server", {
    versions: ["5.0"],
    broker: { maximumPacketSize: 1000 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      const filters = Array.range(1, 50).map((number) => `${number}/${"x".repeat(50)}`)
      const subscribing = yield* begin(
        Effect.forEach(filters, (filter) => mqtt.subscribe(filter), { concurrency: "unbounded" })
      )
      const all = yield* complete(Fiber.join(subscribing))
      assert.strictEqual(all.length, 50)
      assert.strictEqual((yield* kit.broker.session(clientId))?.subscriptions.length, 50)
    }))

  scenario("S35 R75 while all identifiers are in use they wait for one, not for another connection", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 65_535, responseTimeout: "10 seconds", keepAlive: "10 seconds" })
      yield* kit.broker.holdAcknowledgements()
      const messages = Array.range(1, 65_535).map(() => ({ topic: "t", payload: "", qos: 1 } as const))
      const publishing = yield* begin(Stream.run(Stream.fromIterable(messages), mqtt.publishSink))
      yield* complete(kit.broker.awaitPacket(clientId, "Publish", 65_535))
      const subscribing = yield* begin(mqtt.subscribe("other"))
      yield* TestClock.adjust(roundTrip)
      assert.isUndefined(subscribing.pollUnsafe())
      yield* kit.broker.releaseAcknowledgements()
      yield* complete(Fiber.join(publishing))
      yield* TestClock.adjust(2 * roundTrip)
      assert.isDefined(subscribing.pollUnsafe())
      assert.strictEqual(yield* connections(kit), 1)
    }))
})

describe("S36 the end", () => {
  scenario("of a client ends a stream whose subscription is just being raised, it does not fail it", {
    leavesUnfinished: true
  }, (kit) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const mqtt = yield* Scope.provide(kit.connect(), scope)
      const messages = yield* complete(mqtt.subscribe("t", { qos: 0 }))
      const running = yield* begin(Stream.runDrain(messages))
      const raising = yield* begin(Effect.flip(mqtt.subscribe("t", { qos: 1 })))
      yield* TestClock.adjust(1)
      yield* complete(Scope.close(scope, Exit.void))
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(running)))
      assert.strictEqual((yield* Fiber.join(raising)).reason._tag, "Closed")
    }))

  scenario(
    "of a scope: what came too late for anybody is not acknowledged, and comes again",
    {},
    (kit) =>
      Effect.gen(function*() {
        for (let instant = 0; instant <= roundTrip; instant += 5) {
          const before = (yield* sent(kit, "Puback")).length
          const scope = yield* Scope.make()
          const mqtt = yield* Scope.provide(kit.connect({ session: "persistent" }), scope)
          const received: Array<string> = []
          const messages = yield* complete(
            Scope.provide(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } }), scope)
          )
          const running = yield* begin(
            Stream.runForEach(messages, ({ text }) => Effect.delay(Effect.sync(() => received.push(text)), roundTrip))
          )
          for (const text of ["1", "2", "3", "4"]) yield* kit.broker.publish("t", text, { qos: 1 })
          yield* TestClock.adjust(instant)
          yield* complete(Scope.close(scope, Exit.void))
          yield* complete(Fiber.await(running))
          const acknowledged = (yield* sent(kit, "Puback")).length - before
          assert.isAtMost(acknowledged, received.length, `after ${instant} ms`)
          yield* TestClock.adjust(roundTrip)
          const successor = yield* kit.connect({ session: "cleanStartThenPersistent" })
          yield* complete(successor.disconnect)
          yield* TestClock.adjust(roundTrip)
        }
      })
  )
})

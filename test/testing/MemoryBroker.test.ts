import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer } from "effect"
import type { Scope } from "effect"
import { TestClock } from "effect/testing"
import { MqttTransport } from "../../src/MqttTransport.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import * as Message from "../../src/testing/broker/Message.ts"
import * as Session from "../../src/testing/broker/Session.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { connectPacket, publish, textOf } from "../support/packets.ts"
import { begin, connecting, latency, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"
import { acknowledge, connect, disconnect, open, persistent, subscribe } from "./RawClient.ts"

type Broker = MemoryBroker.MemoryBroker["Service"]

/** Runs against a broker, and at the end asserts that no rule was broken. */
const withBroker = <A, E>(
  scenario: (
    broker: Broker
  ) => Effect.Effect<A, E, MqttTransport | FakeNetwork.FakeNetwork | MemoryBroker.MemoryBroker | Scope.Scope>,
  options?: MemoryBroker.Options
) =>
  Effect.gen(function*() {
    const broker = yield* MemoryBroker.MemoryBroker
    yield* scenario(broker)
    assert.deepStrictEqual(yield* broker.violations, [])
  }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer(options)))

/** The same scenario in both versions. */
const inBothVersions = (
  name: string,
  scenario: (
    version: Packet.ProtocolVersion,
    broker: Broker
  ) => Effect.Effect<
    unknown,
    unknown,
    MqttTransport | FakeNetwork.FakeNetwork | MemoryBroker.MemoryBroker | Scope.Scope
  >,
  options?: MemoryBroker.Options
) => {
  for (const version of versions) {
    it.effect(`${name} (${version})`, () => withBroker((broker) => scenario(version, broker), options))
  }
}

const tags = (packets: ReadonlyArray<Packet.Packet>): ReadonlyArray<string> => packets.map(({ _tag }) => _tag)

const publishes = (packets: ReadonlyArray<Packet.Packet>): ReadonlyArray<Packet.Publish> =>
  packets.filter((packet) => packet._tag === "Publish")

const connackOf = (connack: Packet.Packet | undefined): Packet.Connack => {
  assert.strictEqual(connack?._tag, "Connack")
  return connack as Packet.Connack
}

describe("MemoryBroker", () => {
  describe("connecting", () => {
    inBothVersions("a client that sent DISCONNECT and does not close is closed", (version) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* client.send(disconnect)
        yield* TestClock.adjust(20 + 1000 + 19)
        assert.isFalse(client.isEnded())
        yield* TestClock.adjust(1)
        assert.isTrue(client.isEnded())
      }))

    inBothVersions("answers CONNECT with CONNACK after one round trip", (version) =>
      Effect.gen(function*() {
        const client = yield* open(version)
        yield* client.send(connectPacket(version))
        yield* TestClock.adjust(39)
        assert.deepStrictEqual(client.take(), [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(client.take(), [
          { _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none }
        ])
      }))

    it.effect("announces its limits in 5.0 and nothing in 3.1.1", () =>
      withBroker(() =>
        Effect.gen(function*() {
          assert.deepStrictEqual(connackOf((yield* connect("5.0")).connack).properties, {
            receiveMaximum: 10,
            maximumPacketSize: 2000,
            maximumQos: 1,
            retainAvailable: 0,
            topicAliasMaximum: 5,
            serverKeepAlive: 30,
            wildcardSubscriptionAvailable: 0,
            subscriptionIdentifierAvailable: 0,
            sharedSubscriptionAvailable: 1,
            reasonString: "welcome"
          })
          assert.deepStrictEqual(connackOf((yield* connect("3.1.1", { clientId: "old" })).connack).properties, none)
        }), {
        receiveMaximum: 10,
        maximumPacketSize: 2000,
        maximumQos: 1,
        retainAvailable: false,
        topicAliasMaximum: 5,
        serverKeepAlive: 30,
        wildcardSubscriptionAvailable: false,
        subscriptionIdentifierAvailable: false,
        sharedSubscriptionAvailable: true,
        connackProperties: { reasonString: "welcome" }
      }))

    it.effect("assigns an identifier to a client that has none, and says so in 5.0", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const { connack } = yield* connect("5.0", { clientId: "" })
          yield* connect("3.1.1", { clientId: "" })
          assert.strictEqual(connackOf(connack).properties.assignedClientIdentifier, "assigned1")
          assert.deepStrictEqual((yield* broker.sessions).map(({ clientId }) => clientId), ["assigned1", "assigned2"])
          assert.strictEqual((yield* broker.received("assigned1")).length, 1)
        })
      ))

    for (const [version, spoken] of [["5.0", "3.1.1"], ["3.1.1", "5.0"]] as const) {
      it.effect(`refuses ${version} in the form of 3.1.1 when it speaks only ${spoken}`, () =>
        withBroker(() =>
          Effect.gen(function*() {
            const { connack, isEnded } = yield* connect(version)
            assert.strictEqual(connackOf(connack).reasonCode, 0x84)
            assert.isTrue(isEnded())
          }), { versions: [spoken] }))
    }

    inBothVersions("asks `authenticate`, and refuses with its code", (version) =>
      Effect.gen(function*() {
        const password = new TextEncoder().encode("secret")
        const accepted = yield* connect(version, { username: "user", password })
        assert.strictEqual(connackOf(accepted.connack).reasonCode, 0)
        const refused = yield* connect(version, { username: "user" })
        assert.strictEqual(connackOf(refused.connack).reasonCode, 0x86)
        assert.isTrue(refused.isEnded())
        assert.isFalse(accepted.isEnded())
      }), {
      authenticate: ({ password }) =>
        password !== undefined && new TextDecoder().decode(password) === "secret" ? 0 : 0x86
    })

    it.effect("gives Response Information to who requests it", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const asking = yield* connect("5.0", { properties: { requestResponseInformation: 1 } })
          const silent = yield* connect("5.0", { clientId: "other" })
          assert.strictEqual(connackOf(asking.connack).properties.responseInformation, "reply/")
          assert.isUndefined(connackOf(silent.connack).properties.responseInformation)
        }), { responseInformation: "reply/" }))

    it.effect("refuses a Will above its limits", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const will = { topic: "gone", payload: new Uint8Array(), qos: 0, retain: false, properties: none } as const
          const qos = yield* connect("5.0", { will: { ...will, qos: 2 } })
          const retain = yield* connect("5.0", { will: { ...will, retain: true } })
          assert.deepStrictEqual([qos, retain].map(({ connack }) => connackOf(connack).reasonCode), [0x9b, 0x9a])
        }), { maximumQos: 1, retainAvailable: false }))

    inBothVersions(
      "a second client with the same identifier takes the session over",
      (version) =>
        Effect.gen(function*() {
          const first = yield* connect(version)
          yield* connect(version)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            first.take(),
            version === "5.0" ? [{ _tag: "Disconnect", reasonCode: 0x8e, properties: none }] : []
          )
          assert.isTrue(first.isEnded())
        })
    )
  })

  describe("sessions", () => {
    inBothVersions(
      "keep so many messages for a client that is away, the newest",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          yield* first.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          yield* first.close
          yield* TestClock.adjust(roundTrip)
          for (const text of ["1", "2", "3"]) yield* broker.publish("a", text, { qos: 1 })
          const second = yield* connect(version, persistent(version))
          assert.deepStrictEqual(publishes(second.received()).map(textOf), ["2", "3"])
        }),
      { maximumQueuedMessages: 2 }
    )

    it("identifiers in flight are passed over, and after 65,535 comes 1", () => {
      const session = Session.make("client")
      const delivery: Session.Delivery = {
        message: Message.make({ ...publish("a"), clientId: undefined, acceptedAt: 0 }),
        qos: 1,
        retain: false,
        subscriptionIdentifiers: []
      }
      for (const packetIdentifier of [1, 65_535]) {
        session.inflight.set(packetIdentifier, { delivery, packetIdentifier, stage: "published" })
      }
      assert.strictEqual(Session.takeIdentifier(session), 2)
      session.lastIdentifier = 65_534
      assert.strictEqual(Session.takeIdentifier(session), 2)
    })

    it.effect("without an end are not waited for", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { sessionExpiryInterval: 0xffffffff } })
          yield* client.close
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(yield* broker.pending, 0)
          assert.strictEqual((yield* broker.sessions).length, 1)
        })
      ))

    inBothVersions(
      "are kept when asked for and resumed by identifier alone",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          assert.isFalse(connackOf(first.connack).sessionPresent)
          yield* first.send(subscribe(1, "a", { qos: 1 }), disconnect)
          yield* first.close
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a", "queued", { qos: 1 })
          yield* broker.publish("a", "lost", { qos: 0 })
          assert.strictEqual((yield* broker.session("client"))?.queued, 1)
          const stranger = yield* connect(version, { ...persistent(version), clientId: "stranger" })
          assert.isFalse(connackOf(stranger.connack).sessionPresent)
          const second = yield* connect(version, persistent(version))
          assert.isTrue(connackOf(second.connack).sessionPresent)
          assert.deepStrictEqual(publishes(second.received()).map(textOf), ["queued"])
        })
    )

    inBothVersions(
      "are resumed over another network of the broker, whose connections have the same numbers",
      (version, broker) =>
        Effect.gen(function*() {
          yield* broker.holdAcknowledgements()
          const message = publish("a", { qos: 1, packetIdentifier: 1 })
          const first = yield* connect(version, persistent(version))
          yield* first.send(message)
          yield* TestClock.adjust(roundTrip)
          const { transport } = yield* FakeNetwork.make(broker.accept)
          const second = yield* Effect.provideService(connect(version, persistent(version)), MqttTransport, transport)
          assert.isTrue(first.isEnded())
          assert.isTrue(connackOf(second.connack).sessionPresent)
          yield* second.send({ ...message, dup: true })
          yield* TestClock.adjust(roundTrip)
          const received = (yield* broker.packets()).filter(({ packet }) => packet._tag === "Publish")
          assert.deepStrictEqual(received.map(({ connection }) => connection), [1, 1])
        })
    )

    inBothVersions(
      "are gone after a clean start, and with the connection when not asked for",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          yield* first.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          const clean = yield* connect(version)
          assert.isFalse(connackOf(clean.connack).sessionPresent)
          assert.deepStrictEqual((yield* broker.session("client"))?.subscriptions, [])
          yield* clean.close
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* broker.sessions, [])
        })
    )

    it.effect("expire after the interval, in virtual time", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { sessionExpiryInterval: 10 } })
          yield* client.close
          yield* TestClock.adjust(20 + 9999)
          assert.strictEqual((yield* broker.sessions).length, 1)
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(yield* broker.sessions, [])
        })
      ))

    inBothVersions(
      "are gone with expireSession, unless they are connected",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          yield* broker.expireSession("client")
          assert.isTrue((yield* broker.session("client"))?.isConnected)
          yield* first.close
          yield* TestClock.adjust(roundTrip)
          yield* broker.expireSession("client")
          assert.deepStrictEqual(yield* broker.sessions, [])
          assert.isFalse(connackOf((yield* connect(version, persistent(version))).connack).sessionPresent)
        })
    )

    it.effect("live no longer than the broker allows, and as DISCONNECT changes it", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { sessionExpiryInterval: 100 } })
          assert.strictEqual(connackOf(client.connack).properties.sessionExpiryInterval, 50)
          yield* client.send({ ...disconnect, properties: { sessionExpiryInterval: 5 } })
          yield* client.close
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* broker.session("client"))?.expiryInterval, 5)
        }), { maximumSessionExpiryInterval: 50 }))

    inBothVersions(
      "send again what was not acknowledged, DUP set, same identifiers, in order",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          yield* first.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          for (const text of ["one", "two", "three"]) yield* broker.publish("a", text, { qos: text === "two" ? 2 : 1 })
          yield* TestClock.adjust(roundTrip)
          yield* first.send(acknowledge("Puback", 1), acknowledge("Pubrec", 2))
          yield* TestClock.adjust(roundTrip)
          yield* first.abort
          yield* TestClock.adjust(roundTrip)
          const second = yield* connect(version, persistent(version))
          const [, pubrel, three] = second.received()
          assert.deepStrictEqual(pubrel, { _tag: "Pubrel", packetIdentifier: 2, reasonCode: 0, properties: none })
          assert.deepStrictEqual(three, { ...publish("a", { text: "three", qos: 1, packetIdentifier: 3 }), dup: true })
          yield* second.send(acknowledge("Pubcomp", 2), acknowledge("Puback", 3))
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* broker.session("client"))?.inflight, 0)
        })
    )
  })

  describe("messages", () => {
    it("own their bytes: nothing of them is a view of what the network delivered", () => {
      const payload = Uint8Array.of(1)
      const message = Message.make({ ...publish("a"), payload, clientId: undefined, acceptedAt: 0 })
      payload[0] = 2
      assert.deepStrictEqual(message.payload, Uint8Array.of(1))
    })

    for (const version of versions) {
      for (const qos of [0, 1, 2] as const) {
        it.effect(`QoS ${qos} both ways, complete exchange (${version})`, () =>
          withBroker((broker) =>
            Effect.gen(function*() {
              const client = yield* connect(version)
              yield* client.send(subscribe(1, "a/+"))
              yield* TestClock.adjust(roundTrip)
              assert.deepStrictEqual(client.take(), [
                { _tag: "Suback", packetIdentifier: 1, reasonCodes: [2], properties: none }
              ])
              yield* client.send(publish("a/b", { text: "hello", qos, packetIdentifier: qos === 0 ? 0 : 7 }))
              yield* TestClock.adjust(roundTrip)
              const came = client.take()
              assert.deepStrictEqual(publishes(came), [
                publish("a/b", { text: "hello", qos, packetIdentifier: qos === 0 ? 0 : 1 })
              ])
              if (qos === 1) {
                assert.includeDeepMembers([...came], [acknowledge("Puback", 7)])
                yield* client.send(acknowledge("Puback", 1))
              }
              if (qos === 2) {
                assert.includeDeepMembers([...came], [acknowledge("Pubrec", 7)])
                yield* client.send(acknowledge("Pubrel", 7), acknowledge("Pubrec", 1))
                yield* TestClock.adjust(roundTrip)
                assert.deepStrictEqual(client.take(), [acknowledge("Pubcomp", 7), acknowledge("Pubrel", 1)])
                yield* client.send(acknowledge("Pubcomp", 1))
              }
              yield* TestClock.adjust(roundTrip)
              assert.strictEqual((yield* broker.session("client"))?.inflight, 0)
              assert.deepStrictEqual((yield* broker.messages).map(({ text, topic }) => [topic, text]), [[
                "a/b",
                "hello"
              ]])
            })
          ))
      }
    }

    inBothVersions(
      "the echo comes just before PUBACK for an odd identifier and just after for an even one",
      (version) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send(subscribe(1, "a", { qos: 0 }))
          yield* TestClock.adjust(roundTrip)
          client.take()
          yield* client.send(
            publish("a", { qos: 1, packetIdentifier: 3 }),
            publish("a", { qos: 1, packetIdentifier: 4 })
          )
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(client.take()), ["Publish", "Puback", "Puback", "Publish"])
        })
    )

    inBothVersions(
      "QoS 2 that is sent again before PUBREL is accepted once, across connections",
      (version, broker) =>
        Effect.gen(function*() {
          const first = yield* connect(version, persistent(version))
          yield* broker.holdAcknowledgements()
          const message = publish("a", { qos: 2, packetIdentifier: 5 })
          yield* first.send(message)
          yield* TestClock.adjust(roundTrip)
          yield* first.abort
          yield* broker.releaseAcknowledgements()
          yield* TestClock.adjust(roundTrip)
          const second = yield* connect(version, persistent(version))
          yield* second.send({ ...message, dup: true })
          yield* TestClock.adjust(roundTrip)
          yield* second.send(acknowledge("Pubrel", 5))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(second.take()), ["Pubrec", "Pubcomp"])
          yield* second.send(message)
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* broker.messages).length, 2)
        })
    )

    inBothVersions(
      "PUBREL of an exchange that is over: PUBCOMP, with 0x92 in 5.0",
      (version, broker) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const first = yield* connect(version, persistent(version))
          yield* first.send(publish("a", { qos: 2, packetIdentifier: 5 }))
          yield* TestClock.adjust(roundTrip)
          yield* first.send(acknowledge("Pubrel", 5))
          yield* TestClock.adjust(latency)
          // The client never reads the PUBCOMP that is under way.
          yield* network.reset
          const second = yield* connect(version, persistent(version))
          yield* second.send(acknowledge("Pubrel", 5))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(second.take(), [acknowledge("Pubcomp", 5)])
          assert.deepStrictEqual((yield* broker.messages).length, 1)
        })
    )

    it.effect("carries properties on, without its own", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const properties = {
            payloadFormatIndicator: 1,
            messageExpiryInterval: 60,
            contentType: "text/plain",
            responseTopic: "reply",
            correlationData: Uint8Array.of(1, 2),
            userProperties: [["a", "1"], ["a", "2"]]
          } as const
          const client = yield* connect("5.0")
          yield* client.send(subscribe(1, "a", { qos: 0, subscriptionIdentifier: 9 }))
          yield* client.send(publish("a", { properties: { ...properties, topicAlias: 1 } }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(publishes(client.take())[0].properties, {
            ...properties,
            subscriptionIdentifiers: [9]
          })
        }), { topicAliasMaximum: 1 }))

    it.effect("expire while they wait, and count down what is left", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const first = yield* connect("5.0", persistent("5.0"))
          yield* first.send(subscribe(1, "a", { qos: 1 }))
          yield* TestClock.adjust(roundTrip)
          yield* first.close
          yield* TestClock.adjust(roundTrip)
          for (const seconds of [10, 100]) {
            yield* broker.publish("a", `${seconds}`, { qos: 1, properties: { messageExpiryInterval: seconds } })
            yield* broker.publish("kept", `${seconds}`, {
              retain: true,
              properties: { messageExpiryInterval: seconds }
            })
          }
          yield* TestClock.adjust("20 seconds")
          const second = yield* connect("5.0", persistent("5.0"))
          yield* second.send(subscribe(2, "kept"))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            publishes(second.received()).map((packet) => [textOf(packet), packet.properties.messageExpiryInterval]),
            [["100", 80], ["100", 80]]
          )
        })
      ))

    it.effect("tells a 5.0 publisher that nobody subscribed, if it is to", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          yield* client.send(publish("a", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [acknowledge("Puback", 1, 0x10)])
        }), { reportsNoSubscribers: true }))

    inBothVersions(
      "asks `authorizePublish`; 3.1.1 acknowledges and drops",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send(
            publish("secret", { qos: 1, packetIdentifier: 1 }),
            publish("secret", { qos: 2, packetIdentifier: 2 }),
            publish("secret")
          )
          yield* TestClock.adjust(roundTrip)
          const code = version === "5.0" ? 0x87 : 0
          assert.deepStrictEqual(client.take(), [acknowledge("Puback", 1, code), acknowledge("Pubrec", 2, code)])
          assert.deepStrictEqual(yield* broker.messages, [])
          if (version === "3.1.1") return
          // PUBREC with a failure ends the exchange: the identifier is free.
          yield* client.send(publish("open", { qos: 2, packetIdentifier: 2 }))
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* broker.messages).length, 1)
        }),
      { authorizePublish: ({ topic }) => topic === "secret" ? 0x87 : 0 }
    )
  })

  describe("subscriptions", () => {
    it.effect("a member of a share that is not connected is passed over while another is", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const away = yield* connect("5.0", { ...persistent("5.0"), clientId: "away" })
          const here = yield* connect("5.0", { clientId: "here" })
          for (const member of [away, here]) yield* member.send(subscribe(1, "$share/group/a"))
          yield* TestClock.adjust(roundTrip)
          yield* away.close
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a", "1", { qos: 1 })
          yield* broker.publish("a", "2", { qos: 1 })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(publishes(here.received()).map(textOf), ["1", "2"])
          yield* here.close
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a", "3", { qos: 1 })
          assert.strictEqual((yield* broker.session("away"))?.queued, 1)
        })
      ))

    it.effect("are granted no more than the Maximum QoS", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          yield* client.send(subscribe(1, "a", { qos: 2 }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [
            { _tag: "Suback", packetIdentifier: 1, reasonCodes: [1], properties: none }
          ])
        }), { maximumQos: 1 }))

    inBothVersions(
      "messages of overlapping subscriptions come once, at the highest QoS",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send(subscribe(1, "a/#", { qos: 0 }), subscribe(2, "a/b", { qos: 1 }))
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a/b", "x", { qos: 2 })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(publishes(client.take()).map(({ qos }) => qos), [1])
          yield* client.send(acknowledge("Puback", 1))
        })
    )

    it.effect("messages of overlapping subscriptions come once each, if it is to", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          yield* client.send(
            subscribe(1, "a/#", { qos: 0, subscriptionIdentifier: 1 }),
            subscribe(2, "a/b", { qos: 0, subscriptionIdentifier: 2 })
          )
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a/b", "x")
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            publishes(client.take()).map(({ properties }) => properties.subscriptionIdentifiers),
            [[1], [2]]
          )
        }), { overlappingSubscriptions: "each" }))

    it.effect("No Local, Retain As Published and Subscription Identifiers are kept to", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          yield* client.send(
            subscribe(1, "own", { noLocal: true }),
            subscribe(2, "kept", { qos: 0, retainAsPublished: true, subscriptionIdentifier: 5 }),
            subscribe(3, "plain", { qos: 0 })
          )
          yield* TestClock.adjust(roundTrip)
          client.take()
          yield* client.send(publish("own"), publish("kept", { retain: true }), publish("plain", { retain: true }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            publishes(client.take()).map(({ properties, retain, topic }) => [
              topic,
              retain,
              properties.subscriptionIdentifiers
            ]),
            [["kept", true, [5]], ["plain", false, undefined]]
          )
          assert.strictEqual((yield* broker.retained).length, 2)
        })
      ))

    inBothVersions(
      "retained messages come with RETAIN set when the subscription is made, and again",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send(publish("a", { text: "old", retain: true }), publish("b", { text: "gone", retain: true }))
          yield* client.send(publish("a", { text: "new", retain: true }), publish("b", { text: "", retain: true }))
          yield* TestClock.adjust(roundTrip)
          for (const packetIdentifier of [1, 2]) {
            yield* client.send(subscribe(packetIdentifier, "#", { qos: 0 }))
            yield* TestClock.adjust(roundTrip)
            assert.deepStrictEqual(publishes(client.take()).map((packet) => [textOf(packet), packet.retain]), [
              ["new", true]
            ])
          }
          assert.deepStrictEqual((yield* broker.retained).map(({ text }) => text), ["new"])
        })
    )

    for (const [retainHandling, times] of [[0, 2], [1, 1], [2, 0]] as const) {
      it.effect(`Retain Handling ${retainHandling}: of two subscriptions ${times} bring retained messages`, () =>
        withBroker((broker) =>
          Effect.gen(function*() {
            yield* broker.publish("a", "kept", { retain: true })
            const client = yield* connect("5.0")
            for (const packetIdentifier of [1, 2]) {
              yield* client.send(subscribe(packetIdentifier, "a", { qos: 0, retainHandling }))
              yield* TestClock.adjust(roundTrip)
            }
            assert.strictEqual(publishes(client.received()).length, times)
          })
        ))
    }

    it.effect("members of a share take turns and get no retained messages", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          yield* broker.publish("a", "kept", { retain: true })
          const members = [yield* connect("5.0", { clientId: "one" }), yield* connect("5.0", { clientId: "two" })]
          for (const member of members) yield* member.send(subscribe(1, "$share/group/a", { qos: 0 }))
          yield* TestClock.adjust(roundTrip)
          for (const text of ["1", "2", "3", "4"]) yield* broker.publish("a", text)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(members.map((member) => publishes(member.received()).map(textOf)), [
            ["1", "3"],
            ["2", "4"]
          ])
        })
      ))

    inBothVersions(
      "UNSUBSCRIBE ends them; 5.0 says whether there was one",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send(subscribe(1, "a"), {
            _tag: "Unsubscribe",
            packetIdentifier: 2,
            topicFilters: ["a", "b"],
            properties: none
          })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take()[1], {
            _tag: "Unsuback",
            packetIdentifier: 2,
            reasonCodes: version === "5.0" ? [0x00, 0x11] : [],
            properties: none
          })
          yield* broker.publish("a", "x")
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [])
        })
    )

    inBothVersions(
      "`authorizeSubscribe` refuses and downgrades, filter by filter",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          const { subscriptions: [allowed] } = subscribe(1, "a")
          yield* client.send({
            ...subscribe(1, "a"),
            subscriptions: [allowed, { ...allowed, topicFilter: "low" }, { ...allowed, topicFilter: "secret" }]
          })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [{
            _tag: "Suback",
            packetIdentifier: 1,
            reasonCodes: [2, 1, version === "5.0" ? 0x87 : 0x80],
            properties: none
          }])
          assert.deepStrictEqual(
            (yield* broker.session("client"))?.subscriptions.map(({ qos, topicFilter }) => [topicFilter, qos]),
            [["a", 2], ["low", 1]]
          )
        }),
      {
        authorizeSubscribe: ({ qos, topicFilter }) => topicFilter === "secret" ? 0x87 : topicFilter === "low" ? 1 : qos
      }
    )
  })

  describe("Wills", () => {
    const will: Packet.Will = {
      topic: "gone",
      payload: new TextEncoder().encode("bye"),
      qos: 1,
      retain: true,
      properties: none
    }

    inBothVersions(
      "are published when the connection ends without DISCONNECT, and kept when retained",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version, { will })
          yield* client.abort
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            (yield* broker.messages).map(({ clientId, qos, text, topic }) => [clientId, topic, text, qos]),
            [
              ["client", "gone", "bye", 1]
            ]
          )
          assert.strictEqual((yield* broker.retained).length, 1)
        })
    )

    inBothVersions("are not published after DISCONNECT", (version, broker) =>
      Effect.gen(function*() {
        const client = yield* connect(version, { will })
        yield* client.send(disconnect)
        yield* client.close
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* broker.messages, [])
      }))

    it.effect("are published after DISCONNECT with 0x04", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { will })
          yield* client.send({ ...disconnect, reasonCode: 0x04 })
          yield* client.close
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* broker.messages).length, 1)
        })
      ))

    it.effect("wait for the Will Delay, and a client that comes back in time has none published", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const options = { ...persistent("5.0"), will: { ...will, properties: { willDelayInterval: 10 } } }
          const first = yield* connect("5.0", options)
          yield* first.abort
          yield* TestClock.adjust(9000)
          const second = yield* connect("5.0", options)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* broker.messages, [])
          yield* second.abort
          yield* TestClock.adjust(20 + 9999)
          assert.deepStrictEqual(yield* broker.messages, [])
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* broker.messages).length, 1)
        })
      ))

    it.effect("are published when the session ends, whatever the delay", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", {
            properties: { sessionExpiryInterval: 5 },
            will: { ...will, properties: { willDelayInterval: 10 } }
          })
          yield* client.abort
          yield* TestClock.adjust(20 + 5000)
          assert.strictEqual((yield* broker.messages).length, 1)
        })
      ))

    inBothVersions("are published when another client takes over", (version, broker) =>
      Effect.gen(function*() {
        yield* connect(version, { will })
        yield* connect(version)
        assert.strictEqual((yield* broker.messages).length, 1)
      }))
  })

  describe("limits of the client", () => {
    it.effect("Receive Maximum: no more is in flight, the rest waits its turn", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { receiveMaximum: 2 } })
          yield* client.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          for (const text of ["1", "2", "3", "4"]) yield* broker.publish("a", text, { qos: 1 })
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(publishes(client.take()).length, 2)
          yield* client.send(acknowledge("Puback", 1))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(publishes(client.take()).map(textOf), ["3"])
        })
      ))

    it.effect("Receive Maximum holds for what is sent again too", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const first = yield* connect("5.0", persistent("5.0"))
          yield* first.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          for (const text of ["1", "2", "3"]) yield* broker.publish("a", text, { qos: 1 })
          yield* TestClock.adjust(roundTrip)
          yield* first.abort
          yield* TestClock.adjust(roundTrip)
          const second = yield* connect("5.0", {
            ...persistent("5.0"),
            properties: { sessionExpiryInterval: 3600, receiveMaximum: 1 }
          })
          for (const packetIdentifier of [1, 2, 3]) {
            yield* second.send(acknowledge("Puback", packetIdentifier))
            yield* TestClock.adjust(roundTrip)
          }
          assert.deepStrictEqual(
            publishes(second.received()).map((packet) => [textOf(packet), packet.packetIdentifier, packet.dup]),
            [["1", 1, true], ["2", 2, true], ["3", 3, true]]
          )
        })
      ))

    it.effect("Maximum Packet Size: what is too large is not sent and counts as delivered", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { maximumPacketSize: 50 } })
          yield* client.send(subscribe(1, "a"))
          yield* TestClock.adjust(roundTrip)
          yield* broker.publish("a", "x".repeat(60), { qos: 1 })
          yield* broker.publish("a", "small", { qos: 1 })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(publishes(client.take()).map(textOf), ["small"])
          assert.strictEqual((yield* broker.session("client"))?.inflight, 1)
        })
      ))

    it.effect("Topic Alias Maximum: aliases are used up to it, if the broker uses them", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0", { properties: { topicAliasMaximum: 1 } })
          yield* client.send(subscribe(1, "#", { qos: 0 }))
          yield* TestClock.adjust(roundTrip)
          for (const topic of ["a", "a", "b"]) yield* broker.publish(topic, "x")
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            publishes(client.take()).map(({ properties, topic }) => [topic, properties.topicAlias]),
            [["a", 1], ["", 1], ["b", undefined]]
          )
        }), { usesTopicAliases: true }))

    it.effect("aliases of the client stand for their topics", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          const properties = { topicAlias: 2 }
          yield* client.send(publish("a", { properties }), publish("", { properties }), publish("b", { properties }))
          yield* client.send(publish("", { properties }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual((yield* broker.messages).map(({ topic }) => topic), ["a", "a", "b", "b"])
        }), { topicAliasMaximum: 2 }))
  })

  describe("keep alive", () => {
    inBothVersions(
      "answers PINGREQ, and lets a client live that is heard within one and a half times it",
      (version) =>
        Effect.gen(function*() {
          const client = yield* connect(version, { keepAlive: 10 })
          for (let count = 0; count < 5; count++) {
            yield* TestClock.adjust("10 seconds")
            yield* client.send({ _tag: "Pingreq" })
          }
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(client.take()), Array.from({ length: 5 }, () => "Pingresp"))
          assert.isFalse(client.isEnded())
        })
    )

    it.effect("does not blame a client whose packets the network swallows", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const client = yield* connect("5.0", { keepAlive: 10, ...persistent("5.0") })
          yield* network.drop
          for (let count = 0; count < 3; count++) {
            yield* TestClock.adjust("6 seconds")
            yield* client.send({ _tag: "Pingreq" })
          }
          assert.isFalse((yield* broker.session("client"))?.isConnected)
        })
      ))
  })

  describe("authentication", () => {
    const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)
    const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)
    const options: MemoryBroker.Options = {
      exchangeAuthentication: ({ data, phase, round }) =>
        round === 1
          ? { _tag: "Continue", data: bytes(`challenge ${phase}`) }
          : text(data) === "right"
          ? { _tag: "Success", data: bytes("done") }
          : { _tag: "Refuse", reasonCode: 0x87 }
    }
    const properties = { authenticationMethod: "test", authenticationData: bytes("first") }
    const auth = (reasonCode: number, data: string): Packet.Auth => ({
      _tag: "Auth",
      reasonCode,
      properties: { authenticationMethod: "test", authenticationData: bytes(data) }
    })

    it.effect("goes on until the hook says so, before CONNACK and again after it", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const client = yield* open("5.0")
          yield* client.send(connectPacket("5.0", { properties }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [auth(0x18, "challenge connect")])
          yield* client.send(auth(0x18, "right"))
          yield* TestClock.adjust(roundTrip)
          const connack = connackOf(client.take()[0])
          assert.deepStrictEqual([connack.reasonCode, text(connack.properties.authenticationData)], [0, "done"])
          yield* client.send(auth(0x19, "again"))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [auth(0x18, "challenge reauthenticate")])
          yield* client.send(auth(0x18, "right"))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [auth(0x00, "done")])
          yield* client.send(auth(0x19, "again"))
          yield* TestClock.adjust(roundTrip)
          client.take()
          yield* client.send(auth(0x18, "wrong"))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(client.take(), [{ ...disconnect, reasonCode: 0x87 }])
          assert.isTrue(client.isEnded())
        }), options))

    it.effect("a refusal before CONNACK is a CONNACK", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const client = yield* open("5.0")
          yield* client.send(connectPacket("5.0", { properties }))
          yield* TestClock.adjust(roundTrip)
          yield* client.send(auth(0x18, "wrong"))
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(connackOf(client.take()[1]).reasonCode, 0x87)
          assert.isTrue(client.isEnded())
        }), options))

    it.effect("a method is refused when there is no exchange", () =>
      withBroker(() =>
        Effect.gen(function*() {
          const { connack } = yield* connect("5.0", { properties })
          assert.strictEqual(connackOf(connack).reasonCode, 0x8c)
        })
      ))
  })

  describe("faults", () => {
    inBothVersions("refuseSubscribe and downgradeSubscribe", (version, broker) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* broker.refuseSubscribe(0x97)
        yield* broker.downgradeSubscribe(1)
        yield* client.send(subscribe(1, "a"), subscribe(2, "b"))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(client.take().map((packet) => packet._tag === "Suback" && packet.reasonCodes), [
          [version === "5.0" ? 0x97 : 0x80],
          [1]
        ])
      }))

    inBothVersions("delayAnswers: later, in their order", (version, broker) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* broker.delayAnswers("1 second")
        yield* client.send(publish("a", { qos: 1, packetIdentifier: 1 }))
        yield* TestClock.adjust(latency)
        yield* broker.delayAnswers(0)
        yield* client.send({ _tag: "Pingreq" })
        yield* TestClock.adjust(1019)
        assert.deepStrictEqual(client.take(), [])
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(tags(client.take()), ["Puback", "Pingresp"])
      }))

    inBothVersions(
      "holdAcknowledgements keeps them until they are released, in their order",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* broker.holdAcknowledgements()
          yield* client.send(
            publish("a", { qos: 1, packetIdentifier: 1 }),
            publish("a", { qos: 2, packetIdentifier: 2 })
          )
          yield* client.send({ _tag: "Pingreq" })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(client.take()), ["Pingresp"])
          assert.strictEqual((yield* broker.messages).length, 2)
          yield* broker.releaseAcknowledgements()
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(client.take()), ["Puback", "Pubrec"])
        })
    )

    inBothVersions("a CONNACK that is held holds everything back", (version, broker) =>
      Effect.gen(function*() {
        yield* broker.holdAcknowledgements("Connack")
        const client = yield* open(version)
        yield* client.send(connectPacket(version), subscribe(1, "a", { qos: 0 }))
        yield* client.send(publish("a", { qos: 1, packetIdentifier: 2 }))
        yield* TestClock.adjust(roundTrip)
        yield* broker.publish("a", "early", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(client.take(), [])
        yield* broker.releaseAcknowledgements()
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(client.take()[0]._tag, "Connack")
      }))

    inBothVersions("disconnectClient says why in 5.0, kick says nothing", (version, broker) =>
      Effect.gen(function*() {
        const first = yield* connect(version)
        yield* broker.disconnectClient("client", 0x8b, { reasonString: "going home" })
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(
          first.take(),
          version === "3.1.1" ? [] : [{ ...disconnect, reasonCode: 0x8b, properties: { reasonString: "going home" } }]
        )
        assert.isTrue(first.isEnded())
        const second = yield* connect(version)
        yield* broker.kick("client")
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(second.take(), [])
        assert.isTrue(second.isEnded())
      }))

    for (const keepSessions of [true, false]) {
      inBothVersions(
        `restart, sessions ${keepSessions ? "kept" : "lost"}`,
        (version, broker) =>
          Effect.gen(function*() {
            const first = yield* connect(version, persistent(version))
            yield* broker.publish("kept", "x", { retain: true })
            yield* broker.restart({ keepSessions })
            yield* TestClock.adjust(roundTrip)
            assert.isTrue(first.isEnded())
            const { connack } = yield* connect(version, persistent(version))
            assert.strictEqual(connackOf(connack).sessionPresent, keepSessions)
            assert.strictEqual((yield* broker.retained).length, keepSessions ? 1 : 0)
          })
      )
    }

    inBothVersions(
      "lieAboutSessionPresent, refuseSession, ignoreConnect: each the next CONNECT",
      (version, broker) =>
        Effect.gen(function*() {
          yield* broker.lieAboutSessionPresent(true)
          assert.isTrue(connackOf((yield* connect(version, persistent(version))).connack).sessionPresent)
          yield* broker.refuseSession(0x88)
          assert.strictEqual(connackOf((yield* connect(version)).connack).reasonCode, 0x88)
          yield* broker.ignoreConnect()
          const ignored = yield* connect(version)
          assert.isUndefined(ignored.connack)
          yield* TestClock.adjust("1 hour")
          assert.isFalse(ignored.isEnded())
          assert.strictEqual(connackOf((yield* connect(version)).connack).reasonCode, 0)
        })
    )

    inBothVersions(
      "closeWhenSeeing closes and does not accept, as often as it is told",
      (version, broker) =>
        Effect.gen(function*() {
          yield* broker.closeWhenSeeing("poison", 1)
          const first = yield* connect(version)
          yield* first.send(publish("poison", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.isTrue(first.isEnded())
          const second = yield* connect(version)
          yield* second.send(publish("poison", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(tags(second.take()), ["Puback"])
          assert.strictEqual((yield* broker.messages).length, 1)
        })
    )

    inBothVersions(
      "a client that is told its session is gone may start over",
      (version, broker) =>
        Effect.gen(function*() {
          yield* broker.holdAcknowledgements()
          const first = yield* connect(version, persistent(version))
          yield* first.send(publish("a", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
          yield* first.abort
          yield* TestClock.adjust(roundTrip)
          yield* broker.lieAboutSessionPresent(false)
          const second = yield* connect(version, persistent(version))
          assert.isFalse(connackOf(second.connack).sessionPresent)
          yield* second.send(publish("a", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
        })
    )

    it.effect("restart ends a connection whose client does not read either", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const transport = yield* MqttTransport
          const opening = yield* begin(transport.open)
          yield* TestClock.adjust(connecting)
          const connection = yield* Fiber.join(opening)
          const bytes = Encoder.toBytes(connectPacket("5.0"), { protocolVersion: "5.0", sender: "client" })
          if (!(bytes instanceof Uint8Array)) throw new Error(bytes.message)
          yield* begin(connection.write([bytes]))
          yield* TestClock.adjust(roundTrip)
          yield* broker.restart({ keepSessions: true })
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* network.log).at(-1)?.event, "peer reset reached client")
        }), { highWaterMark: 1 }))

    it.effect("what no packet can say is a defect of the test", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          const client = yield* connect("5.0")
          yield* client.send(subscribe(1, "#", { qos: 0 }))
          yield* TestClock.adjust(roundTrip)
          const exit = yield* Effect.exit(broker.publish("a/+", "x"))
          assert.isTrue(Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("wildcard"))
        })
      ))

    it.effect("forgive: a process that was started anew may use its identifiers again", () =>
      withBroker((broker) =>
        Effect.gen(function*() {
          yield* broker.holdAcknowledgements()
          const first = yield* connect("5.0", persistent("5.0"))
          yield* first.send(publish("a", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
          yield* first.abort
          yield* TestClock.adjust(roundTrip)
          yield* broker.forgive("client")
          const second = yield* connect("5.0", persistent("5.0"))
          yield* second.send(publish("b", { qos: 1, packetIdentifier: 1 }))
          yield* TestClock.adjust(roundTrip)
        })
      ))
  })

  describe("asking", () => {
    inBothVersions(
      "packets come in order with direction, connection and time",
      (version, broker) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          yield* client.send({ _tag: "Pingreq" })
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            (yield* broker.packets("client")).map(({ at, connection, direction, packet }) => [
              at,
              connection,
              direction,
              packet._tag
            ]),
            [
              [100, 1, "received", "Connect"],
              [100, 1, "sent", "Connack"],
              [140, 1, "received", "Pingreq"],
              [140, 1, "sent", "Pingresp"]
            ]
          )
          assert.deepStrictEqual(yield* broker.packets("nobody"), [])
        })
    )

    inBothVersions(
      "awaitPacket and awaitMessages wait for what has not come and count what has",
      (version, broker) =>
        Effect.gen(function*() {
          const second = yield* begin(broker.awaitPacket("client", "Publish", 2))
          const messages = yield* begin(broker.awaitMessages("a/#", 2))
          const client = yield* connect(version)
          yield* client.send(publish("a/1"))
          yield* TestClock.adjust(roundTrip)
          assert.isUndefined(second.pollUnsafe())
          assert.isUndefined(messages.pollUnsafe())
          yield* client.send(publish("a/2"))
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual(((yield* Fiber.join(second)) as Packet.Publish).topic, "a/2")
          assert.deepStrictEqual((yield* Fiber.join(messages)).map(({ topic }) => topic), ["a/1", "a/2"])
          const first = yield* broker.awaitPacket(
            "client",
            (packet) => packet._tag === "Publish" && packet.topic === "a/1"
          )
          assert.strictEqual(first._tag, "Publish")
        })
    )

    inBothVersions("byte by byte and merged, everything is the same", (version) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        yield* network.split(1)
        const client = yield* connect(version)
        yield* client.send(subscribe(1, "a", { qos: 0 }))
        yield* TestClock.adjust(roundTrip)
        yield* network.merge()
        yield* client.send(publish("a", { text: "x".repeat(300) }), publish("a", { text: "y" }))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(publishes(client.take()).map((packet) => textOf(packet).length), [300, 1])
      }))
  })

  it.effect("the same scenario leaves the same trace, to the millisecond", () => {
    const trace = Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const network = yield* FakeNetwork.FakeNetwork
      yield* network.cutAfter({ bytes: 100, direction: "fromClient", how: "reset" })
      for (let round = 0; round < 3; round++) {
        const client = yield* connect("5.0", { ...persistent("5.0"), cleanStart: round === 0 })
        yield* client.send(subscribe(1, "a"), publish("a", { text: "x".repeat(80), qos: 1, packetIdentifier: 2 }))
        yield* TestClock.adjust(50)
        yield* client.close
      }
      yield* TestClock.adjust("1 hour")
      return JSON.stringify([yield* network.log, yield* broker.packets()])
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(MemoryBroker.layer(), TestClock.layer())))
    return Effect.gen(function*() {
      const first = yield* trace
      assert.isAbove(first.length, 1000)
      assert.strictEqual(yield* trace, first)
    })
  })

  it.live("works on the real clock too", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const transport = yield* MqttTransport
      const connection = yield* transport.open
      const bytes = Encoder.toBytes(connectPacket("5.0"), { protocolVersion: "5.0", sender: "client" })
      if (!(bytes instanceof Uint8Array)) throw new Error(bytes.message)
      yield* connection.write([bytes])
      yield* broker.awaitPacket("client", "Connect")
      assert.deepStrictEqual([...(yield* connection.pull)[0]], [0x20, 3, 0, 0, 0])
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ latency: 1, connectDelay: 1 }))))

  it.effect("leaves nothing that is going to happen once the sessions are gone", () =>
    withBroker((broker) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const client = yield* connect("5.0", { keepAlive: 10 })
        yield* client.send(disconnect)
        yield* client.close
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(yield* network.pending, 0)
        assert.strictEqual(yield* broker.pending, 0)
      })
    ))
})

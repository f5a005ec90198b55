import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import { TestClock } from "effect/testing"
import type { MqttError } from "../../src/MqttError.ts"
import type { MqttTransport } from "../../src/MqttTransport.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { type RuleName, ruleOf, rules } from "../../src/testing/broker/Violations.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { connectPacket, publish } from "../support/packets.ts"
import { latency, roundTrip } from "../support/time.ts"
import { only50, versions } from "../support/versions.ts"
import { acknowledge, connect, disconnect, open, persistent, subscribe } from "./RawClient.ts"

type Broker = MemoryBroker.MemoryBroker["Service"]

interface Breach {
  readonly rule: RuleName
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  /** What the client does, when there is more than one way to break the rule. */
  readonly by?: string
  readonly options?: MemoryBroker.Options
  readonly commit: (
    version: Packet.ProtocolVersion,
    broker: Broker
  ) => Effect.Effect<
    unknown,
    MqttError,
    MqttTransport | FakeNetwork.FakeNetwork | MemoryBroker.MemoryBroker | Scope.Scope
  >
}

const everyVersion: ReadonlyArray<Packet.ProtocolVersion> = ["3.1.1", "5.0"]

/** A connection that ends with `messages` sent and never acknowledged, and the next one of the same session. */
const interrupted = Effect.fnUntraced(function*(
  version: Packet.ProtocolVersion,
  broker: Broker,
  ...messages: ReadonlyArray<Packet.Packet>
) {
  yield* broker.holdAcknowledgements()
  const first = yield* connect(version, persistent(version))
  yield* first.send(...messages)
  yield* TestClock.adjust(roundTrip)
  yield* first.abort
  yield* TestClock.adjust(roundTrip)
  yield* broker.releaseAcknowledgements()
  return yield* connect(version, persistent(version))
})

/** A connection that ends with a QoS 2 message released and never completed, and the next one of the same session. */
const released = Effect.fnUntraced(function*(version: Packet.ProtocolVersion) {
  const network = yield* FakeNetwork.FakeNetwork
  const first = yield* connect(version, persistent(version))
  yield* first.send(qos2(1))
  yield* TestClock.adjust(roundTrip)
  yield* first.send(acknowledge("Pubrel", 1))
  yield* TestClock.adjust(latency)
  yield* network.reset
  return yield* connect(version, persistent(version))
})

/** A client that three messages were sent to, of this QoS. */
const receiving = Effect.fnUntraced(function*(version: Packet.ProtocolVersion, broker: Broker, qos: 1 | 2) {
  const client = yield* connect(version)
  yield* client.send(subscribe(1, "a"))
  yield* TestClock.adjust(roundTrip)
  for (const text of ["1", "2", "3"]) yield* broker.publish("a", text, { qos })
  yield* TestClock.adjust(roundTrip)
  return client
})

const qos1 = (packetIdentifier: number, text?: string): Packet.Publish =>
  publish("a", { qos: 1, packetIdentifier, ...(text === undefined ? {} : { text }) })
const qos2 = (packetIdentifier: number): Packet.Publish => publish("a", { qos: 2, packetIdentifier })
const again = (packet: Packet.Publish): Packet.Publish => ({ ...packet, dup: true })

/** Connects and sends. */
const sends = (...packets: ReadonlyArray<Packet.Packet>): Breach["commit"] => (version) =>
  Effect.flatMap(connect(version), (client) => client.send(...packets))

const authentication: MemoryBroker.Options = {
  exchangeAuthentication: ({ round }) => round === 1 ? { _tag: "Continue" } : { _tag: "Success" }
}
const auth = (reasonCode: number, authenticationMethod = "test"): Packet.Auth => ({
  _tag: "Auth",
  reasonCode,
  properties: { authenticationMethod }
})
/** Begins an exchange of AUTH and sends when challenged. */
const answersChallenge = (...packets: ReadonlyArray<Packet.Packet>): Breach["commit"] => () =>
  Effect.gen(function*() {
    const client = yield* open("5.0")
    yield* client.send(connectPacket("5.0", { properties: { authenticationMethod: "test" } }))
    yield* TestClock.adjust(roundTrip)
    yield* client.send(...packets)
  })

const breaches: ReadonlyArray<Breach> = [
  { rule: "secondConnect", commit: (version, broker) => sends(connectPacket(version))(version, broker) },
  { rule: "afterDisconnect", commit: sends(disconnect, { _tag: "Pingreq" }) },
  {
    rule: "halfPacket",
    commit: (version) =>
      Effect.flatMap(connect(version), (client) => Effect.andThen(client.sendBytes(0x30, 5, 0), client.close))
  },
  {
    rule: "keepAlive",
    commit: (version) => Effect.andThen(connect(version, { keepAlive: 10 }), TestClock.adjust("15 seconds"))
  },
  {
    rule: "identifierInUse",
    by: "a new message",
    commit: (version, broker) =>
      Effect.andThen(broker.holdAcknowledgements(), sends(qos1(1), qos1(1, "other"))(version, broker))
  },
  {
    rule: "identifierInUse",
    by: "a new message whose predecessor's PUBACK the client cannot have read",
    commit: sends(qos1(1), qos1(1, "other"))
  },
  {
    rule: "identifierInUse",
    by: "SUBSCRIBE",
    commit: sends(qos2(1), subscribe(1, "a"))
  },
  {
    rule: "identifierInUse",
    by: "a message after SUBSCRIBE",
    commit: (version, broker) =>
      Effect.andThen(broker.holdAcknowledgements("Suback"), sends(subscribe(1, "b"), qos1(1))(version, broker))
  },
  { rule: "resentOnLiveConnection", by: "PUBLISH", commit: sends(qos1(1), again(qos1(1))) },
  {
    rule: "resentOnLiveConnection",
    by: "PUBREL",
    commit: (version) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* client.send(qos2(1))
        yield* TestClock.adjust(roundTrip)
        yield* client.send(acknowledge("Pubrel", 1), acknowledge("Pubrel", 1))
      })
  },
  { rule: "dupOnFirstSending", by: "on a fresh session", commit: sends(again(qos1(1))) },
  {
    rule: "dupOnFirstSending",
    by: "an identifier that is free again",
    commit: (version) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* client.send(qos1(1))
        yield* TestClock.adjust(roundTrip)
        yield* client.send(again(qos1(1)))
      })
  },
  {
    rule: "dupMissing",
    by: "after no answer",
    commit: (version, broker) => Effect.flatMap(interrupted(version, broker, qos1(1)), (client) => client.send(qos1(1)))
  },
  {
    rule: "dupMissing",
    by: "after an answer that was lost on its way",
    commit: (version) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const first = yield* connect(version, persistent(version))
        yield* first.send(qos1(1))
        yield* TestClock.adjust(latency)
        yield* network.reset
        const second = yield* connect(version, persistent(version))
        yield* second.send(qos1(1))
      })
  },
  {
    rule: "changedOnResend",
    commit: (version, broker) =>
      Effect.flatMap(interrupted(version, broker, qos1(1)), (client) => client.send(again(qos1(1, "another"))))
  },
  {
    rule: "changedOnResend",
    by: "behind messages that were sent after it",
    commit: (version, broker) =>
      Effect.flatMap(
        interrupted(version, broker, qos1(1), qos1(2)),
        (client) => client.send(again(qos1(2)), again(qos1(1, "another")))
      )
  },
  {
    rule: "changedOnResend",
    by: "after the PUBREL of the message that it was",
    commit: (version) =>
      Effect.flatMap(
        released(version),
        (client) => client.send(again(publish("another", { qos: 2, packetIdentifier: 1 })))
      )
  },
  {
    rule: "notResent",
    by: "PUBLISH",
    commit: (version, broker) =>
      Effect.flatMap(interrupted(version, broker, qos1(1)), (client) => client.send(qos1(2), qos1(3)))
  },
  {
    rule: "notResent",
    by: "PUBREL",
    commit: (version) =>
      Effect.gen(function*() {
        const first = yield* connect(version, persistent(version))
        yield* first.send(qos2(1))
        yield* TestClock.adjust(roundTrip)
        yield* first.abort
        yield* TestClock.adjust(roundTrip)
        const second = yield* connect(version, persistent(version))
        yield* second.send(qos1(2))
      })
  },
  {
    rule: "resendOrder",
    commit: (version, broker) =>
      Effect.flatMap(
        interrupted(version, broker, qos1(1), qos1(2)),
        (client) => client.send(again(qos1(2)), again(qos1(1)))
      )
  },
  {
    rule: "publishAfterPubrel",
    commit: (version) => Effect.flatMap(released(version), (client) => client.send(again(qos2(1))))
  },
  { rule: "pubrelUnexpected", by: "for no message", commit: sends(acknowledge("Pubrel", 1)) },
  {
    rule: "pubrelUnexpected",
    by: "before PUBREC",
    commit: (version, broker) =>
      Effect.andThen(broker.holdAcknowledgements(), sends(qos2(1), acknowledge("Pubrel", 1))(version, broker))
  },
  {
    rule: "pubrelOrder",
    commit: (version) =>
      Effect.gen(function*() {
        const client = yield* connect(version)
        yield* client.send(qos2(1), qos2(2))
        yield* TestClock.adjust(roundTrip)
        yield* client.send(acknowledge("Pubrel", 2), acknowledge("Pubrel", 1))
      })
  },
  {
    rule: "pubackOrder",
    commit: (version, broker) =>
      Effect.flatMap(
        receiving(version, broker, 1),
        (client) => client.send(acknowledge("Puback", 2), acknowledge("Puback", 1), acknowledge("Puback", 3))
      )
  },
  {
    rule: "pubrecOrder",
    commit: (version, broker) =>
      Effect.flatMap(
        receiving(version, broker, 2),
        (client) => client.send(acknowledge("Pubrec", 2), acknowledge("Pubrec", 1), acknowledge("Pubrec", 3))
      )
  },
  ...(["Puback", "Pubrec", "Pubcomp"] as const).map((_tag): Breach => ({
    rule: "answerUnexpected",
    by: _tag,
    commit: sends(acknowledge(_tag, 1))
  })),
  {
    rule: "answerUnexpected",
    by: "PUBACK for a QoS 2 message",
    commit: (version, broker) =>
      Effect.flatMap(receiving(version, broker, 2), (client) => client.send(acknowledge("Puback", 1)))
  },
  {
    rule: "receiveMaximum",
    versions: only50,
    options: { receiveMaximum: 2 },
    commit: sends(qos1(1), qos2(2), qos1(3))
  },
  {
    rule: "packetTooLarge",
    versions: only50,
    options: { maximumPacketSize: 20 },
    commit: sends(publish("a", { text: "x".repeat(20) }))
  },
  { rule: "maximumQos", versions: only50, options: { maximumQos: 1 }, commit: sends(qos2(1)) },
  {
    rule: "retainNotAvailable",
    versions: only50,
    options: { retainAvailable: false },
    commit: sends(publish("a", { retain: true }))
  },
  {
    rule: "topicAliasTooHigh",
    versions: only50,
    options: { topicAliasMaximum: 1 },
    commit: sends(publish("a", { properties: { topicAlias: 2 } }))
  },
  { rule: "topicAliasNotAllowed", versions: only50, commit: sends(publish("a", { properties: { topicAlias: 1 } })) },
  {
    rule: "topicAliasUnknown",
    versions: only50,
    options: { topicAliasMaximum: 1 },
    commit: sends(publish("", { properties: { topicAlias: 1 } }))
  },
  {
    rule: "wildcardSubscription",
    versions: only50,
    options: { wildcardSubscriptionAvailable: false },
    commit: sends(subscribe(1, "a/+"))
  },
  {
    rule: "subscriptionIdentifier",
    versions: only50,
    options: { subscriptionIdentifierAvailable: false },
    commit: sends(subscribe(1, "a", { subscriptionIdentifier: 1 }))
  },
  {
    rule: "sharedSubscription",
    versions: only50,
    options: { sharedSubscriptionAvailable: false },
    commit: sends(subscribe(1, "$share/group/a"))
  },
  {
    rule: "sessionExpiryOnDisconnect",
    versions: only50,
    commit: sends({ ...disconnect, properties: { sessionExpiryInterval: 1 } })
  },
  {
    rule: "packetDuringAuthentication",
    versions: only50,
    options: authentication,
    commit: answersChallenge({ _tag: "Pingreq" })
  },
  { rule: "authenticationNotBegun", versions: only50, commit: sends(auth(0x19)) },
  {
    rule: "authenticationMethodChanged",
    versions: only50,
    options: authentication,
    commit: answersChallenge(auth(0x18, "other"))
  },
  {
    rule: "authenticationUnexpected",
    versions: only50,
    options: authentication,
    commit: answersChallenge(auth(0x19))
  }
]

describe("violations", () => {
  for (const { by, commit, options, rule, versions } of breaches) {
    for (const version of versions ?? everyVersion) {
      const name = by === undefined ? rules[rule].description : `${rules[rule].description}: ${by}`
      it.effect(`${rules[rule][version]} ${name} (${version})`, () =>
        Effect.gen(function*() {
          const broker = yield* MemoryBroker.MemoryBroker
          yield* commit(version, broker)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(
            (yield* broker.violations).map(({ clientId, description, label, version }) => ({
              clientId,
              description,
              label,
              version
            })),
            [{ clientId: "client", description: rules[rule].description, label: rules[rule][version], version }]
          )
          const disconnects = (yield* broker.packets()).flatMap(({ direction, packet }) =>
            direction === "sent" && packet._tag === "Disconnect" ? [packet.reasonCode] : []
          )
          const { reasonCode } = ruleOf(rule)
          const isAnnounced = version === "5.0" && reasonCode !== undefined && options !== authentication
          assert.deepStrictEqual(disconnects, isAnnounced ? [reasonCode] : [])
        }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer(options))))
    }
  }

  it("every rule of the table is shown", () => {
    assert.sameMembers([...new Set(breaches.map(({ rule }) => rule))], Object.keys(rules))
  })

  it.effect("what cannot be decoded is a violation with the decoder's label, and ends the connection", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const client = yield* connect("5.0")
      // PUBLISH with QoS 3, and PINGREQ behind it.
      yield* client.sendBytes(0x36, 5, 0, 1, 97, 0, 1, 0xc0, 0)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual((yield* broker.violations).map(({ label, version }) => [label, version]), [
        ["3.3.1-4", "5.0"]
      ])
      assert.deepStrictEqual(client.take(), [{ ...disconnect, reasonCode: 0x81 }])
      assert.isTrue(client.isEnded())
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))

  it.effect("what comes behind a packet that ends the connection is not looked at", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const client = yield* connect("5.0")
      yield* client.send(connectPacket("5.0"), qos1(1))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual((yield* broker.received()).map(({ _tag }) => _tag), ["Connect", "Connect"])
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))

  it.effect("a first packet that is not CONNECT", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const client = yield* open("5.0")
      yield* client.send({ _tag: "Pingreq" })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual((yield* broker.violations).map(({ label }) => label), ["3.1.0-1"])
      assert.deepStrictEqual([client.take(), client.isEnded()], [[], true])
    }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())))

  describe("what is none", () => {
    const isNone = (
      name: string,
      scenario: Breach["commit"],
      options?: MemoryBroker.Options
    ) => {
      for (const version of versions) {
        it.effect(`${name} (${version})`, () =>
          Effect.gen(function*() {
            const broker = yield* MemoryBroker.MemoryBroker
            yield* scenario(version, broker)
            yield* TestClock.adjust(roundTrip)
            assert.deepStrictEqual(yield* broker.violations, [])
          }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer(options))))
      }
    }

    isNone(
      "unfinished messages sent again in order, then new ones",
      (version, broker) =>
        Effect.flatMap(
          interrupted(version, broker, qos1(1), qos2(2), qos1(3)),
          (client) => client.send(again(qos1(1)), again(qos2(2)), again(qos1(3)), qos1(4))
        )
    )

    isNone("DUP on a message that the network lost the first time", (version) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const first = yield* connect(version, persistent(version))
        yield* network.drop
        yield* first.send(qos1(1))
        yield* first.abort
        const second = yield* connect(version, persistent(version))
        yield* second.send(again(qos1(1)))
      }))

    isNone(
      "an identifier used again once its answer was read, with a window of one",
      (version) =>
        Effect.gen(function*() {
          const client = yield* connect(version)
          for (const text of ["1", "2", "3"]) {
            yield* client.send(qos1(1, text))
            yield* TestClock.adjust(roundTrip)
          }
          yield* client.send(qos2(1))
          yield* TestClock.adjust(roundTrip)
          yield* client.send(acknowledge("Pubrel", 1))
          yield* TestClock.adjust(roundTrip)
          yield* client.send(subscribe(1, "b"))
          yield* TestClock.adjust(roundTrip)
          yield* client.send(qos1(1))
        }),
      { receiveMaximum: 1 }
    )

    isNone("the same identifier in both directions at once", (version, broker) =>
      Effect.gen(function*() {
        const client = yield* receiving(version, broker, 1)
        yield* broker.holdAcknowledgements()
        yield* client.send(qos1(1), qos1(2))
        yield* TestClock.adjust(roundTrip)
        yield* client.send(...[1, 2, 3].map((packetIdentifier) => acknowledge("Puback", packetIdentifier)))
      }))

    isNone("half a packet when the network cut it", (version) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        for (const how of ["close", "reset"] as const) {
          yield* network.cutAfter({ bytes: 40, direction: "fromClient", how })
          const client = yield* connect(version)
          yield* client.send(publish("a", { text: "x".repeat(40) }))
          yield* TestClock.adjust(roundTrip)
        }
        const aborted = yield* connect(version)
        yield* aborted.sendBytes(0x30, 5, 0)
        yield* aborted.abort
      }))

    isNone("a session that is lost: new messages under any identifier", (version, broker) =>
      Effect.gen(function*() {
        yield* broker.holdAcknowledgements()
        const first = yield* connect(version, persistent(version))
        yield* first.send(qos1(1), qos2(2))
        yield* TestClock.adjust(roundTrip)
        yield* broker.restart({ keepSessions: false })
        yield* TestClock.adjust(roundTrip)
        const second = yield* connect(version, persistent(version))
        yield* second.send(qos1(1), qos2(2))
      }))
  })
})

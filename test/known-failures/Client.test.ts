/**
 * Failures of other clients, one test each, by its identifier. A server does the impossible, and the client ends the
 * connection with a typed error, lives on, leaks nothing and connects again by its schedule.
 *
 * See `Bytes.test.ts` for failures that bytes alone can show.
 */
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Fiber, Layer, Redacted, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import type { ClientPacket, ProtocolVersion } from "../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker, type ScriptedServer } from "../../src/testing/index.ts"
import { bytesOf } from "../protocol/hex.ts"
import { accept, connectClient, leavesNothing, nextConnection, type Peer } from "../support/peer.ts"
import { record, stateOf } from "../support/scenario.ts"
import { begin, complete, latency, reconnectDelay, reconnected, roundTrip, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** A client that has been accepted and that waits a little before it connects again. */
const connect = (options: MqttClient.Options = {}) =>
  connectClient({ reconnect: Schedule.spaced(reconnectDelay), ...options })

/** The client has waited as its schedule says, and has connected again. */
const reconnectedPeer = Effect.gen(function*() {
  yield* TestClock.adjust(reconnectDelay)
  const peer = yield* nextConnection
  yield* accept(peer)
  return peer
})

/** Why the client is without a connection. */
const lostBy = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const state = yield* stateOf(mqtt)
  if (state._tag !== "Disconnected") return assert.fail(`the client is ${state._tag}`)
  return state.error.reason
})

/** The server broke the protocol, and the client says so. */
const assertViolation = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const reason = yield* lostBy(mqtt)
  assert.strictEqual(reason._tag, "ProtocolViolation", reason.message)
})

/** It works: a message goes out and is acknowledged. */
const assertWorks = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"], peer: Peer) {
  yield* TestClock.adjust(latency)
  yield* peer.receiveAll
  const publishing = yield* begin(mqtt.publish("alive", "yes", { qos: 1 }))
  yield* TestClock.adjust(latency)
  const { packetIdentifier, topic } = yield* peer.expect("Publish")
  assert.strictEqual(topic, "alive")
  yield* peer.send({ _tag: "Puback", packetIdentifier })
  yield* TestClock.adjust(latency)
  assert.isDefined(publishing.pollUnsafe())
  yield* Fiber.join(publishing)
  assert.strictEqual((yield* mqtt.stats).inFlight, 0)
})

const inVersions = (
  name: string,
  test: (
    version: ProtocolVersion
  ) => Parameters<typeof leavesNothing<void, MqttError | ScriptedServer.UnexpectedInput>>[0],
  of: ReadonlyArray<ProtocolVersion> = versions
) => {
  for (const version of of) it.effect(`${name} (${version})`, () => leavesNothing(test(version)))
}

/** A packet with its Remaining Length, which is short here. */
const packet = (hex: string): Uint8Array => {
  const [first, ...body] = bytesOf(hex)
  return Uint8Array.of(first, body.length, ...body)
}

/** A request that waits for its answer on this connection. */
const requests = {
  "publish QoS 1": (mqtt: MqttClient.MqttClient["Service"]) => Effect.asVoid(mqtt.publish("t", "x", { qos: 1 })),
  "publish QoS 2": (mqtt: MqttClient.MqttClient["Service"]) => Effect.asVoid(mqtt.publish("t", "x", { qos: 2 })),
  subscribe: (mqtt: MqttClient.MqttClient["Service"]) => Effect.asVoid(mqtt.subscribe("t", { qos: 1 }))
} as const

/** Answers it as one has to. */
const answer = Effect.fnUntraced(function*(peer: Peer, version: ProtocolVersion) {
  const asked = yield* peer.receive
  if (asked._tag === "Subscribe") {
    yield* peer.send({ _tag: "Suback", packetIdentifier: asked.packetIdentifier, reasonCodes: [1] })
  } else if (asked._tag === "Publish" && asked.qos === 1) {
    yield* peer.send({ _tag: "Puback", packetIdentifier: asked.packetIdentifier })
  } else if (asked._tag === "Publish") {
    const { packetIdentifier } = asked
    yield* peer.send({ _tag: "Pubrec", packetIdentifier })
    yield* TestClock.adjust(roundTrip)
    // It has answered the PUBRELs that nobody asked for, too.
    yield* Effect.repeat(peer.receive, { until: ({ _tag }) => _tag === "Pubrel" })
    yield* peer.send({ _tag: "Pubcomp", packetIdentifier })
  } else assert.fail(`${asked._tag} in ${version}`)
  yield* TestClock.adjust(latency)
})

describe("clients that others crashed, hung or ended for good", () => {
  inVersions(
    "GHSA-c8jq-r765-cq7g a Topic Alias that was not announced, again on each connection",
    () =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connect({ topicAliasMaximum: 0 })
        const { messages } = yield* record(mqtt.messages("t"))
        let current = peer
        for (let round = 0; round < 5; round++) {
          yield* TestClock.adjust(latency)
          const { packetIdentifier } = yield* current.expect("Subscribe")
          yield* current.send({ _tag: "Suback", packetIdentifier, reasonCodes: [0] })
          // An alias without a topic or with one, then a good message in the same chunk, which must not be looked at.
          yield* current.sendBytes([
            ...packet(round % 2 === 0 ? "30 0000 03 23 0001" : "30 0001 74 03 23 0001"),
            ...packet("30 0001 74 00 01")
          ])
          yield* TestClock.adjust(latency)
          yield* assertViolation(mqtt)
          current = yield* reconnectedPeer
        }
        assert.isEmpty(messages)
        yield* TestClock.adjust(latency)
        const { packetIdentifier } = yield* current.expect("Subscribe")
        yield* current.send(
          { _tag: "Suback", packetIdentifier, reasonCodes: [0] },
          { _tag: "Publish", topic: "t", payload: bytesOf("02") }
        )
        yield* TestClock.adjust(latency)
        yield* settle
        assert.deepStrictEqual(messages.map(({ payload }) => payload), [bytesOf("02")])
        yield* assertWorks(mqtt, current)
      }),
    ["5.0"]
  )

  for (
    const [name, codes] of [["none", ""], ["too few", "00"], ["too many", "00 00 00"]] as const
  ) {
    inVersions(`CVE-2024-10525 SUBACK with ${name} of the codes asked for`, (version) =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connect({ protocolVersion: version })
        const subscribing = yield* begin(mqtt.subscribe(["a", "b"]))
        yield* TestClock.adjust(latency)
        const { packetIdentifier } = yield* peer.expect("Subscribe")
        const identifier = packetIdentifier.toString(16).padStart(4, "0")
        yield* peer.sendBytes(packet(`90 ${identifier} ${version === "5.0" ? "00" : ""} ${codes}`))
        yield* TestClock.adjust(latency)
        yield* assertViolation(mqtt)
        assert.isUndefined(subscribing.pollUnsafe())
        const next = yield* reconnectedPeer
        const again = yield* next.expect("Subscribe")
        yield* next.send({ _tag: "Suback", packetIdentifier: again.packetIdentifier, reasonCodes: [0, 0] })
        yield* TestClock.adjust(latency)
        yield* Effect.asVoid(Fiber.join(subscribing))
        yield* assertWorks(mqtt, next)
      }))
  }

  const wrongConnacks: ReadonlyArray<readonly [name: string, version: ProtocolVersion, hex: string]> = [
    ["paho.mqtt.c #985 a Property Length past the end", "5.0", "20 0000 7f"],
    ["Eclipse bug 543626 a Property Length past the end, with something in it", "5.0", "20 0000 10 21 0001"],
    ["paho.mqtt.c #985 a Property Length that is not minimal", "5.0", "20 0000 8000"],
    ["paho.mqtt.c #985 a string past the end of the properties", "5.0", "20 0000 05 1f ffff 6161"],
    ["NanoMQ #2145 CONNACK without a body", "3.1.1", "20"],
    ["NanoMQ #2145 CONNACK without a body", "5.0", "20"],
    ["NanoMQ #2145 CONNACK of one byte", "3.1.1", "20 00"],
    ["NanoMQ #2145 CONNACK of one byte", "5.0", "20 00"],
    ["NanoMQ #2145 CONNACK with reserved flags", "3.1.1", "20 ff 00"],
    ["NanoMQ #2145 CONNACK with reserved flags", "5.0", "20 ff 00 00"],
    ["NanoMQ #2145 CONNACK that goes on", "3.1.1", "20 00 00 00"],
    ["NanoMQ #2145 CONNACK that goes on", "5.0", "20 00 00 00 00"],
    ["NanoMQ #2145 CONNACK with a code there is not", "3.1.1", "20 00 06"],
    ["NanoMQ #2145 CONNACK with a code there is not", "5.0", "20 00 05 00"],
    ["NanoMQ #2145 CONNACK with flags on its type", "5.0", "2f 00 00 00"]
  ]
  for (const [name, protocolVersion, hex] of wrongConnacks) {
    inVersions(name, () =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connect({ protocolVersion, connectTimeout: "1 second" })
        yield* peer.close
        yield* TestClock.adjust(latency)
        yield* TestClock.adjust(reconnectDelay)
        const wrong = yield* nextConnection
        yield* wrong.sendBytes(packet(hex))
        yield* TestClock.adjust(latency)
        yield* assertViolation(mqtt)
        yield* assertWorks(mqtt, yield* reconnectedPeer)
      }), [protocolVersion])
  }

  for (const [kind, request] of Object.entries(requests)) {
    // Each acknowledgement for the identifier that waits, of the kind it does not wait for, and for one nobody uses.
    const wrongKinds = ["40", "50", "62", "70", "90", "b0"]
    inVersions(
      `CVE-2021-45932 CVE-2021-45939 acknowledgements of the wrong kind while ${kind} waits`,
      (version) =>
        Effect.gen(function*() {
          const { mqtt, peer } = yield* connect({ protocolVersion: version })
          const waiting = yield* begin(request(mqtt))
          yield* TestClock.adjust(latency)
          const [asked] = yield* Effect.map(peer.received, (packets) => packets.slice(1))
          const isRight = rightKinds[asked._tag] ?? []
          for (const first of wrongKinds.filter((first) => !isRight.includes(first))) {
            for (const identifier of ["0001", "0100", "ffff"]) {
              const codes = first === "90" ? (version === "5.0" ? "00 00" : "00") : ""
              const unsubscribed = first === "b0" && version === "5.0" ? "00 00" : ""
              yield* peer.sendBytes(packet(`${first} ${identifier} ${codes} ${unsubscribed}`))
              yield* TestClock.adjust(roundTrip)
            }
          }
          assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
          assert.isUndefined(waiting.pollUnsafe(), "an answer to something else is no answer")
          yield* answer(peer, version)
          yield* Fiber.join(waiting)
          yield* assertWorks(mqtt, peer)
        })
    )

    inVersions(
      `CVE-2021-45933 CVE-2021-45938 an acknowledgement that is too long while ${kind} waits`,
      (version) =>
        Effect.gen(function*() {
          const { mqtt, peer } = yield* connect({ protocolVersion: version })
          const waiting = yield* begin(request(mqtt))
          let current = peer
          for (const first of ["40", "50", "70", "b0"]) {
            yield* TestClock.adjust(latency)
            yield* current.sendBytes(packet(`${first} 0001 ${"00".repeat(100)} ff`))
            yield* TestClock.adjust(latency)
            yield* assertViolation(mqtt)
            current = yield* reconnectedPeer
          }
          assert.isUndefined(waiting.pollUnsafe())
          yield* answer(current, version)
          yield* Fiber.join(waiting)
          yield* assertWorks(mqtt, current)
        })
    )
  }

  const impossible: ReadonlyArray<readonly [name: string, hex: string, version?: ProtocolVersion]> = [
    ["CONNECT", "10 0004 4d515454 04 02 003c 0001 61", "3.1.1"],
    ["CONNECT", "10 0004 4d515454 05 02 003c 00 0001 61", "5.0"],
    ["SUBSCRIBE", "82 000a 0001 61 00"],
    ["UNSUBSCRIBE", "a2 000a 0001 61"],
    ["PINGREQ", "c0"],
    ["packet type 0", "00"],
    ["packet type 15", "f0", "3.1.1"],
    ["AUTH that nobody asked for", "f0 18 04 15 0001 6d", "5.0"],
    ["a second CONNACK", "20 0000", "3.1.1"],
    ["a second CONNACK", "20 0000 00", "5.0"],
    ["DISCONNECT, in 3.1.1", "e0", "3.1.1"]
  ]
  for (const [name, hex, only] of impossible) {
    inVersions(
      `rumqttc #830 rumqtt #812 security 14: the server sends ${name}`,
      (protocolVersion) =>
        Effect.gen(function*() {
          const { mqtt, peer } = yield* connect({ protocolVersion })
          const publishing = yield* begin(mqtt.publish("t", "x", { qos: 1 }))
          yield* TestClock.adjust(latency)
          yield* peer.sendBytes(packet(hex))
          yield* TestClock.adjust(latency)
          yield* assertViolation(mqtt)
          const next = yield* reconnectedPeer
          yield* answer(next, protocolVersion)
          yield* Fiber.join(publishing)
          yield* assertWorks(mqtt, next)
        }),
      only === undefined ? versions : [only]
    )
  }

  inVersions(
    "rumqttc #830 the server hangs up in each moment: before CONNACK, idle, and with everything pending",
    (protocolVersion) =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connect({ protocolVersion })
        yield* peer.close
        yield* TestClock.adjust(latency)
        assert.strictEqual((yield* lostBy(mqtt))._tag, "ConnectionLost")
        yield* TestClock.adjust(reconnectDelay)
        const second = yield* nextConnection
        yield* second.reset
        yield* TestClock.adjust(latency)
        assert.strictEqual((yield* lostBy(mqtt))._tag, "ConnectionLost")
        const third = yield* reconnectedPeer
        const pending = yield* Effect.forEach(Object.values(requests), (request) => begin(request(mqtt)))
        yield* TestClock.adjust(latency)
        yield* third.reset
        yield* TestClock.adjust(latency)
        const fourth = yield* reconnectedPeer
        for (const _ of pending) yield* answer(fourth, protocolVersion)
        yield* Fiber.joinAll(pending)
        yield* assertWorks(mqtt, fourth)
      })
  )

  inVersions(
    "CVE-2017-10910 100,000 messages in one chunk: all delivered, and nobody else is kept from running",
    (protocolVersion) =>
      Effect.gen(function*() {
        const count = 100_000
        const { mqtt, peer } = yield* connect({ protocolVersion })
        let received = 0
        yield* begin(Stream.runForEachArray(mqtt.messages("t"), (messages) =>
          Effect.sync(() => {
            received += messages.length
          })))
        yield* TestClock.adjust(latency)
        yield* answer(peer, protocolVersion)
        const one = packet(protocolVersion === "5.0" ? "30 0001 74 00" : "30 0001 74")
        const bytes = new Uint8Array(count * one.length)
        for (let index = 0; index < count; index++) bytes.set(one, index * one.length)
        yield* peer.sendBytes(bytes)
        yield* TestClock.adjust(latency)
        yield* settle
        assert.strictEqual(received, count)
        yield* assertWorks(mqtt, peer)
      })
  )

  inVersions(
    "CVE-2020-26149 nothing of the options reaches the server but what it is meant to see",
    (protocolVersion) =>
      Effect.gen(function*() {
        const canary = "canary-8841"
        const options = {
          protocolVersion,
          username: "user",
          password: Redacted.make("the password")
        }
        // What plain JavaScript may leave in an options object.
        for (const left of [{ token: canary }, { pass: canary }, { cert: canary }]) {
          const making = Effect.scoped(MqttClient.make({ ...options, ...left } as MqttClient.Options))
          const refused = yield* Effect.match(making, {
            onSuccess: () => "nothing",
            onFailure: ({ reason }) => reason._tag
          })
          assert.strictEqual(refused, "InvalidOptions")
        }
        const more = { qos: 1, password: canary, headers: canary } as const
        const { mqtt, peer } = yield* connect(options)
        yield* begin(mqtt.publish("t", "x", more))
        yield* begin(Effect.asVoid(mqtt.subscribe("t", more)))
        yield* TestClock.adjust(latency)
        const sent = new TextDecoder().decode(
          Uint8Array.from((yield* peer.receivedBytes).flatMap((chunk) => [...chunk]))
        )
        assert.notInclude(sent, canary)
        // The password stands in CONNECT once, and nowhere else.
        assert.strictEqual(sent.split("the password").length, 2)
      })
  )
})

/** The acknowledgements that are an answer to a packet. */
const rightKinds: { readonly [Type in ClientPacket["_tag"]]?: ReadonlyArray<string> } = {
  Publish: ["40", "50"],
  Subscribe: ["90"]
}

describe("clients of others that broke when what is in flight was sent again", () => {
  for (const version of versions) {
    it.effect(`CVE-2017-7655 the connection is cut at every byte of what is sent again (${version})`, () =>
      Effect.gen(function*() {
        // CONNECT is about 30 bytes and the six messages about 120.
        for (let bytes = 1; bytes <= 160; bytes += 1) {
          yield* resentAndCut(version, bytes).pipe(Effect.provide(Layer.fresh(MemoryBroker.layer())))
        }
      }))
  }
})

/** Six messages in flight, whose first two retransmissions are cut after so many bytes. */
const resentAndCut = (protocolVersion: ProtocolVersion, bytes: number) =>
  Effect.scoped(Effect.gen(function*() {
    const network = yield* FakeNetwork.FakeNetwork
    const broker = yield* MemoryBroker.MemoryBroker
    const transport = yield* MqttTransport
    const mqtt = yield* complete(
      MqttClient.make({
        protocolVersion,
        clientId: "client",
        session: "persistent",
        reconnect: Schedule.spaced(reconnectDelay)
      }).pipe(Effect.provideService(MqttTransport, transport))
    )
    yield* broker.holdAcknowledgements()
    const texts = ["1", "2", "3", "4", "5", "6"]
    const publishing = yield* Effect.forEach(texts, (text, index) =>
      begin(mqtt.publish("t", text, { qos: index % 2 === 0 ? 1 : 2 })))
    yield* TestClock.adjust(roundTrip)
    yield* network.cutAfter({ bytes, direction: "fromClient", how: "reset" }, 2)
    yield* network.reset
    yield* network.cutAfter({ bytes, direction: "fromClient", how: "close" }, "next")
    yield* TestClock.adjust(2 * reconnected)
    yield* broker.releaseAcknowledgements()
    yield* complete(Fiber.joinAll(publishing))
    const accepted = (yield* broker.messages).map(({ payload }) =>
      new TextDecoder().decode(payload)
    )
    // QoS 2 once, QoS 1 at least once, all of them.
    assert.deepStrictEqual(Array.dedupe(accepted), texts)
    for (const text of ["2", "4", "6"]) assert.lengthOf(accepted.filter((other) => other === text), 1)
    assert.strictEqual((yield* mqtt.stats).inFlight, 0)
    assert.deepStrictEqual(yield* broker.violations, [])
    yield* complete(mqtt.disconnect)
  }))

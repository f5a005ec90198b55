/**
 * Attempts of a server to exhaust a client, to confuse it, or to end its process, as far as they need more than bytes.
 * TLS and WebSocket have tests of their own.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Random, References, Schedule, Stream } from "effect"
import { TestClock } from "effect/testing"
import { vi } from "vitest"
import * as MqttClient from "../../src/MqttClient.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { FakeNetwork, ScriptedServer } from "../../src/testing/index.ts"
import { bytesOf, concat } from "../protocol/hex.ts"
import { reachableBytesNextTurn } from "../support/memory.ts"
import { connectClient, leavesNothing, nextConnection, type Peer } from "../support/peer.ts"
import { record, stateOf } from "../support/scenario.ts"
import { begin, connecting, latency, roundTrip, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** A subscription to everything, and what it received. */
const subscribeToAll = Effect.fnUntraced(function*(
  mqtt: MqttClient.MqttClient["Service"],
  peer: Peer,
  options?: MqttClient.SubscribeOptions
) {
  const recorded = yield* record(mqtt.messages("#", options))
  yield* TestClock.adjust(latency)
  const { packetIdentifier } = yield* peer.expect("Subscribe")
  yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [options?.qos ?? 0] })
  yield* TestClock.adjust(latency)
  return recorded
})

const violationOf = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"]) {
  const state = yield* stateOf(mqtt)
  const reason = state._tag === "Disconnected" ? state.error.reason : undefined
  return reason?._tag === "ProtocolViolation" ? reason.reasonCode : assert.fail(state._tag)
})

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)

/** Lines that are logged while it runs. */
const countingLogs = () => {
  let lines = 0
  const counter = Logger.make(() => {
    lines++
  })
  return { lines: () => lines, layer: Logger.layer([counter]) }
}

describe("security: a hostile server", () => {
  for (const protocolVersion of versions) {
    it.effect(`security 3: a packet above 1 MiB that is no message is refused by default, whatever was announced (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        yield* peer.sendBytes(bytesOf("90 fe ff 3f"))
        yield* TestClock.adjust(latency)
        assert.strictEqual(yield* violationOf(mqtt), 0x95)
        const [said] = yield* peer.received
        const announced = said._tag === "Connect" ? said.properties.maximumPacketSize : undefined
        assert.strictEqual(announced, protocolVersion === "5.0" ? 1_048_576 : undefined)
      })))

    it.effect(`security 4: a Remaining Length of 268,435,455, or of five bytes, ends it at its header (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        for (const [header, reasonCode] of [["90 ff ff ff 7f", 0x95], ["30 ff ff ff ff 00", 0x81]] as const) {
          const { mqtt, peer } = yield* connectClient({ protocolVersion })
          yield* peer.sendBytes(bytesOf(header))
          yield* TestClock.adjust(latency)
          assert.strictEqual(yield* violationOf(mqtt), reasonCode)
          yield* mqtt.disconnect
        }
      })))

    it.effect(`security 4: a packet that is dripped out for ever ends it after a minute, and it connects again (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion, reconnect: Schedule.spaced("5 seconds") })
        // A message of a thousand bytes, one of them every five seconds.
        yield* peer.sendBytes(bytesOf("30 e8 07"))
        yield* TestClock.adjust(latency)
        for (let second = 5; second < 60; second += 5) {
          yield* TestClock.adjust(5_000 - latency)
          yield* peer.sendBytes([0])
          yield* TestClock.adjust(latency)
        }
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        yield* TestClock.adjust(5_000)
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Disconnected" ? state.error.reason._tag : state._tag, "PacketTimeout")
        yield* TestClock.adjust(5_000)
        const next = yield* nextConnection
        yield* next.handshake()
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
      })))

    it.effect(`security 5: U+FEFF and noncharacters arrive as they were sent (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        const { messages } = yield* subscribeToAll(mqtt, peer)
        const topics = ["\ufeffa", "a\ufeff", "\uffff", "\u{1fffe}", "\u0001", "\u007f"]
        for (const topic of topics) {
          yield* peer.send({ _tag: "Publish", topic, payload: new TextEncoder().encode(topic) })
        }
        yield* TestClock.adjust(latency)
        yield* settle
        assert.deepStrictEqual(messages.map((message) => message.topic), topics)
        assert.deepStrictEqual(messages.map((message) => message.text), topics)
      })))

    it.effect(`security 6: what users type goes into no wildcard (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        for (const typed of ["+", "#", "a/#", "+/a", "\u0000", "\ud800", ""]) {
          const topic = typed === "" ? "" : `site/${typed}`
          const { reason } = yield* Effect.flip(mqtt.publish(topic, "x", { qos: 1 }))
          assert.strictEqual(reason._tag, "InvalidRequest")
        }
        for (
          const typed of ["a/#/b", "a#", "+a", "\u0000", "\ud800", ...protocolVersion === "5.0" ? ["$share/g"] : []]
        ) {
          const { reason } = yield* Effect.flip(mqtt.subscribe(typed))
          assert.strictEqual(reason._tag, "InvalidRequest")
        }
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual((yield* peer.received).map(({ _tag }) => _tag), ["Connect"])
      })))

    for (const [strictReceiveMaximum, kept] of [[true, 50], [false, 150]] as const) {
      it.effect(`security 8: QoS 2 without PUBREL keeps no more than ${kept} (${protocolVersion})`, () =>
        leavesNothing(Effect.gen(function*() {
          const { mqtt, peer } = yield* connectClient({ protocolVersion, receiveMaximum: 50, strictReceiveMaximum })
          const { messages } = yield* subscribeToAll(mqtt, peer, { qos: 2 })
          const publish = (packetIdentifier: number) => ({
            _tag: "Publish",
            topic: "t",
            payload: new Uint8Array(1),
            qos: 2,
            packetIdentifier
          } as const)
          const identifiers = Array.from({ length: 1_000 }, (_, index) => index + 1)
          yield* peer.send(...identifiers.map(publish))
          yield* TestClock.adjust(roundTrip)
          yield* settle
          if (protocolVersion === "5.0") {
            assert.strictEqual(yield* violationOf(mqtt), 0x93)
            assert.strictEqual(messages.length, kept)
          } else {
            // 3.1.1 has no word for it; the identifiers themselves are the bound.
            assert.strictEqual(messages.length, 1_000)
            yield* peer.send(...identifiers.map((packetIdentifier) => ({ _tag: "Pubrel", packetIdentifier } as const)))
            yield* TestClock.adjust(roundTrip)
            assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
          }
        })))
    }

    it.effect(`security 9: acknowledgements of 65,535 identifiers nobody used cost no memory and no log (${protocolVersion})`, () => {
      const logs = countingLogs()
      return leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        const code = protocolVersion === "5.0" ? "00 00" : "00"
        const storms: ReadonlyArray<(identifier: Uint8Array) => Uint8Array> = [
          (identifier) => concat([bytesOf("50 02"), identifier]),
          (identifier) => concat([bytesOf("40 02"), identifier]),
          (identifier) => concat([bytesOf(protocolVersion === "5.0" ? "90 04" : "90 03"), identifier, bytesOf(code)]),
          (identifier) =>
            protocolVersion === "5.0"
              ? concat([bytesOf("b0 04"), identifier, bytesOf("00 00")])
              : concat([bytesOf("b0 02"), identifier]),
          (identifier) => concat([bytesOf("70 02"), identifier]),
          (identifier) => concat([bytesOf("62 02"), identifier]),
          () => bytesOf("d0 00")
        ]
        for (const storm of storms) {
          yield* peer.sendBytes(concat(Array.from({ length: 65_535 }, (_, index) => storm(uint16(index + 1)))))
          yield* TestClock.adjust(roundTrip)
        }
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
        // One PUBREL for each PUBREC, one PUBCOMP for each PUBREL, and nothing for the others.
        const answers = (yield* peer.received).filter(({ _tag }) => _tag !== "Pingreq")
        assert.lengthOf(answers, 1 + 2 * 65_535)
        // Only at level Trace, whose business that is, is there a line for each packet.
        assert.isBelow(logs.lines(), 5)
      })).pipe(Effect.provide(logs.layer), Effect.provideService(References.MinimumLogLevel, "Debug"))
    })

    it.effect(`security 10: names that every object has are names like others (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "__defineGetter__", "prototype"]
        const { mqtt, peer } = yield* connectClient({ protocolVersion, clientId: "__proto__", topicAliasMaximum: 10 })
        const { messages } = yield* subscribeToAll(mqtt, peer)
        const userProperties = names.map((name) => [name, "polluted"] as const)
        const payload = new Uint8Array(1)
        for (const [index, topic] of names.entries()) {
          const properties = protocolVersion === "5.0" ? { userProperties, topicAlias: index + 1 } : {}
          yield* peer.send({ _tag: "Publish", topic, payload, properties })
          // The alias alone stands for the name from now on.
          if (protocolVersion === "5.0") yield* peer.send({ _tag: "Publish", topic: "", payload, properties })
        }
        yield* TestClock.adjust(latency)
        yield* settle
        const sent = protocolVersion === "5.0" ? names.flatMap((name) => [name, name]) : names
        assert.deepStrictEqual(messages.map(({ topic }) => topic), sent)
        for (const message of messages) {
          assert.isUndefined(Reflect.get({}, "polluted"))
          if (protocolVersion === "5.0") assert.deepStrictEqual(message.userProperties, userProperties)
        }
        for (const filter of names) yield* begin(Effect.asVoid(mqtt.subscribe(filter)))
        yield* TestClock.adjust(latency)
        const asked = (yield* peer.receiveAll).flatMap((packet) =>
          packet._tag === "Subscribe" ? packet.subscriptions.map(({ topicFilter }) => topicFilter) : []
        )
        assert.sameMembers(asked, names)
        assert.strictEqual(Object.keys(Object.prototype).length, 0)
      })))

    it.effect(`security 11: a topic of 65,535 levels costs its subscribers nothing but its length (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        const { messages } = yield* subscribeToAll(mqtt, peer)
        const topic = "/".repeat(65_535)
        yield* peer.send({ _tag: "Publish", topic, payload: new Uint8Array(0) })
        yield* TestClock.adjust(latency)
        yield* settle
        assert.deepStrictEqual(messages.map((message) => message.topic), [topic])
      })))

    it.effect(`security 12: a server that accepts and kills, for an hour, is asked ever less often (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const server = yield* ScriptedServer.ScriptedServer
        const network = yield* FakeNetwork.FakeNetwork
        // Every connection: CONNACK at once, and then what ends it.
        const endings = ["d1 00", "00 00", "30 02 00 00", "20 02 00 00", "e0 02 8b 00", "e0 00", "c0 00"]
        yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
          const peer = yield* server.accept
          yield* peer.handshake()
          // In the bytes behind CONNACK, or a little before the client believes in the connection.
          if (peer.number % 2 === 0) yield* Effect.sleep("9 seconds")
          yield* peer.sendBytes(bytesOf(endings[peer.number % endings.length]))
        })))
        const mqtt = yield* begin(MqttClient.make({ clientId: "client", protocolVersion, initialConnection: "retry" }))
        yield* TestClock.adjust("1 hour")
        const { attempts, closed, opened } = yield* network.counters
        // After each failure twice as long, then 10 to 40 seconds: 25 on average.
        assert.isBelow(attempts, 3600 / (25 * 0.8) + 10)
        assert.isAbove(attempts, 3600 / ((26 + 9) * 1.2))
        assert.isAtMost(opened - closed, 1)
        assert.isDefined(mqtt.pollUnsafe())
      }).pipe(
        Effect.scoped,
        Effect.provide(ScriptedServer.layer({ latency })),
        Random.withSeed("security 12"),
        Effect.provideService(References.MinimumLogLevel, "Fatal")
      ))

    it.effect(`security 13: a handler that a crafted payload kills takes nobody with it (${protocolVersion})`, () =>
      leavesNothing(Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({ protocolVersion })
        const { messages } = yield* subscribeToAll(mqtt, peer, { qos: 1 })
        const handled: Array<string> = []
        const consuming = yield* begin(mqtt.consume("t", ({ text }) => {
          // Throws before it is an effect at all.
          if (text === "throw") throw new Error("crafted")
          return text === "die" ? Effect.die("crafted") : Effect.sync(() => handled.push(text))
        }, { onFailure: "acknowledge" }))
        const dying = yield* begin(Effect.exit(Stream.runForEach(mqtt.messages("t/2"), () => Effect.die("crafted"))))
        yield* TestClock.adjust(latency)
        for (const packet of yield* peer.receiveAll) {
          if (packet._tag !== "Subscribe") continue
          const reasonCodes = packet.subscriptions.map(({ qos }) => qos)
          yield* peer.send({ _tag: "Suback", packetIdentifier: packet.packetIdentifier, reasonCodes })
        }
        const sent = [["t", "throw"], ["t/2", "die"], ["t", "die"], ["t", "good"]] as const
        for (const [index, [topic, payload]] of sent.entries()) {
          const bytes = new TextEncoder().encode(payload)
          yield* peer.send({ _tag: "Publish", topic, payload: bytes, qos: 1, packetIdentifier: index + 1 })
        }
        yield* TestClock.adjust(roundTrip)
        yield* settle
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(handled, ["good"])
        assert.deepStrictEqual(messages.map(({ text }) => text), ["throw", "die", "die", "good"])
        assert.isDefined(dying.pollUnsafe())
        assert.isUndefined(consuming.pollUnsafe())
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        const answers = (yield* peer.received).filter(({ _tag }) => _tag === "Puback")
        assert.lengthOf(answers, 4)
      })))
  }

  for (const qos of [0, 1] as const) {
    it.effect(`CVE-2017-10910 60,000 messages of QoS ${qos} in one chunk: other fibers have their turns in between`, () =>
      leavesNothing(Effect.gen(function*() {
        const count = 60_000
        const { mqtt, peer } = yield* connectClient({ receiveMaximum: 65_535 })
        let turns = 0
        const deliveredIn: Array<number> = []
        const delivered = mqtt.messages("#", { qos, buffer: { messages: count } }).pipe(
          Stream.runForEach(() => Effect.sync(() => void deliveredIn.push(turns)))
        )
        yield* begin(delivered)
        yield* TestClock.adjust(latency)
        const { packetIdentifier } = yield* peer.expect("Subscribe")
        yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [qos] })
        yield* TestClock.adjust(latency)
        const messages = Array.from(
          { length: count },
          (_, index) =>
            qos === 0
              ? bytesOf("30 04 0001 74 00")
              : concat([bytesOf("32 06 0001 74"), uint16(index + 1), bytesOf("00")])
        )
        yield* peer.sendBytes(concat(messages))
        const others = yield* begin(Effect.forever(Effect.suspend(() => {
          turns++
          return Effect.yieldNow
        })))
        yield* TestClock.adjust(latency)
        yield* Effect.repeat(Effect.yieldNow, { until: () => deliveredIn.length === count, times: 10_000 })
        yield* Fiber.interrupt(others)
        const inOneTurn = new Map<number, number>()
        for (const turn of deliveredIn) inOneTurn.set(turn, (inOneTurn.get(turn) ?? 0) + 1)
        assert.lengthOf(deliveredIn, count)
        assert.isBelow(Math.max(...inOneTurn.values()), count / 5)
      })))
  }

  it.effect(
    "security 12: 10,000 connections that are killed at once leave no memory behind",
    () =>
      Effect.gen(function*() {
        let opened = 0
        // Nothing in between that would keep what passed: CONNACK, and then a packet of no type or DISCONNECT.
        const transport = MqttTransport.of({
          endpoint: "mqtt://hostile.test",
          open: Effect.sync(() => {
            opened++
            const answers = [bytesOf("20 03 00 00 00"), bytesOf(opened % 2 === 0 ? "00 00" : "e0 02 8b 00")]
            return {
              pull: Effect.suspend(() => {
                const answer = answers.shift()
                return answer === undefined ? Effect.never : Effect.succeed([answer] as const)
              }),
              write: () => Effect.void,
              abort: Effect.void
            }
          })
        })
        const mqtt = yield* MqttClient.make({ clientId: "client", reconnect: Schedule.spaced("1 second") }).pipe(
          Effect.provideService(MqttTransport, transport)
        )
        yield* TestClock.adjust("2000 seconds")
        const before = yield* reachableBytesNextTurn
        yield* TestClock.adjust("10000 seconds")
        assert.isAbove(opened, 11_000)
        // A hundred bytes kept of each would be a megabyte.
        assert.isBelow((yield* reachableBytesNextTurn) - before, 1_000_000)
        assert.include(["Disconnected", "Connecting"], (yield* stateOf(mqtt))._tag)
        // It takes eight seconds of a processor, which other tests may want too.
      }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Fatal")),
    300_000
  )

  it.effect("security 15: Client Identifiers that we make are of 62 characters, and no two are alike, whatever is known of other random numbers", () =>
    Effect.gen(function*() {
      vi.spyOn(Math, "random").mockReturnValue(0.5)
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.restoreAllMocks()))
      const server = yield* ScriptedServer.ScriptedServer
      const identifiers = new Set<string>()
      for (let count = 0; count < 200; count++) {
        const making = yield* begin(Random.withSeed(MqttClient.make({ reconnect: Schedule.recurs(0) }), "security 15"))
        yield* TestClock.adjust(connecting)
        const peer = yield* server.accept
        yield* TestClock.adjust(latency)
        const { clientId } = yield* peer.handshake()
        assert.match(clientId, /^[0-9a-zA-Z]{22}$/)
        identifiers.add(clientId)
        yield* TestClock.adjust(latency)
        yield* (yield* Fiber.join(making)).disconnect
      }
      assert.strictEqual(identifiers.size, 200)
    }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer({ latency }))))
})

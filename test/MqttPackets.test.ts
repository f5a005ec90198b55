/**
 * The lines of packets for a bug report, and the secrets that no line may contain.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as MqttConnection from "../src/MqttConnection.ts"
import * as MqttError from "../src/MqttError.ts"
import * as MqttPackets from "../src/MqttPackets.ts"
import { accept, leavesNothing, nextConnection, openingClient } from "./support/peer.ts"
import { type Kit, scenario } from "./support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "./support/time.ts"

/** Keeps the lines of what runs in it. */
const observing = (options: Omit<MqttPackets.Options, "write"> = {}) => {
  const lines: Array<string> = []
  const write = (line: string) => Effect.sync(() => void lines.push(line))
  return { lines, layer: MqttPackets.layer({ ...options, write }) }
}

/** Without their times. */
const timeless = (lines: ReadonlyArray<string>) => lines.map((line) => line.replace(/^\S+Z /, ""))

const secret = (name: string): string => `canary-${name}`

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What a client says that nobody may read. */
const secretive = {
  username: secret("username"),
  password: Redacted.make(secret("password")),
  will: { topic: "gone", payload: secret("will") }
}

const withSecrets = (kit: Kit) =>
  kit.version === "3.1.1" ? { qos: 1 } as const : {
    qos: 1,
    properties: {
      contentType: "text/plain",
      correlationData: bytes(secret("correlation")),
      userProperties: [["token", secret("user-property")]]
    }
  } as const

describe("MqttPackets", () => {
  scenario(
    "writes what is sent and received, in order, over every connection, and no secret",
    {},
    (kit) => {
      const { layer, lines } = observing()
      return Effect.gen(function*() {
        const mqtt = yield* kit.connect({ ...secretive, topicAliasMaximum: 0, outgoingTopicAliasMaximum: 0 })
        yield* complete(mqtt.publish("a b", secret("payload"), withSecrets(kit)))
        const [opened, connect, connack, publish, puback, ...more] = timeless(lines)
        assert.deepStrictEqual(more, [])
        assert.strictEqual(opened, "#1 opened mqtt://broker.test:1883")
        assert.match(connect, /^#1 sent CONNECT protocolVersion=\S+ clientId=client cleanStart=true keepAlive=60 /)
        assert.include(connect, " username=(hidden) password=(hidden) will=gone willQos=0 willRetain=false")
        assert.match(connack, /^#1 received CONNACK sessionPresent=false reasonCode=0x00/)
        const properties = kit.version === "3.1.1"
          ? ""
          : " contentType=text/plain correlationData=(18 bytes) userProperties=(1 of them)"
        assert.strictEqual(
          publish,
          `#1 sent PUBLISH packetIdentifier=1 topic="a b" qos=1 retain=false dup=false payload=(14 bytes)${properties}`
        )
        assert.strictEqual(puback, "#1 received PUBACK packetIdentifier=1 reasonCode=0x00")
        for (const line of lines) assert.match(line, /^1970-01-01T00:00:00\.\d{3}Z #1 /)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + roundTrip)
        assert.deepStrictEqual(timeless(lines).slice(5).map((line) => line.split(" ").slice(0, 3).join(" ")), [
          "#1 ended: The",
          "#2 opened mqtt://broker.test:1883",
          "#2 sent CONNECT",
          "#2 received CONNACK"
        ])
        for (const line of lines) assert.notInclude(line, "canary")
      }).pipe(Effect.provide(layer))
    }
  )

  scenario("shows as much of a payload as it is asked for, harmless", {}, (kit) => {
    const { layer, lines } = observing({ payload: 6 })
    return Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* complete(mqtt.publish("t", "a\n\"\u001bbcd", { qos: 1 }))
      assert.include(timeless(lines)[3], "payload=(7 bytes)\"a\\\\x0a\\\"\\\\x1bbc\"")
    }).pipe(Effect.provide(layer))
  })

  scenario("names filters with their QoS, and what the server answers to each", { versions: ["3.1.1"] }, (kit) => {
    const { layer, lines } = observing()
    return Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* Effect.scoped(Effect.asVoid(complete(mqtt.subscribe(["a/+", "b c"], { qos: 1 }))))
      yield* TestClock.adjust(roundTrip)
      const [subscribe, suback, unsubscribe, unsuback] = timeless(lines).slice(3)
      assert.strictEqual(subscribe, "#1 sent SUBSCRIBE packetIdentifier=1 a/+:1 \"b c\":1")
      assert.strictEqual(suback, "#1 received SUBACK packetIdentifier=1 0x01 0x01")
      assert.strictEqual(unsubscribe, "#1 sent UNSUBSCRIBE packetIdentifier=2 a/+ \"b c\"")
      assert.strictEqual(unsuback, "#1 received UNSUBACK packetIdentifier=2")
    }).pipe(Effect.provide(layer))
  })

  it.effect("hides Authentication Data and a Server Reference", () => {
    const { layer, lines } = observing()
    const authentication = {
      method: "TOKEN",
      start: Effect.succeed({
        initial: Redacted.make(secret("initial")),
        next: () => Effect.succeed(Redacted.make(secret("answer")))
      })
    }
    return leavesNothing(Effect.gen(function*() {
      const { fiber, peer } = yield* openingClient({ authentication, initialConnection: "fail" })
      yield* peer.send({
        _tag: "Auth",
        reasonCode: 0x18,
        properties: { authenticationMethod: "TOKEN", authenticationData: bytes(secret("challenge")) }
      })
      yield* TestClock.adjust(roundTrip)
      yield* peer.send({
        _tag: "Connack",
        sessionPresent: false,
        reasonCode: 0x9c,
        properties: { serverReference: `mqtts://u:${secret("reference")}@host` }
      })
      yield* TestClock.adjust(roundTrip)
      yield* Fiber.await(fiber)
      assert.include(
        lines.join("\n"),
        "received AUTH reasonCode=0x18 authenticationMethod=TOKEN authenticationData=(16 bytes)"
      )
      assert.include(lines.join("\n"), "sent AUTH reasonCode=0x18")
      assert.match(lines.join("\n"), /received CONNACK .*reasonCode=0x9c .*serverReference=\(\d+ characters\)/)
      for (const line of lines) assert.notInclude(line, "canary")
    })).pipe(Effect.provide(layer))
  })

  it.effect("reads packets that come in pieces, and says which bytes are none", () => {
    const { layer, lines } = observing()
    return leavesNothing(Effect.gen(function*() {
      const fiber = yield* begin(MqttConnection.make({ clientId: "c" }))
      const peer = yield* nextConnection
      yield* accept(peer)
      const connection = yield* Fiber.join(fiber)
      const reading = yield* begin(Effect.flip(Effect.forever(connection.pull)))
      yield* peer.sendBytes(Uint8Array.of(0xd0))
      yield* TestClock.adjust(roundTrip)
      yield* peer.sendBytes(Uint8Array.of(0x00, 0x00, 0x00))
      yield* TestClock.adjust(roundTrip)
      const error = yield* Fiber.join(reading)
      assert.instanceOf(error, MqttError.MqttError)
      const [pingresp, wrong] = timeless(lines).slice(3)
      assert.strictEqual(pingresp, "#1 received PINGRESP")
      assert.match(wrong, /^#1 received bytes that are no packet: /)
    })).pipe(Effect.provide(layer))
  })
})

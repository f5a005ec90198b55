/**
 * Which packet the client suspects when connections keep ending: any packet at which a server hangs up, and none for
 * the client's own timers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { connectClient, type Peer } from "../support/peer.ts"
import { accepted, scenario } from "../support/scenario.ts"
import { begin, complete, reconnectDelay, reconnected, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

type Answer = (packet: Packet.ClientPacket, peer: Peer) => Effect.Effect<unknown>

/** What every server says. */
const usual: Answer = (packet, peer) => {
  switch (packet._tag) {
    case "Publish": {
      const { packetIdentifier, qos } = packet
      return qos === 0 ? Effect.void : peer.send({ _tag: qos === 1 ? "Puback" : "Pubrec", packetIdentifier })
    }
    case "Pubrel":
      return peer.send({ _tag: "Pubcomp", packetIdentifier: packet.packetIdentifier })
    case "Subscribe": {
      const { packetIdentifier, subscriptions } = packet
      return peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: subscriptions.map(({ qos }) => qos) })
    }
    default:
      return Effect.void
  }
}

/** Answers on this connection and on all that follow, until the server hangs up on one. */
const serve = (peer: Peer, answer: Answer): Effect.Effect<void, unknown> =>
  Effect.forever(Effect.flatMap(peer.receive, (packet) => answer(packet, peer)))

const serveAll = (first: Peer, answer: Answer) =>
  Effect.gen(function*() {
    const server = yield* ScriptedServer.ScriptedServer
    yield* begin(Effect.ignoreCause(serve(first, answer)))
    return yield* Effect.forever(Effect.gen(function*() {
      const peer = yield* server.accept
      yield* peer.handshake({ sessionPresent: true })
      yield* begin(Effect.ignoreCause(serve(peer, answer)))
    }))
  })

const against = (
  name: string,
  answer: Answer,
  story: (mqtt: Effect.Success<ReturnType<typeof connectClient>>["mqtt"]) => Effect.Effect<void, unknown, Scope.Scope>,
  options?: MqttClient.Options
) => {
  for (const protocolVersion of versions) {
    it.effect(`${name} (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const { mqtt, peer } = yield* connectClient({
          protocolVersion,
          session: "persistent",
          reconnect: Schedule.spaced(reconnectDelay),
          retransmit: Schedule.recurs(2),
          drainTimeout: 1,
          ...options
        }, { sessionPresent: true })
        yield* begin(Effect.ignoreCause(serveAll(peer, answer)))
        yield* story(mqtt)
      }).pipe(Effect.scoped, Effect.provide(ScriptedServer.layer())))
  }
}

const hangUpOn = (type: Packet.ClientPacket["_tag"]): Answer => (packet, peer) =>
  packet._tag === type ? peer.close : usual(packet, peer)

const reasonOf = (exit: Exit.Exit<unknown, MqttError> | undefined) => {
  const error = exit === undefined ? undefined : Exit.findError(exit)
  return error?._tag === "Success" ? error.success.reason : undefined
}

describe("what connections keep ending with", () => {
  against(
    "S53 a PUBREL is found, and innocent messages get through",
    hangUpOn("Pubrel"),
    (mqtt) =>
      Effect.gen(function*() {
        const deadly = yield* begin(Effect.exit(mqtt.publish("deadly", "", { qos: 2 })))
        yield* TestClock.adjust(roundTrip)
        const innocent = yield* begin(
          Effect.forEach(["1", "2", "3"], (text) => mqtt.publish("t", text, { qos: 1 }), { concurrency: "unbounded" })
        )
        const reason = reasonOf(yield* complete(Fiber.join(deadly)))
        assert.strictEqual(reason?._tag, "Quarantined")
        if (reason?._tag !== "Quarantined") return
        assert.deepStrictEqual([reason.packet, reason.topic, reason.attempts], ["PUBREL", "deadly", 3])
        yield* complete(Fiber.join(innocent))
        assert.strictEqual((yield* mqtt.stats).reserved, 1)
      })
  )

  against(
    "S53 an UNSUBSCRIBE is given up, and innocent messages get through",
    hangUpOn("Unsubscribe"),
    (mqtt) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Effect.asVoid(complete(Scope.provide(mqtt.subscribe(["deadly", "other"]), scope)))
        yield* Scope.close(scope, Exit.void)
        // In a session that persists, a subscription lingers for a while.
        yield* TestClock.adjust("10 seconds")
        const innocent = yield* begin(
          Effect.forEach(["1", "2", "3"], (text) => mqtt.publish("t", text, { qos: 1 }), { concurrency: "unbounded" })
        )
        yield* complete(Fiber.join(innocent))
        yield* TestClock.adjust(20 * reconnected)
        const before = (yield* mqtt.stats).connections
        yield* TestClock.adjust(20 * reconnected)
        assert.strictEqual((yield* mqtt.stats).connections, before)
      })
  )

  for (const qos of [1, 2] as const) {
    scenario(
      `S53 no message is given up for a server that only stalls (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent", retransmit: Schedule.recurs(2) })
          yield* kit.broker.holdAcknowledgements()
          const publishing = yield* begin(mqtt.publish("t", "patient", { qos }))
          yield* TestClock.adjust("10 seconds")
          assert.isAbove((yield* mqtt.stats).connections, 10)
          assert.isUndefined(publishing.pollUnsafe())
          yield* kit.broker.releaseAcknowledgements()
          yield* complete(Fiber.join(publishing))
          assert.include(yield* accepted(kit), "patient")
        })
    )
  }

  /** Instead of an answer to PUBLISH, on the first connections. */
  const answeredWith = (bytes: (connection: number) => Uint8Array): Answer => (packet, peer) =>
    packet._tag === "Publish" && peer.number < 8 ? peer.sendBytes(bytes(peer.number)) : usual(packet, peer)

  const publishing = (mqtt: MqttClient.MqttClient["Service"]) =>
    Effect.asVoid(complete(mqtt.publish("t", "innocent", { qos: 1 })))

  against(
    "S53 no message is given up because of messages of the server that break a rule",
    // QoS 0, with the topic "+" and the number of the connection.
    answeredWith((connection) => Uint8Array.of(0x30, 5, 0, 2, 0x2b, 0x30 + connection, 0)),
    publishing
  )

  against(
    "S53 no message is given up because of Topic Aliases of the server that were not agreed on",
    // A payload in 3.1.1, where the server goes on by itself.
    (packet, peer) =>
      Effect.andThen(
        answeredWith(() => Uint8Array.of(0x30, 7, 0, 1, 0x61, 3, 0x23, 0, 99))(packet, peer),
        peer.number < 8 && packet._tag === "Publish" ? usual(packet, peer) : Effect.void
      ),
    publishing
  )
})

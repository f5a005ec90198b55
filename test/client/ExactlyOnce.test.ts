/**
 * QoS 1 and 2 in both directions, with the connection cut after every byte: the messages that arrive, how often, and in
 * which order.
 */
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { clientId } from "../support/scenario.ts"
import { begin, complete, reconnectDelay, reconnected, responseTimeout, roundTrip } from "../support/time.ts"
import { versions } from "../support/versions.ts"

interface Cut {
  readonly bytes: number
  readonly direction: FakeNetwork.Direction
  readonly how: "close" | "reset" | "silence"
}

/** One message of QoS 2 and one of QoS 1 each way, over a connection with this cut; says whether it was reached. */
const exchange = Effect.fnUntraced(function*(version: ProtocolVersion, cut: Cut) {
  const network = yield* FakeNetwork.FakeNetwork
  const broker = yield* MemoryBroker.MemoryBroker
  const scope = yield* Scope.make()
  // The cut may come before the client is there.
  yield* network.cutAfter(cut, "next")
  const opening = yield* begin(
    MqttClient.make({
      clientId,
      protocolVersion: version,
      session: "persistent",
      initialConnection: "retry",
      keepAlive: "1 second",
      pingInterval: "200 millis",
      connectTimeout: "1 second",
      responseTimeout,
      reconnect: Schedule.spaced(reconnectDelay)
    }).pipe(Scope.provide(scope))
  )
  const mqtt = yield* complete(Fiber.join(opening))
  const received: Array<string> = []
  const subscribing = yield* begin(Scope.provide(mqtt.subscribe("in", { qos: 2 }), scope))
  const messages = yield* complete(Fiber.join(subscribing))
  const consuming = yield* begin(Stream.runForEach(messages, ({ text }) => Effect.sync(() => received.push(text))))
  const publishing = yield* begin(
    Effect.all([
      mqtt.publish("out", "QoS 2", { qos: 2 }),
      mqtt.publish("out", "QoS 1", { qos: 1 }),
      mqtt.publish("out", "QoS 2 again", { qos: 2 })
    ], { concurrency: "unbounded" })
  )
  yield* broker.publish("in", "QoS 2", { qos: 2 })
  yield* broker.publish("in", "QoS 1", { qos: 1 })
  yield* broker.publish("in", "QoS 2 again", { qos: 2 })
  yield* complete(Fiber.join(publishing))
  // Time for a silence to be noticed, and for what is unfinished after that.
  yield* TestClock.adjust(1500 + reconnected + 5 * roundTrip)
  const out = (yield* broker.messages).filter(({ topic }) => topic === "out")
  const session = yield* broker.session(clientId)
  yield* complete(Scope.close(scope, Exit.void))
  yield* Fiber.interrupt(consuming)
  yield* TestClock.adjust(2 * roundTrip)
  const { closed, opened } = yield* network.counters
  return {
    sent: out.map(({ payload }) => new TextDecoder().decode(payload)),
    received,
    inflight: session?.inflight,
    inFlight: (yield* mqtt.stats).inFlight,
    violations: yield* broker.violations,
    leaked: opened - closed,
    wasReached: opened > 1
  }
})

const expected = ["QoS 2", "QoS 1", "QoS 2 again"]

describe("S55 R77 R78 R81 R88 R89 exactly once", () => {
  for (const version of versions) {
    for (const direction of ["fromClient", "toClient"] as const) {
      for (const how of ["close", "reset", "silence"] as const) {
        it.effect(`cut after every byte ${direction}, ${how} (${version})`, () =>
          Effect.gen(function*() {
            let bytes = 1
            for (let wasReached = true; wasReached; bytes++) {
              const outcome = yield* exchange(version, { bytes, direction, how }).pipe(
                Effect.provide(MemoryBroker.layer()),
                Effect.catchDefect((cause) => Effect.die(new Error(`cut after byte ${bytes}: ${cause}`, { cause })))
              )
              const at = `cut after byte ${bytes}`
              for (const texts of [outcome.sent, outcome.received]) {
                assert.deepStrictEqual(texts.filter((text) => text.startsWith("QoS 2")), ["QoS 2", "QoS 2 again"], at)
                // QoS 1 may come again, in its place.
                assert.sameMembers(Array.dedupe(texts), expected, at)
              }
              assert.deepStrictEqual(outcome.violations, [], at)
              assert.strictEqual(outcome.inflight, 0, at)
              assert.strictEqual(outcome.inFlight, 0, at)
              assert.strictEqual(outcome.leaked, 0, at)
              wasReached = outcome.wasReached
            }
            // CONNECT, or CONNACK, and all that follows.
            assert.isAbove(bytes, 40)
          }))
      }
    }
  }
})

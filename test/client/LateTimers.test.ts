/**
 * A machine that slept: its timers fire late, and it has not read the bytes that came meanwhile.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { clientId } from "../support/scenario.ts"
import { begin, complete, reconnectDelay, reconnected, roundTrip, sleepThrough, watchClock } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const responseTimeout = 1000

const connected = Effect.fnUntraced(function*(version: ProtocolVersion, options: MqttClient.Options = {}) {
  const opening = yield* begin(
    MqttClient.make({
      clientId,
      protocolVersion: version,
      session: "persistent",
      keepAlive: 0,
      responseTimeout,
      reconnect: Schedule.spaced(reconnectDelay),
      ...options
    })
  )
  return yield* complete(Fiber.join(opening))
})

/** A client that is connected, with a message it is owed an acknowledgement for. */
const waiting = Effect.fnUntraced(function*(version: ProtocolVersion) {
  const broker = yield* MemoryBroker.MemoryBroker
  const mqtt = yield* connected(version)
  yield* broker.delayAnswers(responseTimeout - roundTrip / 2)
  const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
  yield* TestClock.adjust(10)
  return { mqtt, publishing }
})

const told = (
  name: string,
  story: (
    version: ProtocolVersion
  ) => Effect.Effect<void, unknown, Effect.Services<ReturnType<typeof waiting>> | FakeNetwork.FakeNetwork>
) => {
  for (const version of versions) {
    it.effect(`${name} (${version})`, () =>
      Effect.flatMap(Clock.Clock, (clock) =>
        story(version).pipe(
          Effect.scoped,
          Effect.provide(MemoryBroker.layer()),
          Effect.provideService(Clock.Clock, watchClock(clock).clock)
        )))
  }
}

describe("S59 timers that fire late", () => {
  told(
    "an acknowledgement that was owed for hours of sleep gets its time again",
    (version) =>
      Effect.gen(function*() {
        const { mqtt, publishing } = yield* waiting(version)
        yield* sleepThrough(10 * 3600 * 1000)
        yield* complete(Fiber.join(publishing))
        assert.strictEqual((yield* mqtt.stats).connections, 1)
      })
  )

  told("once: a connection that is dead is given up", (version) =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const { mqtt, publishing } = yield* waiting(version)
      yield* network.drop
      yield* Effect.flatMap(MemoryBroker.MemoryBroker, (broker) => broker.delayAnswers(0))
      yield* sleepThrough(3600 * 1000)
      yield* TestClock.adjust(2 * responseTimeout)
      assert.strictEqual((yield* network.counters).open, 0)
      yield* TestClock.adjust(reconnected + 2 * responseTimeout)
      assert.isDefined(publishing.pollUnsafe())
      assert.strictEqual((yield* mqtt.stats).connections, 2)
    }))

  told("where all timers are late it is given up in the end", (version) =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      yield* waiting(version)
      yield* network.drop
      for (let count = 0; count < 4; count++) {
        yield* TestClock.adjust(responseTimeout / 2)
        yield* sleepThrough(60_000)
      }
      yield* TestClock.adjust(responseTimeout)
      assert.strictEqual((yield* network.counters).opened, 2)
    }))

  for (const call of ["brokerUp", "checkConnection"] as const) {
    told(`${call} asks once more, and the answer keeps the connection`, (version) =>
      Effect.gen(function*() {
        const mqtt = yield* connected(version)
        yield* TestClock.adjust(2 * responseTimeout)
        yield* Effect.flatMap(MemoryBroker.MemoryBroker, (broker) => broker.delayAnswers(1.5 * responseTimeout))
        const asking = yield* begin(mqtt[call])
        yield* sleepThrough(3600 * 1000)
        assert.isTrue(yield* complete(Fiber.join(asking)))
        assert.strictEqual((yield* mqtt.stats).connections, 1)
      }))
  }

  told(
    "checkConnection asks only once more, long before keep-alive would give up",
    (version) =>
      Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const mqtt = yield* connected(version, { responseTimeout: "1 minute" })
        yield* network.drop
        const asking = yield* begin(mqtt.checkConnection)
        yield* sleepThrough(3600 * 1000)
        yield* TestClock.adjust("5 seconds")
        assert.isUndefined(asking.pollUnsafe())
        yield* sleepThrough(3600 * 1000)
        yield* TestClock.adjust("5 seconds")
        assert.isFalse(yield* complete(Fiber.join(asking)))
      })
  )
})

/**
 * The kit with `latency: 0` and `connectDelay: 0`: nothing needs time, however far the clock moves in one step.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { begin } from "../support/time.ts"
import { versions } from "../support/versions.ts"

describe("without latency", () => {
  for (const protocolVersion of versions) {
    for (const step of ["1 second", "30 seconds", "1 hour"] as const) {
      it.effect(`a client stays connected when the clock moves by ${step} (${protocolVersion})`, () =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const mqtt = yield* MqttClient.make({ protocolVersion, session: "persistent", clientId: "c" })
          const received: Array<string> = []
          yield* begin(
            Stream.runForEach(mqtt.messages("t", { qos: 1 }), ({ text }) => Effect.sync(() => received.push(text)))
          )
          for (let round = 0; round < 5; round++) {
            const publishing = yield* begin(mqtt.publish("t", String(round), { qos: 2 }))
            yield* TestClock.adjust(step)
            assert.isDefined(publishing.pollUnsafe(), "published")
          }
          assert.deepStrictEqual(received, ["0", "1", "2", "3", "4"])
          assert.strictEqual((yield* network.counters).opened, 1)
        }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer({ latency: 0, connectDelay: 0 }))))
    }
  }
})

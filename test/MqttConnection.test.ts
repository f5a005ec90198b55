import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { FakeNetwork } from "../src/testing/index.ts"
import { connect, reading, scenario, show, versions } from "./support/connection.ts"

describe("MqttConnection", () => {
  for (const protocolVersion of versions) {
    it.effect(`S6 R24 connects, stays idle for five round trips, disconnects: one connection (${protocolVersion})`, () =>
      scenario(Effect.gen(function*() {
        const network = yield* FakeNetwork.FakeNetwork
        const { connection, peer } = yield* connect({ protocolVersion, clientId: "a" })
        const { reason } = yield* reading(connection)
        yield* TestClock.adjust(5 * 40)
        yield* connection.disconnect()
        assert.strictEqual((yield* reason)._tag, "Closed")
        yield* TestClock.adjust(20)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
        assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        assert.deepStrictEqual(yield* network.counters, { opened: 1, closed: 1, open: 0, attempts: 1 })
      })))
  }
})
void Fiber

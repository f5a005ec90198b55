/**
 * An `MqttConnection` whose server the test plays.
 */
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { SessionConnectionOptions } from "../../src/internal/connection/connection.ts"
import { noSessionDeadlines } from "../../src/internal/connection/deadlines.ts"
import * as Opening from "../../src/internal/connection/opening.ts"
import * as MqttConnection from "../../src/MqttConnection.ts"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import { type Connack, nextConnection } from "./peer.ts"
import { begin, latency } from "./time.ts"

/** Begins to open a connection and waits until the server has its CONNECT. */
export const opening = Effect.fnUntraced(function*(options: MqttConnection.Options = {}) {
  const fiber = yield* begin(MqttConnection.make(options))
  return { fiber, peer: yield* nextConnection }
})

/** An accepted connection, the server's end of it, and CONNECT. */
export const connect = Effect.fnUntraced(function*(options: MqttConnection.Options = {}, connack: Connack = {}) {
  const { fiber, peer } = yield* opening(options)
  const said = yield* peer.handshake(connack)
  yield* TestClock.adjust(latency)
  return { connection: yield* Fiber.join(fiber), peer, said }
})

/** As `connect`, with the members that only the client's session uses. */
export const connectSession = Effect.fnUntraced(function*(
  options: Omit<SessionConnectionOptions, "makeEncoder"> = {},
  connack: Connack = {}
) {
  const fiber = yield* begin(
    Effect.tap(
      Opening.open({ ...options, makeEncoder: Encoder.makeForClient }),
      (connection) => connection.checkDeadlines(noSessionDeadlines)
    )
  )
  const peer = yield* nextConnection
  const said = yield* peer.handshake(connack)
  yield* TestClock.adjust(latency)
  return { connection: yield* Fiber.join(fiber), peer, said }
})

/** Pulls until the connection ends. */
export const reading = Effect.fnUntraced(function*(connection: MqttConnection.MqttConnection) {
  const packets: Array<SessionPacket> = []
  const fiber = yield* connection.pull.pipe(
    Effect.map((batch) => {
      packets.push(...batch)
    }),
    Effect.forever,
    Effect.flip,
    begin
  )
  return {
    packets,
    isEnded: () => fiber.pollUnsafe() !== undefined,
    reason: Effect.map(Fiber.join(fiber), ({ reason }) => reason)
  }
})

/**
 * Control Packets in the log, at the level `Trace`: their type and the fields that distinguish one from another. No
 * payload, no properties, and nothing from CONNECT.
 */
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"
import type * as Packet from "../../protocol/Packet.ts"
import { harmless } from "../harmlessText.ts"

export type PacketLog = (direction: "sent" | "received", packet: Packet.Packet) => void

/** The names of the fields that may appear in the log. */
const told: ReadonlySet<string> = new Set([
  "dup",
  "packetIdentifier",
  "qos",
  "reasonCode",
  "reasonCodes",
  "retain",
  "sessionPresent",
  "topic",
  "topicFilters"
])

const detailsOf = (packet: Packet.Packet): Record<string, unknown> => {
  const details = Object.fromEntries(
    Object.entries(packet)
      .filter(([name]) => told.has(name))
      .map(([name, value]) => [name, typeof value === "string" ? harmless(value) : value])
  )
  if (packet._tag === "Publish") return { ...details, bytes: packet.payload.length }
  if (packet._tag !== "Subscribe") return details
  return { ...details, topicFilters: packet.subscriptions.map(({ topicFilter }) => topicFilter) }
}

/** `undefined` unless somebody wants to see the packets: then nobody looks at them. */
export const make: Effect.Effect<PacketLog | undefined> = Effect.gen(function*() {
  const minimum = yield* References.MinimumLogLevel
  if (LogLevel.isGreaterThan(minimum, "Trace")) return undefined
  const run = Effect.runForkWith(yield* Effect.context())
  return (direction, packet) => {
    run(Effect.annotateLogs(Effect.logTrace(`${direction} ${packet._tag.toUpperCase()}`), detailsOf(packet)))
  }
})

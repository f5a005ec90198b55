/**
 * The window, the limits of the connection there is, and the bounds of everything that holds messages.
 */
import type { Moment, Observations } from "../Observations.ts"

export const windowIsTheConnections = function*(
  { limits, plan: { client }, state, stats: { window }, isAtRest }: Moment
) {
  if (window < 0 || window > client.maxInFlight) yield `the window is ${window}`
  if (!isAtRest || state._tag !== "Connected") return
  const announced = client.version === "5.0" ? limits.receiveMaximum ?? 65_535 : 65_535
  const expected = Math.min(client.maxInFlight, announced)
  // After a reconnect it may be small and grow.
  if (window > expected) yield `the window is ${window} where this connection allows ${expected}`
}

export const limitsAreTheConnections = function*({ isAtRest, limits, plan: { client }, state }: Moment) {
  if (!isAtRest || state._tag !== "Connected" || client.version !== "5.0") return
  const { maximumPacketSize, maximumQos } = state.limits
  if (maximumQos !== (limits.maximumQos ?? 2)) yield `Maximum QoS is thought to be ${maximumQos}`
  if (maximumPacketSize !== (limits.maximumPacketSize ?? 268_435_460)) {
    yield `Maximum Packet Size is thought to be ${maximumPacketSize}`
  }
}

export const boundsHeld = function*({ observations, plan: { client: { outbox } }, returning, stats }: Moment) {
  const { outboxBytes, outboxMessages } = stats
  const largest = observations.published.reduce((most, { cost }) => Math.max(most, cost), 0)
  // QoS 0 that was on its way when the connection ended is back where it was, whatever has come in since.
  if (outboxMessages > outbox.messages + returning) {
    yield `${outboxMessages} messages in an outbox for ${outbox.messages}`
  }
  if (outboxMessages > 1 + returning && outboxBytes > outbox.bytes + largest * returning) {
    yield `${outboxBytes} bytes in an outbox for ${outbox.bytes}`
  }
}

export const chunksBounded = function*({ subscribers }: Observations) {
  for (const { buffer, largestChunk, number } of subscribers) {
    if (largestChunk > buffer) yield `subscriber ${number} had ${largestChunk} messages in a buffer for ${buffer}`
  }
}

/** Messages unacknowledged on one connection as the broker counts them: never more than as the client does. */
export const windowKept = function*({ packets, plan: { client } }: Observations) {
  const outstanding = new Map<number, Set<number>>()
  for (const { connection, direction, packet } of packets) {
    const mine = outstanding.get(connection) ?? new Set()
    outstanding.set(connection, mine)
    if (direction === "received" && packet._tag === "Publish" && packet.qos > 0) mine.add(packet.packetIdentifier)
    if (direction === "sent" && (packet._tag === "Puback" || packet._tag === "Pubcomp")) {
      mine.delete(packet.packetIdentifier)
    }
    if (direction === "sent" && packet._tag === "Pubrec" && packet.reasonCode >= 0x80 && packet.reasonCode !== 0x91) {
      mine.delete(packet.packetIdentifier)
    }
    if (mine.size > client.maxInFlight) {
      yield `${mine.size} messages in flight on connection ${connection}`
      return
    }
  }
}

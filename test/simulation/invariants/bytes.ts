/**
 * The cost of messages in memory, as the program that gave them to the client counts it: topic, payload and properties.
 */
import type { Moment } from "../Observations.ts"

const least = (costs: ReadonlyArray<number>): number => costs.reduce((one, other) => Math.min(one, other), Infinity)
const largest = (costs: ReadonlyArray<number>): number => costs.reduce((one, other) => Math.max(one, other), 0)

/** Only where every buffer is bounded in bytes, and no message waits for its acknowledgement. */
export const bytesBounded = function*({ observations, plan, returning, stats }: Moment) {
  if (plan.server?.isBoundedInBytes !== true) return
  yield* outboxBounded({ observations, plan, returning, stats })
  yield* buffersBounded({ observations, stats })
}

type Judged = Pick<Moment, "observations" | "plan" | "returning" | "stats">

const outboxBounded = function*({ observations, plan, returning, stats: { outboxMessages } }: Judged) {
  const costs = observations.published.map(({ cost }) => cost)
  if (costs.length === 0) return
  const { bytes } = plan.client.outbox
  // At least so much, whichever of them they are. One larger than the outbox may be in it alone.
  const kept = outboxMessages * least(costs)
  if (kept > bytes + (1 + returning) * largest(costs)) yield `messages of ${kept} bytes in an outbox for ${bytes}`
}

const buffersBounded = function*({ observations, stats: { bufferMessages } }: Pick<Judged, "observations" | "stats">) {
  const { attempts, emitted, subscribers } = observations
  const costs = emitted.map(({ cost }) => cost)
  if (costs.length === 0) return
  const buffers = subscribers.filter(({ end }) => end === undefined)
  // One buffer, as much beside it, and what one read of the network brings.
  const read = {
    messages: largest(attempts.map(({ tape }) => tape.largestRead.pieces)),
    bytes: largest(attempts.map(({ tape }) => tape.largestRead.bytes))
  }
  const bytes = buffers.reduce((sum, { bufferBytes = Infinity }) => sum + 2 * (bufferBytes + largest(costs)), 0)
  const room = buffers.reduce((sum, { buffer }) => sum + 2 * buffer, 0)
  const kept = bufferMessages * least(costs)
  if (kept > bytes + read.bytes) yield `messages of ${kept} bytes wait for subscribers with buffers for ${bytes}`
  if (bufferMessages > room + read.messages) {
    yield `${bufferMessages} messages wait for subscribers with room for ${room}`
  }
}

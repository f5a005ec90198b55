/**
 * The messages of a run at a moment of it, as a reader sees them who has watched so far.
 */
import type { Counts, Message, Outcome } from "./Outcome.ts"

export type Status = "coming" | "moving" | "handled" | "repeated" | "putAside" | "failed" | "waiting" | "lost"

export const words: { readonly [status in Status]: string } = {
  coming: "not yet published",
  moving: "on its way",
  handled: "handled",
  repeated: "handled more than once",
  putAside: "a dead letter",
  failed: "its publish failed",
  waiting: "waiting at the end",
  lost: "lost"
}

/** `isEnd` tells waiting messages from messages that are only on their way. */
export const statusOf = ({ decidedAt, fate, handledAt, publishedAt }: Message, now: number, isEnd: boolean): Status => {
  if (now < publishedAt) return "coming"
  const handlings = handledAt.filter((at) => at <= now).length
  if (handlings > 1) return "repeated"
  if (handlings === 1) return "handled"
  if (isEnd && fate._tag === "Waiting") return "waiting"
  if (now < decidedAt) return "moving"
  if (fate._tag === "Lost") return "lost"
  if (fate._tag === "Failed") return "failed"
  return fate._tag === "PutAside" ? "putAside" : "moving"
}

/** The counts at a moment; at the end they are the counts of the outcome. Messages that are on their way count as waiting. */
export const countsAt = ({ messages }: Outcome, now: number, isEnd: boolean): Counts => {
  const statuses = messages.map((message) => statusOf(message, now, isEnd))
  const having = (...wanted: ReadonlyArray<Status>): number =>
    statuses.filter((status) => wanted.includes(status)).length
  const runs = messages.flatMap(({ handledAt }) => handledAt).filter((at) => at <= now).length
  const handled = having("handled", "repeated")
  return {
    published: statuses.length - having("coming"),
    handled,
    repeated: runs - handled,
    putAside: having("putAside"),
    failed: having("failed"),
    waiting: having("moving", "waiting"),
    lost: having("lost")
  }
}

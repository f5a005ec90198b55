/**
 * Which session the broker had when, and how much of that the client can have known.
 */
import type { Attempt, Observations } from "../Observations.ts"

/** The attempts that became a connection, in the order of their numbers. */
export const opened = ({ attempts }: Observations): ReadonlyArray<Attempt> =>
  attempts.filter(({ openedAt }) => openedAt !== undefined)

/** Whether a Session Present in this run is not true. */
export const isLied = ({ plan }: Observations): boolean => plan.steps.some(({ action }) => action._tag === "Lie")

/** When the broker lost the session, began one anew, or told the client that it did. */
export const epochs = (observations: Observations): ReadonlyArray<number> => {
  const { lostAt, packets } = observations
  const begun = packets
    .filter(({ direction, packet }) =>
      direction === "sent" && packet._tag === "Connack" && packet.reasonCode === 0 &&
      (isLied(observations) || !packet.sessionPresent)
    )
    .map(({ at }) => at)
  return [...lostAt, ...begun]
}

export const epochsAfter = (all: ReadonlyArray<number>, at: number): number => all.filter((epoch) => epoch >= at).length

/**
 * Whether a connection before then was opened and not accepted. The session it may have made gives out identifiers anew,
 * and a message sent again under one that the old session left unfinished cannot be told from the old message.
 */
export const isUnheardSession = (
  { attempts, plan: { client, losesSession, steps } }: Observations,
  at: number
): boolean => {
  const canLose = losesSession || client.session !== "persistent" ||
    steps.some(({ action }) => action._tag === "ExpireSession" || (action._tag === "Restart" && !action.keepSessions))
  return canLose &&
    attempts.some(({ acceptedAt, openedAt = Infinity }) => acceptedAt === undefined && openedAt <= at)
}

/** Whether the client has seen its session begin, so that nothing in it can be of a program before it. */
export const isSessionKnown = ({ attempts }: Observations): boolean => {
  const tried = attempts.filter(({ openedAt }) => openedAt !== undefined)
  return tried[0]?.sessionPresent === false && tried.every(({ acceptedAt }) => acceptedAt !== undefined)
}

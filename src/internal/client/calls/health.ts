/**
 * Whether a client is fit for work, judged from its own state: it asks the server nothing.
 */
import * as Ref from "effect/Ref"
import type { ConnectionState, Health, Stats } from "../../../MqttState.ts"
import * as Session from "../../../protocol/Session.ts"
import { harmless } from "../../harmlessText.ts"
import type { Resolved, ResolvedBounds } from "../../options.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** An outbox this full is about to make publishers wait, or to drop messages. */
const nearlyFull = 0.8

const percent = (part: number): string => `${Math.floor(part * 100)} %`

const fillOf = ({ outboxBytes, outboxMessages }: Stats, { bytes, messages }: ResolvedBounds): number =>
  Math.max(outboxMessages / messages, outboxBytes / bytes)

/** Why there is no connection. */
const absence = (state: Exclude<ConnectionState, { readonly _tag: "Connected" }>): string => {
  switch (state._tag) {
    case "Connecting":
      return `connecting, attempt ${state.attempt}`
    case "Disconnected":
      return `disconnected after ${state.attempt} failed ${state.attempt === 1 ? "attempt" : "attempts"}: ` +
        state.error.message
    case "Closed":
      return state.error === undefined ? "closed" : `closed for good: ${state.error.message}`
  }
}

export const judge = (
  state: ConnectionState,
  stats: Stats,
  { options, runner }: { readonly options: Resolved; readonly runner: SessionRunner }
): Health => {
  const { connection } = runner
  if (state._tag !== "Connected" || connection === undefined) {
    const reason = state._tag === "Connected" ? "the connection has just ended" : absence(state)
    return { status: "down", isClosed: state._tag === "Closed", reasons: [reason] }
  }
  const fill = fillOf(stats, runner.kept === undefined ? options.outbox : options.storedOutbox)
  const storeFailure = runner.kept?.journal.failure
  const answerDue = Session.responseDeadline(Ref.getUnsafe(runner.session), options.responseTimeout)
  const owedFor = connection.now() - (answerDue - options.responseTimeout)
  const { unclaimed } = runner.deliveries
  const found: ReadonlyArray<readonly [isSo: boolean, reason: string]> = [
    [fill >= nearlyFull, `the outbox is ${percent(fill)} full`],
    [storeFailure !== undefined, `nothing can be stored: ${storeFailure?.message}`],
    [
      !runner.gate.isOpen || runner.gate.isFlooded,
      "a subscription does not keep up, and nothing more is read until it has room"
    ],
    [
      owedFor >= options.responseTimeout / 2,
      `the server has owed an acknowledgement for ${Math.floor(owedFor / 1000)} seconds`
    ],
    [
      unclaimed !== undefined,
      `${unclaimed?.messages} messages wait for a subscriber, and hold up all behind them; the first is of the topic ${
        harmless(unclaimed?.topic ?? "")
      }`
    ]
  ]
  const reasons = found.filter(([isSo]) => isSo).map(([, reason]) => reason)
  return { status: reasons.length === 0 ? "up" : "degraded", isClosed: false, reasons }
}

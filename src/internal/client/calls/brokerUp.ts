/**
 * Whether the server answers. One PINGREQ serves all callers that ask. A connection on which nobody answers is
 * replaced.
 *
 * `deadlines.ts` notices a dead connection even if nobody asks.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as MqttError from "../../../MqttError.ts"
import * as Deadlines from "../../../protocol/Deadlines.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** A sign of life within this many milliseconds counts as an answer. */
const recently = 1000

/** A server that is there answers within this many milliseconds, even over a radio that has just woken up. */
const soon = 5000

interface Asking {
  readonly runner: SessionRunner
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly scope: Scope.Scope
}

type Answer = Effect.Effect<boolean, MqttError.MqttError>

/** While the client does not read, it hears no answer. Then the server counts as up while the connection lives. */
const isDeaf = (connection: SessionConnection, runner: SessionRunner): boolean =>
  runner.connection === connection && runner.shouldPause

const isKnownToBeUp = (connection: SessionConnection, runner: SessionRunner): boolean =>
  isDeaf(connection, runner) || (runner.connection === connection && connection.silence < recently)

/** Puts `question` to the connection, and once more if the timer fires late: the machine may have slept meanwhile. */
const answered = (
  question: Effect.Effect<void, MqttError.MqttError>,
  connection: SessionConnection,
  { responseTimeout: timeout, runner }: Asking
): Answer => {
  const ask = (isLastChance: boolean): Answer =>
    Effect.suspend(() => {
      const deadline = connection.now() + timeout
      return Effect.timeoutOrElse(Effect.as(question, true), {
        duration: timeout,
        orElse: () => {
          if (isKnownToBeUp(connection, runner)) return Effect.succeed(true)
          if (!isLastChance && Deadlines.isLate(connection.now() - deadline, timeout)) return ask(true)
          const error = MqttError.fromReason(new MqttError.ResponseTimeout({ timeout }))
          return Effect.as(connection.fail(error), false)
        }
      })
    })
  return ask(false)
}

interface Question {
  readonly connection: SessionConnection
  readonly answer: Deferred.Deferred<boolean>
}

/** Puts `ask` to the connection, unless the answer `isKnown` or is on its way. */
const shared = (
  asking: Asking,
  isKnown: (connection: SessionConnection, runner: SessionRunner) => boolean,
  ask: (connection: SessionConnection) => Effect.Effect<void, MqttError.MqttError>
): Effect.Effect<boolean> => {
  const { runner, scope } = asking
  let asked: Question | undefined

  const begin = (connection: SessionConnection): Effect.Effect<Question["answer"]> => {
    const answer = Deferred.makeUnsafe<boolean>()
    asked = { connection, answer }
    return answered(ask(connection), connection, asking).pipe(
      Effect.onExit((exit) => {
        if (asked?.answer === answer) asked = undefined
        return Deferred.succeed(answer, Exit.isSuccess(exit) && exit.value)
      }),
      Effect.forkIn(scope, { startImmediately: true }),
      Effect.as(answer)
    )
  }

  return Effect.suspend(() => {
    const { connection } = runner
    if (connection === undefined) return Effect.succeed(false)
    if (isKnown(connection, runner)) return Effect.succeed(true)
    if (asked?.connection === connection) return Deferred.await(asked.answer)
    // Other callers may share the question, so a caller that leaves must not leave it half begun.
    return Effect.flatMap(Effect.uninterruptible(Effect.suspend(() => begin(connection))), Deferred.await)
  })
}

export const make = (asking: Asking) => ({
  brokerUp: shared(asking, isKnownToBeUp, (connection) => connection.ping),
  // A recent sign of life may be from before the machine slept: its clock may have stood still.
  checkConnection: shared(
    { ...asking, responseTimeout: Math.min(soon, asking.responseTimeout) },
    isDeaf,
    (connection) => connection.roundTrip
  )
})

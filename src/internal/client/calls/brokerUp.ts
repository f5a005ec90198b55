/**
 * Whether the server answers, asked with one PINGREQ however many want to know.
 *
 * Noticing that a connection is dead is the connection's own business.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { SessionConnection } from "../../connection/connection.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** What was heard within so many milliseconds is answer enough. */
const recently = 1000

interface Question {
  readonly connection: SessionConnection
  readonly answer: Deferred.Deferred<boolean>
}

/** While we read nothing ourselves no answer can be heard: then it is up for as long as the connection is there. */
const isKnownToBeUp = (connection: SessionConnection, runner: SessionRunner): boolean =>
  runner.connection === connection && (connection.silence < recently || runner.shouldPause)

const ask = (connection: SessionConnection, runner: SessionRunner, responseTimeout: number): Effect.Effect<boolean> =>
  connection.ping.pipe(
    Effect.as(true),
    Effect.timeoutOrElse({
      duration: responseTimeout,
      orElse: () => Effect.sync(() => isKnownToBeUp(connection, runner))
    }),
    Effect.orElseSucceed(() => false)
  )

export const make = (
  runner: SessionRunner,
  { responseTimeout, scope }: { readonly responseTimeout: number; readonly scope: Scope.Scope }
): Effect.Effect<boolean> => {
  let asked: Question | undefined

  const begin = (connection: SessionConnection): Effect.Effect<Question["answer"]> => {
    const answer = Deferred.makeUnsafe<boolean>()
    asked = { connection, answer }
    return ask(connection, runner, responseTimeout).pipe(
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
    if (isKnownToBeUp(connection, runner)) return Effect.succeed(true)
    if (asked?.connection === connection) return Deferred.await(asked.answer)
    // Others share what was begun: who leaves may not leave it half begun.
    return Effect.flatMap(Effect.uninterruptible(Effect.suspend(() => begin(connection))), Deferred.await)
  })
}

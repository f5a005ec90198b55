/**
 * Whether the server answers, asked with one PINGREQ however many want to know. A connection on which nobody answers is
 * replaced.
 *
 * Noticing by itself that a connection is dead is the connection's own business.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as MqttError from "../../../MqttError.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** What was heard within so many milliseconds is answer enough for `brokerUp`. */
const recently = 1000

/** A server that is there answers within so many milliseconds, also over a radio that has just woken up. */
const soon = 5000

interface Question {
  readonly connection: SessionConnection
  readonly answer: Deferred.Deferred<boolean>
}

interface Asking {
  readonly runner: SessionRunner
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly scope: Scope.Scope
}

/** While we read nothing ourselves no answer can be heard: then it is up for as long as the connection is there. */
const isDeaf = (connection: SessionConnection, runner: SessionRunner): boolean =>
  runner.connection === connection && runner.shouldPause

const wasHeard = (connection: SessionConnection, runner: SessionRunner): boolean =>
  runner.connection === connection && connection.silence < recently

const asked = (
  question: Effect.Effect<void, MqttError.MqttError>,
  connection: SessionConnection,
  { responseTimeout: timeout, runner }: Asking
): Effect.Effect<boolean> =>
  question.pipe(
    Effect.as(true),
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        isDeaf(connection, runner) ? Effect.succeed(true) : Effect.as(
          connection.fail(MqttError.fromReason(new MqttError.ResponseTimeout({ timeout }))),
          false
        )
    }),
    Effect.orElseSucceed(() => false)
  )

/** `ask` is put to the connection unless an answer is known, or on its way. */
const shared = (
  asking: Asking,
  isKnownToBeUp: (connection: SessionConnection, runner: SessionRunner) => boolean,
  ask: (connection: SessionConnection) => Effect.Effect<void, MqttError.MqttError>
): Effect.Effect<boolean> => {
  const { runner, scope } = asking
  let open: Question | undefined

  const begin = (connection: SessionConnection): Effect.Effect<Question["answer"]> => {
    const answer = Deferred.makeUnsafe<boolean>()
    open = { connection, answer }
    return asked(ask(connection), connection, asking).pipe(
      Effect.onExit((exit) => {
        if (open?.answer === answer) open = undefined
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
    if (open?.connection === connection) return Deferred.await(open.answer)
    // Others share what was begun: who leaves may not leave it half begun.
    return Effect.flatMap(Effect.uninterruptible(Effect.suspend(() => begin(connection))), Deferred.await)
  })
}

export const make = (asking: Asking) => ({
  brokerUp: shared(
    asking,
    (connection, runner) => wasHeard(connection, runner) || isDeaf(connection, runner),
    (connection) => connection.ping
  ),
  // After a pause of the whole machine the clock may have stood still, and what arrives may be from before.
  checkConnection: shared(
    { ...asking, responseTimeout: Math.min(soon, asking.responseTimeout) },
    isDeaf,
    (connection) => connection.roundTrip
  ),
  replaceConnection: Effect.suspend(() => asking.runner.connection?.fail(replaced(), 0x00) ?? Effect.void)
})

const replaced = (): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.ConnectionLost({ cause: new Error("the program replaces it") }))

/**
 * The life of a client, with any set of calls: how it begins, and how it is kept up until its end.
 *
 * `MqttClient`, `MqttPublisher` and `MqttSubscriber` choose the calls of a client and the receiver of its messages.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as MqttError from "../../../MqttError.ts"
import { MqttTransport } from "../../../MqttTransport.ts"
import * as failures from "../../connection/failures.ts"
import type { Resolved } from "../../options.ts"
import * as Disconnecting from "../calls/disconnecting.ts"
import * as Goodbye from "../calls/goodbye.ts"
import type { Authenticator } from "../connecting/authenticator.ts"
import { Closing } from "../connecting/closing.ts"
import * as Events from "../connecting/events.ts"
import * as Hook from "../connecting/hook.ts"
import { State } from "../connecting/state.ts"
import * as Supervisor from "../connecting/supervisor.ts"
import type { Lifetime } from "../lifetime.ts"
import type { KeptSession } from "../session/keptSession.ts"
import * as Persistence from "../session/persistence.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

export interface Begun<Runner extends SessionRunner> {
  readonly options: Resolved
  readonly runner: Runner
  /** The scope of the client. */
  readonly scope: Scope.Scope
  readonly lifetime: Lifetime
  readonly hooks: Hook.Hooks
  readonly state: State
  readonly endpoint: string
}

/** The parts that the calls of a client need. Nothing is opened yet. */
export const begin = Effect.fnUntraced(function*<Runner extends SessionRunner>(
  options: Resolved,
  makeRunner: (given: { readonly options: Resolved; readonly kept: KeptSession | undefined }) => Runner
): Effect.fn.Return<Begun<Runner>, MqttError.MqttError, MqttTransport | Scope.Scope> {
  const kept = yield* Persistence.open(options)
  const runner = makeRunner({ options, kept })
  const scope = yield* Effect.scope
  const lifetime: Lifetime = { closedBy: undefined }
  const hooks = new Hook.Hooks(lifetime)
  // Runs after the end of the supervisor, because the supervisor itself interrupts the hook it waits for.
  yield* Scope.addFinalizer(scope, hooks.end)
  const { endpoint } = yield* MqttTransport
  return { options, runner, scope, lifetime, hooks, state: new State({ _tag: "Connecting", attempt: 1 }), endpoint }
})

export interface KeepUpOptions {
  readonly authenticator?: Authenticator | undefined
  readonly events?: Events.Telling
  /** Told of the end, besides the session. */
  readonly ended?: ((error: MqttError.MqttError) => void) | undefined
}

export interface Living extends Disconnecting.Disconnecting {
  readonly closed: Effect.Effect<void, MqttError.MqttError>
}

/** Connects, and keeps the client up until its scope ends; then DISCONNECT is sent. */
export const keepUp = Effect.fnUntraced(function*(
  { endpoint, hooks, lifetime, options, runner, scope, state }: Begun<SessionRunner>,
  { authenticator, ended, events = Events.untold }: KeepUpOptions = {}
): Effect.fn.Return<Living, MqttError.MqttError, MqttTransport | Scope.Scope> {
  const annotations = { clientId: options.clientId, endpoint }
  const closing = new Closing({ options, runner, lifetime, state, annotations, ended })
  const { closed, first } = closing
  const { drainTimeout } = options
  if (runner.kept !== undefined) yield* runner.kept.run({ runner, events, drainTimeout })
  const supervisor = yield* Supervisor.run({ options, runner, authenticator, hooks, state, events, first }).pipe(
    (run) => Hook.supervise(run, lifetime),
    // For every cause of the end: a client that nothing keeps up must not look alive.
    Effect.catchCause((cause) => closing.close(failures.fromCause(cause))),
    Effect.ensuring(events.end),
    Effect.annotateLogs(annotations),
    Effect.forkDetach,
    Effect.tap((supervisor) => Scope.addFinalizer(scope, Hook.interrupt(supervisor, lifetime))),
    Effect.uninterruptible
  )
  yield* Scope.addFinalizer(scope, closing.close(failures.closed))
  const goodbye = Goodbye.make(runner, options)
  yield* Scope.addFinalizer(scope, goodbye)
  if (options.initialConnection === "fail") yield* Deferred.await(first)
  return {
    closed: Deferred.await(closed),
    ...Disconnecting.make({
      runner,
      goodbye,
      sessionExpiryInterval: options.session === "clean" ? 0 : options.sessionExpiry,
      end: Effect.suspend(() => Effect.andThen(Hook.interrupt(supervisor, lifetime), closing.close(failures.closed)))
    })
  }
})

/**
 * The whole client, with every call, put together.
 *
 * Its observers are passed in, so that a client without observers loads no spans and no metrics: `observing.ts` has
 * them.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Stats } from "../../../MqttState.ts"
import type { Resolved } from "../../options.ts"
import * as Calls from "../calls/calls.ts"
import * as Health from "../calls/health.ts"
import type { Instrument } from "../calls/instrument.ts"
import * as Reauthenticating from "../calls/reauthenticating.ts"
import { Authenticator } from "../connecting/authenticator.ts"
import * as Events from "../connecting/events.ts"
import type { Subscribing } from "../incoming/subscribing.ts"
import * as Asking from "../session/asking.ts"
import { type RunnerOptions, SessionRunner } from "../session/sessionRunner.ts"
import * as SessionStats from "../session/stats.ts"
import * as Life from "./life.ts"

type Runner = SessionRunner<Subscribing>

/** The observers of a client, as far as its options request them. */
export interface Observing {
  readonly runner: (given: RunnerOptions<Subscribing>) => Runner
  /** Observes each message. */
  readonly tracing: (runner: Runner, options: Resolved) => Instrument | undefined
  readonly measure: (client: {
    readonly runner: Runner
    readonly stats: () => Stats
    readonly attributes: Readonly<Record<string, string>>
  }) => Effect.Effect<void, never, Scope.Scope>
}

const unobserved: Observing = {
  runner: (given) => new SessionRunner(given),
  tracing: () => undefined,
  measure: () => Effect.void
}

export const make = Effect.fnUntraced(function*(options: Resolved, observing: Observing = unobserved) {
  const { authentication, connectTimeout } = options
  const begun = yield* Life.begin(options, (given) => observing.runner({ ...given, receiver: Asking.receiver }))
  const { endpoint, hooks, lifetime, runner, scope, state } = begun
  const authenticator = authentication === undefined
    ? undefined
    : new Authenticator({ authentication: hooks.authentication(authentication), timeout: connectTimeout })
  const events = yield* Events.make
  const attributes = { ...SessionStats.attributes(options.clientId, endpoint), ...options.metrics?.attributes }
  const tracing = observing.tracing(runner, options)
  const { calls, end, stats } = yield* Calls.make({ options, runner, lifetime, state, scope, attributes, tracing })
  yield* observing.measure({ runner, stats, attributes })
  const living = yield* Life.keepUp(begun, { authenticator, events, ended: end })
  return {
    ...calls,
    ...living,
    state,
    events: events.stream,
    stats: Effect.sync(stats),
    health: Effect.sync(() => Health.judge(state.value, stats(), { options, runner })),
    reauthenticate: Reauthenticating.make({ runner, lifetime, authenticator })
  }
})

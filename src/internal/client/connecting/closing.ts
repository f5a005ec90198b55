/**
 * The end of a client, which comes once: everybody who waits hears of it, and unexpected ends are reported.
 *
 * The supervisor keeps the client up until then.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { MqttError } from "../../../MqttError.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import type { Resolved } from "../../options.ts"
import type { Lifetime } from "../lifetime.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { State } from "./state.ts"

export interface ClosingOptions {
  readonly options: Resolved
  readonly runner: SessionRunner
  readonly lifetime: Lifetime
  readonly state: State
  /** For log lines: which client it is. */
  readonly annotations: Readonly<Record<string, string>>
  /** Told of the end, besides the session. */
  readonly ended: ((error: MqttError) => void) | undefined
}

export class Closing {
  readonly #options: ClosingOptions
  /** Done with the first connection, or failed if there will be none. */
  readonly first = Deferred.makeUnsafe<void, MqttError>()
  /** Done at the end, and failed if this side did not ask for it. */
  readonly closed = Deferred.makeUnsafe<void, MqttError>()

  constructor(options: ClosingOptions) {
    this.#options = options
  }

  /** All waiting callers fail with `error`. If the client did not close itself, the log names the cause. */
  close(error: MqttError): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => {
      const { annotations, ended, lifetime, options, runner, state } = this.#options
      if (lifetime.closedBy !== undefined) return Effect.void
      lifetime.closedBy = error
      const isOwn = error.reason._tag === "Closed"
      runner.end(error, isOwn ? Cause.Done() : error)
      ended?.(error)
      // A failed first connection is reported to the maker of the client. The log line comes first: `closed` may end
      // the program.
      const attempt = "attempt" in state.value ? { attempt: state.value.attempt } : {}
      const isNews = !isOwn && (runner.connections > 0 || options.initialConnection === "retry")
      return (isNews ? Effect.logError(`The client is closed: ${error.message}`) : Effect.logDebug("Closed")).pipe(
        Effect.andThen(Deferred.fail(this.first, error)),
        Effect.andThen(Deferred.done(this.closed, isOwn ? Exit.void : Exit.fail(error))),
        Effect.andThen(state.set({ _tag: "Closed", error: isOwn ? undefined : error })),
        Effect.annotateLogs({ ...annotations, ...FailureAnnotations.ofError(error), ...attempt })
      )
    }))
  }
}

/**
 * An effect for each connection, in the scope of that connection.
 *
 * The state of the client says when connections begin and end. It leaves out none, however short.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { ConnectionState } from "../../../MqttState.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"

/** Runs for as long as the caller's scope. */
export const run = <A, E, R>(
  state: SubscriptionRef.SubscriptionRef<ConnectionState>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<void, never, Scope.Scope | Exclude<R, Scope.Scope>> =>
  Effect.flatMap(Effect.scope, (outer) => {
    const guarded = Effect.catchCause(effect, (cause) =>
      Effect.annotateLogs(
        Effect.logError("`onConnected` failed", cause),
        FailureAnnotations.ofCause(cause)
      ))
    let current: Scope.Closeable | undefined
    const follow = Effect.fnUntraced(function*({ _tag }: ConnectionState) {
      if (current !== undefined) yield* Scope.close(current, Exit.void)
      current = undefined
      if (_tag !== "Connected") return
      const scope = current = yield* Scope.fork(outer)
      yield* Effect.forkIn(Scope.provide(guarded, scope), scope, { startImmediately: true })
    })
    return SubscriptionRef.changes(state).pipe(
      Stream.runForEach(follow),
      Effect.forkScoped({ startImmediately: true }),
      Effect.asVoid
    )
  })

/**
 * How long a subscription of a persistent session is kept after its last subscriber left.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SessionMode } from "../../clientOptions.ts"

const lingering = "1 second"

/** Releases it later, unless the client has ended by then. A clean session keeps nothing. */
export const make = (session: SessionMode, scope: Scope.Scope) => (release: () => void): Effect.Effect<void> =>
  session === "clean"
    ? Effect.void
    : Effect.sync(release).pipe(Effect.delay(lingering), Effect.forkIn(scope), Effect.asVoid)

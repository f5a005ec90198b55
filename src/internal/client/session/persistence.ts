/**
 * Whether the session outlives its process. The code that keeps it comes with the store: a program without one does not
 * load it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../../MqttError.ts"
import type { Resolved } from "../../options.ts"
import { MqttStore } from "../../store/port.ts"
import type * as Keeping from "./keptSession.ts"

export const open = (
  options: Resolved
): Effect.Effect<Keeping.KeptSession | undefined, MqttError.MqttError, Scope.Scope> =>
  Effect.flatMap(
    MqttStore,
    // Only a layer of `MqttStore` makes it.
    (provided) =>
      provided === undefined ? Effect.undefined : (provided.keeping as typeof Keeping).open(provided.store, options)
  )

/**
 * The caller: the host's name for the part of the program on whose behalf an effect of the client runs.
 *
 * Code of the host that the client calls deep inside, such as a schema, runs with the caller.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Inside } from "../src/internal/client/connecting/hook.ts"
import type { Services } from "./Host.ts"

export { provideContext as provideContextToStream } from "effect/Stream"

/** Only the host knows the type of its callers. */
const Caller = Context.Reference<unknown>("effect-mqtt/engine/Caller", { defaultValue: () => undefined })

/** The services with this caller. */
export const servicesFor = (services: Services, caller: unknown): Services => Context.add(services, Caller, caller)

/** An effect that depends on the caller; `undefined` if there is none. */
export const ofCaller = <A, E, R>(effect: (caller: unknown) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Caller, effect)

/** Where the fiber of the client that runs now is, as far as it matters to what the host calls from there. */
export type Place = Inside | undefined

export const currentPlace = (): Place => {
  const context = Fiber.getCurrent()?.context
  return context && Context.get(context, Inside)
}

/** What the host calls from such a place. */
export const servicesAt = (services: Services, place: Place): Services =>
  place === undefined ? services : Context.add(services, Inside, place)

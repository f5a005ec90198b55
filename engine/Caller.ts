/**
 * Who asks: what the host knows of the part of the program that an effect of the client runs for.
 *
 * Something of the host's that is called deep inside the client, such as a schema, runs with it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Services } from "./Host.ts"

export { provideContext as provideContextToStream } from "effect/Stream"

/** Nobody knows what it is but the host. */
const Caller = Context.Reference<unknown>("effect-mqtt/engine/Caller", { defaultValue: () => undefined })

/** For this caller. */
export const servicesFor = (services: Services, caller: unknown): Services => Context.add(services, Caller, caller)

/** An effect that depends on who asks; `undefined` where nobody is known. */
export const ofCaller = <A, E, R>(effect: (caller: unknown) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Caller, effect)

/**
 * The one error of the library, and its reasons, as classes of Effect 3.
 *
 * The module comes from the main package. Only its `effect/Data` depends on the version of Effect; here that is
 * Effect 3.
 */
import * as Effect from "effect/Effect"
import { MqttError, type MqttErrorReason } from "./ported/MqttError.ts"

export * from "./ported/MqttError.ts"

type Handler = (reason: MqttErrorReason, error: MqttError) => Effect.Effect<unknown, unknown, unknown>
type Handlers = Readonly<Record<string, Handler>>

export const catchReasons =
  (handlers: Handlers) =>
  (effect: Effect.Effect<unknown, unknown, unknown>): Effect.Effect<unknown, unknown, unknown> =>
    Effect.catchAll(effect, (error) => {
      if (!(error instanceof MqttError) || !Object.hasOwn(handlers, error.reason._tag)) return Effect.fail(error)
      return handlers[error.reason._tag](error.reason, error)
    })

export const catchReason = (tag: string | ReadonlyArray<string>, handler: Handler) =>
  catchReasons(Object.fromEntries([tag].flat().map((one) => [one, handler])))

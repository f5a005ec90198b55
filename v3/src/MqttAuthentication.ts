/**
 * Enhanced authentication, with the effects of Effect 3.
 */
import * as Effect from "effect/Effect"
import * as Engine from "../../engine/index.ts"
import { type Making, Membrane, standsFor } from "./internal/membrane.ts"

type EngineAuthentication = Engine.MqttAuthentication.MqttAuthentication

export interface MqttAuthentication {
  readonly method: string
  readonly start: Effect.Effect<unknown, unknown>
  readonly reauthenticateBefore?: unknown
}

/** A method of the engine, made from options of the program. */
const fromEngine = (
  { method, reauthenticateBefore }: Pick<MqttAuthentication, "method" | "reauthenticateBefore">,
  making: Making<EngineAuthentication>
): MqttAuthentication => {
  const start = Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    return yield* membrane.effect(making((value) => membrane.toEngine(value, runtime)).start)
  })
  return standsFor({ method, reauthenticateBefore, start }, making)
}

type Options = { readonly method: string; readonly reauthenticateBefore?: unknown }

export const make = (options: Options): MqttAuthentication =>
  fromEngine(
    { method: options.method },
    (convert) =>
      Engine.MqttAuthentication.make(convert(options) as Parameters<typeof Engine.MqttAuthentication.make>[0])
  )

export const token = (options: Options): MqttAuthentication =>
  fromEngine(
    options,
    (convert) =>
      Engine.MqttAuthentication.token(convert(options) as Parameters<typeof Engine.MqttAuthentication.token>[0])
  )

export const scramSha256 = (options: object): MqttAuthentication =>
  fromEngine(
    { method: Engine.MqttAuthentication.scramSha256(options as Engine.MqttAuthentication.ScramOptions).method },
    (convert) => Engine.MqttAuthentication.scramSha256(convert(options) as Engine.MqttAuthentication.ScramOptions)
  )

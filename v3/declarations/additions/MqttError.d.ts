import type * as Effect from "effect/Effect"
import type { MqttError, MqttErrorReason } from "../MqttError.ts"

type Tag = MqttErrorReason["_tag"]

type ReasonOf<T extends Tag> = Extract<MqttErrorReason, { readonly _tag: T }>

/**
 * The handlers of some reasons, by their tags.
 *
 * @since 0.2.0
 * @category models
 */
export type ReasonHandlers = {
  readonly [T in Tag]?:
    | ((reason: ReasonOf<T>, error: MqttError) => Effect.Effect<unknown, unknown, unknown>)
    | undefined
}

type EffectOf<Handlers> = Handlers[keyof Handlers] extends infer Handler
  ? Handler extends (...values: never) => infer Result ? Extract<Result, Effect.Effect<unknown, unknown, unknown>>
  : never
  : never

/**
 * Handles a `MqttError` with one of these reasons; every other error stays as it is. Effect 3 has no
 * `Effect.catchReason`.
 *
 * **Example** (A message that is too large is no failure)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttClient, MqttError } from "effect-mqtt-v3"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   yield* mqtt.publish("site/log", "a long text").pipe(
 *     MqttError.catchReason("ServerLimit", (reason) => Effect.log(reason.message))
 *   )
 * })
 * ```
 *
 * @since 0.2.0
 * @category handling
 */
export declare const catchReason: <const T extends Tag, A2, E2, R2>(
  tag: T | ReadonlyArray<T>,
  handler: (reason: ReasonOf<T>, error: MqttError) => Effect.Effect<A2, E2, R2>
) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A | A2, E | E2, R | R2>

/**
 * `catchReason` for several reasons, each with a handler of its own.
 *
 * **Example** (Two reasons)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttClient, MqttError } from "effect-mqtt-v3"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   yield* mqtt.publish("site/log", "text", { qos: 1 }).pipe(
 *     MqttError.catchReasons({
 *       Offline: () => Effect.log("later"),
 *       PublishRefused: ({ reasonCode }) => Effect.log(`refused: ${reasonCode}`)
 *     })
 *   )
 * })
 * ```
 *
 * @since 0.2.0
 * @category handling
 */
export declare const catchReasons: <const Handlers extends ReasonHandlers>(
  handlers: Handlers & { readonly [Name in Exclude<keyof Handlers, Tag>]: never }
) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<
  A | Effect.Effect.Success<EffectOf<Handlers>>,
  E | Effect.Effect.Error<EffectOf<Handlers>>,
  R | Effect.Effect.Context<EffectOf<Handlers>>
>

/**
 * The whole client with all of its options, as an effect and as a layer.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as MqttError from "../../../MqttError.ts"
import type { MqttTransport } from "../../../MqttTransport.ts"
import type { Options } from "../../clientOptions.ts"
import { resolve } from "../../options.ts"
import { observing } from "./observing.ts"
import { MqttClient } from "./service.ts"
import * as Whole from "./whole.ts"

/**
 * Makes a client on the `MqttTransport` of the context. It lives as long as the scope; then DISCONNECT is sent and
 * everything stops within `drainTimeout`. The goodbye of `presence` comes first and has as long.
 *
 * Fails with `InvalidOptions`. Unless `initialConnection` is `"retry"`, it also fails with the error of the first
 * connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<MqttClient["Service"], MqttError.MqttError, MqttTransport | Scope.Scope> =>
  Effect.suspend(() =>
    Effect.flatMap(Effect.fromResult(resolve(options)), (resolved) => Whole.make(resolved, observing))
  )

/**
 * A client as a layer, on the `MqttTransport` of the context.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<MqttClient, MqttError.MqttError, MqttTransport> => Layer.effect(MqttClient, make(options))

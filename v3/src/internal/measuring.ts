/**
 * Whether clients measure how long messages take. `MqttMetrics.layerDurations` is the only one to change it.
 */
import * as Context from "effect/Context"
import type * as Engine from "../../../engine/index.ts"

export class Measuring extends Context.Reference<Measuring>()("effect-mqtt-v3/internal/Measuring", {
  defaultValue: (): Engine.Layer<never> | undefined => undefined
}) {}

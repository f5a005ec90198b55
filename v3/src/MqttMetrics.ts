/**
 * The numbers of a client in the metric registry of Effect 3, which reads them at every snapshot.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Label from "effect/MetricLabel"
import type * as Scope from "effect/Scope"
import * as Engine from "../../engine/index.ts"
import { Measuring } from "./internal/measuring.ts"
import { Membrane } from "./internal/membrane.ts"

interface EngineMetric {
  readonly id: string
  readonly type: string
  readonly description: string | undefined
  readonly attributes: Readonly<Record<string, string>> | undefined
}

type NumberMetric = Metric.Metric.Counter<number> | Metric.Metric.Gauge<number>

const metricOf = ({ attributes = {}, description = "", id, type }: EngineMetric): NumberMetric => {
  const labels = Object.entries(attributes).map(([key, value]) => Label.make(key, value))
  return type === "Counter"
    ? Metric.counter(id, { description, incremental: true }).pipe(Metric.taggedWithLabels(labels))
    : Metric.gauge(id, { description }).pipe(Metric.taggedWithLabels(labels))
}

const metricsOf = (metrics: object): Readonly<Record<string, NumberMetric>> =>
  Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metricOf(metric as EngineMetric)]))

export const all = /* @__PURE__ */ metricsOf(Engine.MqttMetrics.all)

export const messages = /* @__PURE__ */ metricsOf(Engine.MqttMetrics.messages)

export const register = (source: Engine.MqttMetrics.Source): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Membrane.make, (membrane) => Effect.orDie(membrane.acquired(Engine.MqttMetrics.register(source))))

export const layerDurations = (): Layer.Layer<never> =>
  Layer.sync(Measuring, () => Engine.MqttMetrics.layerDurations()) as unknown as Layer.Layer<never>

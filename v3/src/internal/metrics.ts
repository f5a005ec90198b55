/**
 * Metrics of the engine in the registry of Effect 3, which reads them at every snapshot.
 */
import * as Metric from "effect/Metric"
import * as Boundaries from "effect/MetricBoundaries"
import type * as MetricHook from "effect/MetricHook"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as MetricState from "effect/MetricState"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Predicate from "effect/Predicate"
import type * as Engine from "../../../engine/index.ts"

/** The options of all kinds of metrics, without a description if there is none. */
const optionsOf = (description: string | undefined) => description === undefined ? {} : { description }

const keyOf = (
  { attributes, description, name, read }: Engine.HostMetric,
  labels: ReadonlyArray<MetricLabel.MetricLabel>
): MetricKey.MetricKey.Untyped => {
  const state = read()
  const own = Object.entries(attributes).map(([key, value]) => MetricLabel.make(key, value))
  const labelled = MetricKey.taggedWithLabels([...labels, ...own])
  switch (state._tag) {
    case "Counter":
      return labelled(MetricKey.counter(name, { ...optionsOf(description), incremental: true }))
    case "Gauge":
      return labelled(MetricKey.gauge(name, optionsOf(description)))
    case "Histogram": {
      const boundaries = Boundaries.fromIterable(state.buckets.map(([boundary]) => boundary).filter(Number.isFinite))
      return labelled(MetricKey.histogram(name, boundaries, description))
    }
  }
}

const stateOf = (state: Engine.MetricState): MetricState.MetricState.Untyped => {
  switch (state._tag) {
    case "Counter":
      return MetricState.counter(state.count)
    case "Gauge":
      return MetricState.gauge(state.value)
    case "Histogram":
      return MetricState.histogram(state)
  }
}

type Root = MetricHook.MetricHook.Root

const isMetrics = (map: unknown): map is MutableHashMap.MutableHashMap<MetricKey.MetricKey.Untyped, unknown> =>
  Predicate.hasProperty(map, Symbol.for("effect/MutableHashMap"))

/**
 * Effect 3 has no call that removes a metric from its registry, so this changes the registry itself. If it cannot, the
 * metric stays, and is 0.
 */
const takeOut = (key: MetricKey.MetricKey.Untyped): void => {
  const registry: object = Metric.globalMetricRegistry
  if (Predicate.hasProperty(registry, "map") && isMetrics(registry.map)) MutableHashMap.remove(registry.map, key)
}

/** Registers metrics with the labels of the program. Of several metrics with one name, the latest counts. */
export const registerWith = (labels: ReadonlyArray<MetricLabel.MetricLabel>): Engine.RegisterMetric => (metric) => {
  const key = keyOf(metric, labels)
  const hook = Metric.globalMetricRegistry.get(key as MetricKey.MetricKey.Counter<number>) as unknown as {
    get: Root["get"]
  }
  const { get: before } = hook
  const read = (): MetricState.MetricState.Untyped => stateOf(metric.read())
  hook.get = read
  return () => {
    if (hook.get !== read) return
    hook.get = before
    takeOut(key)
  }
}

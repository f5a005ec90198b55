/**
 * Metrics of Effect 3 in the registry of the test: a snapshot there has those of the test's clients too.
 *
 * Effect 3 has one registry for all. A label tells which registry of a test a metric is for; the test does not see it.
 */
import * as Metric from "effect/Metric"
import type * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as MetricState from "effect/MetricState"
import * as Option from "effect/Option"
import * as Effect4 from "../../../test/through-effect3/effect4.ts"

const label = "through-effect3"

const numbers = new WeakMap<object, string>()
let registries = 0

/** Effect 3 counts its fibers under the same labels. */
const isOfFibers = ({ name }: MetricKey.MetricKey.Untyped): boolean => name.startsWith("effect_fiber_")

const isFor = (key: MetricKey.MetricKey.Untyped, number: string): boolean =>
  !isOfFibers(key) && [...key.tags].some(({ key, value }) => key === label && value === number)

const typeOf = (state: MetricState.MetricState.Untyped) =>
  MetricState.isCounterState(state) ? "Counter" : MetricState.isGaugeState(state) ? "Gauge" : "Histogram"

const stateOf = (state: MetricState.MetricState.Untyped): object => {
  if (MetricState.isCounterState(state)) return { count: state.count, incremental: true }
  if (MetricState.isGaugeState(state)) return { value: state.value }
  if (!MetricState.isHistogramState(state)) return {}
  const { buckets, count, max, min, sum } = state
  return { buckets, count, max, min, sum }
}

const metricsFor = (number: string): ReadonlyArray<Effect4.MirroredMetric> =>
  Metric.unsafeSnapshot().filter(({ metricKey }) => isFor(metricKey, number)).map(({ metricKey, metricState }) => ({
    id: metricKey.name,
    type: typeOf(metricState),
    description: Option.getOrUndefined(metricKey.description),
    attributes: Object.fromEntries(
      [...metricKey.tags].filter(({ key }) => key !== label).map(({ key, value }) => [key, value])
    ),
    state: stateOf(metricState)
  }))

/** What tells the metrics that are registered for this part of the test from all others. */
export const labelsFor = (services: Effect4.Services): ReadonlyArray<MetricLabel.MetricLabel> => {
  const registry = Effect4.registryOf(services)
  let number = numbers.get(registry)
  if (number === undefined) {
    number = String(registries++)
    numbers.set(registry, number)
    const own = number
    Effect4.mirror(registry, () => metricsFor(own))
  }
  return [MetricLabel.make(label, number)]
}

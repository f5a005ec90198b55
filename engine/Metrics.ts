/**
 * Metrics in the registry of the host: each metric of the client is registered there for as long as it exists here.
 */
import * as Context from "effect/Context"
import type * as Metric from "effect/Metric"

/** The number of a counter or a gauge, or the state of a histogram. */
export type MetricState =
  | { readonly _tag: "Counter"; readonly count: number }
  | { readonly _tag: "Gauge"; readonly value: number }
  | ({ readonly _tag: "Histogram" } & Metric.HistogramState)

/** A metric for the host, which may read its state at any time. */
export interface HostMetric {
  readonly name: string
  readonly description: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  readonly read: () => MetricState
}

/** Registers a metric. The returned function removes it. */
export type RegisterMetric = (metric: HostMetric) => () => void

type Metadata = Metric.Metric.Metadata<unknown, unknown>

const readerOf = ({ hooks, type }: Metadata): (() => MetricState) | undefined => {
  const read = () => hooks.get(Context.empty())
  switch (type) {
    case "Counter":
      return () => ({ _tag: type, count: Number((read() as Metric.CounterState<number>).count) })
    case "Gauge":
      return () => ({ _tag: type, value: Number((read() as Metric.GaugeState<number>).value) })
    case "Histogram":
      return () => ({ _tag: type, ...read() as Metric.HistogramState })
    default:
      return undefined
  }
}

/** The registry of a client. It tells the host of each metric that is added or removed. */
export class HostRegistry extends Map<string, Metadata> {
  readonly #register: RegisterMetric
  readonly #registered = new Map<string, () => void>()

  constructor(register: RegisterMetric) {
    super()
    this.#register = register
  }

  override set(key: string, metadata: Metadata): this {
    this.#takeOut(key)
    const read = readerOf(metadata)
    if (read !== undefined) {
      const { attributes, description, id: name } = metadata
      this.#registered.set(key, this.#register({ name, description, attributes: attributes ?? {}, read }))
    }
    return super.set(key, metadata)
  }

  override delete(key: string): boolean {
    this.#takeOut(key)
    return super.delete(key)
  }

  #takeOut(key: string): void {
    this.#registered.get(key)?.()
    this.#registered.delete(key)
  }
}

/**
 * How long publishing and processing take, as histograms of OpenTelemetry's conventions for messaging.
 *
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import type { Instrument, MakeInstrument } from "./instrument.ts"

/** Seconds, as the conventions advise. */
const boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

interface Kind {
  readonly name: string
  readonly description: string
  readonly attributes: Readonly<Record<string, string>>
}

const publishing: Kind = {
  name: "messaging.client.operation.duration",
  description: "From the call of a publish to its end",
  attributes: { "messaging.operation.name": "publish", "messaging.operation.type": "send" }
}

const processing: Kind = {
  name: "messaging.process.duration",
  description: "From the beginning of a handler to its end",
  attributes: { "messaging.operation.name": "process", "messaging.operation.type": "process" }
}

/** Registered beside the client's other metrics, from the first message on. */
class Registry {
  readonly #context: Context.Context<never>
  readonly #made: Array<Metric.Histogram<number>> = []

  constructor(context: Context.Context<never>) {
    this.#context = context
  }

  /** Takes seconds, and the error of a failed message. There is a histogram for each kind of failure. */
  recorder({ attributes, description, name }: Kind): (seconds: number, errorType: string | undefined) => void {
    const histograms = new Map<string | undefined, Metric.Histogram<number>>()
    return (seconds, errorType) => {
      let histogram = histograms.get(errorType)
      if (histogram === undefined) {
        const failed = errorType === undefined ? {} : { "error.type": errorType }
        histogram = Metric.histogram(name, {
          description,
          attributes: { unit: "s", ...attributes, ...failed },
          boundaries
        })
        histograms.set(errorType, histogram)
        this.#made.push(histogram)
      }
      histogram.updateUnsafe(seconds, this.#context)
    }
  }

  remove(): void {
    for (const histogram of this.#made) Metric.removeUnsafe(histogram, this.#context)
  }
}

const errorTypeOf = (exit: Exit.Exit<unknown, unknown>): string | undefined =>
  Exit.isSuccess(exit) ? undefined : FailureAnnotations.ofCause(exit.cause).reason

const measuring = (registry: Registry, clock: Clock.Clock): Instrument => {
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e9
  const published = registry.recorder(publishing)
  return {
    publish: (message, settled) => {
      const began = now()
      return {
        message,
        settled: (exit) => {
          published(now() - began, errorTypeOf(exit))
          settled(exit)
        }
      }
    },
    handler: (topicFilter, handler) => {
      const filters = [topicFilter].flat()
      const template = filters.length === 1 ? { "messaging.destination.template": filters[0] } : {}
      const processed = registry.recorder({ ...processing, attributes: { ...processing.attributes, ...template } })
      return (message) =>
        Effect.suspend(() => {
          const began = now()
          return Effect.onExitPrimitive(Effect.suspend(() => handler(message)), (exit) => {
            processed(now() - began, errorTypeOf(exit))
            return undefined
          })
        })
    }
  }
}

/** Both instruments: the second one is closer to the handler. */
const together = (first: Instrument, second: Instrument): Instrument => ({
  publish: (message, settled) => {
    const observed = first.publish(message, settled)
    return second.publish(observed.message, observed.settled)
  },
  handler: (topicFilter, handler) => first.handler(topicFilter, second.handler(topicFilter, handler))
})

export const make: MakeInstrument = Effect.fnUntraced(function*(attributes, tracing) {
  const clock = yield* Clock.Clock
  const context = yield* Effect.context()
  const registry = new Registry(Context.add(context, Metric.CurrentMetricAttributes, {
    ...Context.get(context, Metric.CurrentMetricAttributes),
    ...attributes
  }))
  yield* Effect.addFinalizer(() => Effect.sync(() => registry.remove()))
  const measured = measuring(registry, clock)
  return tracing === undefined ? measured : together(tracing, measured)
})

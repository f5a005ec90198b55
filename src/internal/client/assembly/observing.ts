/**
 * Spans and metrics of a client, as the options `tracing` and `metrics` request them. Only a program that passes them
 * to `whole.ts` loads both.
 */
import * as Effect from "effect/Effect"
import * as MqttMetrics from "../../../MqttMetrics.ts"
import { Tracing } from "../calls/tracing.ts"
import { MeasuredRunner } from "../session/measuredRunner.ts"
import { SessionRunner } from "../session/sessionRunner.ts"
import type { Observing } from "./whole.ts"

export const observing: Observing = {
  runner: (given) => given.options.metrics === undefined ? new SessionRunner(given) : new MeasuredRunner(given),
  tracing: (runner, options) =>
    options.tracing === undefined ? undefined : new Tracing(runner, options, options.tracing),
  measure: ({ attributes, runner, stats }) => {
    if (!(runner instanceof MeasuredRunner)) return Effect.void
    const isConnected = () => runner.connection !== undefined
    return MqttMetrics.register({ stats, tally: () => runner.tally, isConnected, attributes })
  }
}

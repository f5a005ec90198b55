/**
 * The observations of all lives of a run with crashes.
 */
import type * as MqttStore from "../../../src/MqttStore.ts"
import type { MemoryBroker } from "../../../src/testing/index.ts"
import type { Plan } from "./CrashPlan.ts"
import type * as Process from "./Process.ts"

export interface Published {
  readonly id: number
  readonly life: number
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly via: "publish" | "publishAsync" | "publishSink"
  /** Until its process died. */
  end: { readonly how: "succeeded" | "failed" | "interrupted" | "died"; readonly reason?: string } | undefined
}

export interface Observations {
  readonly plan: Plan
  readonly log: Array<Process.Seen>
  readonly published: Array<Published>
  /** What the broker was made to publish while it kept a subscription. */
  readonly emitted: Array<{ readonly id: number; readonly qos: 1 | 2; readonly isOwed: boolean }>
  /** What went wrong that nothing may lead to. */
  readonly faults: Array<string>
  isAtRest: boolean
  packets: ReadonlyArray<MemoryBroker.Passed>
  accepted: ReadonlyArray<MemoryBroker.Message>
  brokerViolations: ReadonlyArray<MemoryBroker.Violation>
  /** What the store has in the end, by table. */
  left: Record<MqttStore.Table, ReadonlyArray<MqttStore.StoredRecord>>
}

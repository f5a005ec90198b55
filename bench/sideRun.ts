/**
 * One side of an experiment at work: its process started, warmed up, measured and ended, and its claims compared with what
 * the sink has counted.
 */
import { rmSync } from "node:fs"
import type {
  Assignment,
  Experiment,
  Ports,
  SideMessage,
  SideName,
  SideRequest,
  SinkMessage,
  SinkRequest
} from "./Benchmark.ts"
import { BenchmarkProcess, built, type Mosquitto, temporaryFolder } from "./processes.ts"
import type { Sample } from "./results.ts"

export type Sink = BenchmarkProcess<SinkRequest, SinkMessage>
type SideProcess = BenchmarkProcess<SideRequest, SideMessage>

/** What all experiments share. */
export interface Bench {
  readonly options: {
    readonly isQuick: boolean
    /** Of one sample. */
    readonly seconds: number
  }
  readonly sink: Sink
  readonly mosquitto: Mosquitto | undefined
  readonly ports: Ports
  readonly ca: string
}

interface Usage {
  readonly processor: number | undefined
  readonly clock: number
}

const usageOf = async ({ mosquitto, sink }: Bench, { broker }: Experiment): Promise<Usage> => {
  if (broker !== "sink") {
    const processor = broker === "mosquitto" ? mosquitto?.processor() : undefined
    return { processor, clock: performance.now() / 1000 }
  }
  sink.tell({ _tag: "ReportUsage" })
  return sink.next("Usage")
}

const shareBetween = (before: Usage, after: Usage): number | undefined =>
  before.processor === undefined || after.processor === undefined
    ? undefined
    : (after.processor - before.processor) / (after.clock - before.clock)

let starts = 0

/** One side of an experiment, with a process of its own. */
export class SideRun {
  readonly #bench: Bench
  readonly #experiment: Experiment
  readonly #name: string
  readonly #clientId: string
  readonly #store: string | undefined
  readonly #process: SideProcess

  /** `folder` is where the side is built. */
  constructor(bench: Bench, experiment: Experiment, side: SideName, folder = built) {
    const { ca, options: { isQuick, seconds }, ports } = bench
    this.#bench = bench
    this.#experiment = experiment
    this.#name = `${side} in "${experiment.name}"`
    this.#clientId = `${side}-${++starts}-`
    this.#store = experiment.traffic.isDurable ? temporaryFolder("store") : undefined
    const assignment: Assignment = {
      side,
      experiment: experiment.name,
      ports,
      ca,
      clientId: this.#clientId,
      store: this.#store,
      isQuick,
      seconds
    }
    this.#process = new BenchmarkProcess(this.#name, "measure.js", [JSON.stringify(assignment)], folder)
  }

  async started(): Promise<void> {
    await this.#process.next("Started")
  }

  async warmUp(seconds: number): Promise<void> {
    this.#process.tell({ _tag: "WarmUp", seconds })
    await this.#process.next("WarmedUp")
  }

  async sample(): Promise<Sample> {
    const before = await usageOf(this.#bench, this.#experiment)
    this.#process.tell({ _tag: "Sample" })
    const { processor, seconds, values } = await this.#process.next("Sampled")
    const after = await usageOf(this.#bench, this.#experiment)
    return { values, ownShare: processor / seconds, brokerShare: shareBetween(before, after) }
  }

  /** Disconnects; no side may report a message that the sink has not seen. */
  async end(): Promise<void> {
    const { broker, connections, traffic: { qos, workload } } = this.#experiment
    if (broker === "sink") await this.#acknowledged()
    this.#process.tell({ _tag: "End" })
    const { total } = await this.#process.next("Ended")
    await this.#process.ended()
    if (broker !== "sink" || connections === 0) return
    const seen = { read: 0, sent: 0, acknowledged: 0 }
    for (let connection = 0; connection < connections; connection++) {
      const closed = await this.#bench.sink.next("Closed", ({ clientId }) => clientId.startsWith(this.#clientId))
      seen.read += closed.read
      seen.sent += closed.sent
      seen.acknowledged += closed.acknowledged
    }
    const isReceiving = workload.startsWith("receive") || workload === "consume"
    const expected = isReceiving
      ? { read: 0, sent: total, acknowledged: qos === 0 ? 0 : total }
      : { read: total, sent: 0, acknowledged: 0 }
    if (JSON.stringify(seen) !== JSON.stringify(expected)) {
      throw new Error(`${this.#name} claims ${JSON.stringify(expected)}, but the sink counts ${JSON.stringify(seen)}`)
    }
  }

  /** A side has seen a message of QoS 2 before the exchange for it is over: who disconnects then leaves it open. */
  async #acknowledged(): Promise<void> {
    this.#bench.sink.tell({ _tag: "AwaitAcknowledgements", clientId: this.#clientId })
    await this.#bench.sink.next("Acknowledged", ({ clientId }) => clientId === this.#clientId)
  }

  kill(): void {
    this.#process.kill()
    if (this.#store !== undefined) rmSync(this.#store, { recursive: true, force: true })
  }
}

/**
 * The process of one side, for one measurement: connects, warms up, waits to be told to go, measures, reports.
 *
 * The same for every side; only the module it loads from `sides/` differs.
 */
import { once } from "node:events"
import { type Assignment, type Client, type Perform, type Row, rows, type Side, type SideMessage } from "./Benchmark.ts"

const tell = (message: SideMessage): void => {
  process.send?.(message)
}

/** Long enough to be timed, short enough to look at the clock between. */
const warmUpSliceSeconds = 0.1

interface Measured {
  readonly seconds: number
  readonly processor: number
}

class Measurement {
  readonly #perform: Perform
  readonly #row: Row
  total = 0

  constructor(client: Client, row: Row) {
    this.#perform = client.perform[row.workload]
    this.#row = row
  }

  async measure(count: number): Promise<Measured> {
    const usage = process.cpuUsage()
    const started = performance.now()
    const cleanUp = await this.#perform(this.#row, count)
    const seconds = (performance.now() - started) / 1000
    const { system, user } = process.cpuUsage(usage)
    await cleanUp()
    this.total += count
    return { seconds, processor: (system + user) / 1e6 }
  }

  /** Messages a second that it has reached in the end. */
  async warmUp(seconds: number): Promise<number> {
    const end = performance.now() + seconds * 1000
    let rate = 1000
    while (performance.now() < end) {
      const count = Math.ceil(rate * warmUpSliceSeconds)
      rate = count / (await this.measure(count)).seconds
    }
    return rate
  }
}

const assignment: Assignment = JSON.parse(process.argv[2])
const row = rows.find(({ name }) => name === assignment.row)
if (row === undefined) throw new Error(`no row is named ${assignment.row}`)

const side: Side = await import(`./sides/${assignment.side}.ts`)
const client = await side.connect(assignment.port)
const measurement = new Measurement(client, row)
const rate = await measurement.warmUp(assignment.warmUpSeconds)
tell({ _tag: "Ready" })
await once(process, "message") // the only SideRequest
const count = Math.ceil(rate * assignment.seconds)
const measured = await measurement.measure(count)
tell({ _tag: "Measured", count, ...measured, total: measurement.total })
await client.disconnect()
process.disconnect()

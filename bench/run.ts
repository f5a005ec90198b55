/**
 * `npm run bench`: this library, MQTT.js and the bare-`net` limit in turn, every one in a process of its own, against
 * one sink in its own. Prints medians and spreads, writes them as JSON. What it means is in README.md.
 */
import { type ChildProcess, fork } from "node:child_process"
import { writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { availableParallelism, cpus } from "node:os"
import { parseArgs } from "node:util"
import {
  type Assignment,
  type Row,
  rows,
  type SideMessage,
  type SideName,
  sideNames,
  type SideRequest,
  type SinkMessage,
  type SinkRequest
} from "./Benchmark.ts"

const help = `npm run bench -- [options]

  --json FILE      write {"rows":[{"name","unit","ours","peer","limit","ratio"}]}
  --rows PATTERN   only rows whose name matches this regular expression
  --rounds N       rounds; every round measures every row and side once (default 5)
  --quick          2 short rounds: shows that it works, not how fast
  --help           this text

Rows: ${rows.map(({ name }) => name).join(", ")}
`

/** A measurement that takes this long has hung. */
const timeoutSeconds = 60

/** Above this share of one core the sink may hold a side back. */
const busySink = 0.6

interface Options {
  readonly json: string | undefined
  readonly rows: ReadonlyArray<Row>
  readonly rounds: number
  readonly warmUpSeconds: number
  readonly seconds: number
}

const optionsFrom = (args: Array<string>): Options | undefined => {
  const { values } = parseArgs({
    args,
    options: {
      json: { type: "string" },
      rows: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return undefined
  const pattern = new RegExp(values.rows)
  const options = {
    json: values.json,
    rows: rows.filter(({ name }) => pattern.test(name)),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 5)),
    ...values.quick ? { warmUpSeconds: 0.2, seconds: 0.3 } : { warmUpSeconds: 0.8, seconds: 1 }
  }
  if (options.rows.length === 0) throw new Error(`--rows ${values.rows} matches none of the rows`)
  if (!Number.isInteger(options.rounds) || options.rounds < 1) {
    throw new Error(`--rounds must be a whole number above 0, not ${values.rounds}`)
  }
  return options
}

/** A process of the benchmark: what it may be told and what it says. */
class BenchmarkProcess<Request extends object, Message extends { readonly _tag: string }> {
  readonly #name: string
  readonly #child: ChildProcess
  /** What it has said and nobody has asked for yet. */
  readonly #unread: Array<Message> = []
  #end: string | undefined
  #wake: () => void = () => {}

  constructor(name: string, script: string, args: ReadonlyArray<string>) {
    this.#name = name
    this.#child = fork(new URL(script, import.meta.url), args)
    this.#child.on("message", (message: Message) => {
      this.#unread.push(message)
      this.#wake()
    })
    this.#child.on("exit", (code, signal) => {
      this.#end = signal ?? `exit code ${code}`
      this.#wake()
    })
  }

  tell(request: Request): void {
    this.#child.send(request)
  }

  kill(): void {
    this.#child.kill()
  }

  /** The first unread message of this kind, which may be still to come. */
  next<Tag extends Message["_tag"]>(tag: Tag): Promise<Extract<Message, { readonly _tag: Tag }>> {
    return this.#until(tag, () => {
      const index = this.#unread.findIndex((message) => message._tag === tag)
      if (index >= 0) return this.#unread.splice(index, 1)[0] as Extract<Message, { readonly _tag: Tag }>
      if (this.#end !== undefined) throw new Error(`${this.#name} ended with ${this.#end} before it was ${tag}`)
      return undefined
    })
  }

  /** Its end, which must be a good one. */
  async ended(): Promise<void> {
    const end = await this.#until("at its end", () => this.#end)
    if (end !== "exit code 0") throw new Error(`${this.#name} ended with ${end}`)
  }

  async #until<A>(expected: string, look: () => A | undefined): Promise<A> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake()
    }, timeoutSeconds * 1000)
    try {
      for (let found = look();; found = look()) {
        if (found !== undefined) return found
        if (isLate) throw new Error(`${this.#name} was not ${expected} within ${timeoutSeconds} seconds`)
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }
}

type Sink = BenchmarkProcess<SinkRequest, SinkMessage>

const usageOf = (sink: Sink) => {
  sink.tell({ _tag: "ReportUsage" })
  return sink.next("Usage")
}

interface Sample {
  readonly messagesPerSecond: number
  /** Processor time of the side while this was measured, as a share of one core. */
  readonly ownShare: number
  /** The same of the sink. */
  readonly sinkShare: number
}

/** No side may report a message that the sink has not seen. */
const checkCounts = (
  name: string,
  row: Row,
  total: number,
  closed: Extract<SinkMessage, { readonly _tag: "Closed" }>
): void => {
  const seen = row.workload === "receive" ? { sent: total, acknowledged: row.qos === 1 ? total : 0 } : { read: total }
  for (const [what, expected] of Object.entries(seen)) {
    const actual = closed[what as keyof typeof seen]
    if (actual !== expected) {
      throw new Error(`${name} claims ${total} messages, but of ${expected} to be ${what} the sink counts ${actual}`)
    }
  }
}

const measure = async (sink: Sink, assignment: Assignment, row: Row): Promise<Sample> => {
  const name = `${assignment.side} in "${row.name}"`
  sink.tell({ _tag: "Expect", window: row.window })
  const side = new BenchmarkProcess<SideRequest, SideMessage>(name, "./measure.ts", [JSON.stringify(assignment)])
  try {
    await side.next("Ready")
    const before = await usageOf(sink)
    side.tell({ _tag: "Go" })
    const { count, processor, seconds, total } = await side.next("Measured")
    const after = await usageOf(sink)
    checkCounts(name, row, total, await sink.next("Closed"))
    await side.ended()
    return {
      messagesPerSecond: count / seconds,
      ownShare: processor / seconds,
      sinkShare: (after.processor - before.processor) / (after.clock - before.clock)
    }
  } finally {
    side.kill()
  }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

interface SideResult {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly ownShare: number
  readonly sinkShare: number
}

type SamplesOfRow = Readonly<Record<SideName, Array<Sample>>>

type RowResult = Readonly<Record<SideName, SideResult>>

const sideResult = (samples: ReadonlyArray<Sample>): SideResult => {
  const rates = samples.map(({ messagesPerSecond }) => messagesPerSecond)
  return {
    median: median(rates),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    ownShare: median(samples.map(({ ownShare }) => ownShare)),
    sinkShare: median(samples.map(({ sinkShare }) => sinkShare))
  }
}

const rate = (value: number): string =>
  value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1e3).toFixed(value < 1e5 ? 1 : 0)} k`

const percent = (share: number): string => `${Math.round(share * 100)}%`

const ratioOf = (result: RowResult): number => result.ours.median / result.peer.median

/** The first column to the left, the others to the right. */
const aligned = (lines: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  return lines
    .map((line) => line.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  "))
    .join("\n")
}

const spread = ({ highest, lowest, median }: SideResult): string =>
  `-${percent(1 - lowest / median)} +${percent(highest / median - 1)}`

const speedTable = (results: ReadonlyMap<Row, RowResult>): string =>
  aligned([
    ["messages/s", ...sideNames.flatMap((side) => [side, "spread"]), "ours/peer", "ours/limit"],
    ...Array.from(results, ([row, result]) => [
      row.name,
      ...sideNames.flatMap((side) => [rate(result[side].median), spread(result[side])]),
      ratioOf(result).toFixed(2),
      (result.ours.median / result.limit.median).toFixed(2)
    ])
  ])

const processorTable = (results: ReadonlyMap<Row, RowResult>): string =>
  aligned([
    ["CPU, share of one core", ...sideNames.flatMap((side) => [side, "sink"])],
    ...Array.from(results, ([row, result]) => [
      row.name,
      ...sideNames.flatMap((side) => {
        const { ownShare, sinkShare } = result[side]
        return [percent(ownShare), percent(sinkShare) + (sinkShare > busySink ? "*" : "")]
      })
    ])
  ])

const circumstances = (): string => {
  const { version } = createRequire(import.meta.url)("mqtt/package.json")
  return `MQTT.js ${version}, Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? "unknown CPU"}`
}

const report = (results: ReadonlyMap<Row, RowResult>): string => `
${speedTable(results)}

${processorTable(results)}

ours: this library. peer: MQTT.js. limit: bare node:net. Medians; spread: how far the lowest and highest round are off.
* The sink is busy for more than ${percent(busySink)} of the time, see "Is the sink fast enough" in bench/README.md.
${circumstances()}`

const json = (results: ReadonlyMap<Row, RowResult>): string =>
  JSON.stringify(
    {
      rows: Array.from(results, ([row, result]) => ({
        name: row.name,
        unit: row.unit,
        ours: Math.round(result.ours.median),
        peer: Math.round(result.peer.median),
        limit: Math.round(result.limit.median),
        ratio: Number(ratioOf(result).toFixed(3))
      }))
    },
    undefined,
    2
  ) + "\n"

/** Rounds outside, sides inside: a machine that slows down slows all of them; who goes first changes. */
const measureAll = async (sink: Sink, port: number, options: Options): Promise<ReadonlyMap<Row, RowResult>> => {
  const { seconds, warmUpSeconds } = options
  const samples = new Map(options.rows.map((row) => [row, { ours: [], peer: [], limit: [] } as SamplesOfRow]))
  for (let round = 0; round < options.rounds; round++) {
    for (const [row, samplesOfRow] of samples) {
      const line = [`round ${round + 1} of ${options.rounds}, ${row.name}:`.padEnd(42)]
      for (let turn = 0; turn < sideNames.length; turn++) {
        const side = sideNames[(round + turn) % sideNames.length]
        const sample = await measure(sink, { side, row: row.name, port, warmUpSeconds, seconds }, row)
        samplesOfRow[side].push(sample)
        line.push(`${side} ${rate(sample.messagesPerSecond)}`)
      }
      console.error(line.join("  "))
    }
  }
  return new Map(Array.from(samples, ([row, { limit, ours, peer }]) => [
    row,
    { ours: sideResult(ours), peer: sideResult(peer), limit: sideResult(limit) }
  ]))
}

const main = async (): Promise<void> => {
  const options = optionsFrom(process.argv.slice(2))
  if (options === undefined) return console.log(help)
  const sink: Sink = new BenchmarkProcess("the sink", "./sink.ts", [])
  try {
    const { port } = await sink.next("Listening")
    const results = await measureAll(sink, port, options)
    console.log(report(results))
    if (options.json !== undefined) writeFileSync(options.json, json(results))
  } finally {
    sink.kill()
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

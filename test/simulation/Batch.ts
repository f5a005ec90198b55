/**
 * Many runs over several processes, with progress. Each process takes a block at a time, so a slow one delays nobody.
 */
import { type ChildProcess, fork } from "node:child_process"
import { createHash } from "node:crypto"

/** What the numbers of a batch stand for: seeds, seeds of crashes, or the runs of the exhaustive cuts. */
export type Kind = "seeds" | "crashes" | "exhaustive"

export interface Failure {
  readonly index: number
  readonly violations: ReadonlyArray<string>
}

export interface Block {
  readonly kind: Kind
  readonly from: number
  readonly count: number
}

/** What a process answers to a block. */
export interface Result {
  readonly failures: ReadonlyArray<Failure>
  /** Of the traces of the block. */
  readonly hash: string
}

export interface Options {
  readonly kind: Kind
  readonly from: number
  readonly count: number
  readonly jobs: number
  /** No more than so many failures: then the rest is left. */
  readonly enough?: number
  /** The module of the processes, when it is not the one next to this. */
  readonly worker?: URL
  readonly onProgress: (text: string) => void
}

const blockSize = 50
const progressEvery = 5000
/** How many of those that failed the progress names. */
const named = 10

const ask = (worker: ChildProcess, block: Block): Promise<Result> =>
  new Promise((resolve, reject) => {
    const onExit = () => reject(new Error(`a process ended while it ran ${block.kind} from ${block.from}`))
    worker.once("exit", onExit)
    worker.once("message", (result) => {
      worker.off("exit", onExit)
      resolve(result as Result)
    })
    worker.send(block)
  })

export const run = async (options: Options): Promise<Result> => {
  const { count, enough = Infinity, from, jobs, kind, onProgress } = options
  const failures: Array<Failure> = []
  const hashes = new Map<number, string>()
  const end = from + count
  const started = performance.now()
  let next = from
  let done = 0
  const tell = () => {
    const seconds = (performance.now() - started) / 1000
    const first = failures.slice(0, named).map(({ index }) => index).join(", ")
    const failed = failures.length === 0 ? "" : ` (${first}${failures.length > named ? ", ..." : ""})`
    onProgress(
      `${done} of ${count} runs, ${failures.length} failed${failed}, ${(done / seconds).toFixed(0)} a second, ` +
        `${seconds.toFixed(0)} s`
    )
  }
  const timer = setInterval(tell, progressEvery)
  const work = async (): Promise<void> => {
    const worker = fork(options.worker ?? new URL("./worker.ts", import.meta.url))
    try {
      while (next < end && failures.length < enough) {
        const block = { kind, from: next, count: Math.min(blockSize, end - next) }
        next += block.count
        const result = await ask(worker, block)
        failures.push(...result.failures)
        hashes.set(block.from, result.hash)
        done += block.count
      }
    } finally {
      worker.disconnect()
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, Math.ceil(count / blockSize)) }, work))
  } finally {
    clearInterval(timer)
  }
  tell()
  const hash = createHash("sha256")
  for (const [, one] of [...hashes].sort(([a], [b]) => a - b)) hash.update(one)
  return {
    failures: failures.sort((one, other) => one.index - other.index),
    hash: hash.digest("hex").slice(0, 16)
  }
}

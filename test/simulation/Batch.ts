/**
 * Many runs over several processes, with progress. Each process takes a block at a time, so a slow one delays nobody. A
 * run that does not end is a failure like any other.
 */
import { type ChildProcess, fork } from "node:child_process"
import { createHash } from "node:crypto"

/** What the numbers of a batch stand for: seeds, seeds of crashes, or the runs of the exhaustive cuts. */
export type Kind = "seeds" | "crashes" | "exhaustive"

export interface Failure {
  readonly index: number
  readonly violations: ReadonlyArray<string>
  /** The run does not end, so nobody can run it again to explain it. */
  readonly isEndless?: boolean
}

export interface Block {
  readonly kind: Kind
  readonly from: number
  readonly count: number
}

/** What a process answers to a block. Before each run it tells the number of that run. */
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
  /** Milliseconds that a run may take. */
  readonly patience?: number
  readonly onProgress: (text: string) => void
}

const blockSize = 50
const progressEvery = 5000
/** How many of those that failed the progress names. */
const named = 10

/** The longest runs take some seconds, on a busy machine too. */
const defaultPatience = 120_000

interface Stuck {
  readonly stuckAt: number
}

/** If a run takes too long, its process is killed: it may not even notice a signal. */
const ask = (worker: ChildProcess, block: Block, patience: number): Promise<Result | Stuck> =>
  new Promise((resolve, reject) => {
    let index = block.from
    let timer: NodeJS.Timeout | undefined
    const settle = (result: Result | Stuck) => {
      clearTimeout(timer)
      worker.off("exit", onExit).off("message", onMessage)
      resolve(result)
    }
    const onExit = () => {
      clearTimeout(timer)
      reject(new Error(`a process ended while it ran ${block.kind} from ${block.from}`))
    }
    const onMessage = (message: unknown) => {
      if (typeof message !== "number") return settle(message as Result)
      index = message
      clearTimeout(timer)
      timer = setTimeout(() => {
        settle({ stuckAt: index })
        worker.kill("SIGKILL")
      }, patience)
    }
    worker.once("exit", onExit).on("message", onMessage)
    worker.send(block)
  })

/** Of a block that got stuck, what is left to run. */
const around = ({ count, from, kind }: Block, stuckAt: number): ReadonlyArray<Block> =>
  [
    { kind, from, count: stuckAt - from },
    { kind, from: stuckAt + 1, count: from + count - stuckAt - 1 }
  ].filter(({ count }) => count > 0)

export const run = async (options: Options): Promise<Result> => {
  const { count, enough = Infinity, from, jobs, kind, onProgress, patience = defaultPatience } = options
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
  const nextBlock = (): Block | undefined => {
    if (next >= end) return undefined
    const block = { kind, from: next, count: Math.min(blockSize, end - next) }
    next += block.count
    return block
  }
  const work = async (): Promise<void> => {
    const start = () => fork(options.worker ?? new URL("./worker.ts", import.meta.url))
    const left: Array<Block> = []
    let worker = start()
    try {
      for (
        let block = nextBlock();
        block !== undefined && failures.length < enough;
        block = left.pop() ?? nextBlock()
      ) {
        const result = await ask(worker, block, patience)
        if ("stuckAt" in result) {
          const { stuckAt: index } = result
          failures.push({ index, violations: ["it does not end"], isEndless: true })
          hashes.set(index, "endless")
          left.push(...around(block, index))
          done++
          worker = start()
        } else {
          failures.push(...result.failures)
          hashes.set(block.from, result.hash)
          done += block.count
        }
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

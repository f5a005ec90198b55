/**
 * One start of the program: its output, and how it ends.
 */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import type { Options } from "./program.ts"
import type { Signal } from "./Signal.ts"

const program = Path.join(repository, "test", "crash", "program.ts")

export class Process {
  readonly #child: ChildProcess
  readonly #signal: Signal
  readonly #onLine: (words: ReadonlyArray<string>) => void
  readonly #said = new Map<string, number>()
  #unfinished = ""
  errors = ""
  /** All it has said has been heard. */
  isOver = false
  /** Why it is over. */
  exitCode: number | null = null
  killedBy: NodeJS.Signals | null = null

  /** `compiled` is a folder where Node keeps what it has compiled, so that the next start takes less time. */
  constructor(options: Options, compiled: string, signal: Signal, onLine: (words: ReadonlyArray<string>) => void) {
    this.#signal = signal
    this.#onLine = onLine
    this.#child = spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled }
    })
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#hear(text))
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.errors += text)
    this.#child.once("close", (exitCode, killedBy) => {
      this.isOver = true
      this.exitCode = exitCode
      this.killedBy = killedBy
      this.#signal.changed()
    })
  }

  /** How often it has said something that begins with a word. */
  said(word: string): number {
    return this.#said.get(word) ?? 0
  }

  #hear(text: string): void {
    const lines = (this.#unfinished + text).split("\n")
    this.#unfinished = lines.pop() ?? ""
    for (const line of lines) {
      const words = line.split(" ")
      this.#said.set(words[0], this.said(words[0]) + 1)
      this.#onLine(words)
      this.#signal.changed()
    }
  }

  /** It was in the middle of a commit when it was last heard. */
  get isStoring(): boolean {
    return this.said("storing") > this.said("stored")
  }

  readonly kill = (): void => void this.#child.kill("SIGKILL")

  readonly stop = (): void => void this.#child.kill("SIGTERM")

  readonly over: Effect.Effect<void> = Effect.suspend(() => this.#signal.until(() => this.isOver))
}

/** One that is over when the scope is. */
export const start = (
  options: Options,
  compiled: string,
  signal: Signal,
  onLine: (words: ReadonlyArray<string>) => void
): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Process(options, compiled, signal, onLine)),
    (process) => Effect.andThen(Effect.sync(process.kill), process.over)
  )

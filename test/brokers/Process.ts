/**
 * Brokers in processes of their own: they are started with their files, watched until they listen, and ended by their
 * process identifier.
 */
import { type Duration, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as port from "./port.ts"

/** Debian keeps brokers where only root's PATH looks. */
const folders = [
  ...(process.env.PATH ?? "").split(Path.delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/sbin"
]

/** Where a program is; `undefined` when it is not installed. */
export const find = (program: string): string | undefined =>
  folders.map((folder) => Path.join(folder, program)).find((file) => Fs.existsSync(file))

/** A folder of its own, which goes with the scope. */
export const folder = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), `effect-mqtt-${name}-`))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )

/** Writes files into a folder, and says where it is. */
export const write = (folder: string, files: { readonly [name: string]: string }): string => {
  for (const [name, content] of Object.entries(files)) Fs.writeFileSync(Path.join(folder, name), content)
  return folder
}

export interface Options {
  readonly name: string
  readonly command: string
  readonly arguments: ReadonlyArray<string>
  readonly folder?: string
  readonly environment?: { readonly [name: string]: string }
  /** It is ready when somebody listens on all of them. */
  readonly ports: ReadonlyArray<number>
  /** How long that may take. Default: 10 seconds. */
  readonly within?: Duration.Input
}

export interface Running {
  /** Asks it to end, and waits until it has. */
  readonly stop: Effect.Effect<void>
  /** Ends it at once, without a chance to write anything down. */
  readonly kill: Effect.Effect<void>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Everything it has said so far. */
  readonly log: () => string
}

const exited = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

const signal = (child: ChildProcess, signal: NodeJS.Signals): Effect.Effect<void> =>
  Effect.sync(() => void child.kill(signal))

const kill = (child: ChildProcess): Effect.Effect<void> => Effect.andThen(signal(child, "SIGKILL"), exited(child))

const stop = (child: ChildProcess): Effect.Effect<void> =>
  signal(child, "SIGTERM").pipe(
    Effect.andThen(exited(child)),
    Effect.timeoutOrElse({ duration: "15 seconds", orElse: () => kill(child) })
  )

/** Runs until the scope ends. Dies with what it said when it does not come up. */
export const start = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Running, never, Scope.Scope> {
  let log = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(options.command, options.arguments, {
        stdio: ["ignore", "pipe", "pipe"],
        cwd: options.folder,
        env: { ...process.env, ...options.environment }
      })
    ),
    stop
  )
  for (const output of [child.stdout, child.stderr]) output.on("data", (chunk) => log += String(chunk))
  const failed = Effect.callback<never>((resume) => {
    child.once("error", (cause) => resume(Effect.die(cause)))
    child.once("exit", (code) => resume(Effect.die(new Error(`${options.name} ended with ${code}: ${log}`))))
  })
  yield* Effect.forEach(options.ports, port.listening, { discard: true }).pipe(
    Effect.timeoutOrElse({
      duration: options.within ?? "10 seconds",
      orElse: () => Effect.die(new Error(`${options.name} does not listen on ${options.ports.join(", ")}: ${log}`))
    }),
    Effect.raceFirst(failed)
  )
  return { stop: stop(child), kill: kill(child), signal: (name) => signal(child, name), log: () => log }
})

/**
 * Runs a program of `examples` as `npm run examples` does, in a process of its own, with a broker of the test's.
 */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"

export interface Ended {
  readonly exitCode: number | null
  /** Standard output and standard error. */
  readonly output: string
}

const ended = (child: ChildProcess): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    let output = ""
    child.stdout?.on("data", (chunk) => output += String(chunk))
    child.stderr?.on("data", (chunk) => output += String(chunk))
    child.once("error", (cause) => resume(Effect.die(cause)))
    child.once("close", (exitCode) => resume(Effect.succeed({ exitCode, output })))
  })

/** Ends with it; when interrupted it is ended first. */
export const run = (program: string, url: string): Effect.Effect<Ended> =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      spawn(process.execPath, [Path.join(repository, "examples", program)], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, MQTT_URL: url }
      })
    ),
    ended,
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

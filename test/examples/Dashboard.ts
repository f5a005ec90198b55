/**
 * `examples/browser-dashboard.ts` as a process of its own.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"

/** Runs until the scope ends; the URL of its page. */
export const url: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const { MQTT_URL: _, ...env } = process.env
      return spawn(process.execPath, [Path.join(repository, "examples", "browser-dashboard.ts"), "--forever"], {
        stdio: ["ignore", "pipe", "pipe"],
        env
      })
    }),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  let output = ""
  return yield* Effect.callback<string>((resume) => {
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
      const [url] = /http:\/\/[\d.:]+\//.exec(output) ?? []
      if (url !== undefined) resume(Effect.succeed(url))
    })
    child.stderr.on("data", (chunk) => output += String(chunk))
    child.once("exit", () => resume(Effect.die(new Error(output))))
  })
})

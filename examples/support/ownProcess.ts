/**
 * Starts the example once more as a process of its own, in another role.
 */
import { Effect, Redacted, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { Broker } from "./broker.ts"

/** Completes when the process has ended. */
export const exited = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

/** Runs the program of the file with these arguments until the scope ends, unless it is killed earlier. */
export const start = Effect.fnUntraced(function*(
  file: string,
  ...list: ReadonlyArray<string>
): Effect.fn.Return<ChildProcess, never, Broker | Scope.Scope> {
  const { url } = yield* Broker
  return yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [file, ...list], {
        stdio: ["pipe", "inherit", "inherit"],
        env: { ...process.env, MQTT_URL: Redacted.value(url) }
      })
    ),
    (child) =>
      Effect.suspend(() => {
        child.stdin?.end()
        return exited(child)
      }).pipe(Effect.timeoutOrElse({ duration: "3 seconds", orElse: () => Effect.sync(() => child.kill("SIGKILL")) }))
  )
})

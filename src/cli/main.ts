/**
 * Runs the command line in this process: its arguments, its standard streams, its signals and its exit code.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as ExitCode from "./exitCode.ts"
import * as Program from "./program.ts"

/**
 * @since 0.1.0
 * @category running
 */
export const runMain = (): void => {
  let signal: "SIGINT" | "SIGTERM" = "SIGINT"
  process.once("SIGTERM", () => {
    signal = "SIGTERM"
  })
  Stdio.Stdio.use(({ args }) => Effect.flatMap(args, Program.run)).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(ExitCode.of(exit, signal))
    })
  )
}

/**
 * Runs the command line in this process: its arguments, its standard streams, its signals and its exit code.
 *
 * @since 0.1.0
 */
import * as NodeChildProcessSpawner from "@effect/platform-node/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as ExitCode from "./exitCode.ts"
import * as Program from "./program.ts"

const unused = Effect.die("no command asks anything")

/** Node's terminal would open standard input, which takes time, and no command asks anything. */
const terminal = Layer.succeed(
  Terminal.Terminal,
  Terminal.make({
    columns: unused,
    rows: unused,
    size: unused,
    readInput: unused,
    readLine: unused,
    display: () => unused
  })
)

const services = Layer.provideMerge(
  NodeChildProcessSpawner.layer,
  Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeStdio.layer, terminal)
)

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
    Effect.provide(services),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => onExit(ExitCode.of(exit, signal))
    })
  )
}

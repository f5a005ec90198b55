/**
 * The command line, in a process of its own or in this one, and mosquitto's own clients.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, type Exit, Layer, Sink, Stdio, Stream } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import * as ExitCode from "../../src/cli/exitCode.ts"
import * as Program from "../../src/cli/program.ts"

export interface Ended {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  readonly stdin?: string | Uint8Array
  readonly environment?: { readonly [name: string]: string }
}

const ended = (child: ChildProcess): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const [stdout, stderr]: [Array<Buffer>, Array<Buffer>] = [[], []]
    child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk))
    child.once("error", (cause) => resume(Effect.die(cause)))
    child.once("close", (exitCode) =>
      resume(Effect.succeed({
        exitCode,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString()
      })))
  })

/** Started; what it is asked for ends with the scope. */
export const start = (command: string, list: ReadonlyArray<string>, { environment, stdin }: Options = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(command, list, { stdio: "pipe", env: { ...process.env, ...environment } })
      child.stdin.on("error", () => {})
      if (stdin !== undefined) child.stdin.end(stdin)
      return child
    }),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** Runs a program to its end. */
export const run = (command: string, list: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(command, list, { stdin: "", ...options }), ended))

const program = Path.join(repository, "src", "cli", "effect-mqtt.ts")

/** `effect-mqtt` as a shell starts it. */
export const effectMqtt = (list: ReadonlyArray<string>, options?: Options): Effect.Effect<Ended> =>
  run(process.execPath, [program, ...list], options)

export const startEffectMqtt = (list: ReadonlyArray<string>, options?: Options) =>
  start(process.execPath, [program, ...list], options)

export { ended }

/** `effect-mqtt` in this process, which is faster to start. Standard error is not kept. */
export const inProcess = (
  list: ReadonlyArray<string>,
  { environment = {}, stdin = "" }: Options = {}
): Effect.Effect<Pick<Ended, "exitCode" | "stdout">> =>
  Effect.suspend(() => {
    const written: Array<Buffer> = []
    const stdio = Stdio.layerTest({
      stdin: Stream.succeed(Buffer.from(stdin)),
      stdout: () => Sink.forEach((chunk) => Effect.sync(() => void written.push(Buffer.from(chunk))))
    })
    return Program.run(list.includes("--quiet") ? list : [...list, "--quiet"]).pipe(
      Effect.provide(Layer.merge(NodeServices.layer, stdio)),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(environment)),
      Effect.exit,
      Effect.map((exit: Exit.Exit<unknown, unknown>) => ({
        exitCode: ExitCode.of(exit),
        stdout: Buffer.concat(written).toString()
      }))
    )
  })

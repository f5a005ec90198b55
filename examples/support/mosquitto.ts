/**
 * A mosquitto on a free port of this machine, if it is installed.
 */
import { Effect, Option, Schedule, Schema, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

const host = "127.0.0.1"

/** Debian keeps it in a folder that only root's PATH has. */
const executable = [...(process.env.PATH ?? "").split(Path.delimiter), "/usr/sbin", "/usr/local/sbin"]
  .map((folder) => Path.join(folder, "mosquitto"))
  .find((file) => Fs.existsSync(file))

const unusedPort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, host, () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

class NotListening extends Schema.TaggedError<NotListening>()("NotListening", { port: Schema.Int }) {
  override get message(): string {
    return `mosquitto does not listen on port ${this.port}`
  }
}

const connect = (port: number): Effect.Effect<void, NotListening> =>
  Effect.callback((resume) => {
    const socket = Net.connect(port, host)
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", () => resume(Effect.fail(new NotListening({ port }))))
  })

const stop = (mosquitto: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (mosquitto.exitCode !== null || mosquitto.signalCode !== null) return resume(Effect.void)
    mosquitto.once("exit", () => resume(Effect.void))
    mosquitto.kill()
  })

const configured = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-example-"))
      const file = Path.join(folder, "mosquitto.conf")
      const lines = [`listener ${port} ${host}`, "allow_anonymous true", "log_type error"]
      Fs.writeFileSync(file, lines.join("\n") + "\n")
      return { folder, file }
    }),
    ({ folder }) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )

/** The URL of the mosquitto, for as long as the scope; none if mosquitto is not installed. */
export const start: Effect.Effect<Option.Option<string>, NotListening, Scope.Scope> = Effect.gen(function*() {
  if (executable === undefined) return Option.none()
  const port = yield* unusedPort
  const { file } = yield* configured(port)
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn(executable, ["-c", file], { stdio: ["ignore", "ignore", "inherit"] })),
    stop
  )
  yield* Effect.retry(connect(port), Schedule.upTo(Schedule.spaced("50 millis"), { times: 100 }))
  return Option.some(`mqtt://${host}:${port}`)
})

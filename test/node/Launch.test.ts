/**
 * `NodeMqtt.launch`: a process ends when its client has closed for good, and says why.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import * as Net from "node:net"

/** A server that answers every CONNECT with these bytes. */
const server = (answer: ReadonlyArray<number>) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const listening = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.once("data", () => void socket.write(Uint8Array.from(answer)))
      })
      listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
    }),
    (listening) => Effect.sync(() => void listening.close())
  )

/** A process whose service says when it ends, and runs `inside` with the client first. */
const program = (port: number, protocolVersion: string, inside: string) => `
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { MqttClient } from "./src/index.ts"
import { NodeMqtt } from "./src/node/index.ts"
const service = Layer.effectDiscard(Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* Effect.addFinalizer(() => Console.log("the service ended"))
  ${inside}
}))
NodeMqtt.launch(service).pipe(
  Effect.provide(NodeMqtt.layer({
    url: "mqtt://user:wrong@127.0.0.1:${port}", protocolVersion: "${protocolVersion}", initialConnection: "retry"
  })),
  NodeRuntime.runMain
)`

const run = (source: string) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    let output = ""
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] })
    child.stdout.on("data", (chunk) => output += String(chunk))
    child.stderr.on("data", (chunk) => output += String(chunk))
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const portOf = (listening: Net.Server) => {
  const address = listening.address()
  return address !== null && typeof address === "object" ? address.port : assert.fail("no port")
}

const versions = [
  { protocolVersion: "5.0", refusal: [0x20, 3, 0, 0x86, 0], acceptance: [0x20, 3, 0, 0, 0] },
  { protocolVersion: "3.1.1", refusal: [0x20, 2, 0, 4], acceptance: [0x20, 2, 0, 0] }
]

describe("NodeMqtt.launch", () => {
  for (const { acceptance, protocolVersion, refusal } of versions) {
    it.live(
      `${protocolVersion}: a wrong password ends the service and the process, with code 1 and a log line`,
      () =>
        Effect.gen(function*() {
          const port = portOf(yield* server(refusal))
          const { code, output } = yield* run(program(port, protocolVersion, ""))
          assert.strictEqual(code, 1, output)
          assert.include(output, "The client is closed: ")
          assert.match(output, /reason: .?ConnectionRefused/)
          assert.include(output, "the service ended")
        }),
      30_000
    )

    it.live(`${protocolVersion}: a program that disconnects ends with code 0`, () =>
      Effect.gen(function*() {
        const port = portOf(yield* server(acceptance))
        const { code, output } = yield* run(program(port, protocolVersion, "yield* Effect.forkScoped(mqtt.disconnect)"))
        assert.strictEqual(code, 0, output)
        assert.include(output, "the service ended")
      }), 30_000)
  }
})

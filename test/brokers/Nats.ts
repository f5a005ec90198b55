/**
 * nats-server with MQTT, as two processes: a plain one and one with TLS, because it has one listener of each kind only.
 */
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as port from "./port.ts"
import * as Process from "./Process.ts"
import { certificateFiles, type Subject, user } from "./Subject.ts"

const executable = Process.find("nats-server")

const one = Effect.fnUntraced(function*(isSecure: boolean) {
  const folder = yield* Process.folder("nats")
  const [nats, mqtt, ws] = yield* Effect.all([port.free, port.free, port.free])
  const tls = `tls {cert_file: "${folder}/server.pem", key_file: "${folder}/server.key"}`
  Process.write(folder, {
    ...certificateFiles,
    "nats.conf": [
      `listen: ${port.host}:${nats}`,
      "server_name: interop",
      `jetstream {store_dir: "${folder}/jetstream"}`,
      `authorization {user: ${user.username}, password: ${user.password}}`,
      // By default it sends again after 30 seconds what was not acknowledged.
      `mqtt {listen: ${port.host}:${mqtt}, ack_wait: "2s", ${isSecure ? tls : ""}}`,
      `websocket {listen: ${port.host}:${ws}, ${isSecure ? tls : "no_tls: true"}}`,
      ""
    ].join("\n")
  })
  const running = yield* Process.start({
    name: "nats-server",
    command: executable ?? "nats-server",
    arguments: ["-c", `${folder}/nats.conf`],
    ports: [mqtt, ws]
  })
  return { ...running, mqtt, ws }
})

const start: Subject["start"] = Effect.gen(function*() {
  const plain = yield* one(false)
  const secure = yield* one(true)
  return {
    ...plain,
    host: port.host,
    port: plain.mqtt,
    urls: {
      TLS: `mqtts://localhost:${secure.mqtt}`,
      WebSocket: `ws://localhost:${plain.ws}/mqtt`,
      "secure WebSocket": `wss://localhost:${secure.ws}/mqtt`
    }
  }
})

export const subject: Subject = {
  name: "nats",
  title: "NATS",
  install: "nats-server",
  version: Effect.sync(() =>
    executable && /v([0-9.]+)/.exec(execFileSync(executable, ["--version"], { encoding: "utf8" }))?.[1]
  ),
  versions: ["3.1.1"],
  start
}

/**
 * mosquitto four times: as it is used, with every limit it knows, without those it has by default, and with our plugin.
 */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as Path from "node:path"
import * as Mosquitto from "./Mosquitto.ts"
import * as MosquittoPlugin from "./MosquittoPlugin.ts"
import { certificateFiles, type Subject, user } from "./Subject.ts"

const users = ["allow_anonymous false", "password_file {folder}/passwords"]
const tls = ["cafile {folder}/ca.pem", "certfile {folder}/server.pem", "keyfile {folder}/server.key"]
const webSocket = "protocol websockets"

const files = { ...certificateFiles, passwords: Mosquitto.passwordLine(user.username, user.password) }

const start = (configuration: ReadonlyArray<string>): Subject["start"] =>
  Effect.gen(function*() {
    const running = yield* Mosquitto.start({
      configuration: [...users, ...configuration],
      files,
      listeners: { tls: [...users, ...tls], ws: [...users, webSocket], wss: [...users, webSocket, ...tls] }
    })
    const at = (scheme: string, name: string): string => `${scheme}://localhost:${running.ports.get(name)}`
    return {
      ...running,
      urls: { TLS: at("mqtts", "tls"), WebSocket: at("ws", "ws"), "secure WebSocket": at("wss", "wss") }
    }
  })

const version = Effect.sync(() => {
  const { executable } = Mosquitto
  if (executable === undefined) return undefined
  return /version ([0-9.]+)/.exec(spawnSync(executable, ["-h"], { encoding: "utf8" }).stdout)?.[1]
})

const common = { install: "mosquitto", version, versions: ["5.0", "3.1.1"] } as const

export const plain: Subject = {
  ...common,
  name: "mosquitto",
  title: "mosquitto",
  start: start([])
}

export const withLimits: Subject = {
  ...common,
  name: "mosquitto-limits",
  title: "mosquitto with limits",
  start: start([
    "max_inflight_messages 1",
    "max_packet_size 300",
    "retain_available false",
    "max_qos 1",
    "max_topic_alias 3",
    "max_keepalive 12",
    "allow_zero_length_clientid false"
  ])
}

export const withoutLimits: Subject = {
  ...common,
  name: "mosquitto-unlimited",
  title: "mosquitto without limits",
  start: start(["max_inflight_messages 0", "max_queued_messages 0"])
}

export const withPlugin: Subject = {
  ...common,
  name: "mosquitto-plugin",
  title: "mosquitto with a plugin",
  install: "mosquitto mosquitto-dev libmosquitto-dev gcc libc6-dev",
  version: Effect.map(version, (version) => MosquittoPlugin.canBeBuilt() ? version : undefined),
  start: Effect.flatMap(MosquittoPlugin.built, (folder) => start([`plugin ${Path.join(folder, "plugin.so")}`]))
}

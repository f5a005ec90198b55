/**
 * ejabberd with its MQTT module, as a process of its own. Without the distribution of Erlang, so nothing of it stays
 * behind.
 */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as port from "./port.ts"
import * as Process from "./Process.ts"
import { certificateFiles, type Subject, user } from "./Subject.ts"

/** Debian has it below the folder of the processor, and a link without the revision beside it. */
export const library = Fs.globSync("/usr/lib/{*/,}ejabberd-*/ebin").toSorted()[0]

const configuration = (folder: string, ports: { readonly [name in "tcp" | "tls" | "ws" | "wss"]: number }): string =>
  JSON.stringify({
    hosts: ["localhost"],
    loglevel: "warning",
    certfiles: [Path.join(folder, "chain.pem")],
    auth_method: ["internal"],
    listen: [
      { port: ports.tcp, ip: port.host, module: "mod_mqtt" },
      { port: ports.tls, ip: port.host, module: "mod_mqtt", tls: true },
      { port: ports.ws, ip: port.host, module: "ejabberd_http", request_handlers: { "/mqtt": "mod_mqtt" } },
      { port: ports.wss, ip: port.host, module: "ejabberd_http", tls: true, request_handlers: { "/mqtt": "mod_mqtt" } }
    ],
    modules: {
      mod_mqtt: {
        access_publish: { "#": [{ allow: "all" }] },
        access_subscribe: { "#": [{ allow: "all" }] }
      }
    }
  })

const start: Subject["start"] = Effect.gen(function*() {
  const folder = yield* Process.folder("ejabberd")
  const [tcp, tls, ws, wss] = yield* Effect.all([port.free, port.free, port.free, port.free])
  Process.write(folder, { ...certificateFiles, "ejabberd.yml": configuration(folder, { tcp, tls, ws, wss }) })
  const running = yield* Process.start({
    name: "ejabberd",
    command: "erl",
    arguments: [
      "-noinput",
      "+S",
      "1:1",
      "+sbwt",
      "none",
      "-mnesia",
      "dir",
      JSON.stringify(Path.join(folder, "mnesia")),
      "-pa",
      library ?? "",
      "-s",
      "ejabberd",
      "-eval",
      `ejabberd_auth:try_register(<<"${user.username}">>, <<"localhost">>, <<"${user.password}">>).`
    ],
    folder,
    environment: {
      HOME: folder,
      EJABBERD_CONFIG_PATH: Path.join(folder, "ejabberd.yml"),
      EJABBERD_LOG_PATH: Path.join(folder, "ejabberd.log"),
      SPOOL_DIR: folder
    },
    ports: [tcp, tls, ws, wss],
    within: "1 minute"
  })
  return {
    ...running,
    host: port.host,
    port: tcp,
    urls: {
      TLS: `mqtts://localhost:${tls}`,
      WebSocket: `ws://localhost:${ws}/mqtt`,
      "secure WebSocket": `wss://localhost:${wss}/mqtt`
    }
  }
})

export const subject: Subject = {
  name: "ejabberd",
  title: "ejabberd",
  install: "ejabberd",
  version: Effect.sync(() => Process.find("erl") && /ejabberd-([0-9.]+)/.exec(library ?? "")?.[1]),
  versions: ["5.0", "3.1.1"],
  start
}

/**
 * RabbitMQ with its MQTT plugins, as a process of its own, and the `epmd` it insists on, which would outlive it.
 */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as port from "./port.ts"
import * as Process from "./Process.ts"
import { certificateFiles, type Subject, user } from "./Subject.ts"

const executable = "/usr/lib/rabbitmq/bin/rabbitmq-server"

const start: Subject["start"] = Effect.gen(function*() {
  const folder = yield* Process.folder("rabbitmq")
  const [amqp, tcp, tls, ws, wss, distribution, epmd] = yield* Effect.all([
    port.free,
    port.free,
    port.free,
    port.free,
    port.free,
    port.free,
    port.free
  ])
  Process.write(folder, {
    ...certificateFiles,
    "rabbitmq.conf": [
      `listeners.tcp.1 = ${port.host}:${amqp}`,
      `mqtt.listeners.tcp.1 = ${port.host}:${tcp}`,
      `mqtt.listeners.ssl.1 = ${port.host}:${tls}`,
      "mqtt.allow_anonymous = false",
      `default_user = ${user.username}`,
      `default_pass = ${user.password}`,
      ...["ssl_options", "web_mqtt.ssl"].flatMap((prefix) => [
        `${prefix}.cacertfile = ${folder}/ca.pem`,
        `${prefix}.certfile = ${folder}/server.pem`,
        `${prefix}.keyfile = ${folder}/server.key`
      ]),
      "ssl_options.verify = verify_none",
      `web_mqtt.tcp.ip = ${port.host}`,
      `web_mqtt.tcp.port = ${ws}`,
      `web_mqtt.ssl.ip = ${port.host}`,
      `web_mqtt.ssl.port = ${wss}`,
      "log.console = true",
      "log.file = false",
      ""
    ].join("\n"),
    plugins: "[rabbitmq_mqtt,rabbitmq_web_mqtt]."
  })
  yield* Process.start({
    name: "epmd",
    command: "epmd",
    arguments: ["-port", `${epmd}`, "-address", port.host],
    ports: [epmd]
  })
  const running = yield* Process.start({
    name: "RabbitMQ",
    command: executable,
    arguments: [],
    folder,
    environment: {
      HOME: folder,
      // Without it a shell waits for it, and is what we would end.
      RUNNING_UNDER_SYSTEMD: "true",
      RABBITMQ_BASE: folder,
      RABBITMQ_MNESIA_BASE: Path.join(folder, "mnesia"),
      RABBITMQ_LOG_BASE: Path.join(folder, "log"),
      RABBITMQ_CONFIG_FILE: Path.join(folder, "rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: Path.join(folder, "plugins"),
      RABBITMQ_PID_FILE: Path.join(folder, "pid"),
      RABBITMQ_NODENAME: "interop@localhost",
      RABBITMQ_DIST_PORT: `${distribution}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
      ERL_EPMD_PORT: `${epmd}`,
      ERL_EPMD_ADDRESS: port.host
    },
    ports: [tcp, tls, ws, wss],
    within: "2 minutes"
  })
  return {
    ...running,
    host: port.host,
    port: tcp,
    urls: {
      TLS: `mqtts://localhost:${tls}`,
      WebSocket: `ws://localhost:${ws}/ws`,
      "secure WebSocket": `wss://localhost:${wss}/ws`
    }
  }
})

export const subject: Subject = {
  name: "rabbitmq",
  title: "RabbitMQ",
  install: "rabbitmq-server",
  version: Effect.sync(() =>
    Fs.existsSync(executable)
      ? /server-([0-9.]+)/.exec(Fs.globSync("/usr/lib/rabbitmq/lib/rabbitmq_server-*")[0] ?? "")?.[1]
      : undefined
  ),
  versions: ["3.1.1"],
  start
}

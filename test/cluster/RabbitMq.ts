/**
 * RabbitMQ as a cluster of three, with quorum queues for the subscriptions of persistent sessions.
 */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as Path from "node:path"
import * as port from "../brokers/port.ts"
import * as Process from "../brokers/Process.ts"
import * as single from "../brokers/RabbitMq.ts"
import { user } from "../brokers/Subject.ts"
import * as Cluster from "./Cluster.ts"
import * as Erlang from "./Erlang.ts"

const executables = "/usr/lib/rabbitmq/bin"
const names = ["rabbit1", "rabbit2", "rabbit3"]
const nodeNames = names.map((name) => `${name}@localhost`)

const configuration = (amqp: number, mqtt: number): string =>
  [
    `listeners.tcp.1 = ${port.host}:${amqp}`,
    `mqtt.listeners.tcp.1 = ${port.host}:${mqtt}`,
    "mqtt.allow_anonymous = false",
    "mqtt.durable_queue_type = quorum",
    // By default ten messages of a subscription may be unacknowledged.
    "mqtt.prefetch = 100",
    `default_user = ${user.username}`,
    `default_pass = ${user.password}`,
    "cluster_formation.peer_discovery_backend = classic_config",
    ...nodeNames.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
    "log.console = true",
    "log.file = false",
    ""
  ].join("\n")

/** Of this cluster alone: its own cookie, `epmd` and folders. */
const environmentOf = (folder: string, name: string, epmd: number) => ({
  HOME: folder,
  // Without it a shell waits for RabbitMQ, and a signal would reach the shell.
  RUNNING_UNDER_SYSTEMD: "true",
  RABBITMQ_BASE: folder,
  RABBITMQ_MNESIA_BASE: Path.join(folder, "mnesia"),
  RABBITMQ_LOG_BASE: Path.join(folder, "log"),
  RABBITMQ_CONFIG_FILE: Path.join(folder, `${name}.conf`),
  RABBITMQ_ENABLED_PLUGINS_FILE: Path.join(folder, "plugins"),
  RABBITMQ_PID_FILE: Path.join(folder, `${name}.pid`),
  RABBITMQ_NODENAME: `${name}@localhost`,
  ERL_EPMD_PORT: `${epmd}`,
  ERL_EPMD_ADDRESS: port.host
})

/** Whether an operator's question to a node is answered with yes. */
const asks = (environment: { readonly [name: string]: string }, ...question: ReadonlyArray<string>) =>
  Effect.callback<boolean>((resume) => {
    const [program = "", ...rest] = question
    const child = execFile(
      Path.join(executables, program),
      ["--node", environment.RABBITMQ_NODENAME, ...rest],
      { env: { ...process.env, ...environment } },
      (error) => resume(Effect.succeed(error === null))
    )
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const form: Cluster.Subject["form"] = Effect.gen(function*() {
  const { epmd, folder } = yield* Erlang.make("rabbitmq-cluster")
  Process.write(folder, { plugins: "[rabbitmq_mqtt]." })
  const nodes = yield* Effect.forEach(names, (name) =>
    Effect.gen(function*() {
      const [amqp, mqtt, distribution] = yield* Effect.all([port.free, port.free, port.free])
      Process.write(folder, { [`${name}.conf`]: configuration(amqp, mqtt) })
      const start = Process.start({
        name,
        command: Path.join(executables, "rabbitmq-server"),
        arguments: [],
        folder,
        environment: {
          ...environmentOf(folder, name, epmd),
          RABBITMQ_DIST_PORT: `${distribution}`,
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
        },
        ports: [mqtt],
        within: "3 minutes"
      })
      return yield* Cluster.node({ name, port: mqtt, start })
    }))
  // The first one makes the cluster, the others find it.
  for (const node of nodes) yield* node.start
  const inStep = Effect.forEach(
    names,
    (name) =>
      Cluster.until(
        `the quorum queues of ${name} have a replica to spare`,
        asks(environmentOf(folder, name, epmd), "rabbitmq-queues", "check_if_node_is_quorum_critical"),
        120
      ),
    { discard: true }
  )
  return { nodes, inStep }
})

export const subject: Cluster.Subject = {
  name: single.subject.name,
  title: single.subject.title,
  install: single.subject.install,
  version: single.subject.version,
  protocolVersion: "3.1.1",
  losesBecause: () => undefined,
  storage: "quorum queues (`durable_queue_type = quorum` of the MQTT plugin)",
  isTelling: (line) => /\[(error|critical|warning)\]/.test(line),
  form
}

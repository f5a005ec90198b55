/**
 * nats-server as a cluster of three: JetStream keeps sessions, messages and retained messages in streams of three
 * replicas.
 */
import { Effect, Schedule } from "effect"
import * as Path from "node:path"
import * as single from "../brokers/Nats.ts"
import * as port from "../brokers/port.ts"
import * as Process from "../brokers/Process.ts"
import { user } from "../brokers/Subject.ts"
import * as Cluster from "./Cluster.ts"

interface Ports {
  readonly clients: number
  readonly monitor: number
  readonly routes: number
  readonly mqtt: number
}

const configuration = (folder: string, name: string, own: Ports, all: ReadonlyArray<Ports>): string =>
  [
    `server_name: ${name}`,
    `listen: ${port.host}:${own.clients}`,
    `http: ${port.host}:${own.monitor}`,
    `authorization {user: ${user.username}, password: ${user.password}}`,
    `jetstream {store_dir: "${Path.join(folder, name)}"}`,
    `cluster {name: tried, listen: ${port.host}:${own.routes}, routes: [${
      all.map(({ routes }) => `nats-route://${port.host}:${routes}`).join(", ")
    }]}`,
    `mqtt {listen: ${port.host}:${own.mqtt}, stream_replicas: 3, ack_wait: "5s", max_ack_pending: 1000}`,
    ""
  ].join("\n")

/** Healthy is a server that has found the leader of JetStream, and whose streams and consumers are up to date. */
const isHealthy = ({ monitor }: Ports): Effect.Effect<boolean> =>
  Effect.promise((signal) =>
    fetch(`http://${port.host}:${monitor}/healthz`, { signal }).then(({ ok }) => ok, () => false)
  )

/** nats-server 2.9.10 sometimes stays unhealthy after a kill, and works all the same: nobody waits for it for ever. */
const untilHealthy = (ports: ReadonlyArray<Ports>): Effect.Effect<void> =>
  Effect.forEach(ports, isHealthy, { concurrency: "unbounded" }).pipe(
    Effect.repeat({
      until: (healthy) => healthy.every((isHealthy) => isHealthy),
      schedule: Schedule.spaced("100 millis")
    }),
    Effect.timeoutOption("20 seconds"),
    Effect.asVoid
  )

const form: Cluster.Subject["form"] = Effect.gen(function*() {
  const folder = yield* Process.folder("nats-cluster")
  const ports = yield* Effect.forEach(
    ["nats1", "nats2", "nats3"],
    () => Effect.all({ clients: port.free, monitor: port.free, routes: port.free, mqtt: port.free })
  )
  const nodes = yield* Effect.forEach(ports, (own, index) => {
    const name = `nats${index + 1}`
    const file = `${name}.conf`
    Process.write(folder, { [file]: configuration(folder, name, own, ports) })
    return Cluster.node({
      name,
      port: own.mqtt,
      start: Process.start({
        name,
        command: Process.find("nats-server") ?? "nats-server",
        arguments: ["-c", Path.join(folder, file)],
        ports: [own.mqtt, own.monitor]
      }).pipe(Effect.tap(() => untilHealthy([own])))
    })
  })
  yield* Effect.forEach(nodes, (node) => node.start, { concurrency: "unbounded", discard: true })
  return { nodes, inStep: untilHealthy(ports) }
})

const isOlder = (version: string, than: ReadonlyArray<number>): boolean => {
  const parts = version.split(".").map(Number)
  const different = than.findIndex((number, index) => parts[index] !== number)
  return different >= 0 && parts[different] < than[different]
}

export const subject: Cluster.Subject = {
  name: single.subject.name,
  title: single.subject.title,
  install: single.subject.install,
  version: single.subject.version,
  protocolVersion: "3.1.1",
  // nats-server 2.9.16 has "General improvements around handling interest retention", the retention of these streams.
  losesBecause: (version) =>
    isOlder(version, [2, 9, 16])
      ? "before 2.9.16 the replicas of an interest stream drift apart at restarts"
      : undefined,
  storage: "JetStream streams of three replicas (`stream_replicas: 3`)",
  isTelling: (line) => /\[(ERR|WRN|FTL)\]/.test(line) && !/Healthcheck failed|connect to route/.test(line),
  form
}

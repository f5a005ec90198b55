/**
 * ejabberd as a cluster of three: the nodes share one Mnesia.
 */
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as single from "../brokers/Ejabberd.ts"
import * as port from "../brokers/port.ts"
import * as Process from "../brokers/Process.ts"
import * as Cluster from "./Cluster.ts"
import * as Erlang from "./Erlang.ts"

const names = ["ejabberd1", "ejabberd2", "ejabberd3"]
const [first = ""] = names

const configuration = (mqtt: number): string =>
  JSON.stringify({
    hosts: ["localhost"],
    loglevel: "info",
    auth_method: ["anonymous"],
    anonymous_protocol: "login_anon",
    allow_multiple_connections: true,
    listen: [{ port: mqtt, ip: port.host, module: "mod_mqtt" }],
    modules: {
      mod_mqtt: {
        access_publish: { "#": [{ allow: "all" }] },
        access_subscribe: { "#": [{ allow: "all" }] }
      }
    }
  })

/** The name of the file is there when the node has joined. */
const joined = (folder: string, name: string): string => Path.join(folder, name, "joined")

const expression = (folder: string, name: string): string => {
  const join = name === first ? "" : `ok = ejabberd_cluster:join('${first}@localhost'), `
  const isMember = Fs.existsSync(Path.join(folder, name, "was-member"))
  return `${isMember ? "" : join}ok = file:write_file(${JSON.stringify(joined(folder, name))}, <<>>).`
}

const start = Effect.fnUntraced(function*(options: {
  readonly folder: string
  readonly name: string
  readonly mqtt: number
  readonly distribution: number
  readonly epmd: number
}) {
  const { distribution, epmd, folder, mqtt, name } = options
  const own = Path.join(folder, name)
  Fs.rmSync(joined(folder, name), { force: true })
  const running = yield* Process.start({
    name,
    command: "erl",
    arguments: [
      "-noinput",
      "+S",
      "1:1",
      "+sbwt",
      "none",
      "-sname",
      `${name}@localhost`,
      "-kernel",
      "inet_dist_use_interface",
      "{127,0,0,1}",
      "inet_dist_listen_min",
      `${distribution}`,
      "inet_dist_listen_max",
      `${distribution}`,
      "-mnesia",
      "dir",
      JSON.stringify(Path.join(own, "mnesia")),
      "-pa",
      single.library ?? "",
      "-s",
      "ejabberd",
      "-eval",
      expression(folder, name)
    ],
    folder: own,
    environment: {
      HOME: folder,
      EJABBERD_CONFIG_PATH: Path.join(own, "ejabberd.yml"),
      EJABBERD_LOG_PATH: Path.join(own, "ejabberd.log"),
      SPOOL_DIR: own,
      ERL_EPMD_PORT: `${epmd}`,
      ERL_EPMD_ADDRESS: port.host
    },
    ports: [mqtt],
    within: "1 minute"
  })
  yield* Cluster.until(`${name} has joined`, Effect.sync(() => Fs.existsSync(joined(folder, name))), 60)
  // A node that joins starts its listeners anew.
  yield* port.listening(mqtt)
  Process.write(own, { "was-member": "" })
  return running
})

const form: Cluster.Subject["form"] = Effect.gen(function*() {
  const { epmd, folder } = yield* Erlang.make("ejabberd-cluster")
  const nodes = yield* Effect.forEach(names, (name) =>
    Effect.gen(function*() {
      const [mqtt, distribution] = yield* Effect.all([port.free, port.free])
      Fs.mkdirSync(Path.join(folder, name))
      Process.write(Path.join(folder, name), { "ejabberd.yml": configuration(mqtt) })
      return yield* Cluster.node({
        name,
        port: mqtt,
        start: Effect.suspend(() => start({ folder, name, mqtt, distribution, epmd })),
        logFile: Path.join(folder, name, "ejabberd.log")
      })
    }))
  for (const node of nodes) yield* node.start
  return { nodes, inStep: Effect.void }
})

export const subject: Cluster.Subject = {
  name: single.subject.name,
  title: single.subject.title,
  install: single.subject.install,
  version: single.subject.version,
  // In 5.0 it was seen to end a client's only connection with 0x8E after a fault, and the client closes for good then.
  protocolVersion: "3.1.1",
  losesBecause: () => "a session and its queued messages are in the memory of one node",
  storage: "in the memory of the node that the client is connected to",
  isTelling: (line) => /\[(error|critical|warning)\]/.test(line),
  form
}

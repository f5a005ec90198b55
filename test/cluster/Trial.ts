/**
 * One run against one cluster: probes of the parts that its nodes share, traffic under faults, a rolling restart, and the wait
 * until everything acknowledged has arrived.
 */
import { Effect, Exit, Schedule, Scope } from "effect"
import * as Clients from "./Clients.ts"
import type * as Cluster from "./Cluster.ts"
import { Failover, type Kind } from "./Failover.ts"
import { Ledger, type Loss, type Totals } from "./Ledger.ts"
import * as Probes from "./Probes.ts"
import type { Trace } from "./Witness.ts"

export interface Options {
  readonly subject: Cluster.Subject
  /** How long there are faults, before the rolling restart. */
  readonly seconds: number
  /** Messages a second, of all publishers together. */
  readonly rate: number
  /** Called every second. */
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  readonly broker: string
  readonly phase: string
  /** Milliseconds. */
  readonly elapsed: number
  readonly totals: Totals | undefined
  readonly faults: number
}

export interface Outcome {
  readonly subject: Cluster.Subject
  readonly version: string
  readonly seconds: number
  readonly probes: ReadonlyArray<Probes.Result>
  readonly failover: Failover
  readonly totals: Totals
  readonly losses: ReadonlyArray<Loss & { readonly trace: Trace }>
  /** Identifiers that a broker gave to a second message before the first was acknowledged. */
  readonly reused: ReadonlyArray<string>
  readonly strays: ReadonlyArray<string>
  /** Clients and consumers that ended by themselves. */
  readonly ended: ReadonlyArray<string>
  /** Clients without a connection at the end. */
  readonly disconnected: ReadonlyArray<string>
  /** Connections of consumers after their first. */
  readonly sessions: { readonly resumed: number; readonly lost: number }
  /** By node: the lines of its log that tell of faults, the latest last. */
  readonly logs: ReadonlyArray<{ readonly node: string; readonly lines: ReadonlyArray<string> }>
}

/** How long a node stays away when it was killed, and how long its network is cut. The client's Keep Alive is shorter. */
const outage = { killed: "2 seconds", "cut off": "15 seconds" } as const
/** How long clients may take to come back to a cluster that is whole, seconds. */
const patience = 60

interface Setting {
  readonly cluster: Cluster.Cluster
  readonly clients: ReadonlyArray<Clients.Client>
  readonly watch: Clients.Watch
}

const strike = ({ clients, cluster: { nodes }, watch: { failover, now } }: Setting, kind: Kind, place: number) =>
  Effect.sync(() => {
    const parties = clients.map((client) => ({ name: client.name, isOfNode: client.node() === place }))
    failover.struck({ kind, node: nodes[place].name, at: now() }, parties)
  })

/** The node is dead at once, and comes back with its disk. */
const kill = (setting: Setting, place: number) =>
  strike(setting, "killed", place).pipe(
    Effect.andThen(setting.cluster.nodes[place].kill),
    Effect.andThen(Effect.sleep(outage.killed)),
    Effect.andThen(setting.cluster.nodes[place].start)
  )

/** Nothing gets through between the node and the clients, and nobody is told. The nodes still reach each other. */
const cutOff = (setting: Setting, place: number) => {
  const lines = setting.clients.map((client) => client.lines[place])
  const flow = (tag: "Hold" | "Pass") => () => {
    for (const line of lines) {
      if (tag === "Pass") line.cut("reset")
      line.flow("toServer", { _tag: tag })
      line.flow("toClient", { _tag: tag })
    }
  }
  return strike(setting, "cut off", place).pipe(
    Effect.andThen(Effect.sync(flow("Hold"))),
    Effect.andThen(Effect.sleep(outage["cut off"])),
    Effect.andThen(Effect.sync(flow("Pass")))
  )
}

/** As an operator updates a cluster: one node after the other, when the cluster can do without it. */
const rollingRestart = (setting: Setting) =>
  Effect.forEach(setting.cluster.nodes, (node, place) =>
    settled(setting).pipe(
      Effect.andThen(strike(setting, "stopped", place)),
      Effect.andThen(node.stop),
      Effect.andThen(node.start)
    ), { discard: true })

/** The cluster can do without any one node, and every client has gone on since the last fault. */
const settled = ({ clients, cluster, watch: { failover } }: Setting) =>
  cluster.inStep.pipe(
    Effect.andThen(
      Effect.suspend(() =>
        clients.every(Clients.isConnected) && failover.stuck.length === 0 ? Effect.void : Effect.fail("not yet")
      ).pipe(Effect.retry(Schedule.spaced("100 millis")), Effect.timeoutOption(patience * 1000))
    )
  )

/** Every other fault is a kill, and each meets another node than the one before. A run has both kinds. */
const faults = Effect.fnUntraced(function*(setting: Setting, endsAt: number) {
  const { nodes } = setting.cluster
  for (let count = 0; count < 2 || setting.watch.now() < endsAt; count++) {
    yield* settled(setting)
    yield* (count % 2 === 0 ? kill : cutOff)(setting, count % nodes.length)
  }
})

/** Every client is connected, and every consumer hears the publishers. */
const setUp = Effect.fnUntraced(function*(subject: Cluster.Subject, cluster: Cluster.Cluster, watch: Clients.Watch) {
  const names = [...Clients.publishers, ...Clients.consumers.map(({ name }) => name)]
  const clients = yield* Effect.forEach(
    names,
    (name, index) => Clients.connect(name, index, { subject, nodes: cluster.nodes, watch })
  )
  const hearing = Effect.forEach(
    clients.slice(Clients.publishers.length),
    (client, consumer) => Clients.hear(client, consumer, watch),
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.raceFirst(hearing, Effect.andThen(Clients.announce(clients[0]), Effect.never))
  return { cluster, clients, watch } satisfies Setting
})

/** Everything acknowledged has arrived, or the deadline has come. */
const drained = ({ watch: { ledger } }: Setting) =>
  Effect.suspend(() => ledger.totals.open === 0 && ledger.losses.length === 0 ? Effect.void : Effect.fail("not yet"))
    .pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.timeoutOption(patience * 1000))

const summary = (
  { clients, cluster, watch: { failover, ledger } }: Setting,
  hearing: ReadonlyArray<Clients.Client>,
  ended: ReadonlyArray<string>,
  subject: Cluster.Subject
) => ({
  failover,
  totals: ledger.totals,
  losses: ledger.losses.map((loss) => ({
    ...loss,
    trace: hearing[loss.consumer].witness.traceOf(
      Clients.textOf(loss.publisher, loss.sequence)
    )
  })),
  reused: hearing.flatMap(({ name, witness }) => witness.reused.map((text) => `${name}, ${text}`)),
  strays: ledger.strays,
  ended,
  disconnected: clients.filter((client) => !Clients.isConnected(client)).map(({ name }) => name),
  sessions: {
    resumed: hearing.reduce((sum, { sessions }) => sum + sessions.resumed, 0),
    lost: hearing.reduce((sum, { sessions }) => sum + sessions.lost, 0)
  },
  logs: cluster.nodes.map((node) => ({ node: node.name, lines: node.log.filter(subject.isTelling) }))
})

export const run = Effect.fnUntraced(function*({ onProgress, rate, seconds, subject }: Options) {
  const startedAt = performance.now()
  const now = () => Math.round(performance.now() - startedAt)
  const ledger = new Ledger(Clients.publishers.length, Clients.consumers)
  const failover = new Failover()
  const ended: Array<string> = []
  let phase = "forming"
  yield* Effect.sync(() =>
    onProgress({ broker: subject.title, phase, elapsed: now(), totals: ledger.totals, faults: failover.faults.length })
  ).pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)

  const cluster = yield* subject.form
  phase = "probes"
  const probes = yield* Probes.run(subject, cluster)

  phase = "traffic"
  const watch = {
    now,
    ledger,
    failover,
    ended: (name: string, cause: unknown) => ended.push(`${name}: ${String(cause)}`)
  }
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const setting = yield* setUp(subject, cluster, watch).pipe(Scope.provide(scope))
  let isOver = false
  const traffic = { watch, rate: rate / Clients.publishers.length, isOver: () => isOver }
  yield* Effect.forEach(
    setting.clients.slice(0, Clients.publishers.length),
    (client, publisher) => Effect.forkScoped(Clients.publish(client, publisher, traffic))
  ).pipe(Scope.provide(scope))
  yield* faults(setting, now() + seconds * 1000)
  phase = "rolling restart"
  yield* rollingRestart(setting)
  yield* settled(setting)
  phase = "settling"
  isOver = true
  yield* drained(setting)
  return {
    subject,
    version: (yield* subject.version) ?? "",
    seconds,
    probes,
    ...summary(setting, setting.clients.slice(Clients.publishers.length), ended, subject)
  } satisfies Outcome
}, Effect.scoped)

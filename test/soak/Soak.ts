/**
 * The soak itself. It sets up clients, lines and a broker, runs traffic and faults, repairs the network, gives every
 * message due time to arrive, and sums up the observations.
 */
import { Effect, Exit, Fiber, FiberSet, Ref, Schedule, Scope, SubscriptionRef } from "effect"
import * as Process from "../brokers/Process.ts"
import * as Random from "../protocol/Random.ts"
import * as Clients from "./Clients.ts"
import * as faults from "./faults.ts"
import { Histogram } from "./Histogram.ts"
import { Ledger, type Violation } from "./Ledger.ts"
import * as Line from "./Line.ts"
import * as Presence from "./Presence.ts"
import * as Server from "./Server.ts"
import * as Service from "./Service.ts"
import { Timeline } from "./Timeline.ts"
import { until } from "./until.ts"
import * as Vitals from "./vitals.ts"
import { Witness } from "./Witness.ts"

export interface Options {
  readonly minutes: number
  readonly seed: number
  /** Messages published a second, by all together. */
  readonly rate: number
  /** Called every second. */
  readonly onProgress: (progress: Progress) => void
}

export interface Progress {
  readonly phase: "warming up" | "running" | "draining"
  /** Milliseconds. */
  readonly elapsed: number
  readonly ledger: Ledger
  readonly faults: number
  readonly violations: number
  readonly vitals: Vitals.Vitals | undefined
}

export interface Finding {
  readonly violation: Violation
  /** Of the publisher's and the subscriber's connections, until it was noticed. */
  readonly timeline: ReadonlyArray<string>
}

export interface LateRecovery {
  readonly name: string
  readonly at: number
  /** Milliseconds. */
  readonly took: number
  readonly timeline: ReadonlyArray<string>
}

export interface Outcome {
  readonly options: Options
  readonly elapsed: number
  readonly faults: ReadonlyMap<string, number>
  readonly ledger: Ledger
  /** By kind. */
  readonly violations: ReadonlyMap<Violation["kind"], number>
  /** The first of them. */
  readonly findings: ReadonlyArray<Finding>
  /** Clients and streams that ended by themselves. */
  readonly ended: ReadonlyArray<string>
  readonly recoveries: Histogram
  /** The first that took too long, each with what happened before. */
  readonly lateRecoveries: ReadonlyArray<LateRecovery>
  readonly connections: number
  readonly republications: number
  readonly samples: ReadonlyArray<Vitals.Vitals>
  /** After the warm-up, and at the end. */
  readonly baseline: Vitals.Vitals
  readonly final: Vitals.Vitals
  /** What was still owed when the deadline of the draining came, and clients without a connection. */
  readonly outstanding: number
  readonly disconnected: number
  /** Calls of Effect RPC; after the repair: those that ended neither way, and callers without an answer. */
  readonly calls: Service.Calls
  readonly open: number
  readonly unanswered: number
  /** Clients whose retained presence said so: before the end, and after they had all ended. */
  readonly online: number
  readonly offline: number
  /** Descriptors before there was a client, and after all were closed. */
  readonly descriptorsBefore: number
  readonly descriptorsAfter: number
}

/** How long coming back to a whole network may take, milliseconds. */
export const recoveryMayTake = 10_000

const findingsKept = 20
const samplesKept = 120
/** How long what is owed may take to arrive, seconds. */
const drainSeconds = 60

/** What is counted and kept while it runs. */
class Tally {
  readonly violations = new Map<Violation["kind"], number>()
  readonly findings: Array<Finding> = []
  readonly ended: Array<string> = []
  readonly faults = new Map<string, number>(
    [...faults.kinds.map(({ name }) => name), "broker stopped", "broker killed"].map((name) => [name, 0])
  )
  readonly samples: Array<Vitals.Vitals> = []
  readonly recoveries = new Histogram()
  readonly lateRecoveries: Array<LateRecovery> = []
  readonly #startedAt = performance.now()

  readonly now = (): number => Math.round(performance.now() - this.#startedAt)

  struck(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1)
  }

  recovered({ timeline: { lines, name } }: Line.Line, took: number): void {
    this.recoveries.add(took)
    if (took <= recoveryMayTake || this.lateRecoveries.length >= findingsKept) return
    this.lateRecoveries.push({ name, at: this.now(), took, timeline: lines })
  }

  get soFar(): Pick<Progress, "faults" | "violations" | "vitals"> {
    const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0)
    return {
      faults: sum(this.faults),
      violations: sum(this.violations) + this.ended.length,
      vitals: this.samples.at(-1)
    }
  }
}

/** Until it is whole, faults come and go every one to three seconds, and now and then the broker. */
const chaos = Effect.fnUntraced(function*(options: {
  readonly random: Random.Random
  readonly lines: ReadonlyArray<Line.Line>
  readonly server: Server.Server
  readonly ledger: Ledger
  readonly tally: Tally
  readonly isOver: () => boolean
  readonly brokerIsBack: () => void
}) {
  const { brokerIsBack, isOver, ledger, lines, random, server, tally } = options
  const lasting = yield* FiberSet.make<void>()
  const noteAll = (text: string) => lines.forEach(({ timeline }) => timeline.add(text))
  const pause = (from: number, to: number) => Effect.suspend(() => Effect.sleep(random.integer(from, to)))

  const stop = Effect.gen(function*() {
    tally.struck("broker stopped")
    noteAll("broker stopped")
    yield* server.stop
    yield* pause(0, 2000)
    yield* server.start
  })
  // What a fault holds back for longer than a second would be unsaved for longer than a second.
  const kill = Effect.gen(function*() {
    yield* FiberSet.clear(lasting)
    yield* Effect.sleep("2500 millis")
    yield* server.saved
    tally.struck("broker killed")
    noteAll("broker killed")
    const killed = { at: tally.now(), backAt: Infinity }
    ledger.kills.push(killed)
    yield* server.kill
    yield* pause(0, 2000)
    yield* server.start
    killed.backAt = tally.now()
  })

  let restartAt = tally.now() + 10_000
  while (!isOver()) {
    yield* pause(1000, 3000)
    if (tally.now() >= restartAt) {
      yield* random.chance(0.5) ? stop : kill
      noteAll("broker back")
      brokerIsBack()
      restartAt = tally.now() + random.integer(10_000, 30_000)
    } else {
      const fault = faults.next(random, lines, tally.now)
      tally.struck(fault.name)
      yield* FiberSet.run(lasting, fault.effect)
    }
  }
  yield* FiberSet.clear(lasting)
})

/** The number, once it is the expected one, or after seconds. */
const settling = (number: () => number, expected: number) => Effect.map(until(() => number() === expected, 10), number)

/** A scope that also closes with the one around it. */
const closeable = Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))

/** A line for each client, and a witness on those of the subscribers. */
const makeLines = Effect.fnUntraced(function*(server: Server.Server, now: () => number) {
  const upstream = () => server.port
  const witnesses = Clients.subscribers.map(({ version }) => new Witness(version))
  const lines = yield* Effect.forEach(Clients.everybody, ({ name }, index) => {
    const witness = witnesses[index - Clients.publishers.length]
    const tap = witness === undefined ? {} : { tap: () => witness.connection() }
    return Line.make({ timeline: new Timeline(name, now), upstream, ...tap })
  })
  return { lines, witnesses }
})

const makeLedger = (tally: Tally, lines: ReadonlyArray<Line.Line>, witnesses: ReadonlyArray<Witness>): Ledger => {
  const { publishers, routes, subscribers } = Clients
  const isRepeatedByBroker = (subscriber: number, publisher: number, sequence: number) =>
    witnesses[subscriber].hasRepeated(publisher, sequence)
  return new Ledger({ publishers, subscribers, routes, isRepeatedByBroker }, (violation) => {
    tally.violations.set(violation.kind, (tally.violations.get(violation.kind) ?? 0) + 1)
    if (tally.findings.length >= findingsKept) return
    const { publisher, subscriber } = violation
    const involved = subscriber === undefined ? [publisher] : [publisher, publishers.length + subscriber]
    const timeline = involved.flatMap((index) => lines[index].timeline.lines)
    tally.findings.push({ violation, timeline: timeline.sort() })
  })
}

/** Everybody is connected and subscribed when it ends. */
const connectAll = Effect.fnUntraced(function*(lines: ReadonlyArray<Line.Line>, watch: Clients.Watch) {
  const clients = yield* Effect.forEach(
    Clients.everybody,
    (party, index) => Clients.connect(party, index, lines[index], watch)
  )
  const hearing = clients.slice(Clients.publishers.length)
  yield* Effect.forEach(hearing, (client, index) => Clients.hear(client, index, watch))
  // Who consumes has asked for its subscription, and is granted it within this time.
  yield* Effect.sleep("1 second")
  return clients
})

/** A client whose line has no faults. */
const observe = (server: Server.Server, now: () => number) =>
  Effect.flatMap(
    Line.make({ timeline: new Timeline("observer", now), upstream: () => server.port }),
    Presence.watch
  )

const isConnected = ({ mqtt }: Clients.Client): boolean => SubscriptionRef.getUnsafe(mqtt.state)._tag === "Connected"

/** Until everything that is owed has arrived, or the deadline comes; says what is still missing. */
const drain = Effect.fnUntraced(function*(ledger: Ledger, clients: ReadonlyArray<Clients.Client>) {
  yield* until(() => ledger.outstanding === 0 && clients.every(isConnected), drainSeconds)
  const { outstanding } = ledger
  const disconnected = clients.filter((client) => !isConnected(client)).length
  // What comes a second time would come now.
  yield* Effect.sleep("3 seconds")
  return { outstanding, disconnected }
})

export const run = Effect.fnUntraced(function*(options: Options) {
  const { minutes, onProgress, rate, seed } = options
  const tally = new Tally()
  const { now } = tally
  const server = yield* Server.make
  const { lines, witnesses } = yield* makeLines(server, now)
  const ledger = makeLedger(tally, lines, witnesses)
  let brokerSince = 0
  const watch: Clients.Watch = {
    now,
    ledger,
    stores: yield* Process.folder("soak-stores"),
    recovered: (line, took) => tally.recovered(line, took),
    brokerSince: () => brokerSince,
    ended: (name, cause) => tally.ended.push(`${name} at ${now()}: ${String(cause)}`)
  }
  const phase = yield* Ref.make<Progress["phase"]>("warming up")
  yield* Ref.get(phase).pipe(
    Effect.map((phase) => onProgress({ phase, elapsed: now(), ledger, ...tally.soFar })),
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.forkScoped
  )
  const takeVitals = () => Vitals.take(now(), ledger.sentCount, ledger.deliveredCount)
  const descriptorsBefore = Vitals.descriptors()
  const scope = yield* closeable
  const observing = yield* closeable
  const presence = yield* observe(server, now).pipe(Scope.provide(observing))
  const clients = yield* connectAll(lines, watch).pipe(Scope.provide(scope))
  const publishers = clients.slice(0, Clients.publishers.length)
  const service = yield* Service.make(publishers, clients.slice(publishers.length)).pipe(Scope.provide(scope))

  const duration = minutes * 60_000
  const endsAt = now() + duration
  const isOver = () => now() >= endsAt
  const traffic = { watch, random: Random.make(seed + 1), rate: rate / Clients.publishers.length, isOver }
  yield* Effect.forEach(
    publishers,
    (client, publisher) => Effect.forkIn(Clients.publish(client, publisher, traffic), scope)
  ).pipe(Scope.provide(scope))
  yield* service.run(isOver).pipe(Scope.provide(scope), Effect.forkIn(scope))
  yield* Effect.sync(() => {
    tally.samples.push(takeVitals())
    ledger.judge(now())
  }).pipe(Effect.repeat(Schedule.fixed(Math.max(1000, duration / samplesKept))), Effect.forkIn(scope))
  const baseline = yield* Effect.sleep(Math.min(60_000, duration / 5)).pipe(
    Effect.andThen(Ref.set(phase, "running")),
    Effect.map(takeVitals),
    Effect.forkScoped
  )
  const brokerIsBack = () => {
    brokerSince = now()
  }
  yield* chaos({ random: Random.make(seed), lines, server, ledger, tally, isOver, brokerIsBack })

  yield* Ref.set(phase, "draining")
  const owed = yield* drain(ledger, clients)
  const unsettled = yield* service.settled
  const online = yield* settling(() => presence.count("online"), clients.length)
  ledger.judge(now(), true)
  const final = takeVitals()
  const stats = yield* Effect.forEach(clients, ({ mqtt }) => mqtt.stats)
  yield* Scope.close(scope, Exit.void)
  const offline = yield* settling(() => presence.count("offline"), clients.length)
  yield* Scope.close(observing, Exit.void)
  yield* until(() => Vitals.descriptors() <= descriptorsBefore, 5)
  return {
    options,
    elapsed: now(),
    ledger,
    faults: tally.faults,
    violations: tally.violations,
    findings: tally.findings,
    ended: tally.ended,
    recoveries: tally.recoveries,
    lateRecoveries: tally.lateRecoveries,
    samples: tally.samples,
    ...owed,
    calls: service.calls,
    ...unsettled,
    online,
    offline,
    connections: stats.reduce((sum, { connections }) => sum + connections, 0),
    republications: stats.reduce((sum, { republications }) => sum + republications, 0),
    baseline: yield* Fiber.join(baseline),
    final,
    descriptorsBefore,
    descriptorsAfter: Vitals.descriptors()
  } satisfies Outcome
}, Effect.scoped)

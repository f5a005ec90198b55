/**
 * The crash test itself. In each world a program is killed again and again, then left alone until all messages it owes
 * have arrived. The observations are summed up.
 */
import { Context, Effect, Exit, Fiber, Layer } from "effect"
import * as Path from "node:path"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Aedes from "../brokers/Aedes.ts"
import { Broker } from "../brokers/Broker.ts"
import * as BrokerProcess from "../brokers/Process.ts"
import * as Random from "../protocol/Random.ts"
import * as Server from "../soak/Server.ts"
import type { Judge, Violation } from "./Judge.ts"
import * as Moments from "./moments.ts"
import { type Sync, World } from "./World.ts"

export interface Options {
  readonly rounds: number
  readonly seed: number
  readonly broker: "mosquitto" | "aedes"
  readonly versions: ReadonlyArray<Packet.ProtocolVersion>
  readonly syncs: ReadonlyArray<Sync>
  /** Called after every round. */
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  readonly round: number
  readonly world: string
  readonly moment: string
  readonly elapsed: number
  readonly sample: Sample
  readonly violations: number
}

/** How it stands after a round. */
export interface Sample {
  /** Milliseconds. */
  readonly at: number
  /** In the store when the program was dead. */
  readonly left: number
  /** So far, in all worlds. */
  readonly accepted: number
  readonly delivered: number
}

export interface Finding {
  readonly world: string
  readonly violation: Violation
  readonly timeline: ReadonlyArray<string>
}

export interface WorldOutcome {
  readonly name: string
  readonly version: Packet.ProtocolVersion
  readonly sync: Sync
  readonly rounds: number
  readonly judge: Judge
}

export interface Outcome {
  readonly options: Options
  readonly elapsed: number
  readonly kills: ReadonlyArray<Moments.Kill>
  readonly worlds: ReadonlyArray<WorldOutcome>
  readonly samples: ReadonlyArray<Sample>
  /** When the broker was stopped, milliseconds. */
  readonly stops: ReadonlyArray<number>
  /** The first of them. */
  readonly findings: ReadonlyArray<Finding>
  readonly violations: ReadonlyMap<Violation["kind"], number>
}

const findingsKept = 20
/** How long what is owed may take to arrive when nobody is killed any more, milliseconds. */
const drainWithin = 120_000

/** What is counted and kept while it runs. */
class Tally {
  readonly kills: Array<Moments.Kill> = []
  readonly worlds: Array<WorldOutcome> = []
  readonly samples: Array<Sample> = []
  readonly stops: Array<number> = []
  readonly findings: Array<Finding> = []
  readonly violations = new Map<Violation["kind"], number>()
  readonly #startedAt = performance.now()

  readonly now = (): number => Math.round(performance.now() - this.#startedAt)

  readonly violated = (world: string) => (violation: Violation, timeline: ReadonlyArray<string>): void => {
    this.violations.set(violation.kind, (this.violations.get(violation.kind) ?? 0) + 1)
    if (this.findings.length < findingsKept) this.findings.push({ world, violation, timeline })
  }

  get violationCount(): number {
    return [...this.violations.values()].reduce((sum, count) => sum + count, 0)
  }

  sample(left: number): Sample {
    const sum = (of: (judge: Judge) => number) => this.worlds.reduce((sum, { judge }) => sum + of(judge), 0)
    const sample = {
      at: this.now(),
      left,
      accepted: sum(({ counts }) => counts[1].accepted + counts[2].accepted),
      delivered: sum(({ counts }) => counts[1].delivered + counts[2].delivered)
    }
    this.samples.push(sample)
    return sample
  }
}

/** The broker, whose port changes with each start. */
interface Running extends Moments.Broker {
  readonly port: () => number | undefined
}

/** aedes is in this process, and keeps its sessions in memory: instead of it, the ways to it end and begin. */
const aedes = Effect.gen(function*() {
  const { port } = Context.get(yield* Layer.build(Aedes.layer()), Broker)
  let isThere = true
  const set = (there: boolean) =>
    Effect.sync(() => {
      isThere = there
    })
  return { port: () => isThere ? port : undefined, stop: set(false), start: set(true) } satisfies Running
})

/**
 * mosquitto is stopped with SIGTERM only, so that it writes down all it has acknowledged. One that is killed may forget what
 * it acknowledged a moment before; whether a message was lost by the program could then not be told.
 */
const mosquitto = Effect.gen(function*() {
  const server = yield* Server.make
  return { port: () => server.port, stop: server.stop, start: server.start } satisfies Running
})

/** The program subscribes, which the messages to it need; and ends as it should. */
const introduce = Effect.fnUntraced(function*(world: World) {
  const process = yield* world.start({ messages: 0 })
  const isSubscribed = () => process.isOver || world.passed("server", "Suback") > 0
  yield* within(world, "subscribing", world.signal.until(isSubscribed))
  process.stop()
  yield* process.over
  if (process.errors !== "") world.judge.violated("failed", process.errors)
}, Effect.scoped)

const within = (world: World, what: string, effect: Effect.Effect<unknown, unknown>) =>
  Effect.exit(effect).pipe(
    Effect.timeoutOption(drainWithin),
    Effect.map((exit) => {
      if (exit._tag === "None" || Exit.isFailure(exit.value)) world.judge.violated("stuck", `${what} came to no end`)
    })
  )

/** Nobody is killed any more: all that is owed arrives, and the store is empty. */
const finish = Effect.fnUntraced(function*(world: World) {
  const { judge, signal } = world
  const process = yield* world.start({ messages: 0 })
  const isDone = () => process.isOver || (judge.outstanding === 0 && process.said("flushed") > 0)
  yield* within(world, "what is owed", signal.until(isDone))
  process.stop()
  yield* process.over
  if (process.errors !== "") judge.violated("failed", process.errors)
  yield* within(world, "what the broker has for the witness", world.witnessHasAll)
  judge.end()
  const { exchanges, messages } = yield* world.inspect
  if (messages + exchanges > 0) {
    judge.violated("store", `${messages} messages and ${exchanges} exchanges are left when all is over`)
  }
}, Effect.scoped)

/** All moments in turn, each time in another order. */
const momentsInTurn = (random: Random.Random) => {
  let next: Array<Moments.Moment> = []
  return () => {
    if (next.length === 0) next = [...Moments.moments]
    return next.splice(random.integer(0, next.length - 1), 1)[0]
  }
}

interface WorldOptions {
  readonly name: string
  readonly version: Packet.ProtocolVersion
  readonly sync: Sync
  readonly rounds: number
  readonly seed: number
}

export const run = Effect.fnUntraced(function*(options: Options) {
  const tally = new Tally()
  const home = yield* BrokerProcess.folder("crash")
  const broker = yield* options.broker === "aedes" ? aedes : mosquitto
  const stoppable: Moments.Broker = {
    ...broker,
    stop: Effect.andThen(Effect.sync(() => void tally.stops.push(tally.now())), broker.stop)
  }
  let round = 0

  const runWorld = Effect.fnUntraced(function*({ name, rounds, seed, sync, version }: WorldOptions) {
    const random = Random.make(seed)
    const directory = Path.join(home, name)
    const upstream = broker.port
    const onViolation = tally.violated(name)
    const keepsOrder = options.broker === "mosquitto"
    const { now } = tally
    const world = new World({ name, version, sync, directory, keepsOrder, upstream, random, now, onViolation })
    tally.worlds.push({ name, version, sync, rounds, judge: world.judge })
    yield* world.open
    yield* within(world, "the witness's subscription", world.witnessReady)
    const nextMoment = momentsInTurn(random)
    const kill = (moment: Moments.Moment) =>
      Effect.gen(function*() {
        tally.kills.push(...yield* Effect.scoped(Moments.meet[moment](world, stoppable)))
        const { messages } = yield* world.inspect
        const sample = tally.sample(messages)
        const { violationCount: violations } = tally
        options.onProgress?.({ round: ++round, world: name, moment, elapsed: now(), sample, violations })
      })
    // There is nothing yet.
    yield* kill("starting")
    yield* introduce(world)
    const feeding = yield* world.feed
    for (let count = 1; count < rounds; count++) yield* kill(nextMoment())
    world.isFeeding = false
    yield* within(world, "what the witness publishes", Fiber.join(feeding))
    yield* finish(world)
    tally.sample(world.left.messages)
  }, Effect.scoped)

  const variants = options.versions.flatMap((version) => options.syncs.map((sync) => ({ version, sync })))
  for (const [index, { sync, version }] of variants.entries()) {
    const rounds = Math.floor(options.rounds / variants.length) + (index < options.rounds % variants.length ? 1 : 0)
    if (rounds === 0) continue
    yield* runWorld({ name: `${version}-${sync}`, version, sync, rounds, seed: options.seed * 100 + index })
  }
  const { findings, kills, samples, stops, violations, worlds } = tally
  return { options, elapsed: tally.now(), kills, worlds, samples, stops, findings, violations } satisfies Outcome
}, Effect.scoped)

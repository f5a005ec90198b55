/**
 * Runs a plan: a client, the broker in memory and the network between them in one process, on a `TestClock` and with
 * seeded randomness, so that the same plan does the same every time.
 *
 * First come the plan's steps; then the network is repaired and everything comes to rest; then the client is closed.
 * `World` returns the observations. `invariants` judges them.
 */
import { Clock, Effect, Exit, Metric, Random, References, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import { countFibers } from "../support/fibers.ts"
import { watchClock } from "../support/time.ts"
import * as invariants from "./invariants.ts"
import { unrestOfCalls } from "./invariants/calls.ts"
import { undelivered } from "./invariants/receiving.ts"
import { subscriptionProblems } from "./invariants/subscriptions.ts"
import * as Observations from "./Observations.ts"
import * as Parts from "./Parts.ts"
import { givesWayOften, type Plan } from "./Plan.ts"
import type { Program } from "./Program.ts"
import { seededRandom } from "./seededRandom.ts"
import { Steps } from "./Steps.ts"

/** Milliseconds: no more than the shortest way over the network matters. */
const turnOfTime = 20

/** Virtual milliseconds that everything is given to come to rest. */
const patience = 90_000

export interface Outcome {
  readonly violations: ReadonlyArray<invariants.Violation>
  /** The same for the same plan, in any process. */
  readonly hash: string
  readonly observations: Observations.Observations
}

class World {
  readonly #parts: Parts.Parts
  readonly #plan: Plan
  readonly #observations: Observations.Observations
  readonly #broker: Parts.Parts["broker"]
  readonly #network: Parts.Parts["network"]
  readonly #client: Parts.Parts["client"]
  readonly #program: Program
  readonly #steps: Steps
  readonly #violations: Array<invariants.Violation> = []

  constructor(parts: Parts.Parts) {
    this.#parts = parts
    this.#plan = parts.plan
    this.#observations = parts.observations
    this.#broker = parts.broker
    this.#network = parts.network
    this.#client = parts.client
    this.#program = parts.program
    this.#steps = new Steps(parts)
  }

  get violations(): ReadonlyArray<invariants.Violation> {
    return this.#violations
  }

  get #now(): number {
    return Parts.nowOf(this.#parts.clock)
  }

  // -------------------------------------------------------------------------
  // The run
  // -------------------------------------------------------------------------

  get run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.forkIn(this.#follow, this.#parts.clientScope, { startImmediately: true })
      const { steps } = this.#plan
      for (const { action, at } of steps) {
        if (at > this.#now) yield* this.#pass(at - this.#now)
        yield* this.#noteEnd
        yield* this.#steps.perform(action)
        yield* this.#look(false)
      }
      yield* TestClock.adjust(1)
      if (this.#observations.closedAt === undefined) yield* this.#settle
      yield* this.#close
      yield* this.#collect
    })
  }

  /** What the client says of itself. */
  get #follow() {
    return Effect.suspend(() =>
      Stream.runForEach(this.#client.events, (event) =>
        Effect.sync(() => {
          const attempt = this.#observations.attempts.at(-1)
          if (event._tag === "ConnectionAccepted" && attempt !== undefined) {
            attempt.acceptedAt = this.#now
            attempt.sessionPresent = event.sessionPresent
          }
          if (event._tag === "ConnectionEnded" && attempt !== undefined) attempt.endedBy = event.error?.reason._tag
        }))
    )
  }

  /** What has to hold at every moment. */
  #look(isAtRest: boolean) {
    return Effect.gen({ self: this }, function*() {
      const moment: Observations.Moment = {
        plan: this.#plan,
        at: this.#now,
        stats: yield* this.#client.stats,
        state: yield* SubscriptionRef.get(this.#client.state),
        open: (yield* this.#network.counters).open,
        isAtRest,
        returning: [
          ...this.#observations.published.filter(({ qos }) => qos === 0),
          ...this.#observations.seen.requested.filter(({ qos }) => qos === 0),
          ...this.#observations.calls.filter(({ name }) => name === "typed publish")
        ].filter(({ end }) => end === undefined || end.how === "interrupted").length,
        limits: this.#steps.limits,
        observations: this.#observations
      }
      if ((yield* this.#client.health).status !== "up") {
        this.#observations.unwellAt.push(this.#now)
      }
      this.#violations.push(...invariants.judgeMoment(moment))
      yield* this.#noteEnd
    })
  }

  /** A client that is over is so before a step that closes it. */
  get #noteEnd() {
    return Effect.map(SubscriptionRef.get(this.#client.state), (state) => {
      if (state._tag !== "Closed" || this.#observations.closedAt !== undefined) return
      this.#observations.closedAt = this.#now
      this.#observations.closedBy = state.error?.reason._tag
    })
  }

  // -------------------------------------------------------------------------
  // Rest
  // -------------------------------------------------------------------------

  /** Nothing goes wrong any more, nobody is slow, and everything has time. */
  get #settle() {
    return Effect.gen({ self: this }, function*() {
      yield* this.#heal
      this.#program.isHurrying = true
      this.#observations.seen.hurriedAt = this.#now
      this.#parts.caller.isStopping = true
      if ((yield* this.#untilAtRest) === "over") return
      // A fault that waited for the next connection may have made this one half-open.
      if (this.#plan.client.keepAlive === 0) {
        yield* this.#network.reset
        if ((yield* this.#untilAtRest) === "over") return
      }
      yield* this.#probe
      const end = yield* this.#untilAtRest
      if (end === "over") return
      this.#observations.isSettled = end === "at rest"
      this.#observations.inFlightAtRest = (yield* this.#client.stats).inFlight
      this.#observations.subscriptionsAtRest = yield* this.#subscriptions
      yield* this.#lookAtCalls
    })
  }

  /** What those who follow topics have, and what the broker has for all of them. */
  get #lookAtCalls() {
    return Effect.gen({ self: this }, function*() {
      const { seen } = this.#observations
      const session = yield* this.#broker.session(Parts.clientId)
      seen.rest = this.#parts.caller.point()
      seen.held = session?.subscriptions
      seen.retained = new Map((yield* this.#broker.retained).map(({ text, topic }) => [topic, text]))
      yield* this.#parts.caller.look
    })
  }

  /** The Topic Filters the broker has for the client. */
  get #subscriptions() {
    return Effect.gen({ self: this }, function*() {
      const session = yield* this.#broker.session(Parts.clientId)
      return session?.subscriptions.map(({ topicFilter }) => topicFilter)
    })
  }

  get #heal() {
    return Effect.gen({ self: this }, function*() {
      const { latency } = this.#plan.network
      yield* this.#network.allowConnect
      yield* this.#network.inject({ _tag: "ResumeWrites" }, "every")
      yield* this.#network.inject({ _tag: "Keep" }, "every")
      yield* this.#network.delay(latency, "every")
      yield* this.#broker.releaseAcknowledgements(
        "Connack",
        "Puback",
        "Pubrec",
        "Pubcomp",
        "Suback",
        "Unsuback",
        "Pingresp"
      )
      yield* this.#broker.delayAnswers(0)
      // Without a Keep Alive nobody finds out that a connection is half-open.
      if (this.#plan.client.keepAlive === 0) yield* this.#network.reset
    })
  }

  /** One message of each QoS, as large as the server takes, so that half-open connections are found too. */
  get #probe() {
    return Effect.gen({ self: this }, function*() {
      const largest = Math.max(
        4,
        Math.min(this.#plan.probeSize, (this.#steps.limits.maximumPacketSize ?? Infinity) - 30)
      )
      for (const qos of [0, 1, 2] as const) {
        if (qos > (this.#steps.limits.maximumQos ?? 2)) continue
        yield* this.#program.publish({ _tag: "Publish", topic: "probe", qos, size: largest, count: 2, via: "publish" })
        // Into an outbox for one message they come one after the other.
        yield* TestClock.adjust(5)
        yield* this.#steps.emit({ _tag: "Emit", topic: "in/a", qos, size: 10, count: 1 })
        if (this.#observations.seen.guests.length === 0) continue
        for (const topic of ["call/a", "call/work"]) {
          yield* this.#steps.perform({ _tag: "EmitTo", topic, qos, size: 10, count: 1 })
        }
      }
    })
  }

  /** Lets time pass until nothing is left to do, the client is over, or time has run out. */
  get #untilAtRest() {
    return Effect.gen({ self: this }, function*() {
      const start = this.#now
      let step = 50
      while (this.#now - start < patience) {
        yield* this.#pass(step)
        yield* this.#look(false)
        if (this.#observations.closedAt !== undefined) return "over"
        if (yield* this.#isAtRest) {
          yield* this.#look(true)
          return "at rest"
        }
        if (step < 800) step *= 1.5
      }
      return "late"
    })
  }

  get #readPackets() {
    return Effect.map(this.#broker.packets(), (packets) => {
      this.#observations.packets = Observations.withTopicNames(packets).slice(this.#observations.before.packets)
    })
  }

  get #isAtRest() {
    return Effect.gen({ self: this }, function*() {
      const { inFlight, outboxMessages } = yield* this.#client.stats
      const state = yield* SubscriptionRef.get(this.#client.state)
      const session = yield* this.#broker.session(Parts.clientId)
      const { calls, published } = this.#observations
      yield* this.#readPackets
      return state._tag === "Connected" && inFlight === 0 && outboxMessages === 0 && session?.isConnected === true &&
        session.queued === 0 && session.inflight === 0 && (yield* this.#network.pending) === 0 &&
        published.every(({ end }) => end !== undefined) && calls.every(({ end }) => end !== undefined) &&
        undelivered(this.#observations).length === 0 && (yield* this.#isAtRestOfCalls) &&
        subscriptionProblems(this.#observations, yield* this.#subscriptions).length === 0
    })
  }

  get #isAtRestOfCalls() {
    return Effect.gen({ self: this }, function*() {
      if (this.#observations.seen.guests.length === 0) return true
      yield* this.#lookAtCalls
      return [...unrestOfCalls(this.#observations)].length === 0
    })
  }

  /** Lets time pass. Fibers that give way often do what they have to do before it goes on. */
  #pass(milliseconds: number): Effect.Effect<void> {
    if (!givesWayOften(this.#plan)) return TestClock.adjust(milliseconds)
    const turns = Effect.repeat(Effect.yieldNow, { times: 12 })
    return Effect.gen(function*() {
      for (let left = milliseconds; left > 0; left -= turnOfTime) {
        yield* turns
        yield* TestClock.adjust(Math.min(left, turnOfTime))
      }
      yield* turns
    })
  }

  /** The client ends, if it has not yet; then everybody has as long as they may take. */
  get #close() {
    return Effect.gen({ self: this }, function*() {
      this.#program.isStopping = true
      this.#parts.caller.isStopping = true
      if (this.#observations.closedAt === undefined) yield* this.#steps.end("scope")
      else yield* this.#program.call("scope", Scope.close(this.#parts.clientScope, Exit.void))
      yield* this.#pass(this.#plan.client.drainTimeout + 2000)
      this.#program.isHurrying = true
      this.#observations.seen.hurriedAt ??= this.#now
      yield* this.#pass(10_000)
    })
  }

  get #collect() {
    return Effect.gen({ self: this }, function*() {
      const observations = this.#observations
      const { messages, violations } = observations.before
      yield* this.#readPackets
      observations.accepted = (yield* this.#broker.messages).slice(messages).filter(
        (message) => message.clientId === Parts.clientId
      )
      observations.brokerViolations = (yield* this.#broker.violations).slice(violations)
      observations.log = yield* this.#network.log
      observations.openLeft = (yield* this.#network.counters).open
      // What a broker keeps for a client that it cannot know to be gone is not the client's.
      yield* this.#network.inject({ _tag: "ResumeWrites" }, "every")
      yield* this.#broker.restart({ keepSessions: false })
      yield* TestClock.adjust(1000)
      observations.pendingLeft = yield* this.#network.pending
    })
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")

/** What two runs of the same plan must have in common. */
const hashOf = (observations: Observations.Observations): string => {
  const hash = createHash("sha256")
  for (const { at, bytes, connection, event } of observations.log) {
    hash.update(`${at} ${connection} ${event} ${bytes}\n`)
  }
  for (const { at, connection, direction, packet } of observations.packets) {
    // Nobody can guess Correlation Data, and so nobody can repeat it.
    const text = JSON.stringify(
      packet,
      (name, value) => name === "correlationData" ? value.length : value instanceof Uint8Array ? latin1(value) : value
    )
    hash.update(`${at} ${connection} ${direction} ${text}\n`)
  }
  const { published, received, seen: { guests, requested, taken }, subscribers } = observations
  hash.update(JSON.stringify([published, received, subscribers, guests, requested, taken]))
  return hash.digest("hex").slice(0, 16)
}

const simulation = Effect.fnUntraced(function*(plan: Plan) {
  const watched = watchClock(yield* Clock.Clock)
  const fibers = countFibers()
  return yield* Effect.gen(function*() {
    const before = fibers.fibers()
    const scope = yield* Scope.make()
    const parts = yield* Scope.provide(Parts.make(plan, watched.clock, watched.jump), scope)
    const world = new World(parts)
    yield* world.run
    const { observations } = parts
    observations.timersLeft = watched.timers()
    observations.fibersLeft = fibers.fibers() - before
    const violations = [...world.violations, ...invariants.judge(observations)]
    const hash = hashOf(observations)
    // What never ends must not keep the others from being judged.
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
    for (let turns = 0; turns < 100 && closing.pollUnsafe() === undefined; turns++) yield* Effect.yieldNow
    return { violations, hash, observations }
  }).pipe(
    Effect.provideService(Clock.Clock, watched.clock),
    Effect.provideService(Random.Random, seededRandom(plan.seed)),
    Effect.provideService(Metric.FiberRuntimeMetrics, fibers.metrics),
    Effect.provideService(References.MinimumLogLevel, "None")
  )
})

export const run = (plan: Plan): Promise<Outcome> =>
  // A machine that is busy with other things for a while must not count as a fiber that does not give way.
  Effect.runPromise(Effect.provide(Effect.scoped(simulation(plan)), TestClock.layer({ warningDelay: "1 hour" })))

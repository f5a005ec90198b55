/**
 * Runs a plan: a client, the broker in memory and the network between them in one process, on a `TestClock` and with
 * seeded randomness, so that the same plan does the same every time.
 *
 * First come the plan's steps; then the network is made whole and everything comes to rest; then the client is closed.
 * What was seen is returned. Whether it was right is said by `invariants`.
 */
import {
  Clock,
  Duration,
  Effect,
  Exit,
  Metric,
  Random,
  References,
  Schedule,
  Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import * as MqttClient from "../../src/MqttClient.ts"
import { HostNotFound } from "../../src/MqttError.ts"
import type { MqttError } from "../../src/MqttError.ts"
import type * as MqttOptions from "../../src/MqttOptions.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import type { QoS } from "../../src/protocol/Packet.ts"
import * as Topic from "../../src/protocol/Topic.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import * as SeededRandom from "../protocol/Random.ts"
import * as invariants from "./invariants.ts"
import * as Observations from "./Observations.ts"
import type { Action, Backoff, ClientPlan, Limits, Plan } from "./Plan.ts"
import { Program } from "./Program.ts"

const clientId = "client"

/** Virtual milliseconds that everything is given to come to rest. */
const patience = 90_000

export interface Outcome {
  readonly violations: ReadonlyArray<invariants.Violation>
  /** The same for the same plan, in any process. */
  readonly hash: string
  readonly observations: Observations.Observations
}

/** A clock that counts who sleeps on it and whose wall clock can jump. */
const watch = (clock: Clock.Clock) => {
  let timers = 0
  let jumped = 0
  const wall = () => clock.currentTimeMillisUnsafe() + jumped
  const wallNanos = () => clock.currentTimeNanosUnsafe() + BigInt(jumped) * 1_000_000n
  const watched: Clock.Clock = Object.assign(Object.create(clock), {
    currentTimeMillisUnsafe: wall,
    currentTimeNanosUnsafe: wallNanos,
    currentTimeMillis: Effect.sync(wall),
    currentTimeNanos: Effect.sync(wallNanos),
    sleep: (duration: Duration.Duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => timers++),
        () => clock.sleep(duration),
        () => Effect.sync(() => timers--)
      )
  })
  return {
    clock: watched,
    timers: () => timers,
    jump: (milliseconds: number) => {
      jumped += milliseconds
    }
  }
}

const countFibers = () => {
  let live = 0
  return { live: () => live, metrics: { recordFiberStart: () => void live++, recordFiberEnd: () => void live-- } }
}

const toSchedule = ({ cap, first, isJittered }: Backoff): Schedule.Schedule<unknown, MqttError> => {
  const backoff = Schedule.min([Schedule.exponential(first), Schedule.spaced(cap)])
  return isJittered ? Schedule.jittered(backoff) : backoff
}

const toOptions = (plan: ClientPlan): MqttOptions.Options => ({
  clientId,
  protocolVersion: plan.version,
  session: plan.session,
  initialConnection: "retry",
  keepAlive: Duration.seconds(plan.keepAlive),
  connectTimeout: plan.connectTimeout,
  responseTimeout: plan.responseTimeout,
  drainTimeout: plan.drainTimeout,
  stableAfter: plan.stableAfter,
  reconnect: toSchedule(plan.backoff),
  maxInflight: plan.maxInflight,
  receiveMaximum: plan.receiveMaximum,
  outbox: plan.outbox,
  ...(plan.retriesEverything ? { isRetryable: () => true } : {}),
  ...(plan.quarantines ? {} : { retransmit: Schedule.forever }),
  ...(plan.hasWill ? { will: { topic: "will", payload: "gone" } } : {})
})

/** What the broker can be told anew at each start. */
const limitNames = [
  "receiveMaximum",
  "maximumPacketSize",
  "maximumQoS",
  "retainAvailable",
  "topicAliasMaximum",
  "serverKeepAlive"
] as const

type BrokerOptions = { -readonly [Name in keyof MemoryBroker.Options]: MemoryBroker.Options[Name] }

/** What a world is made of. */
interface Parts {
  readonly plan: Plan
  readonly observations: Observations.Observations
  readonly clock: Clock.Clock
  readonly jump: (milliseconds: number) => void
  readonly brokerOptions: BrokerOptions
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly client: MqttClient.MqttClient["Service"]
  readonly clientScope: Scope.Closeable
  readonly program: Program
}

const nowOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

const limitsOf = (plan: Plan, limits: Limits): Limits => plan.client.version === "3.1.1" ? {} : limits

const setLimits = (options: BrokerOptions, limits: Limits): void => {
  for (const name of limitNames) Object.assign(options, { [name]: limits[name] })
}

/** Notes whether the broker has lost the session with it. */
const losing = Effect.fnUntraced(function*(
  { broker, clock, observations }: Pick<Parts, "broker" | "clock" | "observations">,
  effect: Effect.Effect<void>
) {
  const before = yield* broker.session(clientId)
  yield* effect
  const after = yield* broker.session(clientId)
  if (before !== undefined && after === undefined) observations.lostAt.push(nowOf(clock))
})

/** Notes when an attempt begins, opens and ends. */
const watchAttempts = (
  transport: MqttTransport["Service"],
  { attempts }: Observations.Observations,
  now: () => number
): MqttTransport["Service"] => {
  const open = Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const attempt: Observations.Attempt = {
        startedAt: now(),
        openedAt: undefined,
        endedAt: undefined,
        acceptedAt: undefined,
        sessionPresent: undefined
      }
      attempts.push(attempt)
      const ended = Effect.sync(() => {
        attempt.endedAt ??= now()
      })
      // Registered before the connection is, so it comes after it.
      return Effect.addFinalizer(() => ended).pipe(
        Effect.andThen(restore(transport.open)),
        Effect.tap(() =>
          Effect.sync(() => {
            attempt.openedAt = now()
          })
        )
      )
    })
  )
  return MqttTransport.of({ ...transport, open })
}

const makeParts = Effect.fnUntraced(function*(
  plan: Plan,
  clock: Clock.Clock,
  jump: (milliseconds: number) => void
): Effect.fn.Return<Parts, never, Scope.Scope> {
  const observations = Observations.make(plan)
  const now = () => nowOf(clock)
  const brokerOptions: BrokerOptions = { usesTopicAliases: plan.usesTopicAliases }
  setLimits(brokerOptions, limitsOf(plan, plan.limits))
  const { cuts, losesSession, network: { connectDelay, highWaterMark, latency } } = plan
  const broker = yield* MemoryBroker.make(brokerOptions)
  const accept: FakeNetwork.Accept = (peer) =>
    Effect.suspend(() => {
      const mine = cuts.filter(({ connection }) => connection === peer.connection)
      const cutting = Effect.forEach(
        mine,
        ({ connection, ...cut }) => network.inject({ _tag: "CutAfter", ...cut }, connection),
        { discard: true }
      )
      const isLost = losesSession && peer.connection === 2
      const forgetting = losing({ broker, clock, observations }, broker.restart({ keepSessions: false }))
      return cutting.pipe(Effect.andThen(isLost ? forgetting : Effect.void), Effect.andThen(broker.accept(peer)))
    })
  const { network, transport } = yield* FakeNetwork.make(accept, {
    latency,
    connectDelay,
    failedConnectDelay: connectDelay * 2,
    highWaterMark
  })
  const clientScope = yield* Scope.make()
  const client = yield* MqttClient.make(toOptions(plan.client)).pipe(
    Effect.provideService(MqttTransport, watchAttempts(transport, observations, now)),
    Scope.provide(clientScope),
    Effect.orDie
  )
  const program = new Program(client, observations, clock, yield* Scope.fork(yield* Effect.scope))
  return { plan, observations, clock, jump, brokerOptions, broker, network, client, clientScope, program }
})

class World {
  readonly #parts: Parts
  readonly #plan: Plan
  readonly #observations: Observations.Observations
  readonly #broker: Parts["broker"]
  readonly #network: Parts["network"]
  readonly #client: Parts["client"]
  readonly #program: Program
  readonly #violations: Array<invariants.Violation> = []
  #limits: Limits

  constructor(parts: Parts) {
    this.#parts = parts
    this.#plan = parts.plan
    this.#observations = parts.observations
    this.#broker = parts.broker
    this.#network = parts.network
    this.#client = parts.client
    this.#program = parts.program
    this.#limits = limitsOf(parts.plan, parts.plan.limits)
  }

  get violations(): ReadonlyArray<invariants.Violation> {
    return this.#violations
  }

  get #now(): number {
    return nowOf(this.#parts.clock)
  }

  #setLimits(limits: Limits): void {
    this.#limits = limitsOf(this.#plan, limits)
    setLimits(this.#parts.brokerOptions, this.#limits)
  }

  // -------------------------------------------------------------------------
  // The run
  // -------------------------------------------------------------------------

  get run(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      yield* Effect.forkIn(this.#follow, this.#parts.clientScope, { startImmediately: true })
      const { steps } = this.#plan
      for (const { action, at } of steps) {
        if (at > this.#now) yield* TestClock.adjust(at - this.#now)
        yield* this.#perform(action)
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
        returning: this.#observations.published.filter(({ end, qos }) =>
          qos === 0 && (end === undefined || end.how === "interrupted")
        ).length,
        limits: this.#limits
      }
      this.#violations.push(...invariants.judgeMoment(moment))
      if (moment.state._tag === "Closed" && this.#observations.closedAt === undefined) {
        this.#observations.closedAt = this.#now
        this.#observations.closedBy = moment.state.error?.reason._tag
      }
    })
  }

  // -------------------------------------------------------------------------
  // Steps
  // -------------------------------------------------------------------------

  #perform(action: Action): Effect.Effect<void> {
    const broker = this.#broker
    const network = this.#network
    switch (action._tag) {
      case "Publish":
        return this.#program.publish(action)
      case "Subscribe":
        return this.#program.subscribe(action)
      case "Consume":
        return this.#program.consume(action)
      case "Emit":
        return this.#emit(action)
      case "Fault":
        return Effect.andThen(this.#noteSilence(action), network.inject(action.fault, action.target))
      case "RefuseConnect":
        return network.refuseConnect(action.times)
      case "HostNotFound":
        return network.failConnect(action.times, new HostNotFound({ host: "broker.test" }))
      case "HangConnect":
        return network.hangConnect(action.times)
      case "IgnoreConnect":
        return broker.ignoreConnect(action.times)
      case "RefuseSession":
        return broker.refuseSession(this.#plan.client.version === "5.0" ? action.reasonCode : 3, action)
      case "RefuseSubscribe":
        return broker.refuseSubscribe(action.reasonCode)
      case "ServerDisconnect":
        return broker.disconnectClient(clientId, action.reasonCode)
      case "Kick":
        return broker.kick(clientId)
      case "Restart":
        return Effect.andThen(
          action.keepSessions ? broker.restart(action) : losing(this.#parts, broker.restart(action)),
          Effect.sync(() => this.#setLimits(action.limits ?? this.#limits))
        )
      case "Lie":
        return broker.lieAboutSessionPresent(action.sessionPresent)
      case "ExpireSession":
        return losing(this.#parts, broker.expireSession(clientId))
      case "HoldAcknowledgements":
        return broker.holdAcknowledgements()
      case "ReleaseAcknowledgements":
        return broker.releaseAcknowledgements()
      case "DelayAnswers":
        return broker.delayAnswers(action.delay)
      case "JumpClock":
        return Effect.sync(() => this.#parts.jump(action.by))
      case "Ask":
        return this.#program.ask(action.what)
      case "End":
        return this.#end(action.how)
    }
  }

  #emit(action: Extract<Action, { readonly _tag: "Emit" }>): Effect.Effect<void> {
    const { qos, size, topic } = action
    const one = Effect.gen({ self: this }, function*() {
      const id = this.#program.nextId()
      const session = yield* this.#broker.session(clientId)
      const granted = (session?.subscriptions ?? [])
        .filter(({ topicFilter }) => Topic.matches(topicFilter, topic))
        .map((subscription) => subscription.qos)
      const owedAt = granted.length === 0 ? undefined : Math.min(qos, Math.max(...granted)) as QoS
      this.#observations.emitted.push({ id, topic, at: this.#now, owedAt })
      yield* this.#broker.publish(topic, Observations.payloadOf(id, size), { qos })
    })
    return Effect.forEach(Array.from({ length: action.count }), () => one, { discard: true })
  }

  #noteSilence({ fault }: Extract<Action, { readonly _tag: "Fault" }>): Effect.Effect<void> {
    if (fault._tag !== "Drop") return Effect.void
    return Effect.map(this.#network.connections, (connections) => {
      for (const { isOpen, number } of connections) {
        if (isOpen) this.#observations.silenced.push({ connection: number, at: this.#now })
      }
    })
  }

  #end(how: "scope" | "disconnect" | "disconnectWithWill"): Effect.Effect<void> {
    const closing = how === "scope" ? Scope.close(this.#parts.clientScope, Exit.void) : this.#client[how]
    return Effect.andThen(
      Effect.sync(() => {
        this.#observations.closedAt ??= this.#now
      }),
      this.#program.call(how, closing)
    )
  }

  // -------------------------------------------------------------------------
  // Rest
  // -------------------------------------------------------------------------

  /** Nothing goes wrong any more, nobody is slow, and everything has time. */
  get #settle() {
    return Effect.gen({ self: this }, function*() {
      yield* this.#heal
      this.#program.isHurrying = true
      if ((yield* this.#untilAtRest) === "over") return
      yield* this.#probe
      const end = yield* this.#untilAtRest
      if (end === "over") return
      this.#observations.isSettled = end === "at rest"
      this.#observations.inFlightAtRest = (yield* this.#client.stats).inFlight
      this.#observations.subscriptionsAtRest = yield* this.#subscriptions
    })
  }

  /** The Topic Filters the broker has for the client. */
  get #subscriptions() {
    return Effect.gen({ self: this }, function*() {
      const session = yield* this.#broker.session(clientId)
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
      const largest = Math.max(4, Math.min(this.#plan.probeSize, (this.#limits.maximumPacketSize ?? Infinity) - 30))
      for (const qos of [0, 1, 2] as const) {
        if (qos > (this.#limits.maximumQoS ?? 2)) continue
        yield* this.#program.publish({ _tag: "Publish", topic: "probe", qos, size: largest, count: 2, via: "publish" })
        // Into an outbox for one message they come one after the other.
        yield* TestClock.adjust(5)
        yield* this.#emit({ _tag: "Emit", topic: "in/a", qos, size: 10, count: 1 })
      }
    })
  }

  /** Lets time pass until nothing is left to do, the client is over, or time has run out. */
  get #untilAtRest() {
    return Effect.gen({ self: this }, function*() {
      const start = this.#now
      let step = 50
      while (this.#now - start < patience) {
        yield* TestClock.adjust(step)
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

  get #isAtRest() {
    return Effect.gen({ self: this }, function*() {
      const { inFlight, outboxMessages } = yield* this.#client.stats
      const state = yield* SubscriptionRef.get(this.#client.state)
      const session = yield* this.#broker.session(clientId)
      const { calls, published } = this.#observations
      this.#observations.packets = yield* this.#broker.packets()
      return state._tag === "Connected" && inFlight === 0 && outboxMessages === 0 && session?.isConnected === true &&
        session.queued === 0 && session.inflight === 0 && (yield* this.#network.pending) === 0 &&
        published.every(({ end }) => end !== undefined) && calls.every(({ end }) => end !== undefined) &&
        invariants.undelivered(this.#observations).length === 0 &&
        invariants.subscriptionProblems(this.#observations, yield* this.#subscriptions).length === 0
    })
  }

  /** The client ends, if it has not yet; then everybody has as long as they may take. */
  get #close() {
    return Effect.gen({ self: this }, function*() {
      this.#program.isStopping = true
      if (this.#observations.closedAt === undefined) yield* this.#end("scope")
      else yield* this.#program.call("scope", Scope.close(this.#parts.clientScope, Exit.void))
      yield* TestClock.adjust(this.#plan.client.drainTimeout + 2000)
      this.#program.isHurrying = true
      yield* TestClock.adjust(10_000)
    })
  }

  get #collect() {
    return Effect.gen({ self: this }, function*() {
      const observations = this.#observations
      observations.packets = yield* this.#broker.packets()
      observations.accepted = (yield* this.#broker.messages).filter((message) => message.clientId === clientId)
      observations.brokerViolations = yield* this.#broker.violations
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

/** What two runs of the same plan must have in common. */
const hashOf = (observations: Observations.Observations): string => {
  const hash = createHash("sha256")
  for (const { at, bytes, connection, event } of observations.log) {
    hash.update(`${at} ${connection} ${event} ${bytes}\n`)
  }
  for (const { at, connection, direction, packet } of observations.packets) {
    const text = JSON.stringify(packet, (_, value) => value instanceof Uint8Array ? [...value] : value)
    hash.update(`${at} ${connection} ${direction} ${text}\n`)
  }
  hash.update(JSON.stringify([observations.published, observations.received, observations.subscribers]))
  return hash.digest("hex").slice(0, 16)
}

const seededRandom = (seed: number): (typeof Random.Random)["Service"] => {
  const random = SeededRandom.make(seed ^ 0x5eed)
  const limit = 2 ** 31 - 1
  return {
    nextIntUnsafe: () => random.integer(0, limit),
    nextDoubleUnsafe: () => random.integer(0, limit) / (limit + 1)
  }
}

const simulation = Effect.fnUntraced(function*(plan: Plan) {
  const watched = watch(yield* Clock.Clock)
  const fibers = countFibers()
  return yield* Effect.gen(function*() {
    const before = fibers.live()
    const scope = yield* Scope.make()
    const parts = yield* Scope.provide(makeParts(plan, watched.clock, watched.jump), scope)
    const world = new World(parts)
    yield* world.run
    const { observations } = parts
    observations.timersLeft = watched.timers()
    observations.fibersLeft = fibers.live() - before
    const violations = [...world.violations, ...invariants.judge(observations)]
    const hash = hashOf(observations)
    yield* Scope.close(scope, Exit.void)
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

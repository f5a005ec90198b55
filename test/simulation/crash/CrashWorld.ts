/**
 * Runs a plan of crashes: one store, one broker, one network, and a series of processes that use them, on a `TestClock`
 * and with seeded randomness.
 *
 * The last life ends in order once everything is at rest. `CrashWorld` returns the observations; `crashInvariants`
 * judges them.
 */
import { Cause, Clock, Effect, Exit, type Fiber, Random, References, Result, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { createHash } from "node:crypto"
import * as MqttClient from "../../../src/MqttClient.ts"
import { MqttError } from "../../../src/MqttError.ts"
import * as MqttStore from "../../../src/MqttStore.ts"
import { MqttTransport } from "../../../src/MqttTransport.ts"
import { FakeNetwork, MemoryBroker } from "../../../src/testing/index.ts"
import { seededRandom } from "../seededRandom.ts"
import * as crashInvariants from "./crashInvariants.ts"
import type { Observations, Published } from "./CrashObservations.ts"
import type { Action, Life, Plan, Step } from "./CrashPlan.ts"
import { plainLife } from "./CrashPlan.ts"
import * as Process from "./Process.ts"

type Client = MqttClient.MqttClient["Service"]
type Publish = Extract<Action, { readonly _tag: "Publish" }>

const clientId = "gateway"

/** Virtual milliseconds that everything is given to come to rest. */
const patience = 60_000

export interface Outcome {
  readonly violations: ReadonlyArray<crashInvariants.Violation>
  /** The same for the same plan, in any process. */
  readonly hash: string
  readonly observations: Observations
}

/** One process with its client and its program. */
interface Running {
  readonly number: number
  readonly process: Process.Process
  readonly scope: Scope.Closeable
  readonly client: Client
  readonly life: Life
}

class CrashWorld {
  readonly #plan: Plan
  readonly #broker: MemoryBroker.MemoryBroker["Service"]
  readonly #network: FakeNetwork.FakeNetwork["Service"]
  readonly #transport: MqttTransport["Service"]
  readonly #clock: Clock.Clock
  readonly #store: MqttStore.Store
  readonly #fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  readonly observations: Observations
  #nextId = 1
  #isHurrying = false

  constructor({ broker, clock, network, plan, store, transport }: {
    readonly plan: Plan
    readonly broker: MemoryBroker.MemoryBroker["Service"]
    readonly network: FakeNetwork.FakeNetwork["Service"]
    readonly transport: MqttTransport["Service"]
    readonly clock: Clock.Clock
    readonly store: MqttStore.Store
  }) {
    this.#plan = plan
    this.#broker = broker
    this.#network = network
    this.#transport = transport
    this.#clock = clock
    this.#store = store
    this.observations = {
      plan,
      log: [],
      published: [],
      emitted: [],
      faults: [],
      isAtRest: false,
      packets: [],
      accepted: [],
      brokerViolations: [],
      left: { message: [], exchange: [], received: [], client: [] }
    }
  }

  get #now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  get run() {
    return Effect.gen({ self: this }, function*() {
      const { lives } = this.#plan
      for (const [index, life] of lives.entries()) {
        yield* this.#live(index, life)
        yield* TestClock.adjust(life.downFor)
      }
      yield* this.#liveLast(lives.length)
      yield* this.#collect
    })
  }

  // -------------------------------------------------------------------------
  // Lives
  // -------------------------------------------------------------------------

  #begin(number: number, life: Life) {
    return Effect.gen({ self: this }, function*() {
      const process = new Process.Process({
        number,
        life,
        version: this.#plan.version,
        network: this.#network,
        now: () => this.#now,
        log: this.observations.log
      })
      const { latency, keepAlive, maxInFlight, outbox, session, version } = this.#plan
      const scope = yield* Scope.make()
      const making = yield* Effect.forkDetach(
        MqttClient.make({
          clientId,
          session,
          protocolVersion: version,
          initialConnection: "retry",
          reconnect: Schedule.spaced(50),
          keepAlive: keepAlive * 1000,
          connectTimeout: latency * 6 + 400,
          responseTimeout: latency * 4 + 300,
          drainTimeout: 200,
          retransmit: Schedule.forever,
          maxInFlight,
          outbox,
          isRetryable: () => true
        }).pipe(
          Effect.provideService(MqttStore.MqttStore, yield* provided(process.store(this.#store))),
          Effect.provideService(MqttTransport, process.transport(this.#transport)),
          Scope.provide(scope)
        ),
        { startImmediately: true }
      )
      // It reads the store, which may take time.
      for (let turns = 0; turns < 200 && making.pollUnsafe() === undefined; turns++) yield* TestClock.adjust(5)
      const made = making.pollUnsafe()
      if (made === undefined || Exit.isFailure(made)) {
        const why = made === undefined ? "never" : Cause.pretty(made.cause)
        // A session that begins is written down.
        const isFull = life.failures.some(({ from }) => from === 1) && why.includes("no room to write")
        if (!process.isDead && !isFull) this.observations.faults.push(`life ${number} does not begin: ${why}`)
        yield* process.die
        yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
        return undefined
      }
      const running: Running = { number, process, scope, client: made.value, life }
      yield* this.#consume(running)
      return running
    })
  }

  #live(number: number, life: Life) {
    return Effect.gen({ self: this }, function*() {
      const running = yield* this.#begin(number, life)
      if (running === undefined) return
      const { process, scope } = running
      const start = this.#now
      yield* this.#perform(running, life.steps, start)
      yield* this.#until(start + life.duration, process)
      if (life.isClosed && !process.isDead) {
        process.isSafe = true
        return yield* this.#end(running)
      }
      yield* process.die
      // What is left of the dead is taken away; nothing of it has an effect.
      yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
    })
  }

  #perform(running: Running, steps: ReadonlyArray<Step>, start: number) {
    return Effect.gen({ self: this }, function*() {
      for (const { action, at } of steps) {
        yield* this.#until(start + at, running.process)
        if (running.process.isDead) return
        yield* this.#step(running, action)
      }
    })
  }

  /** Time passes, in pieces that are small enough for what waits for each other. */
  #until(at: number, process: Process.Process) {
    return Effect.gen({ self: this }, function*() {
      while (this.#now < at && !process.isDead) yield* TestClock.adjust(Math.min(10, at - this.#now))
    })
  }

  #end({ process, scope }: Running) {
    return Effect.gen({ self: this }, function*() {
      const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void), { startImmediately: true })
      const isOver = () => process.isDead || closing.pollUnsafe() !== undefined
      for (let turns = 0; turns < 300 && !isOver(); turns++) yield* TestClock.adjust(10)
      if (!isOver()) this.observations.faults.push("a client does not end")
      yield* process.closeStore
    })
  }

  /** Nothing goes wrong any more, and all that is unfinished comes to its end. */
  #liveLast(number: number) {
    return Effect.gen({ self: this }, function*() {
      this.#isHurrying = true
      yield* this.#network.allowConnect
      yield* this.#broker.releaseAcknowledgements()
      yield* this.#broker.delayAnswers(0)
      const running = yield* this.#begin(number, plainLife)
      if (running === undefined) return
      running.process.isSafe = true
      for (const qos of [1, 2] as const) {
        yield* this.#step(running, { _tag: "Publish", topic: "out/a", qos, size: 6, count: 1, via: "publishAsync" })
      }
      this.observations.isAtRest = yield* this.#comeToRest(running)
      // Those that are not urgent are written a little later.
      yield* TestClock.adjust(100)
      yield* this.#end(running)
    })
  }

  #comeToRest({ client }: Running) {
    return Effect.gen({ self: this }, function*() {
      const start = this.#now
      while (this.#now - start < patience) {
        yield* TestClock.adjust(this.#now - start < 1000 ? 20 : 200)
        const { inFlight, outboxMessages } = yield* client.stats
        const session = yield* this.#broker.session(clientId)
        const isAtRest = inFlight === 0 && outboxMessages === 0 && session?.isConnected === true &&
          session.queued === 0 && session.inflight === 0 && (yield* this.#network.pending) === 0 &&
          this.#fibers.every((fiber) => fiber.pollUnsafe() !== undefined)
        if (isAtRest) return true
      }
      return false
    })
  }

  get #collect() {
    return Effect.gen({ self: this }, function*() {
      const { observations } = this
      observations.packets = yield* this.#broker.packets()
      observations.accepted = (yield* this.#broker.messages).filter((message) => message.clientId === clientId)
      observations.brokerViolations = yield* this.#broker.violations
      yield* Effect.scoped(Effect.gen({ self: this }, function*() {
        const open = yield* this.#store.open(clientId)
        for (const table of MqttStore.tables) {
          observations.left[table] = yield* open.read(table, { after: -1, limit: 1_000_000 })
        }
      }))
    })
  }

  // -------------------------------------------------------------------------
  // Steps
  // -------------------------------------------------------------------------

  #step(running: Running, action: Action): Effect.Effect<void> {
    switch (action._tag) {
      case "Publish":
        return this.#publish(running, action)
      case "Emit":
        return this.#emit(action)
      case "Reset":
        return this.#network.reset
      case "Close":
        return this.#network.close
      case "Silence":
        return this.#network.drop
      case "RefuseConnect":
        return this.#network.refuseConnect(action.times)
      case "RestartBroker":
        return this.#broker.restart({ keepSessions: true })
      case "LoseSessions":
        running.process.note({ _tag: "LostSessions" })
        return this.#broker.restart({ keepSessions: false })
      case "HoldAcknowledgements":
        return this.#broker.holdAcknowledgements()
      case "ReleaseAcknowledgements":
        return this.#broker.releaseAcknowledgements()
      case "DelayAnswers":
        return this.#broker.delayAnswers(action.delay)
    }
  }

  #emit({ count, qos }: Extract<Action, { readonly _tag: "Emit" }>) {
    return Effect.gen({ self: this }, function*() {
      for (let index = 0; index < count; index++) {
        const id = this.#nextId++
        const session = yield* this.#broker.session(clientId)
        this.observations.emitted.push({ id, qos, isOwed: session?.subscriptions.length === 1 })
        yield* this.#broker.publish("in/a", Process.payloadOf(id, 6), { qos })
      }
    })
  }

  #consume({ client, life, process, scope }: Running) {
    const handler = ({ payload }: { readonly payload: Uint8Array }) =>
      Effect.suspend(() => {
        process.note({ _tag: "HandedOver", id: Process.idOf(payload) })
        return life.pace === 0 || this.#isHurrying ? Effect.void : Effect.sleep(life.pace)
      })
    return Effect.forkIn(Effect.ignore(client.consume("in/#", handler, { qos: 2 })), scope, { startImmediately: true })
  }

  #publish(running: Running, action: Publish) {
    return Effect.suspend(() => {
      const messages = Array.from({ length: action.count }, (): Published => ({
        id: this.#nextId++,
        life: running.number,
        topic: action.topic,
        qos: action.qos,
        via: action.via,
        end: undefined
      }))
      this.observations.published.push(...messages)
      if (action.via === "publishSink") return this.#fork(running, this.#throughSink(running, messages, action))
      const one = action.via === "publish" ? this.#one : this.#ahead
      return Effect.forEach(messages, (message) => this.#fork(running, one(running, message, action)), {
        discard: true
      })
    })
  }

  #fork({ process, scope }: Running, effect: Effect.Effect<unknown, unknown>): Effect.Effect<void> {
    return Effect.map(Effect.forkIn(effect, scope, { startImmediately: true }), (fiber) => {
      if (process.isDead) return
      this.#fibers.push(fiber)
      const before = process.onDeath
      // Nobody waits for the dead.
      process.onDeath = () => {
        before()
        const index = this.#fibers.indexOf(fiber)
        if (index !== -1) this.#fibers.splice(index, 1)
      }
    })
  }

  #bounded<A, E>(effect: Effect.Effect<A, E>, { interruptAfter }: Publish): Effect.Effect<unknown, E> {
    return interruptAfter === undefined ? effect : Effect.timeoutOption(effect, interruptAfter)
  }

  /** Notes how it ends, unless its process is dead. */
  #observe<A, E>(
    { process }: Running,
    messages: ReadonlyArray<Published>,
    effect: Effect.Effect<A, E>
  ): Effect.Effect<A, E> {
    return Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        if (process.isDead) return
        for (const message of messages) message.end ??= endOf(exit)
      }))
  }

  readonly #one = (running: Running, message: Published, action: Publish): Effect.Effect<unknown, MqttError> => {
    const payload = Process.payloadOf(message.id, action.size)
    const publishing = running.client.publish(action.topic, payload, { qos: action.qos })
    return this.#bounded(this.#observe(running, [message], publishing), action)
  }

  readonly #ahead = (running: Running, message: Published, action: Publish): Effect.Effect<unknown, MqttError> => {
    const payload = Process.payloadOf(message.id, action.size)
    const accepting = Effect.onExit(
      running.client.publishAsync(action.topic, payload, { qos: action.qos }),
      (exit) =>
        Effect.sync(() => {
          if (running.process.isDead) return
          if (Exit.isSuccess(exit)) running.process.note({ _tag: "Accepted", id: message.id })
          else message.end = endOf(exit)
        })
    )
    const acknowledged = (acknowledgement: unknown) =>
      Effect.isEffect(acknowledgement)
        ? this.#observe(running, [message], acknowledgement as Effect.Effect<unknown, MqttError>)
        : Effect.void
    return Effect.flatMap(this.#bounded(accepting, action), acknowledged)
  }

  #throughSink({ client, ...running }: Running, messages: ReadonlyArray<Published>, action: Publish) {
    const stream = Stream.fromIterable(messages.map(({ id }) => ({
      topic: action.topic,
      payload: Process.payloadOf(id, action.size),
      qos: action.qos
    })))
    const publishing = Stream.run(stream, client.publishSink)
    return this.#bounded(this.#observe({ client, ...running }, messages, publishing), action)
  }
}

const endOf = (exit: Exit.Exit<unknown, unknown>): NonNullable<Published["end"]> => {
  if (Exit.isSuccess(exit)) return { how: "succeeded" }
  const error = Result.getOrUndefined(Cause.findError(exit.cause))
  if (error instanceof MqttError) return { how: "failed", reason: error.reason._tag }
  if (Cause.hasInterruptsOnly(exit.cause)) return { how: "interrupted" }
  return { how: "died", reason: Cause.pretty(exit.cause) }
}

/** As a program provides it. */
const provided = (store: MqttStore.Store) =>
  Effect.scoped(Effect.provide(MqttStore.MqttStore, MqttStore.layer(Effect.succeed(store))))

const hashOf = ({ log, packets, published }: Observations): string => {
  const hash = createHash("sha256")
  const text = (value: unknown) =>
    JSON.stringify(
      value,
      (_, inner) => inner instanceof Uint8Array ? `${inner.length} ${Process.idOf(inner)}` : inner
    )
  for (const seen of log) hash.update(text(seen))
  for (const { at, connection, direction, packet } of packets) {
    hash.update(`${at} ${connection} ${direction} ${text(packet)}`)
  }
  hash.update(text(published))
  return hash.digest("hex").slice(0, 16)
}

const crashes = Effect.fnUntraced(function*(plan: Plan) {
  const broker = yield* MemoryBroker.make({
    reportsIdentifierInUse: plan.reportsIdentifierInUse,
    authorizePublish: ({ topic }) => topic === "no" ? 0x87 : 0
  })
  const { network, transport } = yield* FakeNetwork.make(broker.accept, { latency: plan.latency, connectDelay: 20 })
  const world = new CrashWorld({
    plan,
    broker,
    network,
    transport,
    clock: yield* Clock.Clock,
    store: yield* MqttStore.makeMemory
  })
  yield* world.run
  const { observations } = world
  return { violations: crashInvariants.judge(observations), hash: hashOf(observations), observations }
})

export const run = (plan: Plan): Promise<Outcome> =>
  Effect.runPromise(
    Effect.scoped(crashes(plan)).pipe(
      Effect.provideService(Random.Random, seededRandom(plan.seed)),
      Effect.provideService(References.MinimumLogLevel, "None"),
      Effect.provide(TestClock.layer({ warningDelay: "1 hour" }))
    )
  )

/**
 * One run: many clients on one server, in virtual time. A fault comes, and the run ends when all clients are back and no
 * message waits.
 */
import { Effect, Fiber, Random, References } from "effect"
import * as MqttClient from "../../src/MqttClient.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { type Fault, type FaultName, faults, policies, type PolicyName } from "./scenes.ts"
import { Server } from "./Server.ts"
import { VirtualTime } from "./VirtualTime.ts"

export interface Options {
  readonly clients: number
  readonly fault: FaultName
  readonly policy: PolicyName
  readonly seed: number
}

/** The state of the fleet at the end of a second. */
export interface Sample {
  /** Seconds since the fault began. */
  readonly at: number
  /** Attempts to connect that began in this second. */
  readonly attempts: number
  /** CONNECTs that the server has accepted in this second. */
  readonly accepted: number
  readonly connected: number
  /** Messages that were published and not acknowledged. */
  readonly waiting: number
}

export interface Outcome extends Options {
  readonly samples: ReadonlyArray<Sample>
  /** Seconds since the fault began, when the first half and all of the clients were back; `undefined` if they were not. */
  readonly halfBack: number | undefined
  readonly allBack: number | undefined
  /** All attempts, and the CONNECTs that the server refused with "Server busy". */
  readonly attempts: number
  readonly refused: number
  /** The most attempts in any second of the first minute, and in any second after it. */
  readonly peak: number
  readonly peakAfterMinute: number
  readonly mostWaiting: number
  readonly published: number
  /** Messages that the server did not acknowledge in the end. */
  readonly unacknowledged: number
  /** Seconds of real time. */
  readonly took: number
}

/** Milliseconds in which the clients begin, one after the other, and until the fault. */
const beginning = 30_000
const untilFault = 45_000
/** Each client publishes a message so often. */
const period = 60_000
/** Seconds that a run may last after its fault. */
const patience = 900

/** The most of these times, which are in order, that are less than a second apart. */
export const mostInASecond = (times: ReadonlyArray<number>, from: number, to: number): number => {
  let most = 0
  let first = 0
  for (let last = 0; last < times.length && times[last] < to; last++) {
    while (times[first] < from || times[last] - times[first] >= 1000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

interface Messages {
  published: number
  acknowledged: number
  /** No client publishes any more. */
  areComplete: boolean
}

/** A client that publishes now and then, until it is interrupted. */
const device = Effect.fnUntraced(function*(index: number, policy: PolicyName, messages: Messages) {
  yield* Effect.sleep((yield* Random.next) * beginning)
  const mqtt = yield* MqttClient.make({
    clientId: `device-${index}`,
    session: "persistent",
    reconnect: policies[policy].reconnect
  })
  yield* Effect.sleep((yield* Random.next) * period)
  const publish = mqtt.publish(`devices/${index}`, "20.5", { qos: 1 }).pipe(
    Effect.tap(() => Effect.sync(() => messages.acknowledged++))
  )
  return yield* Effect.forever(Effect.suspend(() => {
    if (messages.areComplete) return Effect.never
    messages.published++
    return Effect.andThen(Effect.forkScoped(publish), Effect.sleep(period))
  }))
}, Effect.scoped)

/** Looks at the fleet once a second. */
class Observer {
  readonly samples: Array<Sample> = []
  readonly #server: Server
  readonly #messages: Messages
  readonly #begin: number
  #attempts: number
  #accepted: number

  constructor(server: Server, messages: Messages) {
    this.#server = server
    this.#messages = messages
    this.#begin = server.time.now
    this.#attempts = server.attempts.length
    this.#accepted = server.accepted
  }

  look(): Sample {
    const { accepted, attempts, connected, time } = this.#server
    const sample = {
      at: (time.now - this.#begin) / 1000,
      attempts: attempts.length - this.#attempts,
      accepted: accepted - this.#accepted,
      connected,
      waiting: this.#messages.published - this.#messages.acknowledged
    }
    this.#attempts = attempts.length
    this.#accepted = accepted
    this.samples.push(sample)
    return sample
  }
}

const suffer = Effect.fnUntraced(function*(server: Server, fault: Fault, messages: Messages, clients: number) {
  const { time } = server
  const observer = new Observer(server, messages)
  server.condition = fault.condition
  if (fault.cuts) server.cut()
  for (let second = 1; second <= fault.lasts + patience; second++) {
    yield* time.pass(1000)
    if (second === fault.lasts) {
      server.condition = "up"
      server.rate = (fault.accepts ?? Infinity) * clients
    }
    const { connected, waiting } = observer.look()
    // The messages of this second may be under way.
    if (second > fault.lasts && connected === clients && waiting <= clients / 100) break
  }
  return observer.samples
})

/** Runs the fleet. The same options have the same outcome, apart from the real time. */
export const run = (options: Options): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const started = performance.now()
    const { clients, policy } = options
    const fault: Fault = faults[options.fault]
    const time = new VirtualTime()
    const server = new Server(time)
    const messages: Messages = { published: 0, acknowledged: 0, areComplete: false }
    const devices = Effect.forEach(Array.from({ length: clients }).keys(), (index) => device(index, policy, messages), {
      concurrency: "unbounded",
      discard: true
    }).pipe(Effect.provideService(MqttTransport, server.transport), Effect.orDie)
    const fleet = yield* Effect.forkChild(time.provide(devices), { startImmediately: true })
    yield* time.pass(untilFault)

    const begin = time.now
    const samples = yield* suffer(server, fault, messages, clients)
    const back = (share: number) =>
      samples.find(({ at, connected }) => at > fault.lasts && connected >= share * clients)?.at
    const times = server.attempts.filter((at) => at >= begin)
    messages.areComplete = true
    yield* time.pass(1000)
    const unacknowledged = messages.published - messages.acknowledged
    const ending = yield* Effect.forkChild(Fiber.interrupt(fleet), { startImmediately: true })
    yield* time.pass(10_000)
    yield* Fiber.join(ending)
    return {
      ...options,
      samples,
      halfBack: back(0.5),
      allBack: back(1),
      attempts: times.length,
      refused: server.refused,
      peak: mostInASecond(times, begin, begin + 60_000),
      peakAfterMinute: mostInASecond(times, begin + 60_000, Infinity),
      mostWaiting: Math.max(...samples.map(({ waiting }) => waiting)),
      published: messages.published,
      unacknowledged,
      took: (performance.now() - started) / 1000
    }
  }).pipe(Random.withSeed(`fleet ${options.seed}`), Effect.provideService(References.MinimumLogLevel, "None"))

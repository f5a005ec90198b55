/**
 * An `MqttConnection` against a scripted server on a fake network, and the check that it leaves nothing behind.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Metric, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { SessionConnectionOptions } from "../../src/internal/connection/connection.ts"
import { noSessionDeadlines } from "../../src/internal/connection/deadlines.ts"
import * as Opening from "../../src/internal/connection/opening.ts"
import * as MqttConnection from "../../src/MqttConnection.ts"
import type { MqttError, MqttErrorReason } from "../../src/MqttError.ts"
import type { MqttTransport } from "../../src/MqttTransport.ts"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import { FakeNetwork, ScriptedServer } from "../../src/testing/index.ts"

export type Services = MqttTransport | FakeNetwork.FakeNetwork | ScriptedServer.ScriptedServer | Scope.Scope

export const versions = ["3.1.1", "5.0"] as const

/** One way on the fake network, milliseconds. */
export const latency = 20

/** The client has read all that was sent to it, and the server what the client answered. */
export const roundTrip = TestClock.adjust(2 * latency)

/** A clock that counts who sleeps on it, and that can be put forward without waking anybody. */
const makeClock = Effect.map(Clock.Clock, (clock) => {
  let sleeping = 0
  let late = 0n
  const wrapped: Clock.Clock = Object.assign(Object.create(clock), {
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + late,
    sleep: (duration: Parameters<Clock.Clock["sleep"]>[0]) =>
      Effect.suspend(() => {
        sleeping++
        return Effect.ensuring(clock.sleep(duration), Effect.sync(() => sleeping--))
      })
  })
  return {
    clock: wrapped,
    sleeping: () => sleeping,
    putForward: (milliseconds: number) => {
      late += BigInt(milliseconds) * 1_000_000n
    }
  }
})

/**
 * Time passes and nobody's timer fires: the machine slept. Only inside `scenario`.
 */
export const sleepThrough = (milliseconds: number): Effect.Effect<void> =>
  Effect.map(Clock.Clock, (clock) => putForward.get(clock)?.(milliseconds))

const putForward = new WeakMap<Clock.Clock, (milliseconds: number) => void>()

const countFibers = () => {
  let running = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => {
      running++
    },
    recordFiberEnd: () => {
      running--
    }
  }
  return { metrics, running: () => running }
}

/**
 * Runs the test in a scope, closes the scope, and then demands that nothing is left: no connection, nothing under way,
 * no timer, no fiber.
 */
export const scenario = <A, E>(
  test: Effect.Effect<A, E, Services>,
  options: FakeNetwork.Options = {}
): Effect.Effect<void, E> =>
  Effect.gen(function*() {
    const { clock, putForward: put, sleeping } = yield* makeClock
    putForward.set(clock, put)
    const fibers = countFibers()
    yield* Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const scope = yield* Scope.make()
      const exit = yield* Scope.provide(test, scope).pipe(
        Effect.provideService(Metric.FiberRuntimeMetrics, fibers.metrics),
        Effect.exit
      )
      yield* advanceWhile(Scope.close(scope, Exit.void), "1 second")
      yield* exit
      yield* roundTrip
      const { closed, opened } = yield* network.counters
      assert.strictEqual(closed, opened, "connections closed")
      assert.strictEqual(yield* network.pending, 0, "nothing is under way")
      assert.strictEqual(fibers.running(), 0, "fibers left")
      assert.strictEqual(sleeping(), 0, "timers left")
    }).pipe(
      Effect.provide(ScriptedServer.layer({ latency, ...options })),
      Effect.provideService(Clock.Clock, clock)
    )
  })

/** Runs an effect that may need time to pass, and lets it pass. */
export const advanceWhile = Effect.fnUntraced(
  function*<A, E, R>(effect: Effect.Effect<A, E, R>, duration: Parameters<typeof TestClock.adjust>[0]) {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(duration)
    return yield* Fiber.join(fiber)
  }
)

/** Begins to open a connection and waits until the server has it. */
const openingBy = <C, O>(open: (options: O) => Effect.Effect<C, MqttError, MqttTransport | Scope.Scope>) =>
  Effect.fnUntraced(function*(options: O) {
    const server = yield* ScriptedServer.ScriptedServer
    const fiber = yield* Effect.forkChild(open(options), { startImmediately: true })
    yield* TestClock.adjust(80)
    const peer = yield* server.accept
    yield* TestClock.adjust(latency)
    return { fiber, peer }
  })

const connectBy = <C, O>(open: (options: O) => Effect.Effect<C, MqttError, MqttTransport | Scope.Scope>) => {
  const opening = openingBy(open)
  return Effect.fnUntraced(function*(
    options: O,
    connack: Parameters<ScriptedServer.ScriptedConnection["handshake"]>[0] = {}
  ) {
    const { fiber, peer } = yield* opening(options)
    const said = yield* peer.handshake(connack)
    yield* TestClock.adjust(latency)
    return { connection: yield* Fiber.join(fiber), peer, said }
  })
}

/** A connection with all that the client's session uses of it. */
const openForSession = (options: SessionConnectionOptions) =>
  Effect.tap(Opening.open(options), (connection) => connection.checkDeadlines(noSessionDeadlines))

export const opening = (options: MqttConnection.Options = {}) => openingBy(MqttConnection.make)(options)

/** An accepted connection, and the server's end of it. */
export const connect = (
  options: MqttConnection.Options = {},
  connack?: Parameters<ScriptedServer.ScriptedConnection["handshake"]>[0]
) => connectBy(MqttConnection.make)(options, connack)

/** As `connect`, with the members that only the client's session uses. */
export const connectSession = (
  options: SessionConnectionOptions = {},
  connack?: Parameters<ScriptedServer.ScriptedConnection["handshake"]>[0]
) => connectBy(openForSession)(options, connack)

/** Pulls until the connection ends. */
export const reading = Effect.fnUntraced(function*(connection: MqttConnection.MqttConnection) {
  const packets: Array<SessionPacket> = []
  const fiber = yield* connection.pull.pipe(
    Effect.map((batch) => {
      packets.push(...batch)
    }),
    Effect.forever,
    Effect.flip,
    Effect.forkChild({ startImmediately: true })
  )
  return {
    packets,
    isEnded: () => fiber.pollUnsafe() !== undefined,
    reason: Effect.map(Fiber.join(fiber), ({ reason }) => reason)
  }
})

/** What an effect fails with, at once: no time passes. */
export const failsAtOnce = Effect.fnUntraced(function*<A>(effect: Effect.Effect<A, MqttError>) {
  const fiber = yield* Effect.forkChild(Effect.flip(effect), { startImmediately: true })
  yield* settle
  const exit = fiber.pollUnsafe()
  assert.isDefined(exit, "it waits")
  return (yield* exit ?? Effect.never).reason
})

/** Everything that needs no time has happened. */
export const settle: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 20 })

/** The failure, which must be of this kind. */
export const reasonOf = <Tag extends MqttErrorReason["_tag"]>(
  reason: MqttErrorReason,
  tag: Tag
): Extract<MqttErrorReason, { readonly _tag: Tag }> => {
  assert.strictEqual(reason._tag, tag, reason.message)
  return reason as Extract<MqttErrorReason, { readonly _tag: Tag }>
}

export const publish = (topic: string, options: Partial<Packet.Publish> = {}): Packet.Publish => ({
  _tag: "Publish",
  topic,
  payload: new TextEncoder().encode("payload"),
  qos: 0,
  retain: false,
  dup: false,
  packetIdentifier: 0,
  properties: none,
  ...options
})

/** As tests show packets: PUBLISH by its topic, an acknowledgement by its identifier, the others by their name. */
export const show = (packets: ReadonlyArray<Packet.Packet>): ReadonlyArray<string> =>
  packets.map((packet) => {
    if (packet._tag === "Publish") return `Publish ${packet.topic}`
    if (packet._tag === "Disconnect") return `Disconnect 0x${packet.reasonCode.toString(16).padStart(2, "0")}`
    return "packetIdentifier" in packet ? `${packet._tag} ${packet.packetIdentifier}` : packet._tag
  })

/**
 * One failure scenario: a client, the broker in memory, the network between them, and the check that it all ended clean.
 *
 * The timings are those of the scenarios' fake network; time moves only where a scenario says so, or while it waits in
 * `complete`.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Metric, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import type { ConnectionState } from "../../src/MqttState.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"

export type Client = MqttClient.MqttClient["Service"]

/** Milliseconds. */
export const roundTrip = 40
export const responseTimeout = 120
export const reconnectDelay = 80
export const connecting = 80
export const failingConnect = 160
/** From the first attempt to CONNACK. */
export const connected = connecting + roundTrip
/** From the loss of a connection to CONNACK on the next. */
export const reconnected = reconnectDelay + connected

/** What a scenario works with. */
export interface Kit {
  readonly version: Packet.ProtocolVersion
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  /** Begins to make a client; no time passes. */
  readonly start: (
    options?: MqttClient.Options
  ) => Effect.Effect<Fiber.Fiber<Client, MqttError>, never, Scope.Scope>
  /** A client that is connected. */
  readonly connect: (options?: MqttClient.Options) => Effect.Effect<Client, MqttError, Scope.Scope>
}

export interface Settings {
  /** Default: both. */
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  readonly broker?: MemoryBroker.Options
  /** It ends with messages that were not acknowledged. */
  readonly leavesUnfinished?: boolean
}

/** The client that most scenarios are about; `clientId` is what the broker knows it by. */
export const clientId = "client"

const defaults: MqttClient.Options = {
  clientId,
  responseTimeout,
  reconnect: Schedule.spaced(reconnectDelay)
}

/** Counts the fibers that run in its context. */
const fiberCount = () => {
  let live = 0
  return {
    live: () => live,
    metrics: { recordFiberStart: () => void live++, recordFiberEnd: () => void live-- }
  }
}

const run = Effect.fnUntraced(function*(
  version: Packet.ProtocolVersion,
  settings: Settings,
  tell: (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>,
  liveFibers: () => number
) {
  const network = yield* FakeNetwork.FakeNetwork
  const broker = yield* MemoryBroker.MemoryBroker
  const transport = yield* MqttTransport
  const clients: Array<Client> = []
  const fibersBefore = liveFibers()

  const start = (options?: MqttClient.Options) =>
    MqttClient.make({ ...defaults, protocolVersion: version, ...options }).pipe(
      Effect.tap((client) => Effect.sync(() => clients.push(client))),
      Effect.provideService(MqttTransport, transport),
      Effect.forkScoped({ startImmediately: true })
    )
  const connect = (options?: MqttClient.Options) =>
    Effect.flatMap(start(options), (fiber) => complete(Fiber.join(fiber)))

  const scope = yield* Scope.make()
  yield* Scope.provide(tell({ version, network, broker, start, connect }), scope).pipe(
    // What a scenario found wrong is told, not what it left behind.
    Effect.onError(() => complete(Scope.close(scope, Exit.void)))
  )
  if (settings.leavesUnfinished !== true) {
    for (const client of clients) assert.strictEqual((yield* client.stats).inFlight, 0, "Packet Identifiers in flight")
  }
  yield* complete(Scope.close(scope, Exit.void))
  yield* TestClock.adjust(roundTrip)
  yield* assertClean(network, broker)
  assert.strictEqual(liveFibers(), fibersBefore, "live fibers")
})

/** No rule broken, no open connection, nothing about to happen. */
const assertClean = Effect.fnUntraced(function*(network: Kit["network"], broker: Kit["broker"]) {
  assert.deepStrictEqual(yield* broker.violations, [])
  const { closed, opened } = yield* network.counters
  assert.strictEqual(closed, opened, "connections closed")
  assert.strictEqual(yield* network.pending, 0, "pending in the network")
  // What a broker keeps for a client that is gone, or that it cannot know to be gone, is not the client's.
  yield* broker.restart({ keepSessions: false })
  assert.strictEqual(yield* broker.pending, 0, "pending in the broker")
})

/** A test of the scenario in each version, which passes only if it also ends clean. */
export const scenario = (
  name: string,
  settings: Settings,
  tell: (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>
): void => {
  for (const version of settings.versions ?? (["3.1.1", "5.0"] as const)) {
    it.effect(`${name} (${version})`, () => {
      const { live, metrics } = fiberCount()
      return run(version, settings, tell, live).pipe(
        Effect.provide(MemoryBroker.layer(settings.broker)),
        Effect.provideService(Metric.FiberRuntimeMetrics, metrics)
      )
    })
  }
}

/** Time passes until the effect is done. */
export const complete = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
  const step = roundTrip / 2
  const limit = 60_000
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  for (let passed = 0; fiber.pollUnsafe() === undefined; passed += step) {
    if (passed > limit) return yield* Effect.die(new Error(`not done after ${limit} ms`))
    yield* TestClock.adjust(step)
  }
  return yield* Fiber.join(fiber)
})

/** Begins, and tells later how it ended; no time passes. */
export const begin = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Keeps what a subscription delivers, for as long as the scope lives. */
export const record = Effect.fnUntraced(function*<E>(messages: Stream.Stream<MqttMessage, E>) {
  const received: Array<MqttMessage> = []
  yield* messages.pipe(
    Stream.runForEach((message) => Effect.sync(() => received.push(message))),
    Effect.forkScoped({ startImmediately: true })
  )
  return {
    messages: received,
    texts: () => received.map(({ text }) => text)
  }
})

/** The packets of one type that the client has sent. */
export const sent = <Type extends Packet.ClientPacket["_tag"]>(
  { broker }: Kit,
  type: Type,
  from = clientId
): Effect.Effect<ReadonlyArray<Extract<Packet.ClientPacket, { readonly _tag: Type }>>> =>
  Effect.map(
    broker.received(from),
    (packets) =>
      packets.filter((packet): packet is Extract<Packet.ClientPacket, { readonly _tag: Type }> => packet._tag === type)
  )

/** What the broker has accepted, as text. */
export const accepted = ({ broker }: Kit) =>
  Effect.map(broker.messages, (messages) => messages.map(({ payload }) => new TextDecoder().decode(payload)))

/** Connections that opened so far. */
export const connections = ({ network }: Kit) => Effect.map(network.counters, ({ opened }) => opened)

export const stateOf = (mqtt: Client): Effect.Effect<ConnectionState> => SubscriptionRef.get(mqtt.state)

/** Time passes until the effect fails; why it did. */
export const reasonOf = <A, R>(effect: Effect.Effect<A, MqttError, R>) =>
  Effect.map(complete(Effect.flip(effect)), ({ reason }) => reason)

/**
 * One failure scenario: a client, the broker in memory, the network between them, and a check that nothing is left at
 * the end.
 *
 * Time moves only if a scenario says so, or while it waits in `complete`.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import type { ConnectionState } from "../../src/MqttState.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { assertBrokerAtRest, assertNetworkAtRest, assertNoneLeft, counting, type Counts } from "./leftovers.ts"
import { complete, reconnectDelay, responseTimeout, roundTrip } from "./time.ts"
import { versions } from "./versions.ts"

export type Client = MqttClient.MqttClient["Service"]

/** The tools of a scenario. */
export interface Kit {
  readonly version: Packet.ProtocolVersion
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  /** The transport of the clients. */
  readonly transport: MqttTransport["Service"]
  /** Begins to make a client. No time passes. */
  readonly start: (
    options?: MqttClient.Options
  ) => Effect.Effect<Fiber.Fiber<Client, MqttError>, never, Scope.Scope>
  /** Makes a client, and waits until it is connected. */
  readonly connect: (options?: MqttClient.Options) => Effect.Effect<Client, MqttError, Scope.Scope>
}

export interface Settings {
  /** Default: both versions. */
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  readonly broker?: MemoryBroker.Options
  /** The scenario may end with unacknowledged messages. */
  readonly leavesUnfinished?: boolean
}

/** The client identifier in most scenarios. */
export const clientId = "client"

const defaults: MqttClient.Options = {
  clientId,
  responseTimeout,
  reconnect: Schedule.spaced(reconnectDelay)
}

const run = Effect.fnUntraced(function*(
  version: Packet.ProtocolVersion,
  settings: Settings,
  tell: (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>,
  counts: Counts
) {
  const network = yield* FakeNetwork.FakeNetwork
  const broker = yield* MemoryBroker.MemoryBroker
  const transport = yield* MqttTransport
  const clients: Array<Client> = []
  const fibersBefore = counts.fibers()

  const start = (options?: MqttClient.Options) =>
    MqttClient.make({ ...defaults, protocolVersion: version, ...options }).pipe(
      Effect.tap((client) => Effect.sync(() => clients.push(client))),
      Effect.provideService(MqttTransport, transport),
      Effect.forkScoped({ startImmediately: true })
    )
  const connect = (options?: MqttClient.Options) =>
    Effect.flatMap(start(options), (fiber) => complete(Fiber.join(fiber)))

  const scope = yield* Scope.make()
  yield* Scope.provide(tell({ version, network, broker, transport, start, connect }), scope).pipe(
    // If the scenario fails, the test reports that failure and not the leftovers.
    Effect.onError(() => complete(Scope.close(scope, Exit.void)))
  )
  if (settings.leavesUnfinished !== true) {
    for (const client of clients) assert.strictEqual((yield* client.stats).inFlight, 0, "Packet Identifiers in flight")
  }
  yield* complete(Scope.close(scope, Exit.void))
  yield* TestClock.adjust(roundTrip)
  yield* assertNetworkAtRest(network)
  yield* assertBrokerAtRest(broker)
  assertNoneLeft(counts, fibersBefore)
})

/** A test of the scenario in each version. It passes only if nothing is left at the end. */
export const scenario = (
  name: string,
  settings: Settings,
  tell: (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>
): void => {
  for (const version of settings.versions ?? versions) {
    it.effect(`${name} (${version})`, () =>
      counting((counts) =>
        counts.ofFibers(
          Effect.provide(run(version, settings, tell, counts), MemoryBroker.layer(settings.broker))
        )
      ))
  }
}

/** Collects the messages of a subscription, for as long as the scope lives. */
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

/** The messages that the broker has accepted, as text. */
export const accepted = ({ broker }: Kit) =>
  Effect.map(broker.messages, (messages) => messages.map(({ payload }) => new TextDecoder().decode(payload)))

/** The number of connections opened so far. */
export const connections = ({ network }: Kit) => Effect.map(network.counters, ({ opened }) => opened)

export const stateOf = (mqtt: Client): Effect.Effect<ConnectionState> => SubscriptionRef.get(mqtt.state)

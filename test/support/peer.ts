/**
 * A server for which the test writes every packet, good or hostile, and a connection or a client at its other end.
 *
 * See `scenario.ts` for a broker that follows the rules.
 */
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttTransport } from "../../src/MqttTransport.ts"
import { FakeNetwork, ScriptedServer } from "../../src/testing/index.ts"
import { assertNetworkAtRest, assertNoneLeft, counting } from "./leftovers.ts"
import { advanceWhile, begin, connecting, latency, roundTrip } from "./time.ts"

/** The server's end of a connection. */
export type Peer = ScriptedServer.ScriptedConnection

export type Connack = Parameters<Peer["handshake"]>[0]

export type Services = MqttTransport | FakeNetwork.FakeNetwork | ScriptedServer.ScriptedServer | Scope.Scope

/**
 * Runs the test in a scope, closes the scope, and fails if anything is left: a connection, work under way, a timer or a
 * fiber.
 */
export const leavesNothing = <A, E>(
  test: Effect.Effect<A, E, Services>,
  options: FakeNetwork.Options = {}
): Effect.Effect<void, E> =>
  counting((counts) =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      const scope = yield* Scope.make()
      const exit = yield* Effect.exit(counts.ofFibers(Scope.provide(test, scope)))
      yield* advanceWhile(Scope.close(scope, Exit.void), "1 second")
      yield* exit
      yield* TestClock.adjust(roundTrip)
      yield* assertNetworkAtRest(network)
      assertNoneLeft(counts)
    }).pipe(Effect.provide(ScriptedServer.layer({ latency, ...options })))
  )

/** Waits for the next connection, until the server has its CONNECT. */
export const nextConnection = Effect.gen(function*() {
  const server = yield* ScriptedServer.ScriptedServer
  const accepting = yield* begin(server.accept)
  yield* TestClock.adjust(connecting)
  const peer = yield* Fiber.join(accepting)
  yield* TestClock.adjust(latency)
  return peer
})

/** The server accepts. Time passes until it has the next packets of the other end. */
export const accept = (peer: Peer, connack?: Connack) =>
  Effect.andThen(peer.handshake(connack), TestClock.adjust(roundTrip))

/** Begins to make a client, and waits until the server has its CONNECT. */
export const openingClient = Effect.fnUntraced(function*(options: MqttClient.Options = {}) {
  const fiber = yield* begin(MqttClient.make({ clientId: "client", ...options }))
  return { fiber, peer: yield* nextConnection }
})

/** A client that has been accepted, and the server's end of its first connection. */
export const connectClient = Effect.fnUntraced(function*(options: MqttClient.Options = {}, connack?: Connack) {
  const { fiber, peer } = yield* openingClient(options)
  yield* accept(peer, connack)
  return { mqtt: yield* Fiber.join(fiber), peer }
})

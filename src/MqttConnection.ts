/**
 * MQTT on one network connection: the handshake, packets in and out, Keep Alive, a clean end. Usable alone.
 *
 * It has no reconnection, no retransmission and no session: `MqttClient` has those. When the connection ends, it is
 * over. MQTT 5.0 and 3.1.1, sections 3.1, 3.2, 3.12 to 3.14.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { MqttConnection, Options } from "./internal/connection/connection.ts"
import { noSessionDeadlines } from "./internal/connection/deadlines.ts"
import * as Opening from "./internal/connection/opening.ts"
import { wrongOptions, wrongPacket } from "./internal/connection/wrongTypes.ts"
import type * as MqttError from "./MqttError.ts"
import type { MqttTransport } from "./MqttTransport.ts"
import * as Encoder from "./protocol/Encoder.ts"

export type { DisconnectOptions, MqttConnection, Options } from "./internal/connection/connection.ts"

/**
 * Opens a connection: network, CONNECT, CONNACK. It ends with its scope, politely: DISCONNECT is sent, so the server
 * drops the Will.
 *
 * Fails with `ConnectTimeout`, with the error of the transport, with `ConnectionRefused` or with
 * `UnsupportedProtocolVersion`. Before the network is opened, it fails with `InvalidOptions`, or with `InvalidRequest`
 * if CONNECT cannot carry the options.
 *
 * **Example** (One message over one connection)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttConnection } from "effect-mqtt"
 *
 * const program = Effect.gen(function*() {
 *   const connection = yield* MqttConnection.make({ clientId: "probe" })
 *   yield* connection.send({
 *     _tag: "Publish",
 *     topic: "hello",
 *     payload: new TextEncoder().encode("world"),
 *     qos: 0,
 *     retain: false,
 *     dup: false,
 *     packetIdentifier: 0,
 *     properties: {}
 *   })
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<MqttConnection, MqttError.MqttError, MqttTransport | Scope.Scope> =>
  Effect.suspend(() => {
    const wrong = wrongOptions(options, Opening.toConnect)
    if (wrong !== undefined) return Effect.fail(wrong)
    return releasedOnFailure(
      Effect.flatMap(
        Opening.open({ ...options, makeEncoder: Encoder.makeForClient }),
        (connection) => Effect.as(connection.checkDeadlines(noSessionDeadlines), toRecord(connection))
      )
    )
  })

/**
 * If the effect fails or is interrupted, its resources are released at once; otherwise the caller's scope releases
 * them.
 */
const releasedOnFailure = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
      restore(Scope.provide(self, scope)).pipe(
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
      ))
  )

/** The members that users need. A program may take each of them out of the record on its own. */
const toRecord = (connection: MqttConnection): MqttConnection => ({
  protocolVersion: connection.protocolVersion,
  connack: connection.connack,
  clientId: connection.clientId,
  keepAlive: connection.keepAlive,
  limits: connection.limits,
  send: (packet) =>
    Effect.suspend(() => {
      const wrong = wrongPacket(packet, connection.protocolVersion)
      return wrong === undefined ? connection.send(packet) : Effect.fail(wrong)
    }),
  pull: connection.pull,
  ping: connection.ping,
  disconnect: (options) => connection.disconnect(options),
  abort: connection.abort,
  ended: connection.ended
})

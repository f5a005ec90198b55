/**
 * Transports over sockets that exist already: a `Socket` of `effect`, or a WebSocket.
 *
 * The only module of the core that knows `effect/socket`, which Effect marks as unstable. It opens no socket itself: the
 * modules of a platform do. A WebSocket needs no `Socket` of `effect`. MQTT 5.0 section 6.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import { type CarrierOptions, connection, openFailed } from "./internal/transport/carrier.ts"
import { closedWith, withoutEvent } from "./internal/transport/webSocket.ts"
import type { MqttError } from "./MqttError.ts"
import { MqttTransport } from "./MqttTransport.ts"

export type { CarrierOptions } from "./internal/transport/carrier.ts"
export {
  fromWebSocket,
  type FromWebSocketOptions,
  type WebSocketEvent,
  type WebSocketLike
} from "./internal/transport/webSocket.ts"

/** A close code above 1000 makes a Socket end at once instead of flushing first. */
const abruptly = new Socket.CloseEvent(1001)

const causeOf = (error: Socket.SocketError): unknown => {
  const reason = error.reason
  switch (reason._tag) {
    case "SocketCloseError":
      return closedWith(reason.code, reason.closeReason)
    case "SocketUpgradeError":
      return reason.cause ?? reason
    default:
      return withoutEvent(reason.cause)
  }
}

/**
 * @since 0.2.0
 * @category models
 */
export interface FromSocketOptions extends CarrierOptions {
  /**
   * Evaluated for every attempt: bytes written to a Socket that is not connected wait in it, and would come out first
   * on its next connection.
   */
  readonly socket: Effect.Effect<Socket.Socket, MqttError, Scope.Scope>
}

/**
 * A transport over any `effect` Socket. The Socket's own writer holds writes back; the WebSockets of `effect` have no
 * such back-pressure. A text frame ends the connection with `WebSocketFailed`. `[MQTT-6.0.0-1]`
 *
 * **Example** (A connection that is already open)
 *
 * ```ts
 * import { NodeSocket } from "@effect/platform-node"
 * import { Effect, Layer } from "effect"
 * import { MqttTransport, SocketTransport } from "effect-mqtt"
 * import type { Duplex } from "node:stream"
 *
 * declare const openTunnel: Effect.Effect<Duplex>
 *
 * const transport = Layer.succeed(MqttTransport.MqttTransport)(
 *   SocketTransport.fromSocket({ endpoint: "the tunnel", socket: NodeSocket.fromDuplex(openTunnel) })
 * )
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromSocket = (options: FromSocketOptions): MqttTransport["Service"] => {
  const open = Effect.gen(function*() {
    const socket = yield* options.socket
    const { pull } = yield* Effect.mapError(socket.reader, (error) => openFailed(options, causeOf(error)))
    const { write, writeAll } = yield* socket.writer
    return yield* connection({ pull, write: writeAll, abort: Effect.ignore(write(abruptly)), causeOf }, options)
  })
  return MqttTransport.of({ endpoint: options.endpoint, open })
}

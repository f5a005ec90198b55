/**
 * The Unix socket transport of Node, for a broker on the same machine.
 *
 * MQTT 5.0 section 4.2.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MqttTransport from "../MqttTransport.ts"
import * as SocketTransport from "../SocketTransport.ts"
import * as ByteStream from "./internal/byteStream.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The path of the socket's file; on Windows the name of a pipe. */
  readonly path: string
  /** How long bytes may take to leave after the connection was closed; then it is cut. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

/**
 * A transport to one Unix socket.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): MqttTransport.MqttTransport["Service"] => {
  const endpoint = `unix://${options.path}`
  return SocketTransport.fromSocket({
    endpoint,
    socket: Effect.flatMap(ByteStream.unix({ ...options, endpoint }), ByteStream.toSocket)
  })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport.MqttTransport> =>
  Layer.succeed(MqttTransport.MqttTransport)(make(options))

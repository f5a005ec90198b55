/**
 * The TCP transport of Node: one `node:net` socket per network connection, read and written through an effect Socket.
 *
 * No TLS, no WebSocket and no URLs. MQTT 5.0 section 4.2.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { hostProblem } from "../internal/misplacedSecret.ts"
import * as Attempt from "../internal/transport/attempt.ts"
import { TlsFailed } from "../MqttError.ts"
import * as MqttTransport from "../MqttTransport.ts"
import * as SocketTransport from "../SocketTransport.ts"
import * as ByteStream from "./internal/byteStream.ts"
import * as Target from "./internal/target.ts"

export type { Connect, TcpOptions } from "./internal/byteStream.ts"

/**
 * `port`: by default 1883.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ByteStream.TcpOptions {}

/**
 * A transport to one host and port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): MqttTransport.MqttTransport["Service"] => {
  const { host, port = 1883 } = options
  const problem = hostProblem(host)
  if (problem !== undefined) return Attempt.refusing("mqtt:", "host", problem)
  const endpoint = `mqtt://${Target.authority(host, port)}`
  return SocketTransport.fromSocket({
    endpoint,
    socket: Effect.flatMap(ByteStream.tcp({ ...options, port, endpoint }), ByteStream.toSocket),
    connectionLost: ByteStream.lost,
    refuseFirst: (bytes) =>
      ByteStream.isTlsAlert(bytes)
        ? new TlsFailed({ host, port, problem: "TlsExpected" })
        : ByteStream.httpAnswer(bytes)
  })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport.MqttTransport> =>
  Layer.succeed(MqttTransport.MqttTransport)(make(options))

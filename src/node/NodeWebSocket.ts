/**
 * The WebSocket transport of Node, with and without TLS.
 *
 * The sub-protocol is `mqtt` and every frame is binary. MQTT 5.0 section 6.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import { hostProblem } from "../internal/misplacedSecret.ts"
import * as Attempt from "../internal/transport/attempt.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttTransport from "../MqttTransport.ts"
import * as SocketTransport from "../SocketTransport.ts"
import * as ByteStream from "./internal/byteStream.ts"
import * as Secure from "./internal/secure.ts"
import * as Target from "./internal/target.ts"
import * as WebSocket from "./internal/webSocket.ts"

export type { WebSocketOptions } from "./internal/webSocket.ts"

/**
 * `port`: by default 80, with TLS 443.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ByteStream.TcpOptions {
  /** Path and query of the opening request. Default: `/`. */
  readonly path?: string | undefined
  /** If it is given, even as `{}`, the WebSocket is a secure one. An effect is run for every attempt. */
  readonly tls?: Attempt.PerAttempt<Secure.TlsOptions> | undefined
  /** As an effect it is run for every attempt, so that a token that was renewed is used. Default: all defaults. */
  readonly webSocket?: Attempt.PerAttempt<WebSocket.WebSocketOptions> | undefined
}

/** The byte stream under the WebSocket, and the possible reasons for its end. */
interface Ground {
  readonly stream: Duplex
  readonly lost: (end: { readonly cause: unknown; readonly hasReceived: boolean }) => MqttError.MqttErrorReason
}

const openGround = Effect.fnUntraced(function*(
  options: Options,
  target: WebSocket.Target
): Effect.fn.Return<Ground, MqttError.MqttError, Scope.Scope> {
  const { host, port } = target
  const stream = ByteStream.tcp({ ...options, port, endpoint: target.endpoint })
  if (options.tls === undefined) return { stream: yield* stream, lost: ByteStream.lost }
  const tls = yield* Attempt.evaluate(options.tls, target.endpoint)
  return yield* Secure.secure(yield* stream, { host, port }, tls, options.drainTimeout)
})

/** `ws` does not report the error that ended its stream, and has its own words for answers that are not valid. */
const watched = ({ lost, stream }: Ground, { endpoint }: WebSocket.Target) => {
  let streamError: unknown
  stream.on("error", (cause) => {
    streamError = cause
  })
  /** The stream's own failure, if it has a known name. */
  const ofStream = (): MqttError.MqttErrorReason | undefined => {
    const reason = lost({ cause: streamError, hasReceived: true })
    return reason._tag === "ConnectionLost" ? undefined : reason
  }
  return {
    openFailed: ({ reason }: MqttError.MqttError): MqttError.MqttError =>
      MqttError.fromReason(
        reason._tag === "WebSocketFailed" && reason.problem === "NotWebSocket"
          ? ofStream() ?? reason
          : reason
      ),
    connectionLost: ({ cause }: { readonly cause: unknown }): MqttError.MqttErrorReason => {
      const problem = WebSocket.problemOf(cause)
      if (problem !== undefined) return new MqttError.WebSocketFailed({ endpoint, problem, cause })
      // The server has agreed to a WebSocket, so it uses TLS if and only if this side does.
      return ofStream() ?? lost({ cause: streamError ?? cause, hasReceived: true })
    }
  }
}

/**
 * A transport to one host and port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): MqttTransport.MqttTransport["Service"] => {
  const { drainTimeout, host, path = "/" } = options
  const problem = hostProblem(host)
  if (problem !== undefined) return Attempt.refusing("ws:", "host", problem)
  const isSecure = options.tls !== undefined
  const port = options.port ?? (isSecure ? 443 : 80)
  const endpoint = Target.endpointOf({ scheme: isSecure ? "wss" : "ws", host, port, path })
  const target = { endpoint, host, port, path, isSecure }
  const connect = Effect.gen(function*() {
    const settings = yield* Attempt.evaluate(options.webSocket ?? {}, endpoint)
    // `ws` is loaded before there is a connection. Otherwise the connection could end while nobody listens.
    const implementation = yield* WebSocket.load(endpoint)
    const ground = yield* openGround(options, target)
    const { connectionLost, openFailed } = watched(ground, target)
    const webSocket = yield* Effect.mapError(
      WebSocket.open(implementation, ground.stream, target, settings, drainTimeout),
      openFailed
    )
    return SocketTransport.fromWebSocket({
      endpoint,
      webSocket: Effect.succeed(webSocket),
      maximumUnsent: settings.maximumUnsent,
      connectionLost
    })
  })
  return MqttTransport.MqttTransport.of({ endpoint, open: Effect.flatMap(connect, ({ open }) => open) })
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<MqttTransport.MqttTransport> =>
  Layer.succeed(MqttTransport.MqttTransport)(make(options))

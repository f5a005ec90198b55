/**
 * A WebSocket for MQTT on an open byte stream: the upgrade, the meaning of its failures, and its end.
 *
 * MQTT 5.0 section 6.
 */
import type * as NodeWS from "@effect/platform-node/NodeWS"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import * as OptionNames from "../../internal/optionNames.ts"
import * as MqttError from "../../MqttError.ts"
import * as ByteStream from "./byteStream.ts"
import { authority } from "./target.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface WebSocketOptions {
  /** Headers of the opening request, such as a token. */
  readonly headers?: { readonly [name: string]: string | Redacted.Redacted<string> } | undefined
  /** Sub-protocols to offer; `mqtt` has to be one, and the server has to choose it. Default: `["mqtt"]`. */
  readonly protocols?: ReadonlyArray<string> | undefined
  /** Offers permessage-deflate. Default: `false`. */
  readonly compression?: boolean | undefined
  /** The largest frame that is read, bytes, after decompression; a frame may hold several packets. Default: 4 MiB. */
  readonly maximumFrameSize?: number | undefined
  /** A write waits while more bytes than these are unsent. Default: 1 MiB. */
  readonly maximumUnsent?: number | undefined
}

export type Implementation = Pick<typeof NodeWS, "WebSocket">

export interface Target {
  readonly endpoint: string
  readonly host: string
  readonly port: number
  /** The path with the query. */
  readonly path: string
  readonly isSecure: boolean
}

/** Codes of `ws` for a frame that is too large; its other codes are for malformed frames. */
const tooLarge: ReadonlySet<string> = new Set([
  "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
  "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "WS_ERR_TOO_MANY_BUFFERED_PARTS"
])

/** The problem that ended an open WebSocket, if the WebSocket itself was the cause. */
export const problemOf = (cause: unknown): MqttError.WebSocketProblem | undefined => {
  const code = ByteStream.codeOf(cause)
  if (code?.startsWith("WS_ERR_") !== true) return undefined
  return tooLarge.has(code) ? "FrameTooLarge" : "Malformed"
}

const failure = (
  endpoint: string,
  problem: MqttError.WebSocketProblem,
  details: { readonly cause?: unknown; readonly status?: number | undefined } = {}
): MqttError.MqttError => MqttError.fromReason(new MqttError.WebSocketFailed({ endpoint, problem, ...details }))

/** Why these options cannot work with any server. */
export const check = (options: WebSocketOptions): string | undefined =>
  OptionNames.problem(options, names) ??
    (options.protocols === undefined || options.protocols.includes("mqtt")
      ? undefined
      : "`protocols` lacks \"mqtt\" [MQTT-6.0.0-3]")

const names: OptionNames.Names<WebSocketOptions> = {
  headers: true,
  protocols: true,
  compression: true,
  maximumFrameSize: true,
  maximumUnsent: true
}

const headersOf = ({ headers = {} }: WebSocketOptions): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Redacted.isRedacted(value) ? Redacted.value(value) : value])
  )

/**
 * Loaded only when there is a WebSocket to open: `ws`, with HTTP and the other modules of Node that it loads, is an
 * eighth of the modules that a program with TCP would load, and a twentieth of the time.
 */
export const load = (endpoint: string): Effect.Effect<Implementation, MqttError.MqttError> =>
  Effect.tryPromise({
    try: () => import("@effect/platform-node/NodeWS"),
    catch: (cause) =>
      MqttError.fromReason(hasNoRequire(cause) ? unbundled : new MqttError.OpenFailed({ endpoint, cause }))
  })

/** `ws` is CommonJS, and a bundler that writes an ES module leaves its `require` to the platform, which has none there. */
const hasNoRequire = (cause: unknown): boolean =>
  cause instanceof Error && /Dynamic require of|require is not defined|Calling `require` for/.test(cause.message)

/** No retry mends a bundle. */
const unbundled = new MqttError.InvalidOptions({
  option: "url",
  description:
    "needs a WebSocket, but the bundle of this program cannot load `ws`, which is CommonJS: begin the bundle with " +
    "`import { createRequire } from \"node:module\"; const require = createRequire(import.meta.url)`, or leave `ws` out of it"
})

const start = (
  { WebSocket }: Implementation,
  stream: Duplex,
  target: Target,
  options: WebSocketOptions
): NodeWS.WebSocket => {
  const { host, isSecure, path, port } = target
  return new WebSocket(
    `${isSecure ? "wss" : "ws"}://${authority(host, port)}${path}`,
    [...(options.protocols ?? ["mqtt"])],
    {
      createConnection: () => stream,
      headers: headersOf(options),
      perMessageDeflate: options.compression === true,
      maxPayload: options.maximumFrameSize ?? 4_194_304
    }
  )
}

/** The error has the bytes that Node's parser could not read. */
const isTlsAlert = (cause: unknown): boolean =>
  cause instanceof Error && "rawPacket" in cause && cause.rawPacket instanceof Uint8Array &&
  ByteStream.isTlsAlert(cause.rawPacket)

const refusal = (cause: unknown, { endpoint, host, port }: Target): MqttError.MqttError =>
  isTlsAlert(cause)
    ? MqttError.fromReason(new MqttError.TlsFailed({ host, port, problem: "TlsExpected" }))
    : failure(endpoint, "NotWebSocket", { cause })

/** Waits until the WebSocket is open. Then it is paused, so that nothing comes before there is a reader. */
const upgraded = (webSocket: NodeWS.WebSocket, target: Target): Effect.Effect<void, MqttError.MqttError> =>
  Effect.callback((resume) => {
    const { endpoint } = target
    const fail = (error: MqttError.MqttError) => resume(Effect.fail(error))
    webSocket.once("upgrade", ({ headers }) => {
      const chosen = headers["sec-websocket-protocol"]
      if (chosen === "mqtt") return
      const cause = chosen === undefined ? "it chose none" : `it chose "${chosen}"`
      fail(failure(endpoint, "SubProtocol", { cause }))
    })
    webSocket.once("unexpected-response", (request, response) => {
      fail(failure(endpoint, "UpgradeRefused", { status: response.statusCode }))
      request.destroy()
    })
    webSocket.on("error", (cause) => fail(refusal(cause, target)))
    webSocket.once("open", () => {
      webSocket.pause()
      resume(Effect.void)
    })
  })

/** Sends a close frame and waits for the answer, at most for `drainTimeout`. */
const close = (webSocket: NodeWS.WebSocket, drainTimeout: Duration.Input = "1 second"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (webSocket.readyState === webSocket.CLOSED) return resume(Effect.void)
    webSocket.once("close", () => resume(Effect.void))
    webSocket.close(1000)
    // Later data is of no interest, but the answer stands behind it.
    webSocket.resume()
  }).pipe(
    Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => Effect.sync(() => webSocket.terminate()) })
  )

/** A WebSocket over a stream that is open. */
export const open = Effect.fnUntraced(function*(
  implementation: Implementation,
  stream: Duplex,
  target: Target,
  options: WebSocketOptions,
  drainTimeout: Duration.Input | undefined
): Effect.fn.Return<NodeWS.WebSocket, MqttError.MqttError, Scope.Scope> {
  const { endpoint } = target
  let isOpen = false
  const webSocket = yield* Effect.acquireRelease(
    Effect.try({
      try: () => start(implementation, stream, target, options),
      catch: (cause) => MqttError.fromReason(new MqttError.OpenFailed({ endpoint, cause }))
    }),
    (webSocket) => isOpen ? close(webSocket, drainTimeout) : Effect.sync(() => webSocket.terminate())
  )
  yield* upgraded(webSocket, target)
  isOpen = true
  return webSocket
})

/**
 * A WebSocket of a browser for MQTT: its target, its opening, and its end.
 *
 * MQTT 5.0 section 6.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { type PerAttempt, toMqttError } from "../../internal/transport/attempt.ts"
import { fromWebSocket, type WebSocketLike } from "../../internal/transport/webSocket.ts"
import * as MqttError from "../../MqttError.ts"
import * as MqttTransport from "../../MqttTransport.ts"
import * as Refusal from "./refusal.ts"
import * as Url from "./url.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * `ws:` or `wss:`, such as `wss://host/mqtt`, or `/mqtt` on the server that the page came from. As an effect it is
   * run for every attempt, for a URL that is signed and expires. User name and password in it are not sent to the web
   * server.
   */
  readonly url: PerAttempt<string | Redacted.Redacted<string>>
  /** A write waits while more bytes than these are unsent. Default: 1 MiB. */
  readonly maximumUnsent?: number | undefined
  /** How long the closing handshake may take at the end. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

const byEffect = "a URL that is obtained for each attempt"

export const parse = (url: string | Redacted.Redacted<string>): Result.Result<Url.Target, MqttError.MqttError> =>
  Result.mapError(
    Url.parse(Redacted.isRedacted(url) ? Redacted.value(url) : url),
    (description) => MqttError.fromReason(new MqttError.InvalidOptions({ option: "url", description }))
  )

/** The target of each attempt. Fails if the URL is known beforehand and cannot be used. */
export const resolve = (
  url: Options["url"]
): Result.Result<Effect.Effect<Url.Target, MqttError.MqttError>, MqttError.MqttError> =>
  Effect.isEffect(url)
    ? Result.succeed(
      Effect.flatMap(
        Effect.mapError(url, (cause) => toMqttError(byEffect, cause)),
        (evaluated) => Effect.fromResult(parse(evaluated))
      )
    )
    : Result.map(parse(url), (target) => Effect.succeed(target))

// ---------------------------------------------------------------------------
// One WebSocket
// ---------------------------------------------------------------------------

interface Opened extends WebSocketLike {
  readonly url: string
  readonly protocol: string
  /** Whether nothing waits for this WebSocket any more. */
  readonly isAbandoned: () => boolean
}

/** A browser cannot end a WebSocket without asking the peer, but this side need not wait for the answer. */
const abandonable = (webSocket: WebSocket): Opened => {
  let isAbandoned = false
  return Object.assign(webSocket, {
    isAbandoned: () => isAbandoned,
    terminate: () => {
      isAbandoned = true
      webSocket.close()
      webSocket.dispatchEvent(new CloseEvent("close", { code: 1006 }))
    }
  })
}

/** A browser's own words may repeat the URL. */
const whyNot = (cause: unknown): Error =>
  new Error(
    cause instanceof DOMException && cause.name === "SecurityError"
      ? "the browser does not allow it"
      : "the browser does not accept this URL"
  )

const isOpen = 1
const isClosed = 3

const refusedAs = (refused: MqttError.MqttErrorReason | undefined): Effect.Effect<void, MqttError.MqttError> =>
  refused === undefined ? Effect.void : Effect.fail(MqttError.fromReason(refused))

/** If the page may not open a WebSocket, the browser throws, or gives a WebSocket that is closed from the beginning. */
const start = (
  { endpoint, href }: Url.Target,
  refusal: Refusal.Refusal
): Effect.Effect<Opened, MqttError.MqttError> =>
  Effect.try({
    try: () => abandonable(new globalThis.WebSocket(href, "mqtt")),
    catch: (cause) => ({ cause })
  }).pipe(
    Effect.catch(({ cause }) =>
      Effect.flatMap(refusal.thrown(cause), (refused) =>
        Effect.andThen(refusedAs(refused), Effect.fail(toMqttError(endpoint, whyNot(cause)))))
    ),
    Effect.tap(({ readyState }) =>
      readyState > isOpen ? Effect.flatMap(refusal.told, refusedAs) : Effect.void
    )
  )

/** Starts the closing handshake and waits for the answer, for at most `drainTimeout`; the browser goes on by itself. */
const close = (webSocket: Opened, drainTimeout: Duration.Input = "1 second"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const { readyState } = webSocket
    if (readyState !== isClosed) webSocket.close(1000)
    if (readyState !== isOpen || webSocket.isAbandoned()) return resume(Effect.void)
    webSocket.addEventListener("close", () => resume(Effect.void), { once: true })
  }).pipe(Effect.timeoutOption(drainTimeout), Effect.asVoid)

const notOpened = "the browser does not say why: the server may be down, may refuse this page's origin, may not " +
  "speak the sub-protocol \"mqtt\" at this path, or (with wss:) may have a certificate the browser does not trust"

/** Whether this transport has opened a WebSocket before. */
interface Past {
  hasOpened: boolean
}

const open = Effect.fnUntraced(function*(
  target: Url.Target,
  { drainTimeout, maximumUnsent }: Pick<Options, "drainTimeout" | "maximumUnsent">,
  past: Past
): Effect.fn.Return<MqttTransport.NetworkConnection, MqttError.MqttError, Scope.Scope> {
  const { endpoint } = target
  const refusal = yield* Refusal.listen(target)
  const webSocket = yield* Effect.acquireRelease(start(target, refusal), (webSocket) => close(webSocket, drainTimeout))
  const connection = yield* fromWebSocket({
    endpoint,
    webSocket: Effect.succeed(webSocket),
    maximumUnsent,
    openFailed: () =>
      refusal.failed(webSocket.url, past.hasOpened) ??
        new MqttError.OpenFailed({ endpoint, cause: new Error(notOpened) })
  }).open
  past.hasOpened = true
  if (webSocket.protocol === "mqtt") return connection
  const cause = webSocket.protocol === "" ? "it chose none" : `it chose "${webSocket.protocol}"`
  return yield* MqttError.fromReason(new MqttError.WebSocketFailed({ endpoint, problem: "SubProtocol", cause }))
})

// ---------------------------------------------------------------------------
// The transport
// ---------------------------------------------------------------------------

/** A transport that asks for its target before every opening. */
export const make = (
  target: Effect.Effect<Url.Target, MqttError.MqttError>,
  options: Options
): MqttTransport.MqttTransport["Service"] => {
  const known = Effect.isEffect(options.url) ? undefined : Result.getOrUndefined(parse(options.url))
  const past: Past = { hasOpened: false }
  const openAt = (base: Url.Target, reference: string) =>
    Result.match(Url.refer(base, reference), {
      onFailure: (problem) => Effect.fail(toMqttError(reference, new Error(problem))),
      onSuccess: (referred) => open(referred, options, past)
    })
  return MqttTransport.MqttTransport.of({
    endpoint: known?.endpoint ?? byEffect,
    open: Effect.flatMap(target, (target) => open(target, options, past)),
    openAt: (references) =>
      Effect.flatMap(target, (base) => {
        const [first, ...others] = references.trim().split(/ +/)
        return others.reduce(
          (opening, reference) => Effect.catch(opening, () => openAt(base, reference)),
          openAt(base, first)
        )
      })
  })
}

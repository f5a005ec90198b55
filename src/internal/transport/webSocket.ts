/**
 * A transport over WebSockets: frames wait in their order until they are pulled, and a write waits for the network.
 *
 * `SocketTransport` exports it. It knows nothing of `effect/socket`, so that a page does not load that. MQTT 5.0
 * section 6.
 */
import { isArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../../MqttError.ts"
import { MqttTransport } from "../../MqttTransport.ts"
import { type CarrierOptions, connection, type Frames, openFailed } from "./carrier.ts"

/**
 * An event of a WebSocket, as far as the transport reads it.
 *
 * @since 0.2.0
 * @category models
 */
export interface WebSocketEvent {
  readonly type?: string
  readonly data?: unknown
  readonly code?: number
  readonly reason?: string
}

/**
 * A WebSocket as `ws`, browsers and others have it.
 *
 * @since 0.2.0
 * @category models
 */
export interface WebSocketLike {
  readonly readyState: number
  /** Bytes it has taken and not sent. */
  readonly bufferedAmount: number
  addEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: WebSocketEvent) => void,
    options?: { readonly once?: boolean }
  ): void
  removeEventListener(
    type: "open" | "message" | "error" | "close",
    listener: (event: WebSocketEvent) => void
  ): void
  send(data: Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
  /** Ends it without asking the peer, if that is possible. */
  readonly terminate?: () => void
  /** Stops reading from the network, if that is possible, as with `ws`. */
  readonly pause?: () => void
  readonly resume?: () => void
  readonly isPaused?: boolean
}

/**
 * @since 0.2.0
 * @category models
 */
export interface FromWebSocketOptions extends CarrierOptions {
  /** Evaluated for every attempt. It connects, or is open, and is closed by its scope. */
  readonly webSocket: Effect.Effect<WebSocketLike, MqttError, Scope.Scope>
  /** A write waits while more bytes than these are unsent. Default: 1 MiB. */
  readonly maximumUnsent?: number | undefined
}

/**
 * A transport over WebSockets that bounds the unsent bytes. `webSocket` must check that the server chose the
 * sub-protocol `mqtt`. `[MQTT-6.0.0-4]`
 *
 * @since 0.2.0
 * @category constructors
 */
export const fromWebSocket = (options: FromWebSocketOptions): MqttTransport["Service"] => {
  const { endpoint, maximumUnsent = 1_048_576 } = options
  const open = Effect.gen(function*() {
    const webSocket = yield* options.webSocket
    const received = yield* Effect.acquireRelease(
      Effect.sync(() => new Received(webSocket)),
      ({ detached }) => detached
    )
    yield* Effect.mapError(received.opened, ({ cause }) => openFailed(options, cause))
    const carrier = {
      pull: received.pull,
      write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => written(webSocket, chunks, maximumUnsent),
      abort: Effect.sync(() => terminate(webSocket)),
      causeOf: ({ cause }: Ended) => cause
    }
    return yield* connection(carrier, options)
  })
  return MqttTransport.of({ endpoint, open })
}

/** A WebSocket is over, or could not be opened. */
interface Ended {
  readonly cause: unknown
}

/**
 * An event of a WebSocket refers to the whole WebSocket, with headers and URL. The event of a browser has no further
 * information.
 */
export const withoutEvent = (cause: unknown): unknown => {
  if (typeof cause !== "object" || cause === null || !("target" in cause && "type" in cause)) return cause
  return "error" in cause && cause.error instanceof Error ? cause.error : new Error("the WebSocket failed")
}

/** The close code of a peer in words. RFC 6455 section 7.4. */
export const closedWith = (code: number, reason: string | undefined): string => {
  if (code === 1000) return "the peer closed it"
  return `closed with code ${reason === undefined || reason === "" ? code : `${code}: ${reason}`}`
}

/** The end without a closing handshake. */
const abnormally: Ended = { cause: closedWith(1006, undefined) }

// ---------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------

/** A closing handshake that nobody waits for is as abrupt as browsers can be. */
const terminate = (webSocket: WebSocketLike): void =>
  webSocket.terminate === undefined ? webSocket.close() : webSocket.terminate()

/** The state of a WebSocket that takes bytes; the states for closing and closed are greater. */
const isOpen = 1

const written = (
  webSocket: WebSocketLike,
  chunks: NonEmptyReadonlyArray<Uint8Array>,
  maximumUnsent: number
): Effect.Effect<void, Ended> =>
  Effect.andThen(
    Effect.try({
      try: () => chunks.forEach((chunk) => webSocket.send(chunk as Uint8Array<ArrayBuffer>)),
      catch: (cause): Ended => ({ cause: withoutEvent(cause) })
    }),
    sent(webSocket, maximumUnsent)
  )

/** `send` returns at once and nothing reports when bytes have left, so this polls, less and less often. */
const sent = (webSocket: WebSocketLike, maximumUnsent: number, wait = 1): Effect.Effect<void, Ended> =>
  Effect.suspend(() => {
    if (webSocket.readyState !== isOpen) return Effect.fail({ cause: new Error("it is closed") })
    if (webSocket.bufferedAmount <= maximumUnsent) return Effect.void
    return Effect.andThen(Effect.sleep(wait), sent(webSocket, maximumUnsent, Math.min(wait * 2, 50)))
  })

// ---------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------

/** A WebSocket that can pause does so while this many bytes wait. */
const mostWaiting = 65_536

/** The frames of one WebSocket that are not pulled yet, and behind them its end. */
class Received {
  readonly #webSocket: WebSocketLike
  #frames: Array<Uint8Array | string> = []
  #bytes = 0
  #ended: Ended | undefined
  #isPaused: boolean
  /** Looks again whether the fiber that waits can go on. */
  #wake: (() => void) | undefined

  constructor(webSocket: WebSocketLike) {
    this.#webSocket = webSocket
    this.#isPaused = webSocket.isPaused === true
    if ("binaryType" in webSocket) webSocket.binaryType = "arraybuffer"
    webSocket.addEventListener("message", this.#onMessage)
    webSocket.addEventListener("error", this.#onError, { once: true })
    webSocket.addEventListener("close", this.#onClose, { once: true })
  }

  /** Waits until the WebSocket is open. `connectTimeout` limits how long that may take. */
  readonly opened: Effect.Effect<void, Ended> = Effect.callback((resume) => {
    const webSocket = this.#webSocket
    const open = () => {
      if (this.#ended === undefined && this.#bytes < mostWaiting) this.#resume()
      resume(Effect.void)
    }
    if (webSocket.readyState === isOpen) return open()
    if (webSocket.readyState > isOpen) return resume(Effect.fail(this.#ended ?? abnormally))
    const stop = () => {
      this.#wake = undefined
      webSocket.removeEventListener("open", onOpen)
    }
    const onOpen = () => {
      stop()
      open()
    }
    webSocket.addEventListener("open", onOpen, { once: true })
    this.#wake = () => {
      if (this.#ended === undefined) return
      stop()
      resume(Effect.fail(this.#ended))
    }
    return Effect.sync(stop)
  })

  /** All frames that wait, as soon as there is one. */
  readonly pull: Effect.Effect<Frames, Ended> = Effect.callback((resume) => {
    const waiting = this.#next()
    if (waiting !== undefined) return resume(waiting)
    const wake = () => {
      const next = this.#next()
      if (next === undefined) return
      // First, because the fiber goes on within `resume` and may pull again.
      this.#wake = undefined
      resume(next)
    }
    this.#wake = wake
    return Effect.sync(() => {
      if (this.#wake === wake) this.#wake = undefined
    })
  })

  /** Stops all listening on this side, and resumes a fiber that waits. */
  readonly detached: Effect.Effect<void> = Effect.andThen(
    Effect.sync(() => {
      this.#end(abnormally)
      const webSocket = this.#webSocket
      webSocket.removeEventListener("message", this.#onMessage)
      // If a WebSocket is given up while it opens, its error comes later, and `ws` throws an error without a listener.
      webSocket.addEventListener("error", constVoid)
      webSocket.removeEventListener("error", this.#onError)
      webSocket.removeEventListener("close", this.#onClose)
    }),
    // The answer to the closing handshake stands behind the unread bytes. The stream below may be gone by now.
    Effect.ignore(Effect.try({ try: () => this.#resume(), catch: (cause): Ended => ({ cause }) }))
  )

  #next(): Effect.Effect<Frames, Ended> | undefined {
    const frames = this.#frames
    if (!isArrayNonEmpty(frames)) return this.#ended === undefined ? undefined : Effect.fail(this.#ended)
    this.#frames = []
    this.#bytes = 0
    if (this.#ended === undefined) this.#resume()
    return Effect.succeed(frames)
  }

  readonly #onMessage = ({ data }: WebSocketEvent): void => {
    if (typeof Blob === "undefined" || !(data instanceof Blob)) {
      return this.#receive(data instanceof ArrayBuffer ? new Uint8Array(data) : data as Uint8Array | string)
    }
    data.arrayBuffer().then((bytes) => this.#receive(new Uint8Array(bytes)), (cause) => this.#end({ cause }))
  }

  readonly #onError = (event: WebSocketEvent): void => this.#end({ cause: withoutEvent(event) })

  readonly #onClose = ({ code = 1006, reason }: WebSocketEvent): void => this.#end({ cause: closedWith(code, reason) })

  #receive(frame: Uint8Array | string): void {
    this.#frames.push(frame)
    this.#bytes += frame.length
    this.#wake?.()
    if (this.#bytes >= mostWaiting) this.#pause()
  }

  #end(end: Ended): void {
    this.#ended ??= end
    this.#wake?.()
  }

  #pause(): void {
    const webSocket = this.#webSocket
    if (this.#isPaused || webSocket.pause === undefined) return
    webSocket.pause()
    this.#isPaused = true
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#webSocket.resume?.()
    this.#isPaused = false
  }
}

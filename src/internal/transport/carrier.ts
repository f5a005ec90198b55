/**
 * A network connection over its carrier, which is a `Socket` of Effect or a WebSocket: names for the ends of the carrier,
 * and no text among its bytes.
 *
 * Opens nothing: `SocketTransport.ts` and `webSocket.ts` open their carriers.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import {
  ConnectionLost,
  fromReason,
  type MqttError,
  type MqttErrorReason,
  OpenFailed,
  WebSocketFailed
} from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"

/**
 * How a transport that knows more of its network names failures.
 *
 * @since 0.2.0
 * @category models
 */
export interface CarrierOptions {
  /** The endpoint, for people, without credentials. */
  readonly endpoint: string
  /** Names the failure of an opening. Default: `OpenFailed` with the cause. */
  readonly openFailed?: ((cause: unknown) => MqttErrorReason) | undefined
  /** Names the end of an open connection. Default: `ConnectionLost` with the cause. */
  readonly connectionLost?:
    | ((end: { readonly cause: unknown; readonly hasReceived: boolean }) => MqttErrorReason)
    | undefined
  /** Looks at the first bytes. Returns why they cannot come from a server, or `undefined` if they can. */
  readonly refuseFirst?: ((bytes: Uint8Array) => MqttErrorReason | undefined) | undefined
}

export type Frames = NonEmptyReadonlyArray<Uint8Array | string>

/** Carries bytes once it is open. Every end of it is an `E`, even the polite one. */
export interface Carrier<E> {
  readonly pull: Effect.Effect<Frames, E>
  readonly write: (chunks: NonEmptyReadonlyArray<Uint8Array>) => Effect.Effect<void, E>
  /** Ends it at once. */
  readonly abort: Effect.Effect<void>
  readonly causeOf: (error: E) => unknown
}

export const openFailed = (options: CarrierOptions, cause: unknown): MqttError =>
  fromReason(options.openFailed?.(cause) ?? new OpenFailed({ endpoint: options.endpoint, cause }))

/** The connection over a carrier that is open, for as long as the scope is. */
export const connection = <E>(
  carrier: Carrier<E>,
  options: CarrierOptions
): Effect.Effect<NetworkConnection, never, Scope.Scope> =>
  Effect.gen(function*() {
    const connection = new CarriedConnection(carrier, options)
    yield* Scope.addFinalizer(yield* Effect.scope, connection.closed)
    return connection
  })

/** Holds only the options that it needs, and nothing of the opening, because it lives as long as the connection. */
class CarriedConnection<E> implements NetworkConnection {
  readonly #carrier: Carrier<E>
  readonly #endpoint: string
  readonly #lost: CarrierOptions["connectionLost"]
  readonly #refuseFirst: CarrierOptions["refuseFirst"]
  #hasReceived = false
  /**
   * Whether this side has closed it. A Socket would keep bytes written after its end for its next connection, and the
   * writer would wait that long.
   */
  #isClosed = false
  readonly pull: NetworkConnection["pull"]

  constructor(carrier: Carrier<E>, options: CarrierOptions) {
    this.#carrier = carrier
    this.#endpoint = options.endpoint
    this.#lost = options.connectionLost
    this.#refuseFirst = options.refuseFirst
    this.pull = Effect.flatMap(
      Effect.mapError(carrier.pull, (error) => this.#toLost(error)),
      (frames) => this.#received(frames)
    )
  }

  readonly write = (chunks: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void, MqttError> =>
    Effect.suspend(() =>
      // Made when it is needed: two errors hold their stacks, for as long as the connection lives.
      this.#isClosed
        ? Effect.fail(fromReason(new ConnectionLost({ cause: new Error("it was closed from this side") })))
        : Effect.mapError(this.#carrier.write(chunks), (error) => this.#toLost(error))
    )

  readonly abort = Effect.suspend(() => this.#isClosed ? Effect.void : this.#carrier.abort)

  get closed(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#isClosed = true
    })
  }

  #received(frames: Frames): NetworkConnection["pull"] {
    if (!areBytes(frames)) {
      return this.#refuse(new WebSocketFailed({ endpoint: this.#endpoint, problem: "TextFrame" }))
    }
    const refused = this.#hasReceived ? undefined : this.#refuseFirst?.(frames[0])
    this.#hasReceived = true
    return refused === undefined ? Effect.succeed(frames) : this.#refuse(refused)
  }

  #refuse(reason: MqttErrorReason): Effect.Effect<never, MqttError> {
    return Effect.andThen(this.abort, Effect.fail(fromReason(reason)))
  }

  #toLost(error: E): MqttError {
    const end = { cause: this.#carrier.causeOf(error), hasReceived: this.#hasReceived }
    return fromReason(this.#lost?.(end) ?? new ConnectionLost({ cause: end.cause }))
  }
}

const areBytes = (frames: Frames): frames is NonEmptyReadonlyArray<Uint8Array> =>
  frames.every((frame) => typeof frame !== "string")

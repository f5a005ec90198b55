/**
 * How a connection ends: the first failure counts, DISCONNECT gets its chance to leave, then the network closes.
 *
 * It sends nothing itself and knows no rules; `link.ts` chooses the last packet. MQTT 5.0 and 3.1.1, section 3.14.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { MqttError } from "../../MqttError.ts"
import type { NetworkConnection } from "../../MqttTransport.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"

export interface EndingOptions {
  readonly network: NetworkConnection
  /** Closing it closes the network connection and ends the fibers. */
  readonly scope: Scope.Closeable
  /** How long the last bytes may take to leave. */
  readonly drainTimeout: Duration.Input
  /**
   * Enqueues the last packet. The effect completes when the network took it, or takes nothing more. Returns `undefined`
   * if CONNECT was not sent: then there is nothing to say.
   */
  readonly sendLast: (packet: Packet.Disconnect) => Effect.Effect<unknown> | undefined
}

export const disconnectPacket = (reasonCode: number, properties = Properties.none): Packet.Disconnect => ({
  _tag: "Disconnect",
  reasonCode,
  properties
})

/** Nobody can acknowledge a message any more, so it comes again on the next connection. */
export const isTakenAfterEnd = (packet: Packet.Packet): boolean => packet._tag !== "Publish" || packet.qos === 0

export class Ending {
  readonly #options: EndingOptions
  readonly #ended = Deferred.makeUnsafe<never, MqttError>()
  #failure: MqttError | undefined
  /** Present from when this side begins to close the network connection; done once it is closed. */
  #closed: Deferred.Deferred<void> | undefined

  constructor(options: EndingOptions) {
    this.#options = options
  }

  /** Why the connection ended; `undefined` while it lives. */
  get failure(): MqttError | undefined {
    return this.#failure
  }

  /** Whether this side closes the network connection, or has closed it. */
  get isClosing(): boolean {
    return this.#closed !== undefined
  }

  /** Fails with the error that ended the connection, once it has ended. */
  get ended(): Effect.Effect<never, MqttError> {
    return Deferred.await(this.#ended)
  }

  /** The first failure counts: later failures are its consequences. */
  end(failure: MqttError): MqttError {
    if (this.#failure === undefined) {
      this.#failure = failure
      Deferred.doneUnsafe(this.#ended, Exit.fail(failure))
    }
    return this.#failure
  }

  /** The network is useless, so the connection and the network connection end at once. The caller closes the scope. */
  cut(failure: MqttError): Effect.Effect<void> {
    this.end(failure)
    return this.#options.network.abort
  }

  /**
   * Ends the connection from this side: `last` gets its chance to leave, then the network connection is closed. A second
   * caller waits for the first, so that nobody closes the network while DISCONNECT is still leaving.
   */
  shutdown(failure: MqttError, last = disconnectPacket(0x00)): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#closed !== undefined) return Deferred.await(this.#closed)
      const closed = this.#closed = Deferred.makeUnsafe<void>()
      return Effect.ensuring(this.#close(failure, last), Deferred.succeed(closed, undefined))
    }).pipe(Effect.uninterruptible)
  }

  #close(failure: MqttError, last: Packet.Disconnect): Effect.Effect<void> {
    const { drainTimeout, network, scope, sendLast } = this.#options
    // A connection that has ended already, or has not sent CONNECT yet, has nothing left to wait for.
    const left = this.#failure === undefined ? sendLast(last) : undefined
    if (left === undefined) return this.abort(failure)
    this.end(failure)
    return left.pipe(
      Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => network.abort }),
      Effect.andThen(Scope.close(scope, Exit.void))
    )
  }

  /** Ends the connection at once and without DISCONNECT: the server publishes the Will. */
  abort(failure: MqttError): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.end(failure)
      return Effect.andThen(this.#options.network.abort, Scope.close(this.#options.scope, Exit.void))
    }).pipe(Effect.uninterruptible)
  }
}

/**
 * A transport over any Socket of `@effect/platform`.
 *
 * A Socket cannot pause reading, so nothing bounds the bytes that a server sends while the client does not read.
 */
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import {
  ConnectionLost,
  fromReason,
  MqttError,
  type MqttErrorReason,
  OpenFailed,
  WebSocketFailed
} from "../MqttError.ts"
import type { NetworkConnection, Open, Transport } from "./transport.ts"

export interface FromSocketOptions {
  readonly endpoint: string
  readonly socket: Effect.Effect<Socket.Socket, unknown, Scope.Scope>
}

type Chunks = Effect.Effect.Success<NetworkConnection["pull"]>

const isSome = (chunks: ReadonlyArray<Uint8Array>): chunks is Chunks => chunks.length > 0

/** Bytes that have arrived and were not pulled, and the pull that waits for bytes. */
class Inbound {
  #chunks: Array<Uint8Array> = []
  #end: MqttErrorReason | undefined
  #waiting: ((pulled: NetworkConnection["pull"]) => void) | undefined

  /** The first reason counts. */
  end(reason: MqttErrorReason): void {
    this.#end ??= reason
    this.#give()
  }

  take(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#give()
  }

  get ended(): MqttErrorReason | undefined {
    return this.#end
  }

  readonly pull: NetworkConnection["pull"] = Effect.async((resume) => {
    this.#waiting = resume
    this.#give()
    return Effect.sync(() => {
      this.#waiting = undefined
    })
  })

  #give(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const chunks = this.#chunks
    if (isSome(chunks)) waiting(Effect.succeed(chunks))
    else if (this.#end !== undefined) waiting(Effect.fail(fromReason(this.#end)))
    else return
    this.#chunks = []
    this.#waiting = undefined
  }
}

const causeOf = (error: unknown): unknown => {
  if (!Socket.isSocketError(error)) return error
  return error.reason === "Close" ? error : error.cause ?? error
}

/** An error of the library already says what happened. */
const openFailed = (endpoint: string, error: unknown): MqttError =>
  error instanceof MqttError ? error : fromReason(new OpenFailed({ endpoint, cause: causeOf(error) }))

const lost = (error: unknown): MqttErrorReason => new ConnectionLost({ cause: causeOf(error) })

const closedHere = (): MqttErrorReason => lost(new Error("it was closed from this side"))

const open = ({ endpoint, socket }: FromSocketOptions): Open =>
  Effect.gen(function*() {
    const carrier = yield* Effect.mapError(socket, (error) => openFailed(endpoint, error))
    const inbound = new Inbound()
    const opened = yield* Deferred.make<void, MqttError>()
    const write = yield* carrier.writer
    const read = (frame: string | Uint8Array): void => {
      if (typeof frame !== "string") return inbound.take(frame)
      inbound.end(new WebSocketFailed({ endpoint, problem: "TextFrame" }))
    }
    const ended = (error: unknown) =>
      Effect.zipRight(
        Effect.sync(() => inbound.end(lost(error))),
        Deferred.fail(opened, openFailed(endpoint, error))
      )
    const running = yield* carrier.runRaw(read, { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) }).pipe(
      Effect.matchEffect({ onFailure: ended, onSuccess: () => ended(new Error("the peer closed it")) }),
      Effect.ensuring(Effect.sync(() => inbound.end(closedHere()))),
      Effect.forkScoped
    )
    yield* Deferred.await(opened)
    return {
      pull: inbound.pull,
      write: (chunks: Chunks) =>
        Effect.suspend(() => {
          if (inbound.ended !== undefined) return Effect.fail(fromReason(inbound.ended))
          return Effect.mapError(Effect.forEach(chunks, write, { discard: true }), (error) => fromReason(lost(error)))
        }),
      abort: Effect.asVoid(Fiber.interrupt(running))
    }
  })

export const fromSocket = (options: FromSocketOptions): Transport => ({
  endpoint: options.endpoint,
  open: open(options)
})

/**
 * The open calls of a client, the server of each, and the effect of the messages of servers on them.
 *
 * A call ends once: with an Exit, or because it fails here. If a message is about a call that is not open, the answer
 * is an Interrupt. So an interrupt is repeated if it got lost, or came before the server of its call was known.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import type * as Scope from "effect/Scope"
import type { Body } from "./body.ts"
import type * as Envelope from "./envelope.ts"
import * as Failure from "./failure.ts"

type RequestId = string | number

/** One call that has not ended. */
export class Call {
  /** Fails when the call ends without an Exit. */
  readonly ended = Deferred.makeUnsafe<void, RpcClientError>()
  readonly number: number
  /** The `RpcClient` that made it. */
  readonly clientId: number
  readonly requestId: RequestId
  /** The server that has taken it. */
  server: Server | undefined
  /** Ticks that it waited for a server. */
  ticks = 0
  /** Chunks. */
  received = 0
  acknowledged = 0
  /** Hands a chunk to the program, which may take its time. */
  delivery: Fiber.Fiber<void> | undefined
  /** Waits for the delivery. */
  exit: RpcMessage.ResponseExitEncoded | undefined

  constructor(number: number, clientId: number, requestId: RequestId) {
    this.number = number
    this.clientId = clientId
    this.requestId = requestId
  }
}

/** A server that has, or had, calls of this client. */
export interface Server {
  readonly instance: string
  readonly level: string
  readonly calls: Set<Call>
  /** Ticks without a sign of life. */
  silence: number
  /** A sign of life of ours is on its way. */
  isTelling: boolean
}

/** How long to wait, in ticks: a machine that slept has not ticked, so no clock is needed. */
export interface Patience {
  readonly accept: number
  readonly lease: number
  /** Between signs of life. */
  readonly alive: number
}

export interface Options {
  readonly body: Body
  readonly scope: Scope.Scope
  readonly patience: Patience
  /** Hands an answer to the `RpcClient`. */
  readonly write: (clientId: number, answer: RpcMessage.FromServerEncoded) => Effect.Effect<void>
  readonly interrupt: (server: Server, calls: ReadonlyArray<number>) => Effect.Effect<void>
  readonly acknowledge: (server: Server, call: Call) => Effect.Effect<void>
  readonly tellAlive: (server: Server) => Effect.Effect<void>
}

const keyOf = (clientId: number, requestId: RequestId): string => `${clientId} ${typeof requestId} ${requestId}`

export class ClientCalls {
  readonly #options: Options
  readonly #calls = new Map<number, Call>()
  readonly #byRequest = new Map<string, Call>()
  readonly #servers = new Map<string, Server>()
  #next = 0
  #ticks = 0
  #closedBy: RpcClientError | undefined

  constructor(options: Options) {
    this.#options = options
  }

  get closedBy(): RpcClientError | undefined {
    return this.#closedBy
  }

  // -- Calls of the program ---------------------------------------------------------------------------------------------

  open(clientId: number, requestId: RequestId): Call {
    const call = new Call(this.#next++, clientId, requestId)
    this.#calls.set(call.number, call)
    this.#byRequest.set(keyOf(clientId, requestId), call)
    return call
  }

  find(clientId: number, requestId: RequestId): Call | undefined {
    return this.#byRequest.get(keyOf(clientId, requestId))
  }

  /**
   * Drops a call that nobody waits for any more. A fiber of its own tells the server, so the caller does not wait for
   * the network.
   */
  forget(call: Call): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.#remove(call)) return Effect.void
      call.delivery?.interruptUnsafe()
      Deferred.doneUnsafe(call.ended, Exit.void)
      const { server } = call
      return server === undefined ? Effect.void : this.#fork(this.#options.interrupt(server, [call.number]))
    })
  }

  /** The program has taken the last chunk. */
  acknowledge(call: Call): Effect.Effect<void> {
    return Effect.suspend(() => {
      call.acknowledged = call.received
      return call.server === undefined ? Effect.void : this.#options.acknowledge(call.server, call)
    })
  }

  /** Ends all calls: no more answers arrive. */
  close(error: RpcClientError): void {
    this.#closedBy = error
    for (const call of this.#calls.values()) this.fail(call, error)
  }

  fail(call: Call, error: RpcClientError): void {
    Deferred.doneUnsafe(call.ended, Exit.fail(error))
  }

  /** Returns true only the first time. */
  #remove(call: Call): boolean {
    const key = keyOf(call.clientId, call.requestId)
    if (this.#byRequest.get(key) === call) this.#byRequest.delete(key)
    call.server?.calls.delete(call)
    return this.#calls.delete(call.number)
  }

  #fork(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(effect, this.#options.scope, { startImmediately: true }))
  }

  // -- Messages of servers ----------------------------------------------------------------------------------------------

  received({ body, header }: Envelope.Envelope<Envelope.ToClient>): Effect.Effect<void> {
    switch (header._tag) {
      case "Status":
        return this.#told(header)
      case "Chunk":
        return this.#chunk(header, body)
      case "Exit":
        return this.#exit(header, body)
      case "Refused":
        return Effect.sync(() => {
          const call = this.#calls.get(header.call)
          // Another server may have the same request, as QoS 1 allows.
          if (call?.server === undefined && call !== undefined) {
            this.fail(call, Failure.make("Refused", header.description))
          }
        })
    }
  }

  #heard({ level, server: instance }: Envelope.ToClient): Server {
    const known = this.#servers.get(instance)
    const server = known ?? { instance, level, calls: new Set(), silence: 0, isTelling: false }
    if (known === undefined) this.#servers.set(instance, server)
    server.silence = 0
    return server
  }

  /** The call, if it is open and this server has it. The first server that sends a message about a call has it. */
  #callAt(server: Server, number: number): Call | undefined {
    const call = this.#calls.get(number)
    if (call === undefined) return undefined
    if (call.server === undefined) {
      call.server = server
      server.calls.add(call)
    }
    return call.server === server ? call : undefined
  }

  #told(header: Extract<Envelope.ToClient, { readonly _tag: "Status" }>): Effect.Effect<void> {
    const server = this.#heard(header)
    const unknown: Array<number> = []
    const unheard: Array<Call> = []
    for (const [number, sent, acknowledged] of header.open) {
      const call = this.#callAt(server, number)
      if (call === undefined) unknown.push(number)
      // The messages of a server keep their order. A chunk that it sent before has arrived, or never will.
      else if (sent > call.received) this.fail(call, answerLost)
      else if (acknowledged < sent && call.acknowledged >= sent) unheard.push(call)
    }
    for (const number of header.gone) {
      const call = this.#calls.get(number)
      if (call?.server === server && call.exit === undefined) this.fail(call, answerLost)
    }
    const interrupt = unknown.length === 0 ? Effect.void : this.#options.interrupt(server, unknown)
    const again = Effect.forEach(unheard, (call) => this.#options.acknowledge(server, call), { discard: true })
    return this.#fork(Effect.andThen(interrupt, again))
  }

  #chunk(header: Envelope.Answer & { readonly _tag: "Chunk" }, body: Uint8Array): Effect.Effect<void> {
    const server = this.#heard(header)
    const call = this.#callAt(server, header.call)
    if (call === undefined) return this.#fork(this.#options.interrupt(server, [header.call]))
    // Delivered twice, as QoS 1 allows.
    if (header.chunk <= call.received) return Effect.void
    // One at a time is back-pressure: the server waits for the acknowledgement of each.
    if (header.chunk !== call.received + 1 || call.acknowledged !== call.received) {
      return Effect.sync(() => this.fail(call, answerLost))
    }
    const chunk = this.#options.body.answer("Chunk", body, call.requestId)
    if (chunk === undefined) return Effect.sync(() => this.fail(call, unreadable))
    call.received = header.chunk
    return Effect.map(
      Effect.forkIn(this.#deliver(call, chunk), this.#options.scope, { startImmediately: true }),
      (fiber) => {
        if (fiber.pollUnsafe() === undefined) call.delivery = fiber
      }
    )
  }

  #deliver(call: Call, chunk: RpcMessage.FromServerEncoded): Effect.Effect<void> {
    return Effect.ensuring(
      this.#options.write(call.clientId, chunk),
      Effect.suspend(() => {
        call.delivery = undefined
        return call.exit === undefined ? Effect.void : this.#finish(call, call.exit)
      })
    )
  }

  #exit(header: Envelope.Answer & { readonly _tag: "Exit" }, body: Uint8Array): Effect.Effect<void> {
    const call = this.#callAt(this.#heard(header), header.call)
    if (call === undefined) return Effect.void
    const exit = this.#options.body.answer("Exit", body, call.requestId)
    if (exit?._tag !== "Exit") return Effect.sync(() => this.fail(call, unreadable))
    if (call.delivery === undefined) return this.#finish(call, exit)
    return Effect.sync(() => {
      call.exit = exit
    })
  }

  #finish(call: Call, exit: RpcMessage.ResponseExitEncoded): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.#remove(call)) return Effect.void
      // An answer that takes time to decode holds up no other call.
      return this.#fork(
        Effect.andThen(this.#options.write(call.clientId, exit), Deferred.succeed(call.ended, undefined))
      )
    })
  }

  // -- Time -------------------------------------------------------------------------------------------------------------

  /** A tick has passed: calls and servers that waited too long are given up, and servers hear that the client lives. */
  tick(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { patience } = this.#options
      for (const call of this.#calls.values()) {
        if (call.server === undefined && ++call.ticks > patience.accept) this.fail(call, notTaken)
      }
      const isTime = ++this.#ticks % patience.alive === 0
      const told: Array<Effect.Effect<void>> = []
      for (const server of this.#servers.values()) {
        if (++server.silence > patience.lease) {
          this.#servers.delete(server.instance)
          for (const call of server.calls) this.fail(call, serverLost)
        } else if (isTime && server.calls.size > 0 && !server.isTelling) told.push(this.#tell(server))
      }
      return Effect.all(told, { discard: true })
    })
  }

  #tell(server: Server): Effect.Effect<void> {
    server.isTelling = true
    return this.#fork(Effect.ensuring(
      this.#options.tellAlive(server),
      Effect.sync(() => {
        server.isTelling = false
      })
    ))
  }
}

const answerLost = Failure.make(
  "AnswerLost",
  "An answer of the server did not arrive; connect both sides with `session: \"persistent\"`, so that the broker keeps it"
)

const unreadable = Failure.make(
  "Unreadable",
  "The answer cannot be read; provide the same `RpcSerialization` to client and server"
)

const notTaken = Failure.make(
  "NotTaken",
  "No server took the call within `acceptTimeout`; check that one is running with the same `prefix`, and the connection"
)

const serverLost = Failure.make(
  "ServerLost",
  "The server that had the call, or the connection to it, was gone for longer than the `lease`"
)

/**
 * The open calls of a server, the client of each, and the effect of the messages of clients on them.
 *
 * To `RpcServer` each call has a client of its own, which ends with the call. So a defect of one call leaves the others
 * alone. A request is run at most once: its number is remembered until its deadline, after which nobody takes it.
 */
import { chunksOf } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as RpcMessage from "effect/rpc/RpcMessage"
import type * as Scope from "effect/Scope"
import * as Topic from "../../protocol/Topic.ts"
import type { Body } from "./body.ts"
import * as Envelope from "./envelope.ts"
import type { ResolvedServer } from "./options.ts"

/** One call that has not ended. */
export interface Call {
  readonly client: Client
  readonly number: number
  /** The number under which `RpcServer` knows its client. */
  readonly id: number
  readonly requestId: string | number
  /** The last chunk that was given to the network, or is being given. */
  chunk: number
  /** Chunks that the network has taken. */
  sent: number
  acknowledged: number
  /** The client knows that this server has it. */
  isTold: boolean
  /** Nobody wants its answer. */
  isInterrupted: boolean
}

/** An instance of a client. */
export interface Client {
  readonly instance: string
  readonly answerTopic: string
  /** Ticks that it may be silent. */
  readonly lease: number
  /** Calls without an answer so far. */
  readonly calls: Map<number, Call>
  /** Requests by number, and their deadlines. */
  readonly seen: Map<number, number>
  silence: number
}

export interface Options extends Pick<ResolvedServer, "maximumCalls" | "answerTopics"> {
  readonly instance: string
  readonly body: Body
  readonly scope: Scope.Scope
  readonly disconnects: Queue.Queue<number>
  /** Milliseconds of a tick. */
  readonly tick: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Hands a message to `RpcServer`. */
  readonly write: (id: number, message: RpcMessage.FromClientEncoded) => Effect.Effect<void>
  readonly tell: (client: Pick<Client, "answerTopic" | "instance">, status: Status) => Effect.Effect<void>
  readonly refuse: (request: Envelope.Request, description: string) => Effect.Effect<void>
}

export type Status = Pick<Extract<Envelope.ToClient, { readonly _tag: "Status" }>, "open" | "gone">

/** After so many milliseconds a client learns which server has its call, unless it has an answer by then. */
const untilTold = 20

const statusOf = ({ acknowledged, number, sent }: Call): Status["open"][number] => [number, sent, acknowledged]

export class ServerCalls {
  readonly #options: Options
  readonly #clients = new Map<string, Client>()
  /** By the number that `RpcServer` uses. */
  readonly #calls = new Map<number, Call>()
  #next = 0
  /** Calls whose clients do not know yet which server has them. */
  #untold: Array<Call> = []

  constructor(options: Options) {
    this.#options = options
  }

  get ids(): ReadonlySet<number> {
    return new Set(this.#calls.keys())
  }

  find(id: number): Call | undefined {
    return this.#calls.get(id)
  }

  /** Its Exit is on the way. */
  answered({ client, number }: Call): void {
    client.calls.delete(number)
  }

  /** Nothing of it is left in `RpcServer`. */
  end(id: number): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    this.#calls.delete(id)
    call.client.calls.delete(call.number)
  }

  // -- Messages of clients ----------------------------------------------------------------------------------------------

  received({ body, header }: Envelope.Envelope<Envelope.ToServer>): Effect.Effect<void> {
    if (header._tag === "Request") return this.#request(header, body)
    // The message is for an earlier process under the same topic.
    if (header.server !== this.#options.instance) return Effect.void
    const client = this.#clients.get(header.client)
    if (client !== undefined) client.silence = 0
    switch (header._tag) {
      case "Ack":
        return this.#acknowledged(client?.calls.get(header.call), header.chunk)
      case "Interrupt":
        return Effect.forEach(header.calls, (number) => this.#interrupted(client?.calls.get(number)), { discard: true })
      case "Alive":
        return this.#mayAnswer(header.answerTopic) ? this.#fork(this.#asked(header, client)) : Effect.void
    }
  }

  /** The client lives, and learns which of its calls are open. */
  #asked(
    header: Extract<Envelope.ToServer, { readonly _tag: "Alive" }>,
    client: Client | undefined
  ): Effect.Effect<void> {
    const gone = header.calls.filter((number) => client?.calls.has(number) !== true)
    const open = header.isFirst ? Array.from(client?.calls.values() ?? [], statusOf) : []
    const asked = { answerTopic: header.answerTopic, instance: header.client }
    const [first = [], ...others] = chunksOf(open, Envelope.callsPerMessage)
    return Effect.andThen(
      this.#options.tell(asked, { open: first, gone }),
      Effect.forEach(others, (open) => this.#options.tell(asked, { open, gone: [] }), { discard: true })
    )
  }

  #mayAnswer(topic: string): boolean {
    return Topic.validateTopicName(topic, "5.0") === undefined &&
      this.#options.answerTopics.some((filter) => Topic.matches(filter, topic))
  }

  #request(header: Envelope.Request, bytes: Uint8Array): Effect.Effect<void> {
    if (!this.#mayAnswer(header.answerTopic)) {
      return Effect.logWarning("An RPC request wants its answer on a topic that `answerTopics` does not allow")
    }
    const client = this.#clientOf(header)
    // Delivered twice, as QoS 1 allows.
    if (client.seen.has(header.call)) return Effect.void
    const request = this.#options.body.request(bytes)
    const refusal = this.#refusalOf(header, request)
    if (request === undefined || refusal !== undefined) {
      return this.#fork(this.#options.refuse(header, refusal ?? unreadable))
    }
    return this.#begin(client, header, request)
  }

  #refusalOf(header: Envelope.Request, request: RpcMessage.RequestEncoded | undefined): string | undefined {
    const { body, maximumCalls, now } = this.#options
    if (header.contentType !== body.contentType) {
      return `The request is ${header.contentType} and the server reads ${body.contentType}; provide the same ` +
        "`RpcSerialization` to both"
    }
    if (request === undefined) return unreadable
    const late = now() - header.deadline
    if (late > 0) {
      return `The request reached a server ${late} ms after its deadline; if it did not wait so long, the clocks of both ` +
        "differ by more than `acceptTimeout`"
    }
    return this.#calls.size < maximumCalls ? undefined : `The server has ${maximumCalls} calls, its \`maximumCalls\``
  }

  #clientOf({ answerTopic, client: instance, lease }: Envelope.Request): Client {
    const known = this.#clients.get(instance)
    if (known !== undefined) {
      known.silence = 0
      return known
    }
    const client: Client = {
      instance,
      answerTopic,
      lease: Math.ceil(lease / this.#options.tick),
      calls: new Map(),
      seen: new Map(),
      silence: 0
    }
    this.#clients.set(instance, client)
    return client
  }

  #begin(
    client: Client,
    { call: number, deadline }: Envelope.Request,
    request: RpcMessage.RequestEncoded
  ): Effect.Effect<void> {
    const call: Call = {
      client,
      number,
      id: this.#next++,
      requestId: request.id,
      chunk: 0,
      sent: 0,
      acknowledged: 0,
      isTold: false,
      isInterrupted: false
    }
    client.seen.set(number, deadline)
    client.calls.set(number, call)
    this.#calls.set(call.id, call)
    // Eof: `RpcServer` can forget this client when the call has ended.
    const run = Effect.andThen(this.#write(call, request), this.#write(call, RpcMessage.constEof))
    return Effect.andThen(this.#fork(run), this.#tellLater(call))
  }

  /** Catches every failure: `RpcServer` interrupts a fiber that writes about a call that has just ended. */
  #write(call: Call, message: RpcMessage.FromClientEncoded): Effect.Effect<void> {
    return Effect.catchCause(
      Effect.suspend(() => this.#options.write(call.id, message)),
      (cause) => Effect.logDebug("A message to an RPC server was not handled", cause)
    )
  }

  /** The fiber that receives must not wait for a publish: the PUBACK of that publish has to be received as well. */
  #fork(effect: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.asVoid(Effect.forkIn(effect, this.#options.scope, { startImmediately: true }))
  }

  #acknowledged(call: Call | undefined, chunk: number): Effect.Effect<void> {
    // A chunk was acknowledged twice, or was never sent.
    if (call === undefined || chunk !== call.chunk || chunk <= call.acknowledged) return Effect.void
    call.acknowledged = chunk
    return this.#write(call, { _tag: "Ack", requestId: call.requestId })
  }

  #interrupted(call: Call | undefined): Effect.Effect<void> {
    if (call === undefined || call.isInterrupted) return Effect.void
    call.isInterrupted = true
    call.client.calls.delete(call.number)
    return this.#write(call, { _tag: "Interrupt", requestId: call.requestId })
  }

  // -- Time -------------------------------------------------------------------------------------------------------------

  /** The client learns which server has its call, in one message with its other new calls. */
  #tellLater(call: Call): Effect.Effect<void> {
    this.#untold.push(call)
    return this.#untold.length > 1
      ? Effect.void
      : this.#fork(Effect.delay(Effect.suspend(() => this.#tellUntold()), untilTold))
  }

  #tellUntold(): Effect.Effect<void> {
    const byClient = new Map<Client, Array<Status["open"][number]>>()
    for (const call of this.#untold.splice(0)) {
      if (call.isTold || !call.client.calls.has(call.number)) continue
      call.isTold = true
      const open = byClient.get(call.client)
      if (open === undefined) byClient.set(call.client, [statusOf(call)])
      else open.push(statusOf(call))
    }
    return Effect.forEach(
      Array.from(byClient).flatMap(([client, open]) =>
        chunksOf(open, Envelope.callsPerMessage).map((open) => ({ client, open }))
      ),
      ({ client, open }) => this.#options.tell(client, { open, gone: [] }),
      { discard: true }
    )
  }

  /** A tick has passed: the calls of clients that were silent for too long are interrupted. */
  tick(): Effect.Effect<void> {
    return Effect.sync(() => {
      const now = this.#options.now()
      for (const client of this.#clients.values()) {
        for (const [number, deadline] of client.seen) {
          if (deadline < now) client.seen.delete(number)
        }
        if (++client.silence > client.lease) this.#abandon(client)
        if (client.calls.size === 0 && client.seen.size === 0) this.#clients.delete(client.instance)
      }
    })
  }

  #abandon({ calls }: Client): void {
    for (const { id, number } of calls.values()) {
      calls.delete(number)
      this.#calls.delete(id)
      Queue.offerUnsafe(this.#options.disconnects, id)
    }
  }
}

const unreadable = "The server could not read the request; provide the same `RpcSerialization` to client and server"

/**
 * The message of the RPC protocol behind a header, in the serialization of the program.
 */
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import type { RpcSerialization } from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"

export class Body {
  readonly contentType: string
  readonly codecFor: RpcSerialization["Service"]["codecFor"]
  readonly #serialization: RpcSerialization["Service"]

  constructor(serialization: RpcSerialization["Service"]) {
    this.contentType = serialization.contentType
    this.codecFor = serialization.codecFor
    this.#serialization = serialization
  }

  encode(message: RpcMessage.FromClientEncoded | RpcMessage.FromServerEncoded): string | Uint8Array {
    return this.#serialization.makeUnsafe().encode(message) ?? ""
  }

  /** A request that wants an answer; `undefined` for anything else. */
  request(bytes: Uint8Array): RpcMessage.RequestEncoded | undefined {
    const message = this.#decode(bytes)
    return isRequest(message) ? message : undefined
  }

  /** The answer of a server to this request; `undefined` for anything else. */
  answer(
    tag: "Chunk" | "Exit",
    bytes: Uint8Array,
    requestId: string | number
  ): RpcMessage.ResponseChunkEncoded | RpcMessage.ResponseExitEncoded | undefined {
    const message = this.#decode(bytes)
    return isAnswer(message) && message._tag === tag ? { ...message, requestId } : undefined
  }

  /** A defect that would end all calls of a client, as the end of one. */
  exitOf(defect: unknown, requestId: string | number): RpcMessage.ResponseExitEncoded {
    const decoded = Schema.decodeUnknownSync(this.codecFor(Schema.Defect()))(defect)
    const exit = Schema.encodeSync(this.codecFor(anyDeath))(Exit.die(decoded))
    // The codec of the serialization has its own form of it.
    return { _tag: "Exit", requestId, exit: exit as RpcMessage.ResponseExitEncoded["exit"] }
  }

  /** A parser for each message: a message that one peer left incomplete does not spoil the next message. */
  #decode(bytes: Uint8Array): unknown {
    try {
      const messages = this.#serialization.makeUnsafe().decode(bytes)
      return messages.length === 1 ? messages[0] : undefined
    } catch {
      return undefined
    }
  }
}

/** No value and no failure of any RPC: its defect fits all of them. */
const anyDeath = Schema.Exit(Schema.Never, Schema.Never, Schema.Defect())

const isRequest = (message: unknown): message is RpcMessage.RequestEncoded =>
  Predicate.isTagged(message, "Request") && Predicate.hasProperty(message, "id") &&
  (Predicate.isString(message.id) || Predicate.isNumber(message.id)) &&
  Predicate.hasProperty(message, "tag") && Predicate.isString(message.tag) &&
  Predicate.hasProperty(message, "headers") && Array.isArray(message.headers) &&
  !(Predicate.hasProperty(message, "isNotification") && message.isNotification === true)

const isAnswer = (message: unknown): message is RpcMessage.ResponseChunkEncoded | RpcMessage.ResponseExitEncoded =>
  (Predicate.isTagged(message, "Chunk") && Predicate.hasProperty(message, "values")) ||
  (Predicate.isTagged(message, "Exit") && Predicate.hasProperty(message, "exit"))

/**
 * The payload of a message: a header as a line of JSON, and behind it the message of the RPC protocol in the
 * serialization of the program.
 *
 * The header is part of the payload and not of the properties, so it is the same in MQTT 3.1.1 and 5.0.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { toBytes } from "../../MqttMessage.ts"

const sides = {
  /** The instance of the calling side. */
  client: Schema.String,
  /** The instance of the serving side. */
  server: Schema.String
}

const fromServer = {
  ...sides,
  /** The level of the server's own topic. */
  level: Schema.String
}

const call = Schema.Natural

const ToServer = Schema.Union([
  Schema.TaggedStruct("Request", {
    client: Schema.String,
    call,
    answerTopic: Schema.String,
    contentType: Schema.String,
    /** Milliseconds without a sign of life from the client, after which its calls are interrupted. */
    lease: Schema.Natural,
    /** No server takes the call later than this, milliseconds since 1970. */
    deadline: Schema.Finite
  }),
  Schema.TaggedStruct("Ack", { ...sides, call, chunk: Schema.Natural }),
  Schema.TaggedStruct("Interrupt", { ...sides, calls: Schema.Array(call) }),
  /**
   * The client lives, and believes that these calls are open. `isFirst`, in the first of several messages, asks for all
   * calls that the server has.
   */
  Schema.TaggedStruct("Alive", {
    ...sides,
    answerTopic: Schema.String,
    calls: Schema.Array(call),
    isFirst: Schema.Boolean
  })
])

const ToClient = Schema.Union([
  /**
   * `open` are calls that this server has, with the numbers of chunks sent and acknowledged. `gone` are calls that the
   * client asked about and this server does not have.
   */
  Schema.TaggedStruct("Status", {
    ...fromServer,
    open: Schema.Array(Schema.Tuple([call, Schema.Natural, Schema.Natural])),
    gone: Schema.Array(call)
  }),
  Schema.TaggedStruct("Chunk", { ...fromServer, call, chunk: Schema.Natural }),
  Schema.TaggedStruct("Exit", { ...fromServer, call }),
  /** The call was not begun. */
  Schema.TaggedStruct("Refused", { ...fromServer, call, description: Schema.String })
])

export type ToServer = typeof ToServer.Type
export type ToClient = typeof ToClient.Type

export type Request = Extract<ToServer, { readonly _tag: "Request" }>
export type Answer = Extract<ToClient, { readonly _tag: "Chunk" | "Exit" }>

/** A header and the bytes behind it. */
export interface Envelope<Header> {
  readonly header: Header
  readonly body: Uint8Array
}

const lineFeed = 0x0a

const noBody = new Uint8Array()

/** If there are more calls than this, they go into several messages, because brokers limit the size of a message. */
export const callsPerMessage = 500

export const encode = (header: ToServer | ToClient, body: string | Uint8Array = noBody): string | Uint8Array => {
  const line = `${JSON.stringify(header)}\n`
  if (typeof body === "string") return line + body
  const head = toBytes(line)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

const decoder = new TextDecoder()

const decoding = <Header>(decode: (line: string) => Option.Option<Header>) =>
(
  payload: Uint8Array
): Envelope<Header> | undefined => {
  const end = payload.indexOf(lineFeed)
  if (end === -1) return undefined
  const header = Option.getOrUndefined(decode(decoder.decode(payload.subarray(0, end))))
  return header === undefined ? undefined : { header, body: payload.subarray(end + 1) }
}

/** `undefined` for the messages of another protocol. */
export const decodeToServer = decoding(Schema.decodeOption(Schema.fromJsonString(ToServer)))

/** `undefined` for the messages of another protocol. */
export const decodeToClient = decoding(Schema.decodeOption(Schema.fromJsonString(ToClient)))

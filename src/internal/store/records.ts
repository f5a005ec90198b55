/**
 * The records a client keeps in a store: their bytes, and their meaning.
 *
 * A record is a checksum, a header in JSON and, for a message, its payload. Records from a store pass through a schema:
 * a record that is damaged, or from another program, is an error and never a message.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Properties from "../../protocol/Properties.ts"
import * as ReasonCode from "../../protocol/ReasonCode.ts"
import type { Message } from "../../protocol/Session.ts"
import * as Topic from "../../protocol/Topic.ts"
import * as Utf8 from "../../protocol/Utf8.ts"
import { checksum } from "./checksum.ts"

/** A message that waits. Times are milliseconds since 1970, because other clocks end with their process. */
export interface StoredMessage {
  readonly message: Message
  readonly storedAt: number
  /** `undefined` means never. */
  readonly expiresAt: number | undefined
}

const Qos = Schema.Literals([1, 2])
const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Byte = Whole.check(Schema.isLessThanOrEqualTo(0xff))

/** The codec refuses any other, so a record with it would be a message that nobody can send. */
const Text = Schema.String.check(Schema.makeFilter((text) => Utf8.defectOf(text) === undefined))
const TopicName = Schema.String.check(
  Schema.makeFilter((topic) => Topic.validateTopicName(topic, "5.0") === undefined)
)
const BinaryData = Schema.Uint8ArrayFromBase64.check(
  Schema.makeFilter(({ length }: Uint8Array) => length <= 0xffff)
)
const UserProperties = Schema.Array(Schema.Tuple([Text, Text]))

/** The properties that a message of ours can have and that keep their meaning on another connection. */
const MessageProperties = Schema.Struct({
  payloadFormatIndicator: Schema.optional(Schema.Literals([0, 1])),
  messageExpiryInterval: Schema.optional(Whole.check(Schema.isLessThanOrEqualTo(0xffff_ffff))),
  contentType: Schema.optional(Text),
  responseTopic: Schema.optional(TopicName),
  correlationData: Schema.optional(BinaryData),
  userProperties: Schema.optional(UserProperties)
})

const MessageHeader = Schema.Struct({
  topic: TopicName,
  qos: Qos,
  retain: Schema.Boolean,
  storedAt: Schema.Finite,
  expiresAt: Schema.optionalKey(Schema.Finite),
  properties: Schema.optionalKey(MessageProperties)
})

/** The meaning of one of our Packet Identifiers; `message` is the key of its message. */
export const Exchange = Schema.Union([
  Schema.TaggedStruct("Sent", { message: Whole, order: Whole }),
  Schema.TaggedStruct("Released", {
    order: Whole,
    reasonCode: Byte,
    reasonString: Schema.optionalKey(Text),
    userProperties: Schema.optionalKey(UserProperties)
  }),
  Schema.TaggedStruct("Reserved", {})
])
export type Exchange = typeof Exchange.Type

/** The Reason Codes of PUBREC. */
const Answer = Byte.check(Schema.makeFilter((code) => ReasonCode.isAllowedIn(code, "Pubrec", "5.0")))

/** The answer to one of the server's Packet Identifiers. */
export const Received = Schema.Struct({ answer: Answer })

/** The totals of all messages, so that nobody has to count them; `next` is the key of the next message. */
export const Totals = Schema.Struct({ messages: Whole, bytes: Whole, next: Whole })
export type Totals = typeof Totals.Type

/** The key of `Totals` in the table `client`. */
export const totalsKey = 0

// ---------------------------------------------------------------------------
// Bytes
// ---------------------------------------------------------------------------

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

/** The bytes before the header: a checksum of all bytes behind it, and the length of the header. */
const prefix = 8

const toBytes = (header: string, payload: Uint8Array): Uint8Array => {
  const text = encoder.encode(header)
  const bytes = new Uint8Array(prefix + text.length + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(4, text.length)
  bytes.set(text, prefix)
  bytes.set(payload, prefix + text.length)
  view.setUint32(0, checksum(bytes, 4))
  return bytes
}

interface Parts {
  readonly header: string
  readonly payload: Uint8Array
}

const fromBytes = (bytes: Uint8Array): Option.Option<Parts> => {
  if (bytes.length < prefix) return Option.none()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = prefix + view.getUint32(4)
  if (end > bytes.length || view.getUint32(0) !== checksum(bytes, 4)) return Option.none()
  const header = Utf8.read(bytes, prefix, end)
  return header === undefined ? Option.none() : Option.some({ header, payload: bytes.slice(end) })
}

/** Writes and reads records without a payload. */
export const record = <A, I extends Schema.Json>(schema: Schema.Codec<A, I>) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  return {
    encode: (value: I): Uint8Array => toBytes(JSON.stringify(value), nothing),
    decode: (bytes: Uint8Array): Option.Option<A> => Option.flatMap(fromBytes(bytes), ({ header }) => decode(header))
  }
}

export const exchange = record(Exchange)
export const received = record(Received)
export const totals = record(Totals)

// ---------------------------------------------------------------------------
// Messages
// ---------------------------------------------------------------------------

const decodeHeader = Schema.decodeUnknownOption(Schema.fromJsonString(MessageHeader))

/** The client has checked the message before it accepted it. */
const encodeProperties = Schema.encodeSync(MessageProperties, { disableChecks: true })

/** Written by hand: the schema took most of the time of a publish. */
export const encodeMessage = ({ expiresAt, message, storedAt }: StoredMessage): Uint8Array => {
  const { payload, properties, qos, retain, topic } = message
  const header = {
    topic,
    qos,
    retain,
    storedAt,
    expiresAt,
    properties: properties === Properties.none ? undefined : encodeProperties(properties)
  }
  return toBytes(JSON.stringify(header), payload)
}

export const decodeMessage = (bytes: Uint8Array): Option.Option<StoredMessage> =>
  Option.flatMap(
    fromBytes(bytes),
    ({ header, payload }) =>
      Option.map(
        decodeHeader(header),
        ({ expiresAt, properties = Properties.none, qos, retain, storedAt, topic }) => ({
          message: { topic, payload, qos, retain, properties },
          storedAt,
          expiresAt
        })
      )
  )

/**
 * A message as a line of a recording, and back: JSON with the time at which the message came.
 *
 * `sub --record` writes such lines and `replay` reads them. A line has everything of a message except values that mean
 * something on one connection only: Packet Identifier, Topic Alias, Subscription Identifiers and the DUP flag. `sub
 * --json` is for other programs, and loses the order of User Properties.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { harmless } from "../internal/harmlessText.ts"
import type { OutgoingMessage, PublishProperties } from "../MqttClient.ts"
import type { MqttMessage, Payload } from "../MqttMessage.ts"
import { base64, textOf } from "./format.ts"
import { dashed, ofMessage } from "./properties.ts"

const nameOf = (name: typeof ofMessage[number]): string => name === "userProperties" ? "user-properties" : dashed(name)

const propertiesOf = ({ packet: { properties } }: MqttMessage): object | undefined => {
  const known = ofMessage.flatMap((name) => {
    const value = properties[name]
    return value === undefined ? [] : [[nameOf(name), value instanceof Uint8Array ? base64(value) : value] as const]
  })
  return known.length === 0 ? undefined : Object.fromEntries(known)
}

/**
 * The line, with its line feed, of a message that came at a time, in milliseconds since 1970.
 *
 * @since 0.2.0
 * @category conversions
 */
export const toLine = (message: MqttMessage, time: number): Uint8Array => {
  const { payload, qos, retain, topic } = message
  const text = textOf(payload)
  const line = JSON.stringify({
    time: new Date(time).toISOString(),
    topic,
    qos,
    retain,
    properties: propertiesOf(message),
    ...(text === undefined ? { "payload-encoding": "base64" } : {}),
    payload: text ?? base64(payload)
  })
  return Buffer.from(`${line}\n`)
}

const Line = Schema.fromJsonString(Schema.Struct({
  time: Schema.DateFromString,
  topic: Schema.String,
  qos: Schema.Literals([0, 1, 2]),
  retain: Schema.Boolean,
  properties: Schema.optionalKey(Schema.Struct({
    "payload-format-indicator": Schema.optionalKey(Schema.Literals([0, 1])),
    "message-expiry-interval": Schema.optionalKey(Schema.Int),
    "content-type": Schema.optionalKey(Schema.String),
    "response-topic": Schema.optionalKey(Schema.String),
    "correlation-data": Schema.optionalKey(Schema.Uint8ArrayFromBase64),
    "user-properties": Schema.optionalKey(Schema.Array(Schema.Tuple([Schema.String, Schema.String])))
  })),
  "payload-encoding": Schema.optionalKey(Schema.Literal("base64")),
  payload: Schema.String
}))

const decodeLine = Schema.decodeUnknownResult(Line)
const decodeBase64 = Schema.decodeUnknownResult(Schema.Uint8ArrayFromBase64)

/**
 * A message as it was recorded.
 *
 * @since 0.2.0
 * @category models
 */
export interface Recorded {
  /** When it came, milliseconds since 1970. */
  readonly time: number
  readonly message: OutgoingMessage
}

const toProperties = (properties: NonNullable<typeof Line.Type.properties>): PublishProperties => ({
  payloadFormatIndicator: properties["payload-format-indicator"],
  messageExpiryInterval: properties["message-expiry-interval"],
  contentType: properties["content-type"],
  responseTopic: properties["response-topic"],
  correlationData: properties["correlation-data"],
  userProperties: properties["user-properties"]
})

const toRecorded = (line: typeof Line.Type): Result.Result<Recorded, Schema.SchemaError> => {
  const { payload: text, properties, qos, retain, time, topic } = line
  const payload: Result.Result<Payload, Schema.SchemaError> = line["payload-encoding"] === undefined
    ? Result.succeed(text)
    : decodeBase64(text)
  return Result.map(payload, (payload) => ({
    time: time.getTime(),
    message: {
      topic,
      payload,
      qos,
      retain,
      ...(properties === undefined ? {} : { properties: toProperties(properties) })
    }
  }))
}

/**
 * The message of a line without its line feed; a failure is a sentence for people.
 *
 * @since 0.2.0
 * @category conversions
 */
export const fromLine = (line: Uint8Array): Result.Result<Recorded, string> => {
  const text = textOf(line)
  if (text === undefined) return Result.fail("it is not UTF-8")
  return Result.mapError(Result.flatMap(decodeLine(text), toRecorded), ({ message }) => harmless(oneLine(message)))
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ")

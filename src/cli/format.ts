/**
 * How a message is printed: its payload, JSON, hexadecimal, or a format as `mosquitto_sub -F` has it.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type { MqttMessage } from "../MqttMessage.ts"
import type { PropertyName } from "../protocol/Properties.ts"
import { dashed } from "./properties.ts"

/**
 * The bytes of a message that came at a time, in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export type Format = (message: MqttMessage, time: number) => Uint8Array

/** The time in the format of `date -Iseconds`, with the zone of this machine. */
const isoDate = (time: number): string => {
  const date = new Date(time)
  const offset = -date.getTimezoneOffset()
  const local = new Date(time + offset * 60_000).toISOString().slice(0, 19)
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
    String(part).padStart(2, "0")
  )
  return `${local}${offset < 0 ? "-" : "+"}${hours}${minutes}`
}

// ---------------------------------------------------------------------------
// JSON
// ---------------------------------------------------------------------------

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * `undefined` for bytes that are not UTF-8.
 *
 * @since 0.2.0
 * @category conversions
 */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

/**
 * @since 0.2.0
 * @category conversions
 */
export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")

const ofMessages: ReadonlyArray<PropertyName> = [
  "contentType",
  "correlationData",
  "responseTopic",
  "payloadFormatIndicator",
  "messageExpiryInterval"
]

const propertiesOf = ({ packet, userProperties }: MqttMessage): object | undefined => {
  const { properties } = packet
  const known: Array<readonly [string, unknown]> = ofMessages.flatMap((name) => {
    const value = properties[name]
    return value === undefined
      ? []
      : [[dashed(name), value instanceof Uint8Array ? textOf(value) ?? base64(value) : value]]
  })
  // A name that comes twice has all its values.
  const valuesOf = new Map<string, Array<string>>()
  for (const [name, value] of userProperties) {
    const values = valuesOf.get(name)
    if (values === undefined) valuesOf.set(name, [value])
    else values.push(value)
  }
  const pairs = [...valuesOf].map(([name, values]) => [name, values.length === 1 ? values[0] : values] as const)
  if (pairs.length > 0) known.push(["user-properties", Object.fromEntries(pairs)])
  return known.length === 0 ? undefined : Object.fromEntries(known)
}

type PayloadOf = (text: string) => unknown

/** JSON with the order and the names of `mosquitto_sub`. */
const toJson = (message: MqttMessage, time: number, payloadOf: PayloadOf, indent?: number): string => {
  const { packet, payload, qos, retain, topic } = message
  const text = textOf(payload)
  return JSON.stringify(
    {
      tst: new Date(time).toISOString(),
      topic,
      qos,
      retain: retain ? 1 : 0,
      payloadlen: payload.length,
      ...(qos === 0 ? {} : { mid: packet.packetIdentifier }),
      properties: propertiesOf(message),
      // Bytes that are no text are not forced into one.
      ...(text === undefined ? { "payload-encoding": "base64" } : {}),
      payload: payload.length === 0 ? null : text === undefined ? base64(payload) : payloadOf(text)
    },
    undefined,
    indent
  )
}

const asText: PayloadOf = (text) => text

const asJson: PayloadOf = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

// ---------------------------------------------------------------------------
// Formats
// ---------------------------------------------------------------------------

interface Width {
  readonly width: number
  readonly alignsLeft: boolean
  readonly pad: string
  readonly precision: number | undefined
}

interface Specifier {
  readonly value: (message: MqttMessage, time: number, indent: number | undefined) => string | number | Uint8Array
  /** Whether width, alignment and precision mean something. */
  readonly isSized?: true
}

const specifiers: { readonly [letter: string]: Specifier } = {
  "%": { value: () => "%" },
  A: { value: ({ packet }) => packet.properties.topicAlias ?? "" },
  C: { value: ({ contentType }) => contentType ?? "", isSized: true },
  D: { value: ({ correlationData }) => correlationData ?? "" },
  E: { value: ({ packet }) => packet.properties.messageExpiryInterval ?? "", isSized: true },
  F: { value: ({ packet }) => packet.properties.payloadFormatIndicator ?? "" },
  I: { value: (_, time) => isoDate(time), isSized: true },
  j: { value: (message, time, indent) => toJson(message, time, asText, indent) },
  J: { value: (message, time, indent) => toJson(message, time, asJson, indent) },
  l: { value: ({ payload }) => payload.length, isSized: true },
  m: { value: ({ packet }) => packet.packetIdentifier },
  p: { value: ({ payload }) => payload },
  P: { value: ({ userProperties }) => userProperties.map(([name, value]) => `${name}:${value}`).join(" ") },
  q: { value: ({ qos }) => qos },
  R: { value: ({ responseTopic }) => responseTopic ?? "", isSized: true },
  r: { value: ({ retain }) => retain ? 1 : 0 },
  S: { value: ({ packet }) => packet.properties.subscriptionIdentifiers?.join(" ") ?? "", isSized: true },
  t: { value: ({ topic }) => topic, isSized: true },
  U: { value: (_, time) => `${Math.floor(time / 1000)}.${String(Math.floor(time % 1000)).padStart(3, "0")}000000` },
  x: { value: ({ payload }) => hex(payload) },
  X: { value: ({ payload }) => hex(payload).toUpperCase() }
}

const escapes: { readonly [letter: string]: string } = {
  "\\": "\\",
  "0": "\0",
  a: "\u0007",
  e: "\u001b",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

type Part = (message: MqttMessage, time: number) => Uint8Array

const encoder = new TextEncoder()

const sized = (value: string | number, { alignsLeft, pad, precision, width }: Width): string => {
  const text = typeof value === "string" && precision !== undefined ? value.slice(0, precision) : String(value)
  if (alignsLeft) return text.padEnd(width)
  return text.padStart(width, typeof value === "number" ? pad : " ")
}

const partOf = ({ isSized, value }: Specifier, size: Width, indent: number | undefined): Part => (message, time) => {
  const result = value(message, time, indent)
  if (result instanceof Uint8Array) return result
  return encoder.encode(isSized === true ? sized(result, size) : String(result))
}

const token = /%(?<left>-?)(?<zero>0?)(?<width>\d*)(?:\.(?<precision>\d+))?(?<specifier>.?)|\\(?<escape>.?)|[^%\\]+/gsu

/**
 * A format from its text; a failure is a sentence for people.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = (
  format: string,
  { indent }: { readonly indent?: number | undefined } = {}
): Result.Result<Format, string> => {
  const parts: Array<Part> = []
  for (const { 0: whole, groups = {} } of format.matchAll(token)) {
    const { escape, left, precision, specifier, width, zero } = groups
    if (escape !== undefined) {
      if (!Object.hasOwn(escapes, escape)) return Result.fail(`-F: "${whole}" is not an escape`)
      const bytes = encoder.encode(escapes[escape])
      parts.push(() => bytes)
    } else if (specifier !== undefined) {
      if (!Object.hasOwn(specifiers, specifier)) return Result.fail(`-F: "${whole}" is not a specifier`)
      const size: Width = {
        width: Math.min(Number(width), 10_000),
        alignsLeft: left !== "",
        pad: zero === "" ? " " : "0",
        precision: precision === undefined ? undefined : Number(precision)
      }
      parts.push(partOf(specifiers[specifier], size, indent))
    } else {
      const bytes = encoder.encode(whole)
      parts.push(() => bytes)
    }
  }
  return Result.succeed((message, time) => Buffer.concat(parts.map((part) => part(message, time))))
}

/**
 * The values of the flags for printing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Choice {
  readonly format: string | undefined
  readonly json: boolean
  readonly hex: boolean
  readonly pretty: boolean
  readonly verbose: boolean
  readonly withoutNewline: boolean
}

const withTopic = (payload: Format): Format => (message, time) =>
  Buffer.concat([
    encoder.encode(`${message.topic} `),
    message.payload.length === 0 ? encoder.encode("(null)") : payload(message, time)
  ])

const bodyOf = ({ format, hex: isHex, json, pretty, verbose }: Choice): Result.Result<Format, string> => {
  const indent = pretty ? 2 : undefined
  if (format !== undefined) return parse(format, { indent })
  if (json) return Result.succeed((message, time) => encoder.encode(toJson(message, time, asText, indent)))
  const payload: Format = isHex ? ({ payload }) => encoder.encode(hex(payload)) : ({ payload }) => payload
  return Result.succeed(verbose ? withTopic(payload) : payload)
}

const newline = encoder.encode("\n")

/**
 * The format the flags choose; a failure is a sentence for people.
 *
 * @since 0.1.0
 * @category constructors
 */
export const choose = (choice: Choice): Result.Result<Format, string> => {
  const { format, hex: isHex, json, withoutNewline } = choice
  if ([format !== undefined, isHex, json].filter((isChosen) => isChosen).length > 1) {
    return Result.fail("Give one of -F, --json, --hex")
  }
  return Result.map(
    bodyOf(choice),
    (body): Format => withoutNewline ? body : (message, time) => Buffer.concat([body(message, time), newline])
  )
}

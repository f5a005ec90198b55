/**
 * Payloads: between bytes and values, and what a 5.0 message says about them.
 *
 * Text is strict UTF-8 both ways: what is ill-formed is refused and never replaced. MQTT 5.0 sections 3.3.2.3.2 and
 * 3.3.2.3.9.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as MqttError from "../../MqttError.ts"
import type { AnswerProperties, Payload } from "../../MqttMessage.ts"
import * as Utf8 from "../../protocol/Utf8.ts"

/**
 * Any schema whose encoded side is text or bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadSchema = Schema.ConstraintCodec<unknown, string | Uint8Array<ArrayBufferLike>, unknown, unknown>

/**
 * A schema for payloads, and what a 5.0 message says about them.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadCodec<out S extends PayloadSchema> {
  readonly schema: S
  /** What the schema encodes to. Of text a 5.0 message says so, with the Payload Format Indicator 1. */
  readonly format: "text" | "bytes"
  readonly contentType: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CodecOptions {
  /** Default: `application/json`, `text/plain; charset=utf-8` or `application/octet-stream`. */
  readonly contentType?: string | undefined
}

const contentTypes = { text: "text/plain; charset=utf-8", bytes: "application/octet-stream" } as const

/** By the kind of its encoded side: of what the types allow, everything that is declared is bytes. */
const formatOf = (ast: SchemaAST.AST): PayloadCodec<PayloadSchema>["format"] | undefined => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
    case "Literal":
    case "Enum":
      return "text"
    case "Declaration":
      return "bytes"
    case "Union": {
      const [format, ...others] = new Set(ast.types.map(formatOf))
      return others.length === 0 ? format : undefined
    }
    default:
      return undefined
  }
}

const notEncodable = (option: string) =>
  MqttError.fromReason(
    new MqttError.InvalidOptions({
      option,
      description: "the schema is encoded neither as text nor as bytes; use `json`, or transform it into one of them"
    })
  )

const fromSchema = <S extends PayloadSchema>(
  schema: S,
  { contentType }: CodecOptions = {},
  option = "payload"
): Result.Result<PayloadCodec<S>, MqttError.MqttError> => {
  const format = formatOf(SchemaAST.toEncoded(schema.ast))
  return format === undefined
    ? Result.fail(notEncodable(option))
    : Result.succeed({ schema, format, contentType: contentType ?? contentTypes[format] })
}

/**
 * Any schema whose encoded side is text or bytes, with a content type of your own.
 *
 * Throws an `MqttError` with the reason `InvalidOptions` when its encoded side is neither of them, or may be both.
 *
 * @since 0.1.0
 * @category payloads
 */
export const codec = <S extends PayloadSchema>(schema: S, options?: CodecOptions): PayloadCodec<S> =>
  Result.getOrThrow(fromSchema(schema, options))

/**
 * JSON of any schema: `application/json`. What JSON has no form for, such as a `Date`, goes as its schema says.
 *
 * @since 0.1.0
 * @category payloads
 */
export const json = <S extends Schema.Constraint>(
  schema: S,
  options: CodecOptions = {}
): PayloadCodec<Schema.fromJsonString<Schema.toCodecJson<S>>> =>
  codec(Schema.fromJsonString(Schema.toCodecJson(schema)), { contentType: options.contentType ?? "application/json" })

/**
 * Text as it is: `text/plain; charset=utf-8`.
 *
 * @since 0.1.0
 * @category payloads
 */
export const text: PayloadCodec<Schema.String> = codec(Schema.String)

/**
 * Bytes as they are: `application/octet-stream`.
 *
 * @since 0.1.0
 * @category payloads
 */
export const bytes: PayloadCodec<Schema.Uint8Array> = codec(Schema.Uint8Array)

/** The codec itself, or that of a schema, which stands in the definition under the name `option`. */
export const toCodec = <S extends PayloadSchema>(
  source: S | PayloadCodec<S>,
  option?: string
): Result.Result<PayloadCodec<S>, MqttError.MqttError> =>
  Schema.isSchema(source) ? fromSchema(source as S, {}, option) : Result.succeed(source as PayloadCodec<S>)

/** What a 5.0 message says about such a payload. Bytes need no Payload Format Indicator: 0 means as much as none. */
export const propertiesOf = ({ contentType, format }: PayloadCodec<PayloadSchema>): AnswerProperties =>
  format === "text" ? { contentType, payloadFormatIndicator: 1 } : { contentType }

/** Why there is no payload, or no value. */
export interface Fault {
  readonly description: string
  readonly cause?: unknown
}

const toFault = (cause: Cause.Cause<unknown>): Fault => {
  const error = Cause.squash(cause)
  return { description: error instanceof Error ? error.message : String(error), cause: error }
}

const isWellFormed = (payload: Payload): boolean => typeof payload !== "string" || Utf8.byteLength(payload) >= 0

/** From values to payloads. A defect of the schema stays one. */
export const encoder = <S extends PayloadSchema>(
  { schema }: PayloadCodec<S>
): (value: S["Type"]) => Effect.Effect<Payload, Fault, S["EncodingServices"]> => {
  const encode = Schema.encodeUnknownEffect(schema)
  return (value) =>
    encode(value).pipe(
      Effect.mapError((cause): Fault => ({ description: cause.message, cause })),
      Effect.filterOrFail(isWellFormed, (): Fault => ({
        description: "It holds a lone surrogate, which has no UTF-8 form"
      }))
    )
}

/** From payloads to values. A defect of the schema is a failure like any other: the bytes are somebody else's. */
export const decoder = <S extends PayloadSchema>(
  { format, schema }: PayloadCodec<S>
): (payload: Uint8Array) => Effect.Effect<S["Type"], Fault, S["DecodingServices"]> => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (payload) =>
    Effect.suspend(() => {
      const encoded = format === "bytes" ? payload : Utf8.read(payload, 0, payload.length)
      return encoded === undefined
        ? Effect.fail<Fault>({ description: "It is not UTF-8" })
        : Effect.catchCause(decode(encoded), (cause) => Effect.fail(toFault(cause)))
    })
}

/**
 * Payloads: converts between bytes and values, and describes them to the receiver in 5.0.
 *
 * Text is strict UTF-8 both ways: ill-formed text is refused, never replaced. MQTT 5.0 sections 3.3.2.3.2 and
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
 * A schema for a payload: its encoded side is text or bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadSchema = Schema.ConstraintCodec<unknown, string | Uint8Array<ArrayBufferLike>, unknown, unknown>

/**
 * A schema for payloads, and the properties that describe them in a 5.0 message.
 *
 * @since 0.1.0
 * @category models
 */
export interface PayloadCodec<out S extends PayloadSchema> {
  readonly schema: S
  /** The kind of the schema's encoded side. A 5.0 message with text has the Payload Format Indicator 1. */
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

/** Decided by the kind of the encoded side. Among the schemas that the types allow, every declaration is bytes. */
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
 * Throws an `MqttError` with the reason `InvalidOptions` if the encoded side is neither text nor bytes, or may be both.
 *
 * @since 0.1.0
 * @category payloads
 */
export const codec = <S extends PayloadSchema>(schema: S, options?: CodecOptions): PayloadCodec<S> =>
  Result.getOrThrow(fromSchema(schema, options))

/**
 * JSON of any schema: `application/json`. The schema decides how values without a JSON form, such as a `Date`, are
 * encoded.
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

/** The codec itself, or the codec of a schema. `option` is its name in the definition. */
export const toCodec = <S extends PayloadSchema>(
  source: S | PayloadCodec<S>,
  option?: string
): Result.Result<PayloadCodec<S>, MqttError.MqttError> =>
  Schema.isSchema(source) ? fromSchema(source as S, {}, option) : Result.succeed(source as PayloadCodec<S>)

/** The properties of a 5.0 message with such a payload. Bytes have no Payload Format Indicator: 0 means the same. */
export const propertiesOf = ({ contentType, format }: PayloadCodec<PayloadSchema>): AnswerProperties =>
  format === "text" ? { contentType, payloadFormatIndicator: 1 } : { contentType }

/** Why a value has no payload, or a payload no value. */
export interface Fault {
  readonly description: string
  readonly cause?: unknown
}

const toFault = (cause: Cause.Cause<unknown>): Fault => {
  const error = Cause.squash(cause)
  return { description: error instanceof Error ? error.message : String(error), cause: error }
}

const isWellFormed = (payload: Payload): boolean => typeof payload !== "string" || Utf8.byteLength(payload) >= 0

/** Encodes values. A defect of the schema stays a defect. */
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

/** Decodes payloads. A defect of the schema becomes a failure: the bytes come from somebody else. */
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

/**
 * Payloads: converts between bytes and values of Effect 3's schemas, and describes them to the receiver in 5.0.
 */
import type * as Schema from "effect/Schema"

/**
 * A schema for a payload: its encoded side is text or bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadSchema = Schema.Schema.Any & { readonly Encoded: string | Uint8Array }

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

/**
 * Any schema whose encoded side is text or bytes, with a content type of your own.
 *
 * Throws an `MqttError` with the reason `InvalidOptions` if the encoded side is neither text nor bytes, or may be both.
 *
 * @since 0.1.0
 * @category payloads
 */
export declare const codec: <S extends PayloadSchema>(schema: S, options?: CodecOptions) => PayloadCodec<S>

/**
 * JSON of any schema: `application/json`. It is `Schema.parseJson`: a value without a JSON form needs a schema that
 * encodes it, such as `Schema.Date` for a `Date`.
 *
 * @since 0.1.0
 * @category payloads
 */
export declare const json: <S extends Schema.Schema.Any>(
  schema: S,
  options?: CodecOptions
) => PayloadCodec<Schema.transform<Schema.SchemaClass<unknown, string>, S>>

/**
 * Text as it is: `text/plain; charset=utf-8`.
 *
 * @since 0.1.0
 * @category payloads
 */
export declare const text: PayloadCodec<typeof Schema.String>

/**
 * Bytes as they are: `application/octet-stream`.
 *
 * @since 0.1.0
 * @category payloads
 */
export declare const bytes: PayloadCodec<typeof Schema.Uint8ArrayFromSelf>

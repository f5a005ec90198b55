/**
 * Payloads: between bytes and values of Effect 3's schemas, and what a 5.0 message says about them.
 */
import type * as Schema from "effect/Schema"

/**
 * Any schema whose encoded side is text or bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadSchema = Schema.Schema.Any & { readonly Encoded: string | Uint8Array }

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

/**
 * Any schema whose encoded side is text or bytes, with a content type of your own.
 *
 * Throws an `MqttError` with the reason `InvalidOptions` when its encoded side is neither of them, or may be both.
 *
 * @since 0.1.0
 * @category payloads
 */
export declare const codec: <S extends PayloadSchema>(schema: S, options?: CodecOptions) => PayloadCodec<S>

/**
 * JSON of any schema: `application/json`. It is `Schema.parseJson`: what JSON has no form for needs a schema that encodes
 * it, such as `Schema.Date` for a `Date`.
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

/**
 * Typed topics, with schemas of Effect 3.
 */
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as EffectSchema from "effect/Schema"
import * as Engine from "../../engine/index.ts"
import * as Errors from "./internal/errors.ts"
import * as Schema from "./internal/schema.ts"
import { definitionToEngine, type PayloadCodec } from "./internal/topic/definition.ts"
import * as Topics from "./internal/topic/topics.ts"

export { latest } from "./internal/topic/topics.ts"

export const makeResult = (template: string, definition: unknown, options?: object) =>
  Either.map(
    Topics.toEither(Engine.MqttTopic.makeResult(template, definitionToEngine(definition) as never, options)),
    (topic) => Topics.topicOf(topic as never)
  )

export const make = (template: string, definition: unknown, options?: object) =>
  Either.getOrThrowWith(makeResult(template, definition, options), identity)

export const makeRequestResult = (template: string, definition: unknown, options?: object) =>
  Either.map(
    Topics.toEither(Engine.MqttTopic.makeRequestResult(template, definitionToEngine(definition) as never, options)),
    (topic) => Topics.requestTopicOf(topic as never, definition)
  )

export const makeRequest = (template: string, definition: unknown, options?: object) =>
  Either.getOrThrowWith(makeRequestResult(template, definition, options), identity)

/** The engine's description of payloads with this schema. */
const described = (schema: Schema.AnySchema, make: typeof Engine.MqttTopic.codec, options?: object): PayloadCodec => {
  try {
    const { contentType, format } = make(Schema.toEngine(schema), options)
    return { schema, format, contentType }
  } catch (error) {
    throw Errors.toEffect3(error)
  }
}

export const codec = (schema: Schema.AnySchema, options?: object): PayloadCodec =>
  described(schema, Engine.MqttTopic.codec, options)

export const json = (schema: Schema.AnySchema, options?: object): PayloadCodec =>
  described(
    EffectSchema.parseJson(schema) as Schema.AnySchema,
    Engine.MqttTopic.json as typeof Engine.MqttTopic.codec,
    options
  )

export const text: PayloadCodec = codec(EffectSchema.String as Schema.AnySchema)

export const bytes: PayloadCodec = codec(EffectSchema.Uint8ArrayFromSelf as Schema.AnySchema)

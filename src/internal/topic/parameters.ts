/**
 * Parameters of a template: converts between the values of their schemas and Topic Names.
 *
 * `template.ts` has the rules of levels.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { MqttDecodeError, MqttEncodeError } from "../topicErrors.ts"
import * as Template from "./template.ts"

/**
 * A schema for one level: its encoded side is text, and it needs no services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelSchema = Schema.ConstraintCodec<unknown, string>

/**
 * A schema for several levels: its encoded side is an array of texts, and it needs no services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelsSchema = Schema.ConstraintCodec<unknown, ReadonlyArray<string>>

export interface Parameters<Values> {
  readonly format: (values: Values) => Result.Result<string, MqttEncodeError>
  readonly parse: (topic: string) => Result.Result<Values, MqttDecodeError>
}

export interface Options {
  readonly schemas: { readonly [name: string]: LevelSchema | LevelsSchema }
  readonly allowEmpty: boolean
}

const levels = Schema.Array(Schema.String)

/** A property that cannot be read counts as missing. */
const valueOf = (values: object, name: string): unknown => {
  try {
    return (values as { readonly [name: string]: unknown } | null | undefined)?.[name]
  } catch {
    return undefined
  }
}

/** Also checks schemas that are known at run time only: they may not fit the template. */
const isText = (text: unknown): text is Template.Text =>
  typeof text === "string" || (Array.isArray(text) && text.every((level) => typeof level === "string"))

const named = (template: Template.Template, { schemas }: Options) =>
  template.levels.flatMap((level) => {
    if (level._tag === "Literal") return []
    const schema = Object.hasOwn(schemas, level.name) ? schemas[level.name] : undefined
    const used = schema ?? (level._tag === "Multi" ? levels : Schema.String)
    return [{
      ...level,
      encode: Schema.encodeUnknownExit(used),
      decode: Schema.decodeUnknownExit(used)
    }]
  })

const failed = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return { description: error instanceof Error ? error.message : String(error), cause: error }
}

/** `Values` is the type the schemas promise; nothing in here can check it. */
export const make = <Values extends object>(template: Template.Template, options: Options): Parameters<Values> => {
  const all = named(template, options)

  const encode = (values: Values): Result.Result<ReadonlyMap<string, Template.Text>, MqttEncodeError> => {
    const texts = new Map<string, Template.Text>()
    const refuse = (parameter: string, fault: { readonly description: string; readonly cause?: unknown }) =>
      Result.fail(new MqttEncodeError({ template: template.source, part: "parameters", parameter, ...fault }))
    for (const { _tag, encode, name } of all) {
      const exit = encode(valueOf(values, name))
      if (Exit.isFailure(exit)) return refuse(name, failed(exit.cause))
      const text: unknown = exit.value
      if (!isText(text) || (typeof text === "string") !== (_tag === "Single")) {
        return refuse(name, { description: `Its schema does not encode to ${_tag === "Single" ? "text" : "levels"}` })
      }
      texts.set(name, text)
    }
    return Result.succeed(texts)
  }

  const format = (values: Values) =>
    Result.flatMap(encode(values), (texts) =>
      Result.mapError(
        Template.format(template, (name) => texts.get(name) ?? "", options.allowEmpty),
        (mismatch) => new MqttEncodeError({ template: template.source, part: "parameters", ...mismatch })
      ))

  const parse = (topic: string): Result.Result<Values, MqttDecodeError> => {
    const texts = Template.match(template, topic, options.allowEmpty)
    if (Result.isFailure(texts)) {
      const part = texts.failure.parameter === undefined ? "topic" : "parameters"
      return Result.fail(new MqttDecodeError({ topic, part, ...texts.failure }))
    }
    const values: Array<readonly [string, unknown]> = []
    for (const { decode, name } of all) {
      const exit = decode(texts.success.get(name))
      if (Exit.isFailure(exit)) {
        return Result.fail(new MqttDecodeError({ topic, part: "parameters", parameter: name, ...failed(exit.cause) }))
      }
      values.push([name, exit.value])
    }
    return Result.succeed(Object.fromEntries(values) as Values)
  }

  return { format, parse }
}

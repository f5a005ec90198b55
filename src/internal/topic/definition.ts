/**
 * Definitions: the schemas of a template's parameters and of its payloads, as types and as values.
 *
 * `MqttTopic` makes typed topics of them, and `requestTopic.ts` typed topics of requests.
 */
import * as Result from "effect/Result"
import * as MqttError from "../../MqttError.ts"
import * as Parameters from "./parameters.ts"
import type * as Payload from "./payload.ts"
import * as Template from "./template.ts"
import { wrongDefinition } from "./wrongTypes.ts"

/**
 * Anything a definition can name as a payload.
 *
 * @since 0.1.0
 * @category models
 */
export type PayloadSource = Payload.PayloadSchema | Payload.PayloadCodec<Payload.PayloadSchema>

/**
 * The schemas of a template's parameters, where no schema means text, and the schema of the payload.
 *
 * @since 0.1.0
 * @category models
 */
export type Definition<Source extends string> = string extends Source ? {
    readonly payload: PayloadSource
    readonly [name: string]: PayloadSource | Parameters.LevelSchema | Parameters.LevelsSchema
  }
  :
    & { readonly payload: PayloadSource }
    & { readonly [Name in Exclude<Template.Names<Source>, Template.MultiName<Source>>]?: Parameters.LevelSchema }
    & { readonly [Name in Template.MultiName<Source>]?: Parameters.LevelsSchema }

/**
 * The parameters of a template, with the types its definition gives them.
 *
 * @since 0.1.0
 * @category utility types
 */
export type Values<Source extends string, D> = string extends Source ? { readonly [name: string]: unknown }
  : {
    readonly [Name in Template.Names<Source>]: Name extends keyof D ?
      D[Name] extends { readonly Type: infer A } ? A : never
      : Name extends Template.MultiName<Source> ? ReadonlyArray<string>
      : string
  }

/**
 * The schema of a payload.
 *
 * @since 0.2.0
 * @category utility types
 */
export type SchemaOf<P> = P extends Payload.PayloadCodec<infer S> ? S : P extends Payload.PayloadSchema ? P : never

/**
 * Refuses a definition with a name that the template does not have. `Payloads` are the names of payloads in it.
 *
 * @since 0.2.0
 * @category utility types
 */
export type Only<Source extends string, D, Payloads extends string = "payload"> = string extends Source ? unknown
  : { readonly [Name in Exclude<keyof D, Template.Names<Source> | Payloads>]: never }

/**
 * A template, or a description of its fault.
 *
 * @since 0.2.0
 * @category utility types
 */
export type Checked<Source extends string> = [Template.Fault<Source>] extends [never] ? Source : Template.Fault<Source>

/**
 * @since 0.1.0
 * @category models
 */
export interface MakeOptions {
  /** Whether a level may be empty, and `{name...}` no level at all. Default: `false`. */
  readonly allowEmpty?: boolean | undefined
}

/** A template with the schemas of its parameters. */
export interface Parts<V> {
  readonly template: Template.Template
  readonly parameters: Parameters.Parameters<V>
}

/** The names of payloads in a definition, and whether they may be left out. */
export interface PayloadNames {
  readonly [name: string]: "required" | "optional"
}

const invalid = (option: string, description: string): Result.Result<never, MqttError.MqttError> =>
  Result.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))

/** Checks a definition and makes its parameters. The codecs check the payloads. */
export const read = <Source extends string, D extends object>(
  source: string,
  definition: D,
  options: MakeOptions = {},
  payloads: PayloadNames
): Result.Result<Parts<Values<Source, D>>, MqttError.MqttError> => {
  const wrong = wrongDefinition(source, definition, options, payloads)
  if (wrong !== undefined) return Result.fail(MqttError.fromReason(wrong))
  const { allowEmpty = false } = options
  const template = Template.parse(source)
  if (Result.isFailure(template)) return invalid("template", template.failure)
  const names = Template.namesOf(template.success.levels)
  const taken = names.find((name) => Object.hasOwn(payloads, name))
  if (taken !== undefined) {
    return invalid(
      "template",
      `"${source}" has a parameter with the name "${taken}", which is taken; give it another name`
    )
  }
  const schemas = Object.fromEntries(Object.entries(definition).filter(([name]) => !Object.hasOwn(payloads, name)))
  const unknown = Object.keys(schemas).find((name) => !names.includes(name))
  if (unknown !== undefined) return invalid(unknown, `"${source}" has no parameter {${unknown}}`)
  const isMissing = (name: string) => payloads[name] === "required" && Reflect.get(definition, name) === undefined
  const missing = Object.keys(payloads).find(isMissing)
  if (missing !== undefined) return invalid(missing, "is missing; give it a schema, or `MqttTopic.bytes`")
  const parameters = Parameters.make<Values<Source, D>>(template.success, {
    // If a template is known at run time only, the template alone tells the kinds of its parameters apart.
    schemas: schemas as Parameters.Options["schemas"],
    allowEmpty
  })
  return Result.succeed({ template: template.success, parameters })
}

/**
 * Templates' definitions and payloads for the engine: the schemas in them are Effect 3's.
 *
 * What is no schema and no codec goes over as it is: the engine says what is wrong with it.
 */
import * as Schema from "../schema.ts"

/** As the engine has it, with a schema of Effect 3. */
export interface PayloadCodec {
  readonly schema: Schema.AnySchema
  readonly format: "text" | "bytes"
  readonly contentType: string
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

export const isCodec = (value: unknown): value is PayloadCodec =>
  isObject(value) && "schema" in value && Schema.isSchema(value.schema)

/** A schema, or a codec with one. */
export const toEngine = (
  source: unknown,
  convert: (schema: Schema.AnySchema) => unknown = Schema.toEngine
): unknown => {
  if (Schema.isSchema(source)) return convert(source)
  return isCodec(source) ? { ...source, schema: convert(source.schema) } : source
}

/** The engine has to tell a handler's failure from what else it fails with. */
const conversions: { readonly [name: string]: (schema: Schema.AnySchema) => unknown } = {
  failure: Schema.toWrappingEngine
}

/** All schemas of a definition. What cannot be read is left to the engine, which tells how that fails. */
export const definitionToEngine = (definition: unknown): unknown => {
  if (!isObject(definition) || Array.isArray(definition)) return definition
  try {
    return Object.fromEntries(
      Object.entries(definition).map(([name, source]) => [name, toEngine(source, conversions[name])])
    )
  } catch {
    return definition
  }
}

/**
 * Definitions of templates and payloads for the engine, with schemas of Effect 3 in them.
 *
 * A value that is neither a schema nor a codec passes unchanged, and the engine reports the fault.
 */
import * as Schema from "../schema.ts"

/** A codec as in the engine, with a schema of Effect 3. */
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

/** The engine has to tell the failure of a handler from its other failures. */
const conversions: { readonly [name: string]: (schema: Schema.AnySchema) => unknown } = {
  failure: Schema.toWrappingEngine
}

/** Converts all schemas of a definition. A definition that cannot be read goes to the engine, which reports that. */
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

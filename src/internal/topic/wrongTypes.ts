/**
 * Checks the types in the fields that only typed topics have. The client checks all other fields.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as MqttError from "../../MqttError.ts"
import * as Types from "../fieldTypes.ts"

const deadLetter = Types.record({
  deadLetter: Types.required(Types.either(Types.string, Types.callback)),
  qos: Types.qos,
  retain: Types.boolean
})

const schema: Types.Kind = { accepts: Schema.isSchema, expected: "a schema" }

const codec = Types.record({
  schema: Types.required(schema),
  format: Types.required(Types.literal("text", "bytes")),
  contentType: Types.required(Types.string)
})

/** A payload can be given as a schema or a codec. A schema is an object, or a class. */
const payload: Types.Kind = {
  accepts: (value) => Schema.isSchema(value) || Types.faultOf(value, codec, "") === undefined,
  expected: "a schema, or a codec such as `MqttTopic.bytes`"
}

const receiving: Types.Fields = {
  share: Types.string,
  onInvalid: Types.either(Types.literal("log"), Types.callback, deadLetter),
  failures: Types.wholeNumber,
  timeout: Types.duration,
  payload
}

type Reason = MqttError.InvalidOptions | undefined

const reasonOf = (fault: Types.Fault | undefined): Reason =>
  fault === undefined
    ? undefined
    : new MqttError.InvalidOptions({ option: fault.field, description: fault.description })

const readably = (fault: () => Types.Fault | undefined): Reason => {
  try {
    return reasonOf(fault())
  } catch (cause) {
    return reasonOf(Types.unreadable(cause))
  }
}

/** In errors, the fields of the options stand without the name of the options. */
const faultOfOptions = (options: unknown): Types.Fault | undefined => {
  if (options === undefined) return undefined
  return Predicate.isObject(options)
    ? Types.faultWithin(options, receiving)
    : { field: "options", description: "is not an object" }
}

/** Fails if nobody can receive with these. */
export const checkReceiving = (
  options: unknown,
  given: { readonly handler?: readonly [unknown]; readonly topic?: readonly [unknown] } = {}
): Effect.Effect<void, MqttError.MqttError> =>
  Effect.suspend(() => {
    const reason = readably(() =>
      (given.topic === undefined ? undefined : Types.faultOf(given.topic[0], Types.required(Types.string), "topic")) ??
        (given.handler === undefined
          ? undefined
          : Types.faultOf(given.handler[0], Types.required(Types.callback), "handler")) ??
        faultOfOptions(options)
    )
    return reason === undefined ? Effect.void : Effect.fail(MqttError.fromReason(reason))
  })

/** Why these make no typed topic. `payloads` has the names of payloads in the definition. */
export const wrongDefinition = (
  template: unknown,
  definition: unknown,
  options: unknown,
  payloads: object
): Reason =>
  readably(() => {
    const fault = Types.faultOf(template, Types.required(Types.string), "template") ??
      Types.faultOf(definition, Types.required(Types.record()), "definition") ??
      Types.faultOf(options, Types.record({ allowEmpty: Types.boolean }), "options")
    if (fault !== undefined || !Predicate.isObject(definition)) return fault
    const kinds = Object.keys(definition).map((name) => [name, Object.hasOwn(payloads, name) ? payload : schema])
    return Types.faultWithin(definition, Object.fromEntries(kinds))
  })

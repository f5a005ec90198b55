/**
 * Which values a field of the public API accepts, for values that the types forbid: from JSON, from a program in
 * JavaScript.
 *
 * This checks the kind of a value only. Its contents, such as wildcards in a topic, are checked where the value is
 * used.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Validity from "../protocol/Validity.ts"

/** A kind of value, and its description for people. */
export interface Kind {
  readonly accepts: (value: unknown) => boolean
  /** Ends "is not ...". */
  readonly expected: string
  /** The fields of a record that have a kind of their own. */
  readonly fields?: Fields
  readonly isRequired?: true
}

export interface Fields {
  readonly [name: string]: Kind
}

/** Kinds for the fields of a type, so that the compiler misses none. */
export type FieldsOf<A> = { readonly [Name in keyof Required<A>]: Kind }

/** Which field holds a value of another kind. */
export interface Fault {
  readonly field: string
  /** Begins with "is not". */
  readonly description: string
}

const kind = (expected: string, accepts: Kind["accepts"]): Kind => ({ accepts, expected })

export const string = kind("a string", Predicate.isString)
export const boolean = kind("a boolean", Predicate.isBoolean)
export const number = kind("a number", Predicate.isNumber)
export const callback = kind("a function", Predicate.isFunction)
export const effect = kind("an effect", Effect.isEffect)
export const schedule = kind("a schedule", Schedule.isSchedule)
export const redacted = kind("a redacted value; use `Redacted.make`", Redacted.isRedacted)
export const qos = kind("0, 1 or 2", Validity.isQos)
export const payload = kind(
  "a string or a Uint8Array; encode it into one of them",
  (value) => typeof value === "string" || Validity.isBytes(value)
)
export const bytes = kind("a Uint8Array", Validity.isBytes)
export const atLeastOne = kind("a number of at least 1", (value) => typeof value === "number" && value >= 1)
export const wholeNumber = kind(
  "a whole number of at least 1",
  (value) => typeof value === "number" && value >= 1 && (Number.isInteger(value) || value === Infinity)
)

export const wholeFrom = (minimum: number, maximum: number): Kind =>
  kind(
    `a whole number from ${minimum} to ${maximum}`,
    (value) => typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum
  )

export const literal = (...values: ReadonlyArray<string>): Kind =>
  kind(
    values.map((value) => JSON.stringify(value)).join(" or "),
    (value) => typeof value === "string" && values.includes(value)
  )

export const strings = kind(
  "a string or an array of strings",
  (value) => typeof value === "string" || (Array.isArray(value) && everyOne(value, Predicate.isString))
)

export const pairs = kind(
  "an array of pairs of strings",
  (value) =>
    Array.isArray(value) &&
    everyOne(value, (pair) => Array.isArray(pair) && pair.length === 2 && everyOne(pair, Predicate.isString))
)

export const stringsByName = kind(
  "an object of strings",
  (value) => Predicate.isObject(value) && Object.values(value).every(Predicate.isString)
)

/** Like `every`, but it also visits the holes of an array. */
const everyOne = (values: ReadonlyArray<unknown>, accepts: (value: unknown) => boolean): boolean =>
  Array.from(values).every(accepts)

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** Whether the value is a length of time. `Duration` would take `NaN`, and an object without a unit, for no time. */
const isDuration = (value: unknown): boolean => {
  if (typeof value === "number") return value >= 0
  if (Predicate.isObject(value) && !Duration.isDuration(value) && !units.some((unit) => unit in value)) return false
  const duration = Duration.fromInput(value as Duration.Input)
  return Option.isSome(duration) && !Duration.isNegative(duration.value)
}

export const duration = kind("a duration, such as \"10 seconds\"", isDuration)

/** A timeout of no length would be over before it began. */
export const timeout = kind(
  "a duration above zero",
  (value) => isDuration(value) && Duration.toMillis(value as Duration.Input) > 0
)

/** An object with some of these fields. */
export const record = (fields: Fields = {}): Kind => ({ accepts: Predicate.isObject, expected: "an object", fields })

/** Accepts a value of any of several kinds. */
export const either = (...kinds: ReadonlyArray<Kind>): Kind => ({
  accepts: (value) => kinds.some(({ accepts }) => accepts(value)),
  expected: kinds.map(({ expected }) => expected).join(" or "),
  fields: Object.assign({}, ...kinds.map(({ fields }) => fields))
})

/** A field that must not be left out. */
export const required = (kind: Kind): Kind => ({ ...kind, isRequired: true })

/** The first field that holds a forbidden value, within a value that has the name `field`. `undefined` is left out. */
export const faultOf = (value: unknown, kind: Kind, field: string): Fault | undefined => {
  const { accepts, expected, fields, isRequired = false } = kind
  if (value === undefined) return isRequired ? { field, description: "is missing" } : undefined
  if (!accepts(value)) return { field, description: `is not ${expected}` }
  // The value of an effect is checked when the effect is run.
  const isOpaque = fields === undefined || !Predicate.isObject(value) || Effect.isEffect(value)
  return isOpaque ? undefined : faultWithin(value, fields, `${field}.`)
}

/** The same for a record whose own name does not appear in the field's name. */
export const faultWithin = (
  value: { readonly [name: PropertyKey]: unknown },
  fields: Fields,
  before = ""
): Fault | undefined => {
  for (const name of Object.keys(fields)) {
    const fault = faultOf(value[name], fields[name], before + name)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** A value that throws when it is looked at. */
export const unreadable = (cause: unknown, field = "options"): Fault => ({
  field,
  description: `cannot be read: ${cause instanceof Error ? cause.message : "it throws"}`
})

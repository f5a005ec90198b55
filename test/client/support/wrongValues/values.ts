/**
 * Values of every type that JavaScript has, as they come from JSON and from programs without types, and which of them a
 * field of the public API may have.
 */
import { Duration, Effect, Redacted, Schedule } from "effect"

const throws = () => {
  throw new Error("nobody reads this")
}

/** Most of these are wrong in most fields. */
export const values: { readonly [name: string]: unknown } = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  zero: 0,
  one: 1,
  "minus one": -1,
  "one and a half": 1.5,
  NaN: NaN,
  Infinity: Infinity,
  "4 294 967 296": 4_294_967_296,
  "a huge number": Number.MAX_VALUE,
  bigint: 10n,
  "an empty string": "",
  "the string 1": "1",
  "a string": "text",
  "a filter": "a/+",
  "a string with NUL": "nul\0",
  "a lone surrogate": "\ud800",
  "a string of 65,536": "x".repeat(65_536),
  symbol: Symbol("symbol"),
  function: () => "text",
  "an empty object": {},
  "an object": { a: 1 },
  "a Buffer from JSON": { type: "Buffer", data: [1, 2] },
  "an empty array": [],
  "an array of numbers": [1, 2],
  "an array of strings": ["a", "b"],
  "an array with a hole": Array.from({ length: 1 }),
  "half a pair": [["a"]],
  "a pair with a number": [["a", 1]],
  "a pair with a lone surrogate": [["a", "\ud800"]],
  pairs: [["a", "b"]],
  Date: new Date(0),
  Map: new Map([["a", "b"]]),
  String: new String("text"),
  Number: new Number(1),
  Boolean: new Boolean(false),
  Uint8Array: new Uint8Array(3),
  Uint16Array: new Uint16Array([1, 300]),
  ArrayBuffer: new ArrayBuffer(3),
  DataView: new DataView(new ArrayBuffer(3)),
  "an object that throws": new Proxy({}, { get: throws, has: throws, ownKeys: throws })
}

/** Says whether a field may have a value. */
export type Accepts = (value: unknown) => boolean

const guarded = (accepts: Accepts): Accepts => (value) => {
  try {
    return accepts(value)
  } catch {
    return false
  }
}

/** A string that MQTT can carry. */
export const isText = (value: unknown): value is string =>
  typeof value === "string" && !/\p{Surrogate}/u.test(value) && !value.includes("\0") && value.length <= 65_535

export const isTopicName = (value: unknown): boolean => isText(value) && value !== "" && !/[+#]/.test(value)

const isFilter = (value: unknown): boolean => isText(value) && value !== ""

export const isBytes = (value: unknown): boolean => value instanceof Uint8Array

/** At most as long as Binary Data may be. */
export const isPayload = (value: unknown): boolean => typeof value === "string" || isBytes(value)

export const isWillPayload = (value: unknown): boolean =>
  isText(value) || value === "nul\0" || value === "\ud800" || isBytes(value)

export const oneOf = (...allowed: ReadonlyArray<unknown>): Accepts => (value) => allowed.includes(value)

export const isQos = oneOf(0, 1, 2)

export const isBoolean: Accepts = (value) => typeof value === "boolean"

export const isFunction: Accepts = (value) => typeof value === "function"

export const integer = (minimum: number, maximum: number): Accepts => (value) =>
  Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum

/** How many of something. */
export const isCount: Accepts = (value) => value === Infinity || integer(1, Number.MAX_VALUE)(value)

/** A bound of a buffer. */
export const isBound: Accepts = (value) => typeof value === "number" && value >= 1

export const isTopicFilters: Accepts = (value) =>
  isFilter(value) || (Array.isArray(value) && value.length > 0 && value.every(isFilter))

export const isEmptyList: Accepts = (value) => Array.isArray(value) && value.length === 0

/** Whatever they say. */
export const isPairs: Accepts = (value) =>
  Array.isArray(value) &&
  value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === "string"))

export const isUserProperties: Accepts = (value) =>
  Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isText))

export const isStrings: Accepts = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) &&
  Object.values(value).every((one) => typeof one === "string")

const units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]

/** What is said to be a length of time: `NaN` and an object without a unit say nothing. */
const durationOf = (value: unknown): number | undefined => {
  if (typeof value === "number" && !(value >= 0)) return undefined
  if (typeof value === "object" && !Array.isArray(value) && !Duration.isDuration(value)) {
    if (value === null || !Object.keys(value).some((unit) => units.includes(unit))) return undefined
  }
  try {
    const milliseconds = Duration.toMillis(value as Duration.Input)
    return milliseconds >= 0 ? milliseconds : undefined
  } catch {
    return undefined
  }
}

export const isDuration: Accepts = (value) => durationOf(value) !== undefined

export const isTimeout: Accepts = (value) => (durationOf(value) ?? 0) > 0

export const wholeSeconds = (maximum: number): Accepts => (value) => {
  const milliseconds = durationOf(value)
  return milliseconds !== undefined && integer(0, maximum)(milliseconds / 1000)
}

export const isEffect: Accepts = (value) => Effect.isEffect(value)

export const isSchedule: Accepts = (value) => Schedule.isSchedule(value)

export const isRedacted: Accepts = (value) => Redacted.isRedacted(value)

export const isNothing: Accepts = () => false

/** A record of options. What it does not name says nothing, so what is no record in the strict sense is one without any. */
export const isRecord: Accepts = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).every(() => true)

export const isEmptyRecord: Accepts = (value) => isRecord(value) && Object.keys(value as object).length === 0

export const optional = (accepts: Accepts): Accepts => (value) => value === undefined || guarded(accepts)(value)

export const required = guarded

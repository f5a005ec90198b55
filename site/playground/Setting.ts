/**
 * The whole setting of the playground as a plain value: a scenario and its options.
 *
 * `scenarios.ts` says which options matter in a scenario, and with which values it begins; `Address.ts` writes and reads
 * settings.
 */
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/** One of some values, each with words for it. */
const choice = <const Value extends string | number>(
  label: string,
  words: ReadonlyArray<readonly [value: Value, words: string]>
) => {
  const values = words.map(([value]) => value)
  return { _tag: "Choice" as const, label, words, schema: Schema.Literals(values) }
}

/** A whole number within bounds. */
const number = (label: string, minimum: number, maximum: number) => ({
  _tag: "Number" as const,
  label,
  minimum,
  maximum,
  schema: Schema.Int.check(Schema.isBetween({ minimum, maximum }))
})

const policies = [
  ["suspend", "suspend: wait"],
  ["dropOldest", "dropOldest"],
  ["dropNewest", "dropNewest"],
  ["fail", "fail"]
] as const

/** Every field under its name in an address. Times are milliseconds. */
export const fields = {
  scenario: choice("Scenario", [
    ["outage", "An outage"],
    ["restart", "The broker restarts, and loses its sessions"],
    ["slow", "A slow subscriber"],
    ["poison", "A poison message"],
    ["twins", "Two clients with one identifier"],
    ["stall", "A broker that stalls"],
    ["tab", "A tab that is killed, with a store"]
  ]),
  version: choice("MQTT", [["5.0", "5.0"], ["3.1.1", "3.1.1"]]),
  qos: choice("QoS", [[0, "0: at most once"], [1, "1: at least once"], [2, "2: exactly once"]]),
  session: choice("Session", [
    ["clean", "clean"],
    ["persistent", "persistent"],
    ["cleanStartThenPersistent", "cleanStartThenPersistent"]
  ]),
  reconnect: choice("Reconnect", [
    ["default", "default: random, up to 40 s"],
    ["second", "every second"],
    ["five-seconds", "every 5 seconds"],
    ["doubling", "after 1, 2, 4, 8 … seconds"],
    ["three-times", "three times, then never"]
  ]),
  messages: number("Messages", 1, 50),
  interval: number("Time between messages (ms)", 100, 5000),
  window: number("Window (maxInFlight)", 1, 1000),
  outbox: number("Outbox, messages", 1, 10_000),
  outboxPolicy: choice("If the outbox is full", policies),
  receiveMaximum: number("receiveMaximum", 1, 1000),
  buffer: number("Buffer, messages", 1, 10_000),
  bufferPolicy: choice("If the buffer is full", policies),
  handling: number("Time of the handler (ms)", 0, 10_000),
  ending: choice("The network", [["silence", "falls silent"], ["reset", "resets the connections"]]),
  poison: choice("If the handler fails", [
    ["stop", "stop, and start again after a second"],
    ["deadLetter", "three attempts, then a dead letter"],
    ["reject", "refuse the message"],
    ["acknowledge", "acknowledge the message"]
  ]),
  store: choice("Store of the page", [["memory", "yes"], ["none", "none"]])
}

export type Name = keyof typeof fields

export type Setting = { readonly [name in Name]: (typeof fields)[name]["schema"]["Type"] }

export type ScenarioName = Setting["scenario"]

export const names = Object.keys(fields) as ReadonlyArray<Name>

const textOfNumber = /^\d{1,9}$/

/** The value of a field that a text stands for, if it stands for one. */
export const read = <Field extends Name>(name: Field, text: string): Option.Option<Setting[Field]> => {
  const value = textOfNumber.test(text) ? Number(text) : text
  const { schema }: { readonly schema: Schema.Codec<unknown> } = fields[name]
  return Schema.decodeUnknownOption(schema as Schema.Codec<Setting[Field]>)(value)
}

/** The values that a field takes, for people. */
export const range = (name: Name): string => {
  const field = fields[name]
  return field._tag === "Number"
    ? `a whole number from ${field.minimum} to ${field.maximum}`
    : `one of ${field.words.map(([value]) => value).join(", ")}`
}

/** The words for the value of a choice. */
export const wordsFor = (name: Name, value: Setting[Name]): string => {
  const field = fields[name]
  return field._tag === "Number" ? `${value}` : field.words.find(([other]) => other === value)?.[1] ?? `${value}`
}

/**
 * The errors of the library on both sides: each class of the engine has a class of Effect 3, with the same name and
 * fields.
 *
 * An error that crosses several times stays the same error.
 */
import * as Engine from "../../../engine/index.ts"
import * as MqttError from "../MqttError.ts"

type Class = new(fields: never) => Error

const classNamed = (classes: object, tag: string): Class | undefined =>
  Object.entries(classes).find(([name]) => name === tag)?.[1]

const tagOf = (value: unknown): string | undefined =>
  value instanceof Error && "_tag" in value && typeof value._tag === "string" ? value._tag : undefined

/** `Object.entries` leaves out computed properties, such as the message, and also the cause of an error. */
const fieldsOf = (error: Error, convert: (value: unknown) => unknown): never =>
  Object.fromEntries(
    [...Object.entries(error), ...(Object.hasOwn(error, "cause") ? [["cause", error.cause] as const] : [])]
      .filter(([name]) => name !== "_tag")
      .map(([name, value]) => [name, convert(value)])
  ) as never

const translator = (from: object, to: object, known: WeakMap<Error, Error>, back: WeakMap<Error, Error>) => {
  const translate = (value: unknown): unknown => {
    const tag = tagOf(value)
    if (tag === undefined || !(value instanceof Error)) return value
    const ofHost = Engine.hostErrorOf(value)
    if (ofHost !== undefined) return ofHost
    const translated = known.get(value)
    if (translated !== undefined) return translated
    const [source, target] = [classNamed(from, tag), classNamed(to, tag)]
    if (source === undefined || target === undefined || !(value instanceof source)) return value
    const made = new target(fieldsOf(value, translate))
    if (value.stack !== undefined) made.stack = value.stack
    known.set(value, made)
    back.set(made, value)
    return made
  }
  return translate
}

const ofEffect3 = new WeakMap<Error, Error>()
const ofEngine = new WeakMap<Error, Error>()

/** Returns any other value unchanged. */
export const toEffect3: (value: unknown) => unknown = translator(Engine.MqttError, MqttError, ofEffect3, ofEngine)

/** Returns any other value unchanged. */
export const toEngine: (value: unknown) => unknown = translator(MqttError, Engine.MqttError, ofEngine, ofEffect3)

/** An error of Effect 3 is an Effect too; this tells them apart. */
export const isError = (value: unknown): boolean => value instanceof Error

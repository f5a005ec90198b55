/**
 * Shared tools to read every part of the configuration, and the names that people write instead of a variable's own.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as MqttError from "../MqttError.ts"

/** `undefined` if the variable is not set. A variable that is set and cannot be read still fails. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  config.pipe(Config.map((value): A | undefined => value), Config.withDefault(undefined))

/**
 * Fails if this variable is set, because it would do nothing: with its whole name, prefix and all, and without its
 * value.
 */
export const refused = (name: string, description: string): Config.Config<undefined> => {
  const none = Schema.RedactedFromValue(Schema.String).check(Schema.makeFilter(() => description))
  return Config.map(optional(Config.schema(none, name)), () => undefined)
}

/** The name without one of its underscores, and without all of them. */
const misspellings = (name: string): ReadonlyArray<string> => {
  const words = name.split("_")
  const joined = words.slice(1).map((_, index) =>
    words.reduce((text, word, position) => `${text}${position === index + 1 ? "" : "_"}${word}`)
  )
  return [words.join(""), ...joined]
}

/**
 * A variable that would do nothing, such as `MQTT_KEEPALIVE`, fails with the intended name. Such a variable has an
 * underscore less than one of these `names`, or stands among the `others`, with its intended name.
 */
export const withoutMisspellings = (
  names: ReadonlyArray<string>,
  others: { readonly [name: string]: string } = {}
): Config.Config<unknown> => {
  const meant = new Map(names.flatMap((name) => misspellings(name).map((misspelling) => [misspelling, name])))
  for (const [name, means] of Object.entries(others)) meant.set(name, means)
  for (const name of names) meant.delete(name)
  return Config.all(
    [...meant].map(([misspelling, name]) => refused(misspelling, `is not an option; did you mean ${name}?`))
  )
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && Object.getPrototypeOf(value) === Object.prototype

/** The first option that is a value and no `Config`. */
const firstPlain = (wrapped: unknown, option: string): string | undefined => {
  if (Config.isConfig(wrapped)) return undefined
  if (!isRecord(wrapped)) return option
  for (const [name, value] of Object.entries(wrapped)) {
    const plain = firstPlain(value, name)
    if (plain !== undefined) return plain
  }
  return undefined
}

/**
 * The argument of `layerConfig`: a `Config` of all options, or an object with a `Config` for each. An option that is an
 * object may itself be an object with a `Config` for each field. So may an option that could also be an effect, for
 * which `Config.Wrap` has no fields.
 *
 * @since 0.2.0
 * @category models
 */
export type Wrap<A> =
  | Config.Config<A>
  | {
    readonly [Name in keyof A]:
      | Config.Wrap<A[Name]>
      | Config.Wrap<Exclude<A[Name], Effect.Effect<unknown, unknown>>>
  }

/** The types cannot say that a `Config` of a value will do for an option that may be a value or an effect. */
export const toConfig = <A>(wrapped: Wrap<A>): Config.Config<A> => Config.unwrap(wrapped as Config.Wrap<A>)

/**
 * The options that a configuration has. The types forbid a plain value in it, because `Config.unwrap` would never end
 * on it.
 */
export const unwrap = <A>(wrapped: Wrap<A>): Effect.Effect<A, MqttError.MqttError | Config.ConfigError> =>
  Effect.suspend((): Effect.Effect<A, MqttError.MqttError | Config.ConfigError> => {
    const option = firstPlain(wrapped, "config")
    if (option === undefined) return toConfig(wrapped)
    const description =
      "is a plain value, but `layerConfig` takes a Config for every option: write `Config.succeed(value)`, or " +
      "give the options to `layer`"
    return Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
  })

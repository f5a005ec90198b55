/**
 * Configurations between Effect 3 and the engine. A configuration of the engine reads from the program's
 * `ConfigProvider`. The engine checks a configuration of the program before it is read.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Engine from "../../../engine/index.ts"
import type { ProgramRuntime } from "./bridge.ts"
import { Membrane } from "./membrane.ts"

type EngineConfig = Engine.Config<unknown>
type Texts = ReadonlyMap<string, string | undefined>

const keyOf = (path: Engine.ConfigPath): string => JSON.stringify(path)

const textIn = (texts: Texts) => (path: Engine.ConfigPath): string | undefined => texts.get(keyOf(path))

/** The text of a variable, if there is one. */
const textAt = (path: Engine.ConfigPath): Config.Config<string | undefined> => {
  const names = path.slice(0, -1).toReversed()
  const text = names.reduce((config, name) => Config.nested(config, name), Config.string(path.at(-1) ?? ""))
  return Config.map(Config.option(text), Option.getOrUndefined)
}

/** A configuration of Effect 3 that depends on the result of another one. They are loaded in this order. */
const flatMap = <A, B>(first: Config.Config<A>, second: (value: A) => Config.Config<B>): Config.Config<B> =>
  Config.suspend(() => {
    let read: { readonly value: A } | undefined
    const reading = Config.map(first, (value) => {
      read = { value }
    })
    // If the first fails, both fail.
    const next = Config.suspend((): Config.Config<Option.Option<B>> =>
      read === undefined ? Config.succeed(Option.none()) : Config.map(second(read.value), Option.some)
    )
    return Config.map(Config.zipWith(reading, next, (_, value) => value), Option.getOrThrow)
  })

/** The fiber that loads a configuration is the one that asked for it. */
const currentRuntime = (): ProgramRuntime =>
  Option.match(Fiber.getCurrentFiber(), {
    onNone: () => Runtime.defaultRuntime,
    onSome: (fiber) =>
      Runtime.make({
        context: fiber.currentContext,
        fiberRefs: fiber.getFiberRefs(),
        runtimeFlags: Runtime.defaultRuntime.runtimeFlags
      }) as ProgramRuntime
  })

/** Runs effects of the engine that end at once. */
const now = (effect: (membrane: Membrane) => Effect.Effect<unknown, unknown>): Exit.Exit<unknown, unknown> =>
  Runtime.runSyncExit(currentRuntime())(Effect.flatMap(Membrane.make, effect))

const asked = (config: EngineConfig, texts: Texts): ReadonlyArray<Engine.ConfigPath> => {
  const paths = now((membrane) => membrane.made(Engine.askedBy(config, textIn(texts))))
  return Exit.isSuccess(paths) ? paths.value as ReadonlyArray<Engine.ConfigPath> : []
}

/** Looks for variables until the engine asks for no new ones: its next question may depend on the texts it has. */
const textsFor = (config: EngineConfig, known: Texts = new Map()): Config.Config<Texts> =>
  Config.suspend(() => {
    const paths = new Map(asked(config, known).map((path) => [keyOf(path), path]))
    const unknown = [...paths].filter(([key]) => !known.has(key))
    if (unknown.length === 0) return Config.succeed(known)
    const texts = Config.all(unknown.map(([key, path]) => Config.map(textAt(path), (text) => [key, text] as const)))
    return flatMap(texts, (found) => textsFor(config, new Map([...known, ...found])))
  })

const toConfigError = (faults: ReadonlyArray<Engine.ConfigFault>, texts: Texts): ConfigError.ConfigError =>
  faults
    .map(({ message, path }) =>
      texts.get(keyOf(path)) === undefined
        ? ConfigError.MissingData([...path], message)
        : ConfigError.InvalidData([...path], message)
    )
    .reduce((one, other) => ConfigError.And(one, other))

const read = (config: EngineConfig, texts: Texts): Either.Either<unknown, ConfigError.ConfigError> => {
  const exit = now((membrane) =>
    Effect.map(membrane.made(Engine.readConfig(config, textIn(texts))), membrane.toProgram)
  )
  if (Exit.isSuccess(exit)) return Either.right(exit.value)
  const { cause } = exit
  if (cause._tag === "Fail" && cause.error instanceof Engine.ConfigRefused) {
    return Either.left(toConfigError(cause.error.faults, texts))
  }
  throw Runtime.makeFiberFailure(cause)
}

/** A configuration of the engine as one of Effect 3, which reads the same variables. */
export const fromEngine = (config: EngineConfig): Config.Config<unknown> =>
  Config.mapOrFail(textsFor(config), (texts) => read(config, texts))

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The same structure for the engine, which only looks for values in it that are no configurations. */
const shapeOf = (wrapped: unknown): unknown => {
  if (Config.isConfig(wrapped)) return Engine.someConfig
  if (!isPlain(wrapped)) return wrapped
  return Object.fromEntries(Object.entries(wrapped).map(([name, value]) => [name, shapeOf(value)]))
}

/**
 * The options from a configuration of all of them, or from an object with a configuration for each, to any depth. If a
 * value in it is no configuration, this fails with the engine's error.
 */
export const unwrap = (wrapped: unknown): Effect.Effect<object, unknown> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    yield* membrane.made(Engine.unwrapConfig(shapeOf(wrapped) as EngineConfig))
    return yield* Config.unwrap(wrapped as Config.Config<object>)
  })

type Merge = (config: EngineConfig, own: EngineConfig) => EngineConfig

/** Two configurations of Effect 3, whose results the engine merges. */
export const mergedBy = (merge: Merge, config: Config.Config<unknown>, own: unknown): Config.Config<unknown> =>
  Config.map(Config.zip(config, Config.unwrap(own as Config.Config<unknown>)), ([found, given]) => {
    const both = merge(Engine.succeedConfig(found), Engine.succeedConfig(given))
    const exit = now((membrane) => membrane.made(Engine.readConfig(both, () => undefined)))
    if (Exit.isSuccess(exit)) return exit.value
    throw Runtime.makeFiberFailure(exit.cause)
  })

/**
 * Configurations of the client, read from texts that the host has loaded.
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Services } from "./Host.ts"

export type { Config } from "effect/Config"
export { unwrap as unwrapConfig } from "../src/internal/config.ts"

/** The path of a variable, such as `["MQTT", "CLIENT_ID"]`. */
export type ConfigPath = ReadonlyArray<string>

/** A fault in one variable. */
export interface ConfigFault {
  readonly path: ConfigPath
  readonly message: string
}

/** The faults for which nothing was read. */
export class ConfigRefused {
  readonly faults: ReadonlyArray<ConfigFault>

  constructor(faults: ReadonlyArray<ConfigFault>) {
    this.faults = faults
  }
}

const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const nameOf = (segment: unknown): string =>
  String(typeof segment === "object" && segment !== null && "key" in segment ? segment.key : segment)

const refusedOf = ({ cause }: Config.ConfigError): ConfigRefused =>
  new ConfigRefused(
    Schema.isSchemaError(cause)
      ? toIssues(cause.issue).issues.map(({ message, path = [] }) => ({ message, path: path.map(nameOf) }))
      : [{ message: cause.message, path: [] }]
  )

/** Runs without a break: reading many variables takes more steps than a fiber makes in one turn. */
const atOnce = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.contextWith((services: Services) => Effect.runSyncExitWith(services)(effect))

/** Reads a configuration from these texts, at once. Fails with `ConfigRefused`. */
export const readConfig = <A>(
  config: Config.Config<A>,
  textAt: (path: ConfigPath) => string | undefined
): Effect.Effect<A, ConfigRefused> => {
  const provider = ConfigProvider.make((path) =>
    Effect.sync(() => {
      const text = textAt(path.map(String))
      return text === undefined ? undefined : ConfigProvider.makeValue(text)
    })
  )
  return atOnce(Effect.mapError(config.parse(provider), refusedOf))
}

/** The variables a configuration asks for, given these texts, at once. Logs nothing. */
export const askedBy = (
  config: Config.Config<unknown>,
  textAt: (path: ConfigPath) => string | undefined
): Effect.Effect<ReadonlyArray<ConfigPath>> =>
  Effect.suspend(() => {
    const asked: Array<ConfigPath> = []
    const reading = readConfig(config, (path) => {
      asked.push(path)
      return textAt(path)
    })
    return Effect.as(Effect.exit(reading), asked)
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

/** Takes the place of a configuration of the host if nobody will read it. */
export const someConfig: Config.Config<undefined> = Config.succeed(undefined)

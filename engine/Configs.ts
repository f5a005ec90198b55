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

/** Where a variable stands, such as `["MQTT", "CLIENT_ID"]`. */
export type ConfigPath = ReadonlyArray<string>

/** What is wrong with one variable. */
export interface ConfigFault {
  readonly path: ConfigPath
  readonly message: string
}

/** Why nothing was read. */
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

/** All at once: reading many variables takes more steps than a fiber makes without a break. */
const atOnce = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.contextWith((services: Services) => Effect.runSyncExitWith(services)(effect))

/** What a configuration makes of these texts, at once; fails with `ConfigRefused`. */
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

/** The variables that it asks for when there are these texts, at once. Nothing is logged. */
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

/** Stands for a configuration of the host's where only it matters that it is one. */
export const someConfig: Config.Config<undefined> = Config.succeed(undefined)

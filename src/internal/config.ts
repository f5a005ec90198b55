/**
 * What every part of the configuration is read with.
 */
import * as Config from "effect/Config"

/** `undefined` where nothing is said. What is said and cannot be read still fails. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  config.pipe(Config.map((value): A | undefined => value), Config.withDefault(undefined))

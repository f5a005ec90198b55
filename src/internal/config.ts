/**
 * What reading options from the environment needs besides `effect`'s own: a value that need not be there.
 */
import * as Config from "effect/Config"

/** `undefined` where nothing is said. What is said and cannot be read still fails. */
export const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  config.pipe(Config.map((value): A | undefined => value), Config.withDefault(undefined))

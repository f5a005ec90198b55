/**
 * Arguments as users of `mosquitto_pub` write them, in the form that `effect/cli` reads.
 *
 * A value may begin with a dash (`-m -5`), may follow its letter at once (`-p1884`), and `-D` takes three or four. The
 * commands define the flags.
 *
 * @since 0.1.0
 */
import type * as Completions from "effect/cli/Completions"

type Flag = Completions.CommandDescriptor["flags"][number]

/** The flag whose value is several arguments: command, name, value, and a second value for a pair. */
const property = "property"
const pair = "user-property"

const flagOf = (argument: string, flags: ReadonlyArray<Flag>): Flag | undefined =>
  flags.find(({ aliases, name }) =>
    argument === `--${name}` || aliases.some((alias) => argument === (alias.length === 1 ? `-${alias}` : `--${alias}`))
  )

const isBoolean = ({ type }: Flag): boolean => type._tag === "Boolean"

/** How many of the arguments after the flag are its value. */
const valuesOf = ({ name }: Flag, rest: ReadonlyArray<string>): number => {
  if (name !== property) return 1
  return rest[1] === pair ? 4 : 3
}

const normalized = (flags: ReadonlyArray<Flag>, list: ReadonlyArray<string>): ReadonlyArray<string> => {
  const result: Array<string> = []
  for (let index = 0; index < list.length; index++) {
    const argument = list[index]
    if (argument === "--") return [...result, ...list.slice(index)]
    const flag = flagOf(argument, flags)
    if (flag === undefined) {
      const joined = /^-[A-Za-z][^=]/.test(argument) ? flagOf(argument.slice(0, 2), flags) : undefined
      const isValue = joined !== undefined && !isBoolean(joined) && joined.name !== property
      result.push(isValue ? `--${joined.name}=${argument.slice(2)}` : argument)
      continue
    }
    const rest = list.slice(index + 1)
    const count = isBoolean(flag) ? 0 : valuesOf(flag, rest)
    if (count === 0 || rest.length < count) result.push(`--${flag.name}`)
    else result.push(`--${flag.name}=${count === 1 ? rest[0] : JSON.stringify(rest.slice(0, count))}`)
    if (rest.length >= count) index += count
  }
  return result
}

/**
 * The arguments for the first command that they name.
 *
 * @since 0.1.0
 * @category conversions
 */
export const normalize = (
  root: Completions.CommandDescriptor,
  list: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const command = root.subcommands.find(({ name }) => name === list[0])
  return command === undefined ? list : [command.name, ...normalized(command.flags, list.slice(1))]
}

/**
 * The layout of `--help`: the command's own flags come first, the flags that all commands share stand in a group below.
 *
 * @since 0.2.0
 */
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import type { HelpDoc } from "effect/cli/HelpDoc"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Flags from "./flags.ts"

/** Empty for a command that does not connect: its `--id` is its own. */
const connectionNames = ({ flags }: HelpDoc): ReadonlySet<string> =>
  flags.some(({ name }) => name === "host")
    ? new Set(Completions.fromCommand(Command.make("connection", Flags.connection)).flags.map(({ name }) => name))
    : new Set()

/** Effect renders a second group of flags only under its own title. */
const titled = (text: string): string => text.replace("INHERITED FLAGS", "CONNECTION FLAGS")

/**
 * Prints the help of a command.
 *
 * @since 0.2.0
 * @category printing
 */
export const print = Effect.fnUntraced(function*(help: HelpDoc) {
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const names = connectionNames(help)
  const text = CliOutput.defaultFormatter({ colors: canColor, inheritedFlags: "full" }).formatHelpDoc({
    ...help,
    flags: help.flags.filter(({ name }) => !names.has(name)),
    inheritedFlags: help.flags.filter(({ name }) => names.has(name))
  })
  yield* Console.log(titled(text))
})

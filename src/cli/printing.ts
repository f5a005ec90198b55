/**
 * The flags of the commands that print messages.
 *
 * `format.ts` does the printing.
 *
 * @since 0.1.0
 */
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Format from "./format.ts"

/**
 * @since 0.1.0
 * @category constants
 */
export const flags = {
  format: Flags.optional(Flags.text("format", "F", "such as \"%t %p\"; docs/cli.md lists all specifiers")),
  json: Flags.toggle("json", undefined, "print a line of JSON for each message"),
  hex: Flags.toggle("hex", undefined, "print payloads in hexadecimal"),
  pretty: Flags.toggle("pretty", undefined, "JSON for people"),
  verbose: Flags.toggle("verbose", "v", "print the topic before each payload"),
  withoutNewline: Flags.toggle("no-newline", "N", "print no line feed after each message")
}

/**
 * The format that these flags choose.
 *
 * @since 0.1.0
 * @category constructors
 */
export const chosen = (
  input: Command.Command.Config.Infer<typeof flags>
): Effect.Effect<Format.Format, Usage> =>
  Effect.fromResult(Result.mapError(Format.choose(input), (description) => new Usage({ description })))

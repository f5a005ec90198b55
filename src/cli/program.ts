/**
 * The command line as an effect: its commands, their common flags, and the text of an error.
 *
 * @since 0.1.0
 */
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type { PlatformError } from "effect/PlatformError"
import * as Fs from "node:fs"
import type { MqttError } from "../MqttError.ts"
import * as Arguments from "./arguments.ts"
import * as Commands from "./commands.ts"
import { MessagesWait, type TimedOut, type Unsuccessful, type Usage } from "./exitCode.ts"
import * as Help from "./help.ts"
import * as Output from "./output.ts"

const builtIn = (name: string, description: string, run: GlobalFlag.Action<boolean>["run"]) =>
  GlobalFlag.Action({
    flag: Flag.Boolean(name).pipe(
      Flag.withDescription(description),
      Flag.withoutNegation,
      Flag.withDefault(false)
    ),
    run
  })

/** These have no letters: `-h` is the host and `-v` prints topics. */
const builtIns = [
  builtIn("help", "print this help", GlobalFlag.Help.run),
  builtIn("version", "print the version of this program", GlobalFlag.Version.run),
  GlobalFlag.Completions
]

/** A password may stand where it does not belong. */
const withoutPasswords = (text: string): string => text.replace(/(\/\/[^\s:@/]*):[^\s@]*@/g, "$1:***@")

const { present } = CliOutput.defaultPresenter

/** An error about one flag does not list all flags. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Output.note(
        [
          // Behind the first line are all flags with one letter that could be meant.
          ...event.errors.map(({ message }) => `Error: ${withoutPasswords(message.split("\n\n")[0])}`),
          `See ${event.commandPath.join(" ")} --help.`
        ].join("\n")
      )
      : event._tag === "Help"
      ? Help.print(event.helpDoc)
      : present(event)
}

const environment = Layer.mergeAll(
  CliConfig.layer({ builtIns }),
  CliOutput.layerPresenter(presenter),
  Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])
)

/** Errors about flags were presented already. */
const tell = (error: unknown): Effect.Effect<void> => {
  if (CliError.isCliError(error)) return Effect.void
  if (error instanceof MessagesWait) return error.description === "" ? Effect.void : Output.note(error.description)
  return Output.note(`Error: ${withoutPasswords(error instanceof Error ? error.message : String(error))}`)
}

/**
 * The errors of a command.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure =
  | CliError.CliError
  | Config.ConfigError
  | MessagesWait
  | MqttError
  | PlatformError
  | TimedOut
  | Unsuccessful
  | Usage

/** The path is the same from `src/cli` and from `dist/cli`. */
const manifest: { readonly version: string } = JSON.parse(
  Fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")
)

/**
 * Runs the command that the arguments name, and writes its error on standard error.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (list: ReadonlyArray<string>): Effect.Effect<void, Failure, Command.Environment> =>
  Effect.gen(function*() {
    const root = yield* Commands.rootFor(list)
    const normalized = Arguments.normalize(Completions.fromCommand(root), list)
    yield* Command.runWith(root, { version: manifest.version, renderErrors: true })(normalized).pipe(
      normalized.includes("--quiet") ? (self) => self : Effect.tapError(tell)
    )
  }).pipe(Effect.provide(environment))

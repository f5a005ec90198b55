/**
 * The commands: their descriptions for `--help`, and their modules.
 *
 * Only the command that the arguments name is loaded: the others, with the client and all that it needs, would take longer
 * than `--help` does.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const command = <const Name extends string, Input, ContextInput, E, R>(
  name: Name,
  description: string,
  load: () => Promise<{ readonly command: Command.Command<Name, Input, ContextInput, E, R> }>
) => ({
  name,
  known: Command.make(name).pipe(Command.withDescription(description)),
  loaded: Effect.map(Effect.promise(load), ({ command }) => Command.withDescription(command, description))
})

const commands = [
  command("pub", "Publishes a message, or each line of standard input as a message", () => import("./pub.ts")),
  command("sub", "Prints the messages of topics", () => import("./sub.ts")),
  command("replay", "Publishes the messages of a recording by sub --record", () => import("./replay.ts")),
  command("request", "Publishes a request and prints its answer (MQTT 5.0)", () => import("./request.ts")),
  command("respond", "Answers requests (MQTT 5.0)", () => import("./respond.ts")),
  command("ping", "Measures round trips to the broker", () => import("./ping.ts")),
  command("bench", "Measures how many messages a second the broker takes and delivers", () => import("./bench.ts")),
  command(
    "outbox",
    "Lists the messages that wait in a store, even if another program uses it",
    () => import("./outbox.ts")
  )
]

/** Stands for all commands with their flags, which the completions of a shell need. */
const everything = "everything"

const completion = Command.make(
  "completion",
  {
    shell: Argument.Literals("shell", ["bash", "zsh", "fish", "powershell"]).pipe(
      Argument.withDescription("the shell that gets the completions")
    )
  },
  ({ shell }): Effect.Effect<void> =>
    Effect.flatMap(
      withFlagsOf(everything),
      (root) => Console.log(Completions.generate(root.name, shell, Completions.fromCommand(root)))
    )
).pipe(
  Command.withDescription("Prints completions of commands and flags for a shell"),
  Command.withExamples([
    { command: "source <(effect-mqtt completion bash)", description: "Switches completions on in the current shell" }
  ])
)

const withFlagsOf = (named: string | undefined) =>
  Effect.map(
    Effect.all(
      commands.map(({ known, loaded, name }) => named === name || named === everything ? loaded : Effect.succeed(known))
    ),
    (subcommands) =>
      Command.make("effect-mqtt").pipe(
        Command.withDescription("An MQTT 5.0 and 3.1.1 client for the command line"),
        Command.withSubcommands([...subcommands, completion])
      )
  )

/**
 * The root of the commands, for these arguments. Commands that the arguments do not name have no flags there.
 *
 * @since 0.2.0
 * @category constructors
 */
export const rootFor = (list: ReadonlyArray<string>) =>
  withFlagsOf(
    list.some((argument) => argument.startsWith("--completions"))
      ? everything
      : list.find((argument) => commands.some(({ name }) => name === argument))
  )

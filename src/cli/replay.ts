/**
 * `effect-mqtt replay`: publishes a recording of `sub --record`.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { PlatformError } from "effect/PlatformError"
import type { Stdio } from "effect/Stdio"
import type * as Stream from "effect/Stream"
import * as Connecting from "./connecting.ts"
import { Unsuccessful, type Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Payload from "./payload.ts"
import * as Playing from "./playing.ts"
import * as Session from "./session.ts"

/** How many times as fast; `NaN` if it is neither a number above 0 nor a word for at once. */
const factorOf = (text: string): number => {
  if (text === "max" || /^0+$/.test(text)) return Infinity
  const factor = text.trim() === "" ? Number.NaN : Number(text)
  return factor > 0 ? factor : Number.NaN
}

const speed = Flags.text(
  "speed",
  undefined,
  "a factor for the recorded pace, or max for the pace of the broker; default 1"
)
  .pipe(
    Flag.filter((text) => !Number.isNaN(factorOf(text)), () => "a number above 0, or max"),
    Flag.map(factorOf),
    Flags.or(1)
  )

const input = {
  ...Flags.connection,
  file: Argument.String("file").pipe(
    Argument.withDescription("a recording by sub --record; - is standard input")
  ),
  speed,
  maxInFlight: Connecting.maxInFlight
}

type Input = Command.Command.Config.Infer<typeof input>

const bytesOf = (file: string): Stream.Stream<Uint8Array, Usage | PlatformError, Stdio> =>
  file === "-" ? Payload.standardInput : Payload.file(file)

const count = (number: number, one: string, several: string): string =>
  `${number.toLocaleString("en")} ${number === 1 ? one : several}`

const summary = ({ damaged, published, refused }: Playing.Counts): string =>
  `${count(published, "message", "messages")} published, ${refused.toLocaleString("en")} refused, ` +
  count(damaged, "line damaged", "lines damaged")

const isEmpty = ({ damaged, published, refused }: Playing.Counts): boolean => damaged + published + refused === 0

const replay = Effect.fnUntraced(function*(input: Input) {
  const connecting = yield* Connecting.resolve(input)
  const counts: Playing.Counts = { published: 0, refused: 0, damaged: 0 }
  const lines = Payload.lines(bytesOf(input.file))
  const tell = (sentence: string) => input.quiet ? Effect.void : Output.note(sentence)
  yield* Session.run(connecting, (mqtt) =>
    Playing.play(mqtt, lines, { speed: input.speed, counts, tell }).pipe(
      // Also after an interruption or a failure: the messages that were published are published.
      Effect.onExit((exit) =>
        Exit.isFailure(exit) && isEmpty(counts) ? Effect.void : Effect.ignore(Output.line(summary(counts)))
      )
    ))
  const { damaged, refused } = counts
  if (refused + damaged > 0) return yield* new Unsuccessful({ description: "not all lines could be published" })
})

/**
 * @since 0.2.0
 * @category commands
 */
export const command = Command.make("replay", input, replay).pipe(
  Command.withExamples([
    { command: "effect-mqtt replay incident.jsonl", description: "At the recorded pace" },
    { command: "effect-mqtt replay incident.jsonl --speed 10", description: "Ten times as fast" },
    {
      command: "gunzip -c incident.jsonl.gz | effect-mqtt replay - --speed max",
      description: "As fast as the broker allows"
    }
  ])
)

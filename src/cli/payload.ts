/**
 * The payload to publish: from an argument, a file, or standard input, whole or line by line.
 *
 * @since 0.1.0
 */
import type * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"

/**
 * @since 0.1.0
 * @category constants
 */
export const flags = {
  message: Flags.optional(Flags.text("message", "m", "the payload")),
  file: Flags.optional(Flags.text("file", "f", "a file with the payload")),
  empty: Flags.toggle("null-message", "n", "an empty payload"),
  stdin: Flags.toggle("stdin-file", "s", "use all of standard input as the payload")
}

/**
 * The values of these flags.
 *
 * @since 0.1.0
 * @category models
 */
export type Input = Command.Command.Config.Infer<typeof flags>

const unreadable = (file: string) => (cause: unknown): Usage =>
  new Usage({ description: `${file}: ${cause instanceof Error ? cause.message : String(cause)}` })

/**
 * Standard input as it comes.
 *
 * @since 0.1.0
 * @category sources
 */
export const standardInput = Stream.unwrap(Stdio.Stdio.useSync(({ stdin }) => stdin))

/**
 * The bytes of a file. The file is opened when it is read, because only the reader hears of an error.
 *
 * @since 0.1.0
 * @category sources
 */
export const file = (path: string): Stream.Stream<Uint8Array, Usage> =>
  Stream.suspend(() => Stream.fromAsyncIterable(Fs.createReadStream(path), unreadable(path)))

const joined = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (chunks): Uint8Array => Buffer.concat(chunks))

/** How many of them are given. */
const sourcesOf = ({ empty, file, message, stdin }: Input): number =>
  [empty, file !== undefined, message !== undefined, stdin].filter((isGiven) => isGiven).length

/**
 * The payload that the flags name. Exactly one of the flags must be given.
 *
 * @since 0.1.0
 * @category sources
 */
export const whole = Effect.fnUntraced(function*(input: Input) {
  if (sourcesOf(input) !== 1) return yield* new Usage({ description: "Give one of -m, -f, -s, -n" })
  if (input.message !== undefined) return input.message
  if (input.file !== undefined) return yield* joined(file(input.file))
  return input.stdin ? yield* joined(standardInput) : ""
})

const newline = 0x0a

/**
 * Bytes between line feeds, as they are: any encoding, and a carriage return belongs to its line. The last line needs no
 * line feed.
 *
 * @since 0.1.0
 * @category sources
 */
export const lines = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.mapAccum(
    bytes,
    (): ReadonlyArray<Uint8Array> => [],
    (begun, chunk) => {
      const complete: Array<Uint8Array> = []
      let from = 0
      let pending = begun
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
        const rest = chunk.subarray(from, end)
        complete.push(pending.length === 0 ? rest : Buffer.concat([...pending, rest]))
        pending = []
        from = end + 1
      }
      return [from === chunk.length ? pending : [...pending, chunk.subarray(from)], complete]
    },
    { onHalt: (pending) => pending.length === 0 ? [] : [Buffer.concat(pending)] }
  )

/**
 * `sub --record`: received messages as the lines of a recording, in a file or on standard output.
 *
 * `recording.ts` has the format of a line.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import type { MqttMessage } from "../MqttMessage.ts"
import { Unsuccessful, Usage } from "./exitCode.ts"
import * as Output from "./output.ts"
import * as Recording from "./recording.ts"

const problemOf = (path: string, cause: unknown): { readonly description: string } => ({
  description: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`
})

/** Creates the file, and empties a file that is there. */
const openFile = (path: string) =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => Fs.open(path, "w"), catch: (cause) => new Usage(problemOf(path, cause)) }),
    (file) => Effect.promise(() => file.close())
  )

/** An interruption waits for the write that goes on, so no line is cut. */
const writeTo = (path: string, file: Fs.FileHandle) => (lines: ReadonlyArray<Uint8Array>) =>
  Effect.uninterruptible(Effect.tryPromise({
    try: () => file.appendFile(Buffer.concat(lines)),
    catch: (cause) => new Unsuccessful(problemOf(path, cause))
  }))

/**
 * Records a stream of messages until it ends, as fast as the file takes it; `-` is standard output.
 *
 * @since 0.2.0
 * @category output
 */
export const record = (path: string) => <E, R>(messages: Stream.Stream<MqttMessage, E, R>) => {
  const lines = Stream.mapEffect(
    messages,
    (message) => Effect.map(Clock.currentTimeMillis, (now) => Recording.toLine(message, now))
  )
  return path === "-"
    ? Output.writeAll(lines)
    : Effect.scoped(Effect.flatMap(openFile(path), (file) => Stream.runForEachArray(lines, writeTo(path, file))))
}

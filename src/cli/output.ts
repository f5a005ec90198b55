/**
 * Standard output for bytes, as fast as its reader takes them; and standard error for people.
 *
 * If the reader stops reading, the command ends quietly.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/**
 * Nobody reads standard output any more, as behind `| head`.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unread extends Schema.TaggedError<Unread>()("Unread", {}) {}

const codes: ReadonlySet<unknown> = new Set(["EPIPE", "ERR_STREAM_DESTROYED"])

const isUnread = ({ reason }: PlatformError): boolean =>
  reason.cause instanceof Error && "code" in reason.cause && codes.has(reason.cause.code)

const unreadOr = (error: PlatformError): Unread | PlatformError => isUnread(error) ? new Unread() : error

/**
 * Writes a stream to standard output; it is pulled as fast as that takes it.
 *
 * @since 0.1.0
 * @category output
 */
export const writeAll = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Stdio.Stdio.use((stdio) =>
    stream.pipe(
      // One write for all chunks that have come together.
      Stream.mapArray((chunks) => [Buffer.concat(chunks)]),
      Stream.run(stdio.stdout())
    )
  ).pipe(Effect.mapError((error) => isPlatformError(error) ? unreadOr(error) : error))

const isPlatformError = (error: unknown): error is PlatformError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "PlatformError"

/**
 * A line on standard output.
 *
 * @since 0.1.0
 * @category output
 */
export const line = (text: string) => writeAll(Stream.succeed(Buffer.from(`${text}\n`)))

/**
 * Ends without an error if nobody reads standard output any more.
 *
 * @since 0.1.0
 * @category output
 */
export const quietly = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | void, Exclude<E, Unread>, R> =>
  Effect.catch(
    self,
    (error) => error instanceof Unread ? Effect.void : Effect.fail(error as Exclude<E, Unread>)
  )

/**
 * A line on standard error.
 *
 * @since 0.1.0
 * @category output
 */
export const note = (text: string): Effect.Effect<void> => Console.error(text)

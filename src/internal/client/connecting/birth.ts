/**
 * The message that every connection begins with. It is obtained for each attempt, and announced on the connection that
 * results.
 *
 * It has one owner for all connections, so that the client can also find out if connections keep ending with a packet
 * behind it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import { harmless } from "../../harmlessText.ts"
import { Announcement } from "../session/announcement.ts"

export class Birth {
  #announcement: Announcement | undefined
  #message: Message | undefined
  /** Present while a connection lives: reports that the server did not accept the birth. */
  #refused: ((error: MqttError) => void) | undefined

  /** Stores the message for the attempt that follows. */
  prepare(message: Message | undefined): void {
    this.#message = message
  }

  /** The birth of the connection. While the connection lives, a refusal by the server is logged. */
  get announced(): Effect.Effect<Announcement | undefined, never, Scope.Scope> {
    const message = this.#message
    if (message === undefined) return Effect.undefined
    this.#announcement ??= new Announcement(message, (error) => error && this.#refused?.(error))
    this.#announcement.message = message
    return Effect.as(Effect.forkScoped(this.#told(message), { startImmediately: true }), this.#announcement)
  }

  #told({ topic }: Message): Effect.Effect<void> {
    return Effect.callback<MqttError>((resume) => {
      this.#refused = (error) => resume(Effect.succeed(error))
      return Effect.sync(() => {
        this.#refused = undefined
      })
    }).pipe(
      Effect.flatMap((error) =>
        Effect.logWarning(`The birth message was not published: ${error.message}`).pipe(
          Effect.annotateLogs({ ...FailureAnnotations.ofError(error), topic: harmless(topic) })
        )
      )
    )
  }
}

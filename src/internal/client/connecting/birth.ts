/**
 * The message that every connection begins with: obtained for each attempt, announced on the connection it leads to.
 *
 * It has one owner for all connections, so that a packet that connections keep ending with is found behind it, too.
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
  /** There while a connection lives: somebody is told that the server did not take it. */
  #refused: ((error: MqttError) => void) | undefined

  /** For the attempt that follows. */
  prepare(message: Message | undefined): void {
    this.#message = message
  }

  /** What the connection begins with. If the server does not take it, that is logged for as long as the connection lives. */
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

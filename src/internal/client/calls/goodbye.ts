/**
 * The last message of a client with `presence`: published before DISCONNECT.
 *
 * If nobody acknowledges it in time, no DISCONNECT is sent, so that the server publishes the Will, which says the same.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { MqttError } from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import { closed } from "../../connection/failures.ts"
import { Announcement } from "../session/announcement.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** Says nothing without a connection: the server publishes the Will, or has done so. */
export const make = (
  runner: SessionRunner,
  { drainTimeout, goodbye }: { readonly goodbye: Message | undefined; readonly drainTimeout: Duration.Duration }
): Effect.Effect<void> => {
  if (goodbye === undefined) return Effect.void
  return Effect.suspend(() => {
    const { connection } = runner
    if (connection === undefined || connection.failure !== undefined) return Effect.void
    const said = Effect.callback<void, MqttError>((resume) => {
      // Messages published in this turn leave before it, as far as the window goes.
      runner.fill()
      runner.goodbye = new Announcement(
        goodbye,
        (error) => resume(error === undefined ? Effect.void : Effect.fail(error))
      )
      runner.wake()
    })
    return Effect.raceFirst(said, connection.ended).pipe(
      Effect.interruptible,
      Effect.timeoutOrElse({ duration: drainTimeout, orElse: () => Effect.fail(closed) }),
      Effect.catch(() => connection.abort)
    )
  })
}

/**
 * A connection that the program gives up for another one. Nothing is wrong with it, so the server publishes no Will.
 *
 * The next connection is the supervisor's business, as after any other end.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** `goodbye` is what `presence` says at the end. */
export const make = (
  runner: SessionRunner,
  { goodbye }: { readonly goodbye: Message | undefined }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { connection } = runner
    if (connection === undefined) return Effect.void
    // The Will of `presence` says that the client is gone, which is true until it is back, if it ever is.
    return connection.fail(replaced(), goodbye === undefined ? 0x00 : undefined)
  })

const replaced = (): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.ConnectionLost({ cause: new Error("the program replaces it") }))

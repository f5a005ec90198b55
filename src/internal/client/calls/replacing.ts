/**
 * A connection that the program gives up for a new one. Nothing is wrong with it, so the server publishes no Will.
 *
 * The supervisor opens the next connection, as after any other end.
 */
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"

/** `goodbye` is the last message of `presence`. */
export const make = (
  runner: SessionRunner,
  { goodbye }: { readonly goodbye: Message | undefined }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { connection } = runner
    if (connection === undefined) return Effect.void
    // The Will of `presence` says that the client is gone. That is true until the client is back, if it ever is.
    return connection.fail(replaced(), goodbye === undefined ? 0x00 : undefined)
  })

const replaced = (): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.ConnectionLost({ cause: new Error("the program replaces it") }))

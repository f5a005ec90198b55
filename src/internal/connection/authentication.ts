/**
 * Answers an AUTH of the server. Before CONNACK, reading waits for the answer; afterwards it goes on meanwhile.
 *
 * The program makes the answer itself. MQTT 5.0 section 4.12.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttError } from "../../MqttError.ts"
import type { Auth } from "../../protocol/Packet.ts"
import type { LinkOptions, MqttConnection } from "./connection.ts"
import { disconnectPacket, type Ending } from "./ending.ts"
import * as failures from "./failures.ts"

/** Sends the program's answer, if there is one. */
export const answered = (
  auth: Auth,
  { authenticate }: Pick<LinkOptions, "authenticate">,
  connection: Pick<MqttConnection, "send">
): Effect.Effect<void, MqttError> =>
  authenticate === undefined
    ? Effect.void
    : Effect.flatMap(authenticate(auth), (answer) => answer === undefined ? Effect.void : connection.send(answer))

/** Before CONNACK: if AUTH cannot be answered, the connection is over. */
export const authenticate = (answer: Effect.Effect<void, MqttError>, ending: Ending): Effect.Effect<void, MqttError> =>
  answer.pipe(
    Effect.catch((error) => ending.shutdown(error, disconnectPacket(0x80))),
    // Packets in the same bytes are lost with the answer, so the connection cannot go on. [MQTT-4.13.2-1]
    Effect.onError((cause) =>
      ending.shutdown(failures.fromCause(cause), disconnectPacket(Cause.hasInterruptsOnly(cause) ? 0x00 : 0x80))
    )
  )

/** After CONNACK: the program makes the answer in a fiber of its own. */
export const reauthenticate = (
  answer: Effect.Effect<void, MqttError>,
  ending: Ending,
  scope: Scope.Scope
): Effect.Effect<void> =>
  answer.pipe(
    Effect.catchCause((cause) => {
      // The closing of the connection waits for this fiber, so this fiber must not wait for the closing.
      if (ending.isClosing) return Effect.void
      return ending.shutdown(failures.fromCause(cause), disconnectPacket(0x80))
    }),
    Effect.forkIn(scope, { startImmediately: true }),
    Effect.asVoid
  )

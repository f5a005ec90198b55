/**
 * Messages that both sides send besides requests.
 */
import * as Effect from "effect/Effect"
import type { MqttClient } from "../../MqttClient.ts"
import type { MqttError } from "../../MqttError.ts"
import type { Payload } from "../../MqttMessage.ts"

/** Completes when the window took the message: from then on it survives reconnects, and its order is fixed. */
export const send = (
  mqtt: MqttClient["Service"],
  topic: string,
  payload: () => Payload
): Effect.Effect<void, MqttError> =>
  Effect.suspend(() => Effect.asVoid(mqtt.publishAsync(topic, payload(), { qos: 1 })))

/** Ignores failures: the message is sent again later, or a lease ends the call. */
export const control = (mqtt: MqttClient["Service"], topic: string, payload: () => Payload): Effect.Effect<void> =>
  send(mqtt, topic, payload).pipe(
    Effect.catch((error) => Effect.logDebug(`A message of the RPC protocol was not sent: ${error.message}`))
  )

/**
 * Publishing with properties that 3.1.1 does without.
 */
import * as Effect from "effect/Effect"
import type { MqttClient } from "../../MqttClient.ts"
import type { MqttError } from "../../MqttError.ts"
import type { Acknowledgement, Payload } from "../../MqttMessage.ts"
import type { PublishOptions, PublishProperties } from "../clientOptions.ts"

export interface Publication {
  readonly topic: string
  readonly payload: Payload
  /** Left out in 3.1.1, where those of `options` are refused. */
  readonly described: PublishProperties
  readonly options: PublishOptions | undefined
}

/** Nothing was sent then. Only the client knows which version it speaks while it has no connection. */
const isWithoutProperties = ({ reason }: MqttError): boolean =>
  reason._tag === "InvalidRequest" && reason.protocolVersion === "3.1.1" && reason.field.startsWith("properties")

export const publish = (
  mqtt: MqttClient["Service"],
  { described, options, payload, topic }: Publication
): Effect.Effect<Acknowledgement, MqttError> =>
  mqtt.publish(topic, payload, { ...options, properties: { ...described, ...options?.properties } }).pipe(
    Effect.catchIf(isWithoutProperties, () => mqtt.publish(topic, payload, options))
  )

/**
 * Publishing with properties, which 3.1.1 does without.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { MqttClient } from "../../MqttClient.ts"
import type { MqttError } from "../../MqttError.ts"
import type { Acknowledgement, AnswerProperties, Payload } from "../../MqttMessage.ts"
import type { PublishOptions } from "../clientOptions.ts"
import type { PublishProperties } from "../presenceOptions.ts"

export interface Publication {
  readonly topic: string
  readonly payload: Payload
  /** Left out in 3.1.1, where properties in `options` are refused. */
  readonly described: PublishProperties
  readonly options: PublishOptions | undefined
}

/** Nothing has been sent in this case. Only the client knows which version it speaks while it has no connection. */
const isWithoutProperties = ({ reason }: MqttError): boolean =>
  reason._tag === "InvalidRequest" && reason.protocolVersion === "3.1.1" && reason.field.startsWith("properties")

const isNone = (value: unknown): boolean => value !== undefined && !Predicate.isObject(value)

interface Described {
  readonly properties: PublishProperties
}

/**
 * The options of a call, with the properties that describe the message. `undefined` if the options are no object or
 * cannot be read: a spread would take them for no options.
 */
export const describing = <O extends { readonly properties?: PublishProperties | undefined }>(
  described: AnswerProperties,
  options: O | undefined
): Described | (O & Described) | undefined => {
  try {
    if (isNone(options) || isNone(options?.properties)) return undefined
    return { ...options, properties: { ...described, ...options?.properties } }
  } catch {
    return undefined
  }
}

export const publish = (
  mqtt: MqttClient["Service"],
  { described, options, payload, topic }: Publication
): Effect.Effect<Acknowledgement, MqttError> => {
  const all = describing(described, options)
  // The client's error says what is wrong with them.
  if (all === undefined) return mqtt.publish(topic, payload, options)
  return Effect.catchIf(
    mqtt.publish(topic, payload, all),
    isWithoutProperties,
    () => mqtt.publish(topic, payload, options)
  )
}

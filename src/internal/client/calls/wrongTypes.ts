/**
 * Values that the types of a call to publish forbid, such as they come from JSON: found before anything changes.
 *
 * Only what a value is. What it says, such as wildcards in a topic, is `Validity`'s.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as MqttError from "../../../MqttError.ts"
import { labels } from "../../../protocol/Labels.ts"
import type { ProtocolVersion } from "../../../protocol/Packet.ts"
import { isBytes, isQos } from "../../../protocol/Validity.ts"

interface Fault {
  readonly field: string
  readonly description: string
}

const fault = (field: string, description: string): Fault => ({ field, description: `${field} ${description}` })

const faultOf = (topic: unknown, payload: unknown, options: unknown): Fault | undefined => {
  if (typeof topic !== "string") return fault("topic", "is not a string")
  if (typeof payload !== "string" && !isBytes(payload)) {
    return fault("payload", "is neither a string nor a Uint8Array; encode it into one of them")
  }
  return options === undefined ? undefined : faultOfOptions(options)
}

const faultOfOptions = (options: unknown): Fault | undefined => {
  if (!Predicate.isObject(options)) return fault("options", "is not an object")
  const { properties, qos, retain, whenOffline } = options
  if (qos !== undefined && !isQos(qos)) return fault("qos", "is not 0, 1 or 2")
  if (retain !== undefined && typeof retain !== "boolean") return fault("retain", "is not a boolean")
  if (whenOffline !== undefined && whenOffline !== "wait" && whenOffline !== "fail" && whenOffline !== "drop") {
    return fault("whenOffline", "is not \"wait\", \"fail\" or \"drop\"")
  }
  return properties === undefined ? undefined : faultOfProperties(properties)
}

const faultOfProperties = (properties: unknown): Fault | undefined => {
  if (!Predicate.isObject(properties)) return fault("properties", "is not an object")
  const { topicAlias, userProperties } = properties
  // An alias is its connection's, and the message may leave on another one.
  if (topicAlias !== undefined) return fault("properties.topicAlias", "is for the client to choose; leave it out")
  return userProperties === undefined || (Array.isArray(userProperties) && userProperties.every(Array.isArray))
    ? undefined
    : fault("properties.userProperties", "is not an array of pairs")
}

const toError = ({ description, field }: Fault, protocolVersion: ProtocolVersion): MqttError.MqttError =>
  MqttError.fromReason(
    new MqttError.InvalidRequest({
      field,
      label: `MQTT-${labels.malformed[protocolVersion]}`,
      protocolVersion,
      description
    })
  )

/** Why this cannot be published, whatever it says. */
export const wrongType = (
  topic: unknown,
  payload: unknown,
  options: unknown,
  protocolVersion: ProtocolVersion
): MqttError.MqttError | undefined => {
  const found = faultOf(topic, payload, options)
  return found === undefined ? undefined : toError(found, protocolVersion)
}

/** The same for a request. */
export const wrongRequest = (
  topic: unknown,
  payload: unknown,
  options: { readonly timeout?: Duration.Input | undefined },
  protocolVersion: ProtocolVersion
): MqttError.MqttError | undefined => {
  try {
    const wrong = wrongType(topic, payload, options, protocolVersion)
    if (wrong !== undefined) return wrong
    const { timeout } = options
    if (timeout === undefined || Option.isSome(Duration.fromInput(timeout))) return undefined
    return toError(fault("timeout", "is not a duration, such as \"10 seconds\""), protocolVersion)
  } catch (cause) {
    return unreadable(cause, protocolVersion)
  }
}

/** A value that throws when it is looked at. */
export const unreadable = (cause: unknown, protocolVersion: ProtocolVersion): MqttError.MqttError =>
  toError(fault("options", `cannot be read: ${cause instanceof Error ? cause.message : "it throws"}`), protocolVersion)

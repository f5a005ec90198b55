/**
 * Values that the types of a call forbid, as JSON may contain them. They are found before anything changes.
 *
 * Checks types only. `Validity` checks contents, such as wildcards in a topic.
 */
import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as MqttError from "../../../MqttError.ts"
import { labels } from "../../../protocol/Labels.ts"
import type { ProtocolVersion } from "../../../protocol/Packet.ts"
import * as Properties from "../../../protocol/Properties.ts"
import { checkPublish, isBytes, isQos } from "../../../protocol/Validity.ts"
import type { PublishOptions } from "../../clientOptions.ts"
import * as Types from "../../fieldTypes.ts"

type Fault = Types.Fault

const fault = (field: string, description: string): Fault => ({ field, description: `${field} ${description}` })

/** The values to publish, each read once: a `Message` if the types are right. */
interface Candidate {
  readonly topic: unknown
  readonly payload: unknown
  readonly qos: unknown
  readonly retain: unknown
  readonly properties: unknown
}

const faultOf = ({ payload, properties, qos, retain, topic }: Candidate, options: unknown): Fault | undefined => {
  if (typeof topic !== "string") return fault("topic", "is not a string")
  if (typeof payload !== "string" && !isBytes(payload)) {
    return fault("payload", "is neither a string nor a Uint8Array; encode it into one of them")
  }
  if (!isQos(qos)) return fault("qos", "is not 0, 1 or 2")
  if (typeof retain !== "boolean") return fault("retain", "is not a boolean")
  return (properties === Properties.none ? undefined : faultOfProperties(properties)) ??
    (options === undefined ? undefined : faultOfOptions(options))
}

const faultOfOptions = (options: unknown): Fault | undefined => {
  if (!Predicate.isObject(options)) return fault("options", "is not an object")
  const { whenOffline } = options
  return whenOffline === undefined || whenOffline === "wait" || whenOffline === "fail" || whenOffline === "drop"
    ? undefined
    : fault("whenOffline", "is not \"wait\", \"fail\" or \"drop\"")
}

const faultOfProperties = (properties: unknown): Fault | undefined => {
  if (!Predicate.isObject(properties)) return fault("properties", "is not an object")
  const { topicAlias, userProperties } = properties
  // An alias belongs to a connection, and the message may leave on another one.
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

/** Why this cannot be published, if a type is wrong: `candidate` was read from `options` and the objects in it. */
export const wrongType = (
  candidate: Candidate,
  options: unknown,
  runner: { readonly protocolVersion: ProtocolVersion }
): MqttError.MqttError | undefined => {
  const found = faultOf(candidate, options)
  return found === undefined ? undefined : toError(found, runner.protocolVersion)
}

/** The same for a request. Also checks the message's contents: asking begins with a subscription for answers. */
export const wrongRequest = (
  topic: string,
  payload: unknown,
  options: PublishOptions & { readonly timeout?: Duration.Input | undefined },
  { isKnownTopic, protocolVersion }: {
    readonly protocolVersion: ProtocolVersion
    /** Whether a message was already published to this topic, so that the topic need not be checked again. */
    readonly isKnownTopic: (topic: string) => boolean
  }
): MqttError.MqttError | undefined => {
  try {
    const { qos = 0, retain = false, properties = Properties.none } = options
    const wrong = wrongType({ topic, payload, qos, retain, properties }, options, { protocolVersion })
    if (wrong !== undefined) return wrong
    const found = Types.faultOf(options.timeout, Types.duration, "timeout")
    if (found !== undefined) return toError(named(found), protocolVersion)
    const isKnown = properties === Properties.none && isKnownTopic(topic)
    return isKnown || protocolVersion === "3.1.1" ? undefined : unsayable(topic, properties)
  } catch (cause) {
    return unreadable(cause, protocolVersion)
  }
}

const noBytes = new Uint8Array()

const unsayable = (topic: string, properties: Properties.Properties): MqttError.MqttError | undefined => {
  const message = {
    topic,
    payload: noBytes,
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties
  } as const
  const invalid = checkPublish({ _tag: "Publish", ...message }, { protocolVersion: "5.0", sender: "client" })
  return invalid === undefined ? undefined : MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
}

/** The arguments of a call that receives messages. */
export interface Receiving {
  readonly topicFilter: unknown
  readonly options: unknown
  readonly fields: Types.Fields
  /** Present if the call needs a handler. */
  readonly handler?: readonly [unknown]
}

/** Why these arguments cannot be used to receive. */
export const wrongReceiving = (
  { fields, handler, options, topicFilter }: Receiving,
  protocolVersion: ProtocolVersion
): MqttError.MqttError | undefined => {
  try {
    const found = Types.faultOf(topicFilter, Types.required(Types.strings), "topicFilter") ??
      (handler === undefined ? undefined : Types.faultOf(handler[0], Types.required(Types.callback), "handler")) ??
      faultOfRecord(options, fields)
    return found === undefined ? undefined : toError(named(found), protocolVersion)
  } catch (cause) {
    return unreadable(cause, protocolVersion)
  }
}

/** Why the options of a call cannot be read, if they are its whole argument. */
export const wrongOptions = (
  options: unknown,
  fields: Types.Fields,
  protocolVersion: ProtocolVersion
): MqttError.MqttError | undefined => {
  try {
    const found = faultOfRecord(options, fields)
    return found === undefined ? undefined : toError(named(found), protocolVersion)
  } catch (cause) {
    return unreadable(cause, protocolVersion)
  }
}

const faultOfRecord = (options: unknown, fields: Types.Fields): Fault | undefined =>
  Predicate.isObject(options)
    ? Types.faultWithin(options, fields)
    : { field: "options", description: "is not an object" }

const named = ({ description, field }: Fault): Fault => fault(field, description)

/** The error for a value that throws when it is read. */
export const unreadable = (cause: unknown, protocolVersion: ProtocolVersion): MqttError.MqttError =>
  toError(named(Types.unreadable(cause)), protocolVersion)

/**
 * The messages about a client's own coming and going, checked and with their defaults: `will`, `birth` and `presence`.
 *
 * The types that a program sees are in `presenceOptions.ts`. The supervisor and the session decide when to send them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MqttError from "../MqttError.ts"
import { toBytes } from "../MqttMessage.ts"
import type * as Packet from "../protocol/Packet.ts"
import * as Properties from "../protocol/Properties.ts"
import type { InvalidPacket } from "../protocol/ProtocolError.ts"
import type { Message } from "../protocol/Session.ts"
import * as Validity from "../protocol/Validity.ts"
import type { Options } from "./clientOptions.ts"
import { defaults } from "./defaults.ts"
import type { Birth, Will } from "./presenceOptions.ts"

/** The messages that follow from the options. */
export interface Resolved {
  /** Obtained anew for every attempt, and before the birth. */
  readonly will: Effect.Effect<Packet.Will | undefined, MqttError.MqttError>
  /** Obtained anew for every attempt. */
  readonly birth: Effect.Effect<Message | undefined, MqttError.MqttError>
  /** Published before the last DISCONNECT. */
  readonly goodbye: Message | undefined
}

type Problem = MqttError.InvalidOptions | undefined

type Given = Pick<Options, "birth" | "presence" | "protocolVersion" | "will">

/** Will and birth, either as given or from `presence`. */
const wordsOf = ({ birth, presence, will }: Given): Pick<Options, "birth" | "will"> => {
  if (presence === undefined) return { birth, will }
  const { offline, online, qos, retain } = defaults.presence
  const message = { topic: presence.topic, qos: presence.qos ?? qos, retain: presence.retain ?? retain }
  return {
    birth: { ...message, payload: presence.online ?? online },
    will: { ...message, payload: presence.offline ?? offline }
  }
}

/** The checked options. `check` examines the messages that an effect gives. */
export const resolve = (options: Given, check: (options: Options) => Problem): Resolved => {
  const { protocolVersion } = options
  const { birth, will } = wordsOf(options)
  return {
    will: obtained(will, (given) => check({ protocolVersion, will: given }), toWill),
    birth: obtained(birth, (given) => check({ protocolVersion, birth: given }), toMessage),
    goodbye: options.presence === undefined || will === undefined || Effect.isEffect(will) ? undefined : toMessage(will)
  }
}

/** A plain value has been checked already; the value of an effect is checked here. */
const obtained = <A, B>(
  given: A | Effect.Effect<A, MqttError.MqttError> | undefined,
  check: (value: A) => Problem,
  convert: (value: A) => B
): Effect.Effect<B | undefined, MqttError.MqttError> => {
  if (given === undefined) return Effect.succeed(undefined)
  if (!Effect.isEffect(given)) return Effect.succeed(convert(given))
  return Effect.flatMap(given, (value) => {
    const problem = check(value)
    return problem === undefined ? Effect.succeed(convert(value)) : Effect.fail(MqttError.fromReason(problem))
  })
}

const toMessage = ({ payload, properties = Properties.none, qos, retain, topic }: Birth): Message => ({
  topic,
  payload: toBytes(payload),
  qos: qos ?? defaults.will.qos,
  retain: retain ?? defaults.will.retain,
  properties
})

const toWill = ({ delay, ...will }: Will): Packet.Will => {
  const message = toMessage(will)
  if (delay === undefined) return message
  return { ...message, properties: { ...will.properties, willDelayInterval: Duration.toMillis(delay) / 1000 } }
}

/** 3.1.1 has no properties. */
export const inVersion = <A extends { readonly properties: Properties.Properties }>(
  message: A | undefined,
  version: Packet.ProtocolVersion
): A | undefined => message === undefined || version === "5.0" ? message : { ...message, properties: Properties.none }

// ---------------------------------------------------------------------------
// Checks
// ---------------------------------------------------------------------------

const twice = "says the Will and the birth itself; leave it out, or leave out `will` and `birth`"

const alias = "is for the client to choose; leave it out"

/** The error in the values, whose types are right. An effect is checked only when it runs. */
export const problem = (options: Options): Problem => {
  const { presence, protocolVersion = defaults.protocolVersion } = options
  const version = protocolVersion === "auto" ? "5.0" : protocolVersion
  if (presence !== undefined && (options.will ?? options.birth) !== undefined) return invalid("presence", twice)
  const { birth } = wordsOf(options)
  const found = birth === undefined || Effect.isEffect(birth) ? undefined : unpublishable(toMessage(birth), version)
  return found && invalid(nameOf(found.field, options), found.message)
}

/** For the check of CONNECT: the Will, as far as it is known. */
export const knownWill = (options: Options, version: Packet.ProtocolVersion): Packet.Will | undefined => {
  const { will } = wordsOf(options)
  return will === undefined || Effect.isEffect(will) ? undefined : inVersion(toWill(will), version)
}

const invalid = (option: string, description: string): MqttError.InvalidOptions =>
  new MqttError.InvalidOptions({ option, description })

/** The name that the program gave the field. */
export const nameOf = (field: string, { presence }: Options): string => {
  if (presence === undefined || !/^(will|birth)\./.test(field)) return field
  if (field === "will.payload") return "presence.offline"
  return field === "birth.payload" ? "presence.online" : `presence.${field.slice(field.indexOf(".") + 1)}`
}

type Unsayable = Pick<InvalidPacket, "field" | "message">

const unpublishable = (given: Message, version: Packet.ProtocolVersion): Unsayable | undefined => {
  if (given.properties.topicAlias !== undefined) return { field: "birth.properties.topicAlias", message: alias }
  const { properties, ...message } = given
  const found = Validity.checkPublish({
    _tag: "Publish",
    ...message,
    properties: version === "5.0" ? properties : Properties.none,
    dup: false,
    packetIdentifier: message.qos === 0 ? 0 : 1
  }, { protocolVersion: version, sender: "client" })
  return found && { field: `birth.${found.field}`, message: found.message }
}

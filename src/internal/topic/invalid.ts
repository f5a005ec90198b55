/**
 * Where messages go that do not decode: the log, a handler, or a dead-letter topic.
 *
 * What becomes of their acknowledgement is the business of who asks.
 */
import * as Effect from "effect/Effect"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type { UserProperty } from "../../protocol/Properties.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { PublishProperties } from "../clientOptions.ts"
import type { MqttDecodeError } from "../topicErrors.ts"
import * as Publishing from "./publishing.ts"

/**
 * A message that does not decode, and why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Invalid {
  readonly message: MqttMessage
  readonly error: MqttDecodeError
}

/**
 * Publishes what does not decode to another topic: the payload as it came, and in 5.0 the User Properties it came with,
 * then `original-topic` and `error`. In 3.1.1 only the topic can say where it came from: give a function.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeadLetter {
  /** Must not be one that the subscription gets too. */
  readonly deadLetter: string | ((invalid: Invalid) => string)
  /** Default: that of the message. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `false`. */
  readonly retain?: boolean | undefined
}

/**
 * Where messages go that do not decode. A handler gets them, `"log"` is a warning.
 *
 * @since 0.1.0
 * @category models
 */
export type OnInvalid<E = never, R = never> = "log" | DeadLetter | ((invalid: Invalid) => Effect.Effect<unknown, E, R>)

export const log = ({ error, message }: Invalid): Effect.Effect<void> =>
  Effect.logWarning(error.message).pipe(Effect.annotateLogs({ topic: message.topic }))

/** Longer ones do not help anybody, and count against the server's Maximum Packet Size. */
const longestError = 1000

/** Servers may end the connection over these characters: MQTT 5.0 section 1.5.4. */
const disallowed = /[\p{Control}\p{Surrogate}\p{Noncharacter_Code_Point}]+/gu

/** Text that a User Property can hold. */
const printable = (text: string): string => text.slice(0, longestError).replace(disallowed, " ")

/** Without the Payload Format Indicator, which may be what is wrong, and without an expiry. */
const propertiesOf = ({ error, message }: Invalid): PublishProperties => {
  const { contentType, topic, userProperties } = message
  const added: ReadonlyArray<UserProperty> = [["original-topic", topic], ["error", printable(error.message)]]
  return { ...(contentType === undefined ? {} : { contentType }), userProperties: [...userProperties, ...added] }
}

const invalidDeadLetter = (description: string): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option: "onInvalid.deadLetter", description }))

/** One that comes back does not decode either, and would go round for ever. */
const checkTopic = (topic: string, topicFilter: string): MqttError.MqttError | undefined => {
  const invalid = Topic.validateTopicName(topic, "5.0")
  if (invalid !== undefined) return invalidDeadLetter(invalid.message)
  return Topic.matches(topicFilter, topic)
    ? invalidDeadLetter(`"${topic}" is one of "${topicFilter}", so dead letters would come back; use another topic`)
    : undefined
}

export interface PlacingOptions<E, R> {
  readonly mqtt: MqttClient["Service"]
  readonly topicFilter: string
  readonly onInvalid: OnInvalid<E, R> | undefined
}

export type Place<E, R> = (invalid: Invalid) => Effect.Effect<unknown, E | MqttError.MqttError, R>

/** Puts them there; fails at once when that cannot be. */
export const placing = <E, R>(
  { mqtt, onInvalid = "log", topicFilter }: PlacingOptions<E, R>
): Effect.Effect<Place<E, R>, MqttError.MqttError> => {
  if (onInvalid === "log") return Effect.succeed(log)
  if (typeof onInvalid === "function") return Effect.succeed((invalid) => Effect.suspend(() => onInvalid(invalid)))
  const { deadLetter } = onInvalid
  const problem = typeof deadLetter === "string" ? checkTopic(deadLetter, topicFilter) : undefined
  if (problem !== undefined) return Effect.fail(problem)
  return Effect.succeed((invalid) =>
    Effect.suspend(() => {
      const topic = typeof deadLetter === "string" ? deadLetter : deadLetter(invalid)
      const problem = checkTopic(topic, topicFilter)
      if (problem !== undefined) return Effect.fail(problem)
      return Publishing.publish(mqtt, {
        topic,
        payload: invalid.message.payload,
        options: { qos: onInvalid.qos ?? invalid.message.qos, retain: onInvalid.retain },
        described: propertiesOf(invalid)
      })
    })
  )
}

/**
 * The dead letters of consumers and of typed topics: the topics that they may go to, and the User Properties that they
 * carry.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as MqttError from "../MqttError.ts"
import * as Topic from "../protocol/Topic.ts"

/** The name of the User Property that has the topic of the message. */
export const originalTopic = "original-topic"

/** Longer descriptions do not help anybody, and count against the server's Maximum Packet Size. */
const longestError = 1000

/** Servers may end the connection over these characters: MQTT 5.0 section 1.5.4. */
const disallowed = /[\p{Control}\p{Surrogate}\p{Noncharacter_Code_Point}]+/gu

/** Text that a User Property can hold. */
export const printable = (text: string): string => text.slice(0, longestError).replace(disallowed, " ")

/** A description of the failure, without a stack. */
export const deadLetterText = (cause: Cause.Cause<unknown>): string =>
  printable(Cause.prettyErrors(cause)[0]?.message ?? "interrupted")

/** The error for a dead letter that cannot be published, by the option that asks for it. */
export const invalidDeadLetter = (option: string, description: string): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option, description }))

/** Why no dead letter may go there: if it came back to the consumer, it would fail again, and go round for ever. */
export const checkTopic = (
  topic: string,
  topicFilters: ReadonlyArray<string>,
  option: string
): MqttError.MqttError | undefined => {
  const invalid = Topic.validateTopicName(topic, "5.0")
  if (invalid !== undefined) return invalidDeadLetter(option, invalid.message)
  const filter = topicFilters.find((filter) => Topic.matches(filter, topic))
  return filter === undefined ? undefined : invalidDeadLetter(
    option,
    `"${topic}" matches "${filter}", so dead letters would come back; use another topic`
  )
}

/** Publishes with the first of these properties that fit into a packet that the server takes. */
export const publishWithin = <Properties>(
  publish: (properties: Properties) => Effect.Effect<unknown, MqttError.MqttError>,
  [properties, ...shorter]: ReadonlyArray<Properties>
): Effect.Effect<unknown, MqttError.MqttError> =>
  Effect.catchIf(
    publish(properties),
    ({ reason }) => shorter.length > 0 && reason._tag === "ServerLimit" && reason.limit === "Maximum Packet Size",
    () => publishWithin(publish, shorter)
  )

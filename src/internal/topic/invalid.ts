/**
 * Places for messages that do not decode: the log, a handler, or a dead-letter topic.
 *
 * The caller decides about the acknowledgement.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type { UserProperty } from "../../protocol/Properties.ts"
import { checkTopic, invalidDeadLetter, originalTopic, printable, publishWithin } from "../deadLetter.ts"
import * as FailureAnnotations from "../failureAnnotations.ts"
import { harmless } from "../harmlessText.ts"
import { PacedLog } from "../pacedLog.ts"
import type { PublishProperties } from "../presenceOptions.ts"
import { concernsOneMessage } from "../problems.ts"
import type { MqttDecodeError } from "../topicErrors.ts"
import * as Publishing from "./publishing.ts"

/**
 * A message that does not decode, and the error that says why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Invalid {
  readonly message: MqttMessage
  readonly error: MqttDecodeError
}

/**
 * Publishes each message that does not decode to another topic, with its payload unchanged. In 5.0 the dead letter has
 * the User Properties of the message, then `original-topic` and `error`. In 3.1.1 only the topic can say where the
 * message came from: give a function.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeadLetter {
  /** Must not match the subscription's own filter. */
  readonly deadLetter: string | ((invalid: Invalid) => string)
  /** Default: the QoS of the message. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `false`. */
  readonly retain?: boolean | undefined
}

/**
 * The place for messages that do not decode: a handler, a dead letter, or `"log"` for a warning.
 *
 * @since 0.1.0
 * @category models
 */
export type OnInvalid<E = never, R = never> = "log" | DeadLetter | ((invalid: Invalid) => Effect.Effect<unknown, E, R>)

/** Fails with `MqttRejected` if the place has logged the reason and the message is to be refused. */
export type Place<E, R> = (
  invalid: Invalid
) => Effect.Effect<unknown, E | MqttError.MqttError | MqttError.MqttRejected, R>

/** Each subscriber has a log of its own, so nobody's bad messages hide another subscriber's. */
const logging = (): Place<never, never> => {
  const paced = new PacedLog()
  return ({ error, message }) =>
    paced.write(
      Effect.logWarning(error.message).pipe(
        Effect.annotateLogs({ ...FailureAnnotations.ofError(error), topic: harmless(message.topic) })
      )
    )
}

/**
 * The properties of a dead letter, from the fullest to none at all. None has the Payload Format Indicator, which may be
 * the fault, or an expiry.
 */
const descriptionsOf = ({ error, message }: Invalid): ReadonlyArray<PublishProperties> => {
  const { contentType, topic, userProperties } = message
  const added: ReadonlyArray<UserProperty> = [[originalTopic, topic], ["error", printable(error.message)]]
  return [
    { ...(contentType === undefined ? {} : { contentType }), userProperties: [...userProperties, ...added] },
    { userProperties: added },
    { userProperties: [[originalTopic, topic]] },
    {}
  ]
}

const option = "onInvalid.deadLetter"

export interface PlacingOptions<E, R> {
  readonly mqtt: MqttClient["Service"]
  readonly topicFilter: string
  readonly onInvalid: OnInvalid<E, R> | undefined
}

/** The place for one subscription. Fails at once if the dead-letter topic cannot be used. */
export const placing = <E, R>(
  { mqtt, onInvalid = "log", topicFilter }: PlacingOptions<E, R>
): Effect.Effect<Place<E, R>, MqttError.MqttError> => {
  if (onInvalid === "log") return Effect.succeed(logging())
  if (typeof onInvalid === "function") return Effect.succeed((invalid) => Effect.suspend(() => onInvalid(invalid)))
  const { deadLetter } = onInvalid
  const problem = typeof deadLetter === "string" ? checkTopic(deadLetter, [topicFilter], option) : undefined
  if (problem !== undefined) return Effect.fail(problem)
  return Effect.succeed(burying(mqtt, topicFilter, onInvalid))
}

/**
 * Publishes dead letters. No content of a message ends its consumer: a message that cannot become a dead letter is
 * logged, and refused as if nobody had asked for dead letters.
 */
const burying = (
  mqtt: MqttClient["Service"],
  topicFilter: string,
  options: DeadLetter
): Place<never, never> => {
  const paced = new PacedLog()
  const graves = gravesOf(mqtt)
  const bury = (invalid: Invalid): Effect.Effect<unknown, MqttError.MqttError> => {
    const { message } = invalid
    const { deadLetter, qos = message.qos, retain } = options
    if (isDeadLetter(message, graves)) {
      return Effect.fail(invalidDeadLetter(option, "the message is a dead letter itself"))
    }
    const topic = typeof deadLetter === "string" ? deadLetter : deadLetter(invalid)
    const problem = checkTopic(topic, [topicFilter], option)
    if (problem !== undefined) return Effect.fail(problem)
    remember(graves, topic)
    const publication = { topic, payload: message.payload, options: { qos, retain } }
    return publishWithin(
      (described) => Publishing.publish(mqtt, { ...publication, described }),
      descriptionsOf(invalid)
    )
  }
  const refuse = (
    invalid: Invalid,
    cause: Cause.Cause<MqttError.MqttError>
  ): Effect.Effect<never, MqttError.MqttError | MqttError.MqttRejected> =>
    endsMore(cause)
      ? Effect.failCause(cause)
      : Effect.andThen(paced.write(cannotBury(invalid, cause)), Effect.fail(payloadFormatInvalid))
  return (invalid) => Effect.catchCause(Effect.suspend(() => bury(invalid)), (cause) => refuse(invalid, cause))
}

/** Whether the failure ends the client or the consumer, and not only the handling of this message. */
const endsMore = (cause: Cause.Cause<unknown>): boolean => {
  if (Cause.hasInterrupts(cause)) return true
  const error = Cause.squash(cause)
  return error instanceof MqttError.MqttError && !costsOneMessage.has(error.reason._tag)
}

/** The topic, the content and the moment of a dead letter depend on its message. */
const costsOneMessage: ReadonlySet<string> = new Set([...concernsOneMessage, "ConnectionLost", "InvalidOptions"])

const cannotBury = ({ error, message }: Invalid, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const squashed = Cause.squash(cause)
  const why = squashed instanceof Error ? squashed.message : String(squashed)
  return Effect.logError(`A message could not become a dead letter: ${harmless(why)}; ${error.message}`).pipe(
    Effect.annotateLogs({ ...FailureAnnotations.ofError(squashed), topic: harmless(message.topic) })
  )
}

/** The fault is in the payload: MQTT 5.0 section 3.4.2.1. */
export const payloadFormatInvalid = new MqttError.MqttRejected({ reasonCode: 0x99 })

/** The latest topics where the typed topics of a client put dead letters. In 3.1.1 nothing else marks them. */
const gravesByClient = new WeakMap<MqttClient["Service"], Set<string>>()
const rememberedGraves = 1000

const gravesOf = (mqtt: MqttClient["Service"]): Set<string> => {
  const graves = gravesByClient.get(mqtt) ?? new Set()
  gravesByClient.set(mqtt, graves)
  return graves
}

const remember = (graves: Set<string>, topic: string): void => {
  graves.delete(topic)
  graves.add(topic)
  for (const oldest of graves) {
    if (graves.size <= rememberedGraves) return
    graves.delete(oldest)
  }
}

/** Two typed topics could otherwise pass a dead letter back and forth for ever. */
const isDeadLetter = ({ topic, userProperties }: MqttMessage, graves: ReadonlySet<string>): boolean =>
  graves.has(topic) || userProperties.some(([name]) => name === originalTopic)

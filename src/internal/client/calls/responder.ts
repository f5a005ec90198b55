/**
 * Answering requests: a consumer that publishes the result of its handler to the Response Topic of each message.
 *
 * `requests.ts` sends requests and matches their answers. MQTT 5.0 section 4.10.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as MqttError from "../../../MqttError.ts"
import type { Answer, MqttMessage, Payload } from "../../../MqttMessage.ts"
import * as Topic from "../../../protocol/Topic.ts"
import * as Validity from "../../../protocol/Validity.ts"
import type { PublishOptions } from "../../clientOptions.ts"
import { harmless } from "../../harmlessText.ts"
import { PacedLog } from "../../pacedLog.ts"
import { concernsOneMessage } from "../../problems.ts"
import type { RespondOptions } from "../../receivingOptions.ts"
import * as ReceivingTypes from "../../receivingTypes.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { make as makeConsumer } from "./consumer.ts"
import type { Publisher } from "./publisher.ts"
import { noResponseTopic } from "./requests.ts"
import { wrongReceiving } from "./wrongTypes.ts"

export interface RespondingOptions {
  readonly runner: SessionRunner
  readonly publisher: Publisher
  readonly consume: ReturnType<typeof makeConsumer>
}

export const make = ({ consume, publisher, runner }: RespondingOptions) =>
<E, R>(
  topicFilter: string | ReadonlyArray<string>,
  handler: (request: MqttMessage) => Effect.Effect<Payload | Answer, E, R>,
  options: RespondOptions = {}
): Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R> =>
  Effect.suspend(() => {
    if (runner.protocolVersion === "3.1.1") return Effect.fail(noResponseTopic)
    const wrong = wrongReceiving({ topicFilter, handler: [handler], options, fields: ReceivingTypes.respond }, "5.0")
    if (wrong !== undefined) return Effect.fail(wrong)
    // The highest QoS, so that a request keeps the QoS it was sent with, and the answer has the same.
    const qos = options.qos ?? runner.connection?.limits.maximumQos ?? 2
    const invalid = filtersOf(options).map((filter) => Topic.validateTopicFilter(filter, "5.0")).find(isDefined)
    if (invalid !== undefined) {
      const { message } = invalid
      return Effect.fail(
        MqttError.fromReason(new MqttError.InvalidOptions({ option: "responseTopics", description: message }))
      )
    }
    const answer = answering(publisher, handler, options)
    // With "auto" the server may turn out later to speak 3.1.1.
    const handle = (request: MqttMessage) =>
      runner.protocolVersion === "3.1.1" ? Effect.fail(noResponseTopic) : answer(request)
    return consume(topicFilter, handle, { ...options, qos })
  })

/** If it is neither a payload nor an answer, the publisher refuses it. */
const toAnswer = (answer: Payload | Answer): Answer =>
  Predicate.isObject(answer) && !Validity.isBytes(answer) ? answer as Answer : { payload: answer as Payload }

/** If it is not an object, the publisher refuses it. Spreading it would hide the mistake. */
const withCorrelation = (
  properties: Answer["properties"],
  correlationData: Uint8Array | undefined
): PublishOptions["properties"] => {
  if (properties !== undefined && !Predicate.isObject(properties)) return properties
  return { ...properties, ...(correlationData === undefined ? {} : { correlationData }) }
}

const isDefined = <A>(value: A | undefined): value is A => value !== undefined

const filtersOf = ({ responseTopics = [] }: RespondOptions): ReadonlyArray<string> =>
  typeof responseTopics === "string" ? [responseTopics] : responseTopics

/** The requester chooses the topic, but the answer is published with our rights. `$` begins topics of the server. */
const mayAnswerTo = (options: RespondOptions): (responseTopic: string) => boolean => {
  const filters = filtersOf(options)
  return (responseTopic) =>
    Topic.validateTopicName(responseTopic, "5.0") === undefined && (options.responseTopics === undefined
      ? !responseTopic.startsWith("$")
      : filters.some((filter) => Topic.matches(filter, responseTopic)))
}

/** The refusal of a request whose Response Topic may not be answered to. MQTT 5.0 section 3.4.2.1. */
const topicNameInvalid = new MqttError.MqttRejected({ reasonCode: 0x90 })

const answering = <E, R>(
  publisher: Publisher,
  handler: (request: MqttMessage) => Effect.Effect<Payload | Answer, E, R>,
  options: RespondOptions
) => {
  const isAllowed = mayAnswerTo(options)
  const paced = new PacedLog()
  const warn = (message: string, annotations: Record<string, string>): Effect.Effect<void> =>
    paced.write(Effect.annotateLogs(Effect.logWarning(message), annotations))
  return (request: MqttMessage): Effect.Effect<void, E | MqttError.MqttError | MqttError.MqttRejected, R> => {
    const { correlationData, responseTopic } = request
    const topic = harmless(request.topic)
    if (responseTopic === undefined) {
      return warn("A message without a Response Topic is no request; acknowledged and dropped", { topic })
    }
    const annotations = { topic, responseTopic: harmless(responseTopic) }
    if (!isAllowed(responseTopic)) {
      return Effect.andThen(
        warn("A request wants its answer at a topic that `responseTopics` does not allow; refused", {
          ...annotations,
          reason: topicNameInvalid._tag
        }),
        Effect.fail(topicNameInvalid)
      )
    }
    return Effect.flatMap(handler(request), (answer) => {
      const { payload, properties } = toAnswer(answer)
      return publisher.publish(responseTopic, payload, {
        qos: options.answerQos === undefined ? request.qos : options.answerQos,
        properties: withCorrelation(properties, correlationData)
      }).pipe(
        Effect.asVoid,
        Effect.catchIf(
          // The requester chose the Response Topic and must deal with such an error. Any other error ends the client.
          ({ reason }) => concernsOneMessage.has(reason._tag),
          (error) =>
            warn(`A request could not be answered: ${error.message}`, { ...annotations, reason: error.reason._tag })
        )
      )
    })
  }
}

/**
 * Dead letters of one consumer: messages that could not be handled, published to a topic for somebody to look at.
 *
 * `attempts.ts` decides when a message becomes a dead letter.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { MqttError } from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import { checkTopic, deadLetterText, originalTopic, publishWithin } from "../../deadLetter.ts"
import * as FailureAnnotations from "../../failureAnnotations.ts"
import { harmless } from "../../harmlessText.ts"
import { PacedLog } from "../../pacedLog.ts"
import type { PublishProperties } from "../../presenceOptions.ts"
import type { DeadLetterOptions, DeadLetterTopic } from "../../receivingOptions.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { Publisher } from "./publisher.ts"

export interface Unhandled {
  readonly message: MqttMessage
  readonly cause: Cause.Cause<unknown>
  readonly attempts: number
}

export class DeadLetters {
  readonly #publisher: Publisher
  readonly #runner: SessionRunner
  readonly #options: DeadLetterOptions
  readonly #topicFilters: ReadonlyArray<string>
  readonly #paced = new PacedLog()

  constructor(
    { publisher, runner }: { readonly publisher: Publisher; readonly runner: SessionRunner },
    deadLetter: DeadLetterTopic | DeadLetterOptions,
    topicFilters: ReadonlyArray<string>
  ) {
    this.#publisher = publisher
    this.#runner = runner
    this.#options = typeof deadLetter === "object" ? deadLetter : { topic: deadLetter }
    this.#topicFilters = topicFilters
  }

  /** The fault of the topic, if it is the same for all messages. */
  get problem(): MqttError | undefined {
    const { topic } = this.#options
    return typeof topic === "string" ? this.#check(topic) : undefined
  }

  /** Completes when the publish does, as its QoS requires. */
  publish(unhandled: Unhandled): Effect.Effect<void, MqttError> {
    return Effect.suspend(() => {
      const { cause, message } = unhandled
      const { topic } = this.#options
      const to = typeof topic === "string" ? topic : topic(message, cause)
      const problem = this.#check(to)
      if (problem !== undefined) return Effect.fail(problem)
      return Effect.andThen(
        publishWithin((described) => this.#publish(to, message.payload, described), descriptionsOf(unhandled)),
        this.#paced.write(
          Effect.logError("A message handler failed; its message is a dead letter now", cause).pipe(
            Effect.annotateLogs({
              ...FailureAnnotations.ofCause(cause),
              topic: harmless(message.topic),
              deadLetter: harmless(to),
              attempt: unhandled.attempts
            })
          )
        )
      )
    })
  }

  #publish(topic: string, payload: Uint8Array, described: PublishProperties | undefined) {
    const { qos = 1, retain } = this.#options
    const properties = this.#runner.protocolVersion === "3.1.1" ? undefined : described
    return this.#publisher.publish(topic, payload, { qos, retain, properties })
  }

  #check(topic: string): MqttError | undefined {
    return checkTopic(topic, this.#topicFilters, "deadLetter")
  }
}

/** From the full description to none. There is no expiry: a dead letter waits for somebody. */
const descriptionsOf = ({ attempts, cause, message }: Unhandled): ReadonlyArray<PublishProperties | undefined> => {
  const { contentType, correlationData, payloadFormatIndicator, responseTopic } = message.packet.properties
  const added = [
    [originalTopic, message.topic],
    ["error", deadLetterText(cause)],
    ["attempts", String(attempts)]
  ] as const
  return [
    {
      ...(contentType === undefined ? {} : { contentType }),
      ...(correlationData === undefined ? {} : { correlationData }),
      ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }),
      ...(responseTopic === undefined ? {} : { responseTopic }),
      userProperties: [...message.userProperties, ...added]
    },
    { userProperties: added },
    { userProperties: [added[0]] },
    undefined
  ]
}

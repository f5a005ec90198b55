/**
 * Options of the calls that receive messages besides `subscribe`.
 *
 * The kinds of their values are in `receivingTypes.ts`.
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type { MqttMessage } from "../MqttMessage.ts"
import type * as Packet from "../protocol/Packet.ts"
import type { SubscribeOptions } from "./clientOptions.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface NextOptions extends SubscribeOptions {
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** Time limit for all of it, including the wait for a connection. Default: none. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * A topic, or a function that finds one for each message. The consumer must not receive the messages published to it.
 *
 * @since 0.2.0
 * @category models
 */
export type DeadLetterTopic = string | ((message: MqttMessage, cause: Cause.Cause<unknown>) => string)

/**
 * How `consume` publishes messages that could not be handled: with the payload as it came. In 5.0 a dead letter also
 * has the sender's properties (content type, Payload Format Indicator, Response Topic, Correlation Data, User
 * Properties), and three more User Properties: `original-topic`, `error` with the message of the error, and `attempts`.
 * In 3.1.1 only the topic can tell its origin: give a function.
 *
 * @since 0.2.0
 * @category models
 */
export interface DeadLetterOptions {
  readonly topic: DeadLetterTopic
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `false`. */
  readonly retain?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ConsumeOptions extends SubscribeOptions {
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /**
   * Messages handled at once. Default: 1. With more, a message may be handled before an earlier message of its topic;
   * `key` keeps them in order.
   */
  readonly concurrency?: number | undefined
  /**
   * Messages with the same key are handled one after another, in the order of arrival; keys are compared as in a `Map`.
   * With `concurrency: 16, key: (message) => message.topic` sixteen topics are handled at once. Up to 16 messages for
   * each handler are taken out of the buffer. If more of them wait for one key, they hold up the other keys until some
   * are done. If the function throws, that is a failure of the handler. Default: every message has a key of its own.
   *
   * @since 0.2.0
   */
  readonly key?: ((message: MqttMessage) => unknown) | undefined
  /**
   * How to go on when a handler fails or dies. `"stop"`: `consume` fails and the message stays unacknowledged, to be
   * consumed again. `"reject"`, `"acknowledge"`: the message is refused (5.0) or acknowledged, and `consume` goes on.
   * Default: `"stop"`.
   */
  readonly onFailure?: "stop" | "reject" | "acknowledge" | undefined
  /**
   * Once it completes, `consume` takes no more messages, lets handlers finish, and succeeds. Default: it goes on.
   *
   * @since 0.2.0
   */
  readonly until?: Effect.Effect<unknown> | undefined
  /**
   * How long handlers may take to finish when `consume` ends: by `until`, by an interruption or the end of its scope,
   * or because another handler has failed. Then they are interrupted, and their messages stay unacknowledged. Default:
   * 5 seconds.
   *
   * @since 0.2.0
   */
  readonly drainTimeout?: Duration.Input | undefined
  /**
   * When to run a handler that fails or dies again for the same message, which keeps its place meanwhile. The input of
   * the schedule is the error, or the defect. A message that the handler refuses is not attempted again. When the
   * schedule ends, the message goes to the `deadLetter` topic, or `onFailure` decides. Default: one attempt.
   *
   * @since 0.2.0
   */
  readonly attempts?: Schedule.Schedule<unknown, unknown> | undefined
  /**
   * The topic for messages whose handler has failed for the last time. Such a message is acknowledged when its dead
   * letter was. If the dead letter cannot be published, `onFailure` decides. Default: there are no dead letters.
   *
   * @since 0.2.0
   */
  readonly deadLetter?: DeadLetterTopic | DeadLetterOptions | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RespondOptions extends ConsumeOptions {
  /** The highest QoS requests are delivered with. Default: the highest the server has. */
  readonly qos?: Packet.Qos | undefined
  /**
   * Topic Filters of the topics that may be answered to: the requester chooses the Response Topic, but the answer is
   * published with the rights of this client. Default: every topic that does not begin with `$`.
   *
   * @since 0.2.0
   */
  readonly responseTopics?: string | ReadonlyArray<string> | undefined
  /** Default: the QoS of the request. */
  readonly answerQos?: Packet.Qos | undefined
}

/**
 * The latest value of one topic, followed for as long as a scope lives.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import { MqttMessage } from "../../MqttMessage.ts"
import * as Topic from "../../protocol/Topic.ts"
import type { SubscribeOptions } from "../clientOptions.ts"
import * as FailureAnnotations from "../failureAnnotations.ts"

type Client = MqttClient["Service"]

/** What all followers of a topic on one client share. */
interface Known {
  followers: number
  message: MqttMessage | undefined
}

/**
 * A server sends the retained message in answer to a SUBSCRIBE. A later follower sends no SUBSCRIBE, so it takes the
 * message from a follower that has seen it.
 */
const knownTopics = new WeakMap<Client, Map<string, Known>>()

const join = (mqtt: Client, topic: string): Known => {
  const topics = knownTopics.get(mqtt) ?? new Map<string, Known>()
  knownTopics.set(mqtt, topics)
  const known = topics.get(topic) ?? { followers: 0, message: undefined }
  topics.set(topic, known)
  known.followers++
  return known
}

const leave = (mqtt: Client, topic: string, known: Known): void => {
  if (--known.followers === 0) knownTopics.get(mqtt)?.delete(topic)
}

/** Keeps the payload alone, and not the buffer it was read into. */
export const copy = ({ packet }: MqttMessage): MqttMessage =>
  new MqttMessage({ ...packet, payload: packet.payload.slice() })

export interface Following<A, R> {
  readonly mqtt: Client
  readonly topic: string
  /** None if the message does not decode; the value then stays as it is. */
  readonly decode: (message: MqttMessage) => Effect.Effect<Option.Option<A>, never, R>
  readonly options: SubscribeOptions
}

/** Completes when the server has granted the subscription; the retained message may come later. */
export const follow = Effect.fnUntraced(function*<A, R>(
  { decode, mqtt, options, topic }: Following<A, R>
): Effect.fn.Return<SubscriptionRef.SubscriptionRef<Option.Option<A>>, MqttError.MqttError, R | Scope.Scope> {
  const invalid = Topic.validateTopicName(topic, "5.0")
  if (invalid !== undefined) return yield* MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
  const latest = yield* SubscriptionRef.make(Option.none<A>())
  const known = yield* Effect.acquireRelease(
    Effect.sync(() => join(mqtt, topic)),
    (known) => Effect.sync(() => leave(mqtt, topic, known))
  )
  const see = (message: MqttMessage) =>
    message.payload.length === 0
      ? SubscriptionRef.set(latest, Option.none())
      : Effect.flatMap(decode(message), (value) =>
        Option.isNone(value) ? Effect.void : SubscriptionRef.set(latest, value))
  // An earlier follower may still wait for the retained message, and leave before it arrives.
  const askForRetained = known.message === undefined && options.retainHandling !== 2
  const messages = yield* mqtt.subscribe(topic, {
    askForRetained,
    ...options,
    qos: options.qos === undefined ? 1 : options.qos
  })
  if (known.message !== undefined) yield* see(known.message)
  yield* messages.pipe(
    Stream.map(copy),
    Stream.runForEach((message) => {
      known.message = message
      return see(message)
    }),
    Effect.catch((error) =>
      Effect.logError(`The latest value is not followed any more: ${error.message}`).pipe(
        Effect.annotateLogs({ ...FailureAnnotations.ofError(error), topic })
      )
    ),
    Effect.forkScoped
  )
  return latest
})

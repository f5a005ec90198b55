/**
 * Receiving with types: subscriptions and consumers with decoded messages, and a place for messages that do not decode.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Topic from "../../protocol/Topic.ts"
import type * as ClientOptions from "../clientOptions.ts"
import * as FailureAnnotations from "../failureAnnotations.ts"
import { harmless } from "../harmlessText.ts"
import { PacedLog } from "../pacedLog.ts"
import type * as ReceivingOptions from "../receivingOptions.ts"
import type { MqttDecodeError } from "../topicErrors.ts"
import { type Invalid, type OnInvalid, payloadFormatInvalid, type Place, placing } from "./invalid.ts"
import * as Latest from "./latest.ts"
import { checkReceiving } from "./wrongTypes.ts"

/**
 * A message with the parameters of its topic and its payload decoded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received<Values, A> {
  readonly parameters: Values
  readonly payload: A
  readonly message: MqttMessage
}

/**
 * The options that make a subscriber a member of a Shared Subscription.
 *
 * @since 0.2.0
 * @category models
 */
export interface ShareOptions {
  /** The ShareName of a Shared Subscription to be a member of. Default: none. */
  readonly share?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SubscribeOptions<R = never> extends ClientOptions.SubscribeOptions, ShareOptions {
  /** Default: `"log"`. */
  readonly onInvalid?: OnInvalid<unknown, R> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WithFailuresOptions extends ClientOptions.SubscribeOptions, ShareOptions {
  /** How many failures may wait. Default: 100. */
  readonly failures?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ConsumeOptions<E = never, R = never> extends ReceivingOptions.ConsumeOptions, ShareOptions {
  /** Default: `"log"`. */
  readonly onInvalid?: OnInvalid<E, R> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LatestOptions<R = never> extends ClientOptions.SubscribeOptions {
  /** Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** Default: `"log"`. */
  readonly onInvalid?: OnInvalid<unknown, R> | undefined
}

/**
 * The decoded messages of a subscription, as a stream that ends when the client closes, and the granted QoS.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subscription<A, R = never> extends Stream.Stream<A, MqttError.MqttError, R> {
  readonly topicFilters: ReadonlyArray<string>
  readonly granted: ReadonlyArray<Packet.Qos>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SubscriptionWithFailures<A, R = never> {
  readonly messages: Subscription<A, R>
  /** The messages that do not decode. Ends after `messages` has ended, or with the scope. */
  readonly failures: Stream.Stream<Invalid>
  /** How many failures were dropped to make room for later ones. */
  readonly failuresDropped: Effect.Effect<number>
}

/** The parts of a typed topic that receiving needs. */
export interface Receiver<A, RD> {
  readonly mqtt: MqttClient["Service"]
  readonly topicFilter: string
  readonly decode: (message: MqttMessage) => Effect.Effect<A, MqttDecodeError, RD>
}

/** The filter of a Shared Subscription. The group is one level: more of them would change the filter. */
export const shared = (topicFilter: string, group: string): Result.Result<string, MqttError.MqttError> => {
  const filter = `$share/${group}/${topicFilter}`
  const level = Topic.join(["-", group])
  const invalid = typeof level === "string" ? Topic.validateTopicFilter(filter, "5.0") : level
  return invalid === undefined
    ? Result.succeed(filter)
    : Result.fail(MqttError.fromReason(MqttError.InvalidRequest.from(invalid)))
}

export const filterOf = (topicFilter: string, { share }: ShareOptions): Result.Result<string, MqttError.MqttError> =>
  share === undefined ? Result.succeed(topicFilter) : shared(topicFilter, share)

/** Logs why a message that does not decode could not go to its place. */
export const cannotPut = (paced: PacedLog) => ({ error, message }: Invalid, cause: Cause.Cause<unknown>) =>
  paced.write(
    Effect.logError(`\`onInvalid\` failed for a message that does not decode: ${error.message}`, cause).pipe(
      Effect.annotateLogs({ ...FailureAnnotations.ofCause(cause), topic: harmless(message.topic) })
    )
  )

/** A place that fails must not end the subscription or the consumer. */
const never = <R>(place: Place<unknown, R>) => {
  const log = cannotPut(new PacedLog())
  return (invalid: Invalid): Effect.Effect<void, never, R> =>
    place(invalid).pipe(
      Effect.catchCause((cause) => Cause.squash(cause) === payloadFormatInvalid ? Effect.void : log(invalid, cause)),
      Effect.asVoid
    )
}

const decodeOr = <A, RD, R>(
  { decode }: Receiver<A, RD>,
  place: (invalid: Invalid) => Effect.Effect<void, never, R>
) =>
(message: MqttMessage): Effect.Effect<Option.Option<A>, never, RD | R> =>
  Effect.matchEffect(decode(message), {
    onSuccess: Effect.succeedSome,
    onFailure: (error) => Effect.as(place({ message, error }), Option.none())
  })

/** Subscribes, and decodes the messages. */
const subscribeWith = Effect.fnUntraced(function*<A, RD, R>(
  receiver: Receiver<A, RD>,
  options: ClientOptions.SubscribeOptions & ShareOptions,
  place: (invalid: Invalid) => Effect.Effect<void, never, R>
): Effect.fn.Return<Subscription<A, RD | R>, MqttError.MqttError, Scope.Scope> {
  const filter = yield* Effect.fromResult(filterOf(receiver.topicFilter, options))
  const subscription = yield* receiver.mqtt.subscribe(filter, options)
  const { granted, topicFilters } = subscription
  const decode = decodeOr(receiver, place)
  const decoded = Stream.filterMapEffect(
    subscription,
    (message: MqttMessage) => Effect.map(decode(message), Result.fromOption(() => undefined))
  )
  return Object.assign(decoded, { granted, topicFilters })
})

export const subscribe = <A, RD, R = never>(
  receiver: Receiver<A, RD>,
  options: SubscribeOptions<R> = {}
): Effect.Effect<Subscription<A, RD | R>, MqttError.MqttError, Scope.Scope> =>
  checkReceiving(options).pipe(
    Effect.andThen(Effect.suspend(() => placing({ ...receiver, onInvalid: options.onInvalid }))),
    Effect.flatMap((place) => subscribeWith(receiver, options, never(place)))
  )

export const subscribeWithFailures = Effect.fnUntraced(function*<A, RD>(
  receiver: Receiver<A, RD>,
  options: WithFailuresOptions = {}
): Effect.fn.Return<SubscriptionWithFailures<A, RD>, MqttError.MqttError, Scope.Scope> {
  yield* checkReceiving(options)
  const failures = yield* Queue.sliding<Invalid, Cause.Done>(options.failures ?? 100)
  yield* Effect.addFinalizer(() => Queue.end(failures))
  let dropped = 0
  const messages = yield* subscribeWith(receiver, options, ({ error, message }) =>
    Effect.sync(() => {
      if (Queue.isFullUnsafe(failures)) dropped++
      Queue.offerUnsafe(failures, { error, message: Latest.copy(message) })
    }))
  const { granted, topicFilters } = messages
  return {
    messages: Object.assign(
      messages.pipe(Stream.onEnd(Queue.end(failures)), Stream.onError(() => Queue.end(failures))),
      { granted, topicFilters }
    ),
    failures: Stream.fromQueue(failures),
    failuresDropped: Effect.sync(() => dropped)
  }
})

export const consume = Effect.fnUntraced(function*<A, RD, E, R, E2 = never, R2 = never>(
  receiver: Receiver<A, RD>,
  handler: (received: A) => Effect.Effect<unknown, E, R>,
  options: ConsumeOptions<E2, R2> = {}
): Effect.fn.Return<void, MqttError.MqttError | Exclude<E | E2, MqttError.MqttRejected>, RD | R | R2> {
  yield* checkReceiving(options, { handler: [handler] })
  const filter = yield* Effect.fromResult(filterOf(receiver.topicFilter, options))
  const { onInvalid = "log" } = options
  const place = yield* placing({ ...receiver, onInvalid })
  const refuse = (invalid: Invalid): Effect.Effect<unknown, E2 | MqttError.MqttError | MqttError.MqttRejected, R2> =>
    onInvalid === "log" ? Effect.andThen(place(invalid), Effect.fail(payloadFormatInvalid)) : place(invalid)
  return yield* receiver.mqtt.consume(filter, (message) =>
    Effect.matchEffect(receiver.decode(message), {
      onSuccess: (received): Effect.Effect<unknown, E | E2 | MqttError.MqttError | MqttError.MqttRejected, R | R2> =>
        handler(received),
      onFailure: (error) => refuse({ message, error })
    }), options)
})

/** A topic with its own decoder, which needs no parameters. */
export const latest = <A, RD, R = never>(
  receiver: Receiver<A, RD>,
  options: LatestOptions<R> = {}
): Effect.Effect<
  SubscriptionRef.SubscriptionRef<Option.Option<A>>,
  MqttError.MqttError,
  RD | R | Scope.Scope
> =>
  Effect.flatMap(
    Effect.suspend(() => placing({ ...receiver, onInvalid: options.onInvalid })),
    (place) =>
      Latest.follow({
        mqtt: receiver.mqtt,
        topic: receiver.topicFilter,
        decode: decodeOr(receiver, never(place)),
        options
      })
  )

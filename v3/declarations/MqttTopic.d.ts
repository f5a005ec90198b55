/**
 * Typed topics: a template with named parameters and a schema for the payload give the Topic Filter, a publish that no
 * parameter can lead astray, and streams of decoded messages.
 *
 * The schemas are those of Effect 3; everything else is as in `effect-mqtt`. MQTT 5.0 section 4.7.
 *
 * @since 0.2.0
 */
import type * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import type { PublishOptions } from "./internal/clientOptions.ts"
import type { Address } from "./internal/topic/address.ts"
import type {
  Checked,
  Definition,
  MakeOptions,
  Only,
  PayloadSource,
  SchemaOf,
  Values
} from "./internal/topic/definition.ts"
import type * as Deliveries from "./internal/topic/deliveries.ts"
import type * as Payload from "./internal/topic/payload.ts"
import type * as Receiving from "./internal/topic/receiving.ts"
import type { MqttClient } from "./MqttClient.ts"
import type * as MqttError from "./MqttError.ts"
import type { Acknowledgement, MqttMessage } from "./MqttMessage.ts"

export type { Address } from "./internal/topic/address.ts"
export type {
  Checked,
  Definition,
  MakeOptions,
  Only,
  PayloadSource,
  SchemaOf,
  Values
} from "./internal/topic/definition.ts"
export type { Delivery, NextOptions } from "./internal/topic/deliveries.ts"
export type { DeadLetter, Invalid, OnInvalid } from "./internal/topic/invalid.ts"
export type { LevelSchema, LevelsSchema } from "./internal/topic/parameters.ts"
export {
  bytes,
  codec,
  type CodecOptions,
  json,
  type PayloadCodec,
  type PayloadSchema,
  text
} from "./internal/topic/payload.ts"
export type {
  ConsumeOptions,
  LatestOptions,
  Received,
  ShareOptions,
  SubscribeOptions,
  Subscription,
  SubscriptionWithFailures,
  WithFailuresOptions
} from "./internal/topic/receiving.ts"
export type { RespondOptions } from "./internal/topic/requests.ts"
export {
  type CheckedRequest,
  type FailureSchemaOf,
  type MadeRequest,
  makeRequest,
  makeRequestResult,
  type RequestDefinition,
  type RequestPayloads,
  type RequestTopic
} from "./internal/topic/requestTopic.ts"
export type { Fault, LevelFault, MultiName, NameFault, NameIn, Names } from "./internal/topic/template.ts"

/**
 * A typed topic. `RD` and `RE` are the services that the payload's schema needs to decode and to encode: a schema of
 * Effect 3 needs the same for both.
 *
 * @since 0.1.0
 * @category models
 */
export interface MqttTopic<Values, A, RD = never, RE = never> extends Address<Values> {
  /** Parameters and payload of a message that came by another way. */
  readonly decode: (message: MqttMessage) => Effect.Effect<Receiving.Received<Values, A>, MqttError.MqttDecodeError, RD>
  /**
   * `MqttClient.publish` with the topic of these parameters and the encoded payload. In 5.0 the message carries its
   * content type and, if it is text, its Payload Format Indicator; `properties` of the options override both.
   */
  readonly publish: (
    parameters: Values,
    payload: A,
    options?: PublishOptions
  ) => Effect.Effect<Acknowledgement, MqttError.MqttError | MqttError.MqttEncodeError, MqttClient | RE>
  /**
   * `MqttClient.subscribe` with decoded messages. A message that does not decode goes where `onInvalid` says and never
   * ends the stream. If that place fails, the failure is logged.
   */
  readonly subscribe: <R = never>(
    options?: Receiving.SubscribeOptions<R>
  ) => Effect.Effect<
    Receiving.Subscription<Receiving.Received<Values, A>, RD | R>,
    MqttError.MqttError,
    MqttClient | Scope.Scope
  >
  /** `subscribe` as a plain stream, subscribed for as long as it is run. */
  readonly messages: <R = never>(
    options?: Receiving.SubscribeOptions<R>
  ) => Stream.Stream<Receiving.Received<Values, A>, MqttError.MqttError, MqttClient | RD | R>
  /**
   * `MqttClient.next` with a decoded message. A message that does not decode goes where `onInvalid` says, and the wait
   * goes on. Such a message is settled as by `deliveries`.
   *
   * @since 0.2.0
   */
  readonly next: <R = never>(
    options?: Deliveries.NextOptions<R>
  ) => Effect.Effect<Receiving.Received<Values, A>, MqttError.MqttError, MqttClient | RD | R>
  /**
   * `MqttClient.deliveries` with decoded messages. A message that does not decode goes where `onInvalid` says, and the
   * program does not see it. With `"log"` it is refused with 0x99 (Payload format invalid) in 5.0 and acknowledged in
   * 3.1.1. Otherwise it is acknowledged when the function succeeded, or when the dead letter was acknowledged. If that
   * place fails, the failure is logged, and the message is refused.
   *
   * @since 0.2.0
   */
  readonly deliveries: <R = never>(
    options?: Receiving.SubscribeOptions<R>
  ) => Stream.Stream<Deliveries.Delivery<Values, A>, MqttError.MqttError, MqttClient | RD | R>
  /**
   * `subscribe` with a second stream, for messages that do not decode. Failures are found as `messages` is run, and it
   * does not wait for their reader: if more than `failures` of them wait, the oldest are dropped and counted.
   */
  readonly subscribeWithFailures: (
    options?: Receiving.WithFailuresOptions
  ) => Effect.Effect<
    Receiving.SubscriptionWithFailures<Receiving.Received<Values, A>, RD>,
    MqttError.MqttError,
    MqttClient | Scope.Scope
  >
  /**
   * `MqttClient.consume` with decoded messages. If `onInvalid` is `"log"`, a message that does not decode is refused
   * with 0x99 (Payload format invalid) in 5.0 and acknowledged in 3.1.1. Otherwise it is acknowledged when the handler
   * of `onInvalid` succeeded, or when the dead letter was acknowledged. A failure of `onInvalid` counts as a failure of
   * the handler.
   */
  readonly consume: <E, R, E2 = never, R2 = never>(
    handler: (received: Receiving.Received<Values, A>) => Effect.Effect<unknown, E, R>,
    options?: Receiving.ConsumeOptions<E2, R2>
  ) => Effect.Effect<void, MqttError.MqttError | Exclude<E | E2, MqttError.MqttRejected>, MqttClient | RD | R | R2>
  /** The latest value of one of its topics, as with `MqttTopic.latest`. */
  readonly latest: <R = never>(
    parameters: Values,
    options?: Receiving.LatestOptions<R>
  ) => Effect.Effect<
    Subscribable.Subscribable<Option.Option<A>>,
    MqttError.MqttError | MqttError.MqttEncodeError,
    MqttClient | Scope.Scope | RD | R
  >
}

/**
 * The typed topic of a template and its definition.
 *
 * @since 0.2.0
 * @category utility types
 */
export type Made<Source extends string, D extends { readonly payload: PayloadSource }> = MqttTopic<
  Values<Source, D>,
  SchemaOf<D["payload"]>["Type"],
  SchemaOf<D["payload"]>["Context"],
  SchemaOf<D["payload"]>["Context"]
>

/**
 * A typed topic. In the template `{name}` is one level, and `{name...}`, at its end, is any number of levels, as an
 * array. The rest of the template stands for itself. A parameter without a schema is a string, or an array of strings.
 *
 * An invalid template, or a schema for a parameter that the template does not have, is a compile-time error. At run
 * time `make` throws an `MqttError` with the reason `InvalidOptions`. For templates that are not known before use
 * `makeResult`.
 *
 * **Example** (Readings of many sensors)
 *
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import { MqttTopic } from "effect-mqtt-v3"
 *
 * const Temperature = MqttTopic.make("site/{site}/temperature/{sensor}", {
 *   sensor: Schema.NumberFromString,
 *   payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
 * })
 *
 * const program = Effect.gen(function*() {
 *   yield* Temperature.publish({ site: "north", sensor: 7 }, { celsius: 21.5 }, { qos: 1 })
 *   yield* Temperature.messages({ qos: 1 }).pipe(
 *     Stream.runForEach(({ parameters, payload }) => Effect.log(parameters.site, parameters.sensor, payload.celsius))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export declare const make: <const Source extends string, const D extends Definition<Source>>(
  template: Checked<Source>,
  definition: D & Only<Source, D>,
  options?: MakeOptions
) => Made<Source, D>

/**
 * `make` for templates that are known at run time only.
 *
 * @since 0.1.0
 * @category constructors
 */
export declare const makeResult: <const Source extends string, const D extends Definition<Source>>(
  template: Checked<Source>,
  definition: D & Only<Source, D>,
  options?: MakeOptions
) => Either.Either<Made<Source, D>, MqttError.MqttError>

/**
 * The latest value of one topic, retained or live, followed for as long as the scope lives. There is none until the
 * first message comes, and none again after an empty payload, with which a retained message is removed. It survives
 * reconnects. Completes when the server has granted the subscription; the retained message may come a moment later.
 *
 * A message that does not decode goes where `onInvalid` says, and the value stays. `payload` is text if not given.
 *
 * Fails with `InvalidRequest` if the topic is a filter with wildcards, and like `subscribe`.
 *
 * @since 0.1.0
 * @category receiving
 */
export declare const latest: <const P extends PayloadSource = Payload.PayloadCodec<typeof Schema.String>, R = never>(
  topic: string,
  options?: Receiving.LatestOptions<R> & { readonly payload?: P | undefined }
) => Effect.Effect<
  Subscribable.Subscribable<Option.Option<SchemaOf<P>["Type"]>>,
  MqttError.MqttError,
  MqttClient | Scope.Scope | SchemaOf<P>["Context"] | R
>

/**
 * The client people use: publish, subscribe, and the state of a connection that comes back by itself.
 *
 * How one connection works is `MqttConnection`; where it leads is the transport's.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import { observing } from "./internal/client/assembly/observing.ts"
import * as Whole from "./internal/client/assembly/whole.ts"
import * as OnConnected from "./internal/client/calls/onConnected.ts"
import type * as Subscribe from "./internal/client/calls/subscribe.ts"
import { ownService, type ServiceClass } from "./internal/client/ownService.ts"
import type {
  DisconnectOptions,
  Options,
  OutgoingMessage,
  PublishOptions,
  RequestOptions,
  SubscribeOptions
} from "./internal/clientOptions.ts"
import { defaults } from "./internal/defaults.ts"
import { resolve } from "./internal/options.ts"
import type { ConsumeOptions, NextOptions, RespondOptions } from "./internal/receivingOptions.ts"
import * as MqttConfig from "./MqttConfig.ts"
import type * as MqttError from "./MqttError.ts"
import type { Acknowledgement, Answer, Delivery, MqttMessage, Payload } from "./MqttMessage.ts"
import type { ConnectionState, Health as ClientHealth, MqttEvent, Stats } from "./MqttState.ts"
import type { MqttTransport } from "./MqttTransport.ts"

export type { Subscription } from "./internal/client/calls/subscribe.ts"
export type { ServiceClass } from "./internal/client/ownService.ts"
export type {
  ConsumeOptions,
  DeadLetterOptions,
  DeadLetterTopic,
  NextOptions,
  RespondOptions
} from "./internal/receivingOptions.ts"
import { unwrap } from "./internal/config.ts"
export type {
  Bounds,
  Credentials,
  DisconnectOptions,
  Escalation,
  FollowServerReference,
  MetricsOptions,
  Options,
  OutboxBounds,
  OutgoingMessage,
  OverflowPolicy,
  PublishOptions,
  RequestOptions,
  SessionMode,
  SubscribeOptions
} from "./internal/clientOptions.ts"
export type { Birth, Presence, PublishProperties, Will } from "./internal/presenceOptions.ts"

/**
 * @since 0.1.0
 * @category services
 */
export class MqttClient extends Context.Service<MqttClient, {
  /**
   * Publishes a message and waits for its QoS: 0 until its bytes were handed to the network, 1 for PUBACK, 2 for
   * PUBCOMP. It survives reconnects. Interrupted before its first byte it is withdrawn; after that it is delivered.
   *
   * Fails with `InvalidRequest`, `ServerLimit`, `PublishRefused`, `Overflow`, `MessageExpired`, `Offline`, `Quarantined`,
   * or with what closed the client. MQTT 5.0 and 3.1.1, sections 3.3 and 4.3.
   */
  readonly publish: (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ) => Effect.Effect<Acknowledgement, MqttError.MqttError>
  /**
   * Publishes a message and goes on: completes when the window took it (QoS 1 and 2: its identifier is assigned and it
   * is on its way), with an effect that waits for the acknowledgement. What is not awaited is delivered all the same.
   * How many run ahead is `maxInFlight`. Fails like `publish` with what happens before that.
   */
  readonly publishAsync: (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ) => Effect.Effect<Effect.Effect<Acknowledgement, MqttError.MqttError>, MqttError.MqttError>
  /**
   * Publishes a stream of messages, as many at once as the window takes, and ends with their number when all are
   * acknowledged. Fails with the first failure; what was sent before is delivered all the same.
   */
  readonly publishSink: Sink.Sink<number, OutgoingMessage, never, MqttError.MqttError>
  /** Waits until everything published so far has ended, well or badly. Fails only when the client is closed. */
  readonly flush: Effect.Effect<void, MqttError.MqttError>
  /**
   * Subscribes for as long as the scope lives. Completes with the stream of messages when the server has granted the
   * subscription; several subscribers of one filter share one SUBSCRIBE. A message is acknowledged when the stream's
   * buffer took it. MQTT 5.0 and 3.1.1, sections 3.8 and 3.9.
   */
  readonly subscribe: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Effect.Effect<Subscribe.Subscription, MqttError.MqttError, Scope.Scope>
  /** `subscribe` as a plain stream, subscribed for as long as it is run. */
  readonly messages: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Stream.Stream<MqttMessage, MqttError.MqttError>
  /**
   * Waits for one message, acknowledges it as it returns it, and unsubscribes; a retained message counts. What came behind
   * it waits for the next subscriber, as with `consume`. Fails with `NextTimeout`, and like `subscribe`.
   *
   * @since 0.2.0
   */
  readonly next: (
    topicFilter: string | ReadonlyArray<string>,
    options?: NextOptions
  ) => Effect.Effect<MqttMessage, MqttError.MqttError>
  /**
   * `messages` that the program acknowledges itself, in any order: acknowledgements leave in the order in which messages
   * came. What is not acknowledged when the stream ends waits for the next subscriber, as with `consume`.
   *
   * @since 0.2.0
   */
  readonly deliveries: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Stream.Stream<Delivery, MqttError.MqttError>
  /**
   * Subscribes and runs a handler for each message; the message is acknowledged when the handler succeeded, so it is
   * processed at least once. Runs until the client closes, it is interrupted, or a handler fails (`onFailure`). Messages
   * it leaves unacknowledged wait at least 30 seconds for the next consumer of the filter, then they are acknowledged and
   * dropped; a handler refuses one by failing with `MqttRejected`. Acknowledgements leave in the order in which messages came.
   */
  readonly consume: <E, R>(
    topicFilter: string | ReadonlyArray<string>,
    handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
    options?: ConsumeOptions
  ) => Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R>
  /**
   * Publishes a request and waits for its answer, which comes on a topic of this client's own: one subscription serves
   * all requests, is made with the first and comes back after reconnects. 5.0 only.
   *
   * Fails with `RequestTimeout`; with `NoResponder` when the server says that nobody subscribes to the topic; with
   * `SubscribeRefused` when it refuses the subscription for answers; and like `publish`. MQTT 5.0 section 4.10.
   */
  readonly request: (
    topic: string,
    payload: Payload,
    options?: RequestOptions
  ) => Effect.Effect<MqttMessage, MqttError.MqttError>
  /**
   * As `consume`, and what the handler returns is published to the Response Topic of the request, with its Correlation
   * Data. A request is acknowledged when its answer was; with a Shared Subscription (`$share/name/filter`) several clients
   * share the requests. A message without a Response Topic is acknowledged and dropped, with a warning. An answer that the
   * server refuses is logged, and is no failure. 5.0 only.
   */
  readonly respond: <E, R>(
    topicFilter: string | ReadonlyArray<string>,
    handler: (request: MqttMessage) => Effect.Effect<Payload | Answer, E, R>,
    options?: RespondOptions
  ) => Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R>
  /**
   * Whether the server answers: something was heard within the last second, or a ping is answered in time; if none is, the
   * connection is replaced. While a slow subscriber keeps the client from reading, whether there is a connection.
   */
  readonly brokerUp: Effect.Effect<boolean>
  /**
   * Whether the server answers a ping of this moment, in `responseTimeout` or five seconds, whichever is less; if it does
   * not, the connection is replaced. For a program that knows more than the client, such as that the machine has woken up.
   *
   * @since 0.2.0
   */
  readonly checkConnection: Effect.Effect<boolean>
  /**
   * Sends DISCONNECT, so that the server publishes no Will but that of `presence`, and connects again as after any other
   * loss. For new credentials, or another server of several. Without a connection it does nothing.
   *
   * @since 0.2.0
   */
  readonly replaceConnection: Effect.Effect<void>
  /** The connection as it is, and as it changes (`SubscriptionRef.changes`). */
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** What happens from now on, to the end of the client; one who does not pull misses the oldest. */
  readonly events: Stream.Stream<MqttEvent>
  readonly stats: Effect.Effect<Stats>
  /** Whether the client is fit for work, and if not, why. Answers at once, from what the client knows: for probes. */
  readonly health: Effect.Effect<ClientHealth>
  /**
   * Waits for the end of the client: fails with what closed it, and completes when this side did, by `disconnect` or the end
   * of the scope. A program that cannot go on without its client races with it.
   *
   * @since 0.2.0
   */
  readonly closed: Effect.Effect<void, MqttError.MqttError>
  /** Sends DISCONNECT and closes the client for good; the server drops the Will. Never fails, for finalizers. */
  readonly disconnect: Effect.Effect<void>
  /**
   * As `disconnect`, and the program says how: the server publishes the Will, and what 5.0 can say besides, which is a
   * reason, how long the session is kept, a text, and User Properties. Without a connection the client closes all the same.
   * Fails with `InvalidRequest`, and closes nothing, if DISCONNECT cannot say that: in 3.1.1 it can say nothing.
   */
  readonly disconnectWith: (options: DisconnectOptions) => Effect.Effect<void, MqttError.MqttError>
  /** `disconnectWith({ publishWill: true })`, which never fails. */
  readonly disconnectWithWill: Effect.Effect<void>
  /**
   * Authenticates again on this connection, as `authentication` says, and completes when the server has accepted; other
   * packets go on meanwhile. What goes wrong once it has begun ends the connection. Before an authentication expires the
   * client does it by itself.
   *
   * Fails with `InvalidRequest` without `authentication`, `Offline` without a connection, with what the method fails with,
   * `ConnectTimeout`, or with what ended the connection, such as `ServerDisconnected`. MQTT 5.0 section 4.12.1.
   */
  readonly reauthenticate: Effect.Effect<void, MqttError.MqttError>
}>()("effect-mqtt/MqttClient") {}

/**
 * A client under a key of the program's own, for a program with several clients. After
 * `class Edge extends MqttClient.Service<Edge>()("Edge") {}`, `Edge.layer` takes the layer of a client, `yield* Edge` is
 * that client, and `Edge.provide` makes it the `MqttClient` of an effect that needs one, such as that of a typed topic.
 *
 * @since 0.2.0
 * @category services
 */
export const Service = <Self>() => <const Key extends string>(key: Key): ServiceClass<Self, Key, typeof MqttClient> =>
  ownService(key, MqttClient)

/**
 * When the client connects again unless `reconnect` is given: exponential from one second to thirty, with jitter, for
 * ever.
 *
 * @since 0.2.0
 * @category constants
 */
export const defaultReconnect: Schedule.Schedule<unknown, MqttError.MqttError> = defaults.reconnect

/**
 * A client on whatever `MqttTransport` there is. It lives as long as the scope; then DISCONNECT is sent and everything
 * stops within `drainTimeout`. The goodbye of `presence` comes first and has as long.
 *
 * Fails with `InvalidOptions`, and, unless `initialConnection` is `"retry"`, with what the first connection failed of.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options = {}
): Effect.Effect<MqttClient["Service"], MqttError.MqttError, MqttTransport | Scope.Scope> =>
  Effect.suspend(() =>
    Effect.flatMap(Effect.fromResult(resolve(options)), (resolved) => Whole.make(resolved, observing))
  )

/**
 * From now on, runs an effect in the scope of each connection: when the server has accepted it, and at once if there is a
 * connection. When the connection is lost, the effect is interrupted and what it acquired is released. A failure is logged
 * and does not end the client. It lasts as long as the scope of the caller.
 *
 * @since 0.2.0
 * @category connections
 */
export const onConnected = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<void, never, MqttClient | Scope.Scope | Exclude<R, Scope.Scope>> =>
  Effect.flatMap(MqttClient, ({ state }) => OnConnected.run(state, effect))

/**
 * A client as a layer, on whatever transport layer there is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<MqttClient, MqttError.MqttError, MqttTransport> => Layer.effect(MqttClient, make(options))

/**
 * A client whose options are read from a `ConfigProvider`: from the environment as `MqttConfig.environment` says
 * (`MQTT_CLIENT_ID`, `MQTT_KEEP_ALIVE` and so on), or under names of the program's own.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: MqttConfig.Wrap<Options> = MqttConfig.environment
): Layer.Layer<MqttClient, MqttError.MqttError | Config.ConfigError, MqttTransport> =>
  Layer.effect(MqttClient, Effect.flatMap(unwrap(config), make))

/**
 * The service `MqttClient`: the calls of the whole client, and their meaning.
 *
 * `whole.ts` makes one. This is a module of its own, so that a page that only asks for the client loads none of the
 * layers that `MqttClient` has besides: some bundlers leave out whole modules only.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type * as SubscriptionRef from "effect/SubscriptionRef"
import type * as MqttError from "../../../MqttError.ts"
import type { Acknowledgement, Answer, Delivery, MqttMessage, Payload } from "../../../MqttMessage.ts"
import type { ConnectionState, Health as ClientHealth, MqttEvent, Stats } from "../../../MqttState.ts"
import type {
  DisconnectOptions,
  OutgoingMessage,
  PublishOptions,
  RequestOptions,
  SubscribeOptions
} from "../../clientOptions.ts"
import type { ConsumeOptions, NextOptions, RespondOptions } from "../../receivingOptions.ts"
import type * as Subscribe from "../calls/subscribe.ts"

/**
 * @since 0.1.0
 * @category services
 */
export class MqttClient extends Context.Service<MqttClient, {
  /**
   * Publishes a message and waits for its QoS: at 0 until its bytes were handed to the network, at 1 for PUBACK, at 2
   * for PUBCOMP. A publish survives reconnects. If it is interrupted before its first byte, it is withdrawn; after
   * that, it is delivered.
   *
   * Fails with `InvalidRequest`, `ServerLimit`, `PublishRefused`, `Overflow`, `MessageExpired`, `Offline`,
   * `Quarantined`, or with the error that closed the client. MQTT 5.0 and 3.1.1, sections 3.3 and 4.3.
   */
  readonly publish: (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ) => Effect.Effect<Acknowledgement, MqttError.MqttError>
  /**
   * Publishes a message without waiting for its acknowledgement. It completes when the window took the message (QoS 1
   * and 2: its identifier is assigned and it is on its way), with an effect that waits for the acknowledgement. If an
   * error comes before the window took the message, it fails like `publish`. After that the message is delivered, even
   * if the program never runs the effect. `maxInFlight` limits how many messages run ahead.
   */
  readonly publishAsync: (
    topic: string,
    payload: Payload,
    options?: PublishOptions
  ) => Effect.Effect<Effect.Effect<Acknowledgement, MqttError.MqttError>, MqttError.MqttError>
  /**
   * Publishes a stream of messages, as many at once as the window takes, and ends with their number when all are
   * acknowledged. Fails with the first failure; messages sent before it are still delivered.
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
   * Waits for one message, acknowledges it as it returns it, and unsubscribes; a retained message counts. Messages
   * behind it wait for the next subscriber, as with `consume`. Fails with `NextTimeout`, and like `subscribe`.
   *
   * @since 0.2.0
   */
  readonly next: (
    topicFilter: string | ReadonlyArray<string>,
    options?: NextOptions
  ) => Effect.Effect<MqttMessage, MqttError.MqttError>
  /**
   * `messages` that the program acknowledges itself, in any order: acknowledgements leave in the order in which
   * messages came. Messages still unacknowledged when the stream ends wait for the next subscriber, as with `consume`.
   *
   * @since 0.2.0
   */
  readonly deliveries: (
    topicFilter: string | ReadonlyArray<string>,
    options?: SubscribeOptions
  ) => Stream.Stream<Delivery, MqttError.MqttError>
  /**
   * Subscribes and runs a handler for each message; the message is acknowledged when the handler succeeded, so it is
   * processed at least once. `consume` runs until the client closes, it is interrupted, or a handler fails
   * (`onFailure`). Messages that it leaves unacknowledged wait at least 30 seconds for the next consumer of the filter.
   * Then they are acknowledged and dropped. A handler refuses a message by failing with `MqttRejected`.
   * Acknowledgements leave in the order in which messages came.
   */
  readonly consume: <E, R>(
    topicFilter: string | ReadonlyArray<string>,
    handler: (message: MqttMessage) => Effect.Effect<unknown, E, R>,
    options?: ConsumeOptions
  ) => Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R>
  /**
   * Publishes a request and waits for its answer, which comes on a topic of this client's own. One subscription serves
   * all requests: the client makes it with the first request, and makes it again after reconnects. 5.0 only.
   *
   * Fails with `RequestTimeout`; with `NoResponder` if the server says that nobody subscribes to the topic; with
   * `SubscribeRefused` if the server refuses the subscription for answers; and like `publish`. MQTT 5.0 section 4.10.
   */
  readonly request: (
    topic: string,
    payload: Payload,
    options?: RequestOptions
  ) => Effect.Effect<MqttMessage, MqttError.MqttError>
  /**
   * As `consume`, but the client publishes the result of the handler to the Response Topic of the request, with its
   * Correlation Data. A request is acknowledged when its answer was acknowledged. With a Shared Subscription
   * (`$share/name/filter`) several clients share the requests. A message without a Response Topic is acknowledged and
   * dropped, with a warning. If the server refuses an answer, that is logged, and is no failure. 5.0 only.
   */
  readonly respond: <E, R>(
    topicFilter: string | ReadonlyArray<string>,
    handler: (request: MqttMessage) => Effect.Effect<Payload | Answer, E, R>,
    options?: RespondOptions
  ) => Effect.Effect<void, MqttError.MqttError | Exclude<E, MqttError.MqttRejected>, R>
  /**
   * Whether the server answers: the client heard it within the last second, or the server answers a ping in time. If it
   * does not, the connection is replaced. While a slow subscriber keeps the client from reading, this is only whether
   * there is a connection.
   */
  readonly brokerUp: Effect.Effect<boolean>
  /**
   * Sends a ping now, and says whether the server answers it within `responseTimeout` or five seconds, whichever is
   * less. If it does not, the connection is replaced. This is for a program that knows more than the client, such as
   * that the machine has woken up.
   *
   * @since 0.2.0
   */
  readonly checkConnection: Effect.Effect<boolean>
  /**
   * Sends DISCONNECT and connects again, as after any other loss. The server publishes no Will, except with `presence`,
   * whose `offline` it publishes. Use it for new credentials, or to move to another of several servers. Without a
   * connection it does nothing.
   *
   * @since 0.2.0
   */
  readonly replaceConnection: Effect.Effect<void>
  /** The current state of the connection, and its changes (`SubscriptionRef.changes`). */
  readonly state: SubscriptionRef.SubscriptionRef<ConnectionState>
  /** Events from now until the end of the client. A subscriber that does not pull misses the oldest events. */
  readonly events: Stream.Stream<MqttEvent>
  readonly stats: Effect.Effect<Stats>
  /** Whether the client is fit for work, and if not, why. It answers at once and sends nothing, so it suits probes. */
  readonly health: Effect.Effect<ClientHealth>
  /**
   * Waits for the end of the client. It completes if this side closed the client, by `disconnect` or the end of the
   * scope, and otherwise fails with the error that closed it. A program that cannot go on without its client races with
   * it.
   *
   * @since 0.2.0
   */
  readonly closed: Effect.Effect<void, MqttError.MqttError>
  /** Sends DISCONNECT and closes the client for good; the server drops the Will. Never fails, for finalizers. */
  readonly disconnect: Effect.Effect<void>
  /**
   * As `disconnect`, with choices for the program: whether the server publishes the Will, and in 5.0 also a reason, how
   * long the session is kept, a text, and User Properties. Without a connection it just closes the client. If
   * DISCONNECT cannot carry a choice, it fails with `InvalidRequest` and closes nothing: in 3.1.1 DISCONNECT carries
   * nothing.
   */
  readonly disconnectWith: (options: DisconnectOptions) => Effect.Effect<void, MqttError.MqttError>
  /** `disconnectWith({ publishWill: true })`, which never fails. */
  readonly disconnectWithWill: Effect.Effect<void>
  /**
   * Authenticates again on this connection, as `authentication` says. It completes when the server has accepted; other
   * packets go on meanwhile. An error after it has begun ends the connection. Before an authentication expires, the
   * client does this by itself.
   *
   * Fails with `InvalidRequest` without `authentication`, with `Offline` without a connection, with the error of the
   * method, with `ConnectTimeout`, or with the error that ended the connection, such as `ServerDisconnected`. MQTT 5.0
   * section 4.12.1.
   */
  readonly reauthenticate: Effect.Effect<void, MqttError.MqttError>
}>()("effect-mqtt/MqttClient") {}

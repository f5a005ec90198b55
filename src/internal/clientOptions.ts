/**
 * The options of the client and of its calls, as types.
 *
 * `MqttClient` exports all of them. `options.ts` checks them and adds the defaults; the transport knows the server.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import type { MqttAuthentication } from "../MqttAuthentication.ts"
import type * as MqttError from "../MqttError.ts"
import type { AnswerProperties, Payload } from "../MqttMessage.ts"
import type { TracingOptions } from "../MqttTracing.ts"
import type * as Packet from "../protocol/Packet.ts"
import type * as Properties from "../protocol/Properties.ts"
import type { Birth, Presence, PublishProperties, Will } from "./presenceOptions.ts"

/**
 * The fate of a message that does not fit into a buffer. `suspend`: its sender waits. `dropOldest`, `dropNewest`: the
 * oldest or the new message is dropped and counted. `fail`: its publish, or the stream of the subscription, fails.
 *
 * @since 0.1.0
 * @category models
 */
export type OverflowPolicy = "suspend" | "dropOldest" | "dropNewest" | "fail"

/**
 * The bounds of a buffer, and its policy beyond them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bounds {
  readonly messages?: number | undefined
  /** The memory of the messages: topic, properties and payload. */
  readonly bytes?: number | undefined
  readonly policy?: OverflowPolicy | undefined
}

/**
 * The bounds of the messages that wait to be sent.
 *
 * @since 0.2.0
 * @category models
 */
export interface OutboxBounds extends Bounds {
  /** How long a message may wait; then it fails with `MessageExpired`. Default: for ever. */
  readonly age?: Duration.Input | undefined
  /**
   * For `session: "cleanStartThenPersistent"`: whether undelivered messages of QoS 1 and 2 that an earlier program left
   * in the store are kept or dropped. They are no part of the session. Default: `"keep"`.
   */
  readonly atCleanStart?: "keep" | "drop" | undefined
}

/**
 * `clean`: the server keeps nothing between connections. `persistent`: it keeps subscriptions and queues messages; a
 * stable `clientId` is required. `cleanStartThenPersistent`: the server throws away once everything it kept before this
 * program started; from then on the session is persistent.
 *
 * @since 0.1.0
 * @category models
 */
export type SessionMode = "clean" | "persistent" | "cleanStartThenPersistent"

/**
 * Durations take a unit: `"30 seconds"`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** `auto` tries 5.0, and 3.1.1 when the server does not speak it. Default: `"5.0"`. */
  readonly protocolVersion?: Packet.ProtocolVersion | "auto" | undefined
  /** Default: a new one of 22 characters from 0-9a-zA-Z, which every server must accept. */
  readonly clientId?: string | undefined
  readonly username?: string | undefined
  /** 3.1.1 needs a `username` with it. */
  readonly password?: Redacted.Redacted<string | Uint8Array> | undefined
  /** User name and password, obtained anew for every connection. Give it instead of `username` and `password`. */
  readonly credentials?: Effect.Effect<Credentials, MqttError.MqttError> | undefined
  /**
   * Enhanced authentication, 5.0 only: a method of `MqttAuthentication`, begun anew for every connection. `credentials`
   * may be given too, if the server wants both.
   */
  readonly authentication?: MqttAuthentication | undefined
  /**
   * Whether a server may send the client to another one (`Server Reference`, 5.0 section 4.11), and how many times in a
   * row. With 0x9C the client goes there once, with 0x9D from then on. Default: it may not, and the client fails with
   * the reason, which has the reference.
   */
  readonly followServerReference?: FollowServerReference | undefined
  /** Whole seconds up to 65,535; 0 switches it off. The server may demand another. Default: 60 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long either direction may be quiet before a ping is sent, also without Keep Alive. Default: a quarter of it. */
  readonly pingInterval?: Duration.Input | undefined
  /** Time limit for the network connection, TLS and CONNACK together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * If the server owes acknowledgements and sends none for this long, or leaves a ping without any sign of life for
   * this long, the client connects anew. Default: 10 seconds.
   */
  readonly responseTimeout?: Duration.Input | undefined
  /**
   * How long a packet of the server may take to arrive once it has begun, while it is read. Default: a minute for each
   * MiB of `maximumPacketSize`, and no less than one.
   */
  readonly packetTimeout?: Duration.Input | undefined
  /** How long the last bytes may take to leave at the end. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
  /**
   * How long a QoS 1 or 2 message without a subscriber waits for one, in a resumed session and after a subscriber has
   * left. It holds up the acknowledgements of all messages behind it; then it is acknowledged and dropped. With 0 only
   * a subscriber that has just left may come back for it, with `"Infinity"` it is never dropped. Default: 30 seconds.
   *
   * @since 0.2.0
   */
  readonly unclaimedTimeout?: Duration.Input | undefined
  /** Default: `"clean"`. */
  readonly session?: SessionMode | undefined
  /** How long the server keeps a persistent session without a connection, 5.0; whole seconds. Default: 1 day. */
  readonly sessionExpiry?: Duration.Input | undefined
  /**
   * If the server has a persistent session of which this client knows nothing, the client takes it over with its queued
   * messages, because programs use persistent sessions for that. With `true` it closes the connection instead, as
   * `[MQTT-3.2.2-4]` of 5.0 asks. Default: `false`.
   */
  readonly refuseUnknownSession?: boolean | undefined
  /**
   * When to connect again after a failure. Default: after a random delay, of 0.5 to 2 seconds at first, twice as long
   * after each failure, 10 to 40 seconds in the end, for ever.
   */
  readonly reconnect?: Schedule.Schedule<unknown, MqttError.MqttError> | undefined
  /**
   * How often a message, or a SUBSCRIBE, is sent again if connections keep ending with it unacknowledged, and how much
   * longer to wait each time. Then it fails with `Quarantined` and the others go on. Default: four times, at once.
   */
  readonly retransmit?: Schedule.Schedule<unknown, MqttError.MqttError> | undefined
  /**
   * The effect to run after `after` failures in a row, and again after as many more. The next attempt waits for it. A
   * connection that did not live for `stableAfter` is a failure too.
   */
  readonly escalate?: Escalation | undefined
  /** `reconnect` starts anew once a connection has lived for this long. Default: 10 seconds. */
  readonly stableAfter?: Duration.Input | undefined
  /** Which failures are worth another attempt. Default: those that say so themselves (`isRetryable`). */
  readonly isRetryable?: ((error: MqttError.MqttError) => boolean) | undefined
  /**
   * If the first connection fails: the layer fails, or the client tries again as after any other failure. Default:
   * `"fail"`.
   */
  readonly initialConnection?: "fail" | "retry" | undefined
  /** QoS 1 and 2 messages in flight at once; never more than the server takes. Default: 1000. */
  readonly maxInFlight?: number | undefined
  /** QoS 1 and 2 messages the server may send before they are acknowledged, announced in 5.0. Default: 1000. */
  readonly receiveMaximum?: number | undefined
  /**
   * A 5.0 server may send more than `receiveMaximum`. The client takes as many messages again, at least 100, counts
   * them and logs a warning. `true` ends the connection at once, as `[MQTT-3.3.4-9]` asks. Default: `false`.
   *
   * @since 0.2.0
   */
  readonly strictReceiveMaximum?: boolean | undefined
  /**
   * The largest packet the client reads, bytes; announced in 5.0. A message that is larger is passed over. Default: 1
   * MiB.
   */
  readonly maximumPacketSize?: number | undefined
  /** Topic Filters in one SUBSCRIBE or UNSUBSCRIBE, for a server that limits them. Default: 100. */
  readonly filtersPerSubscribe?: number | undefined
  /** Topic Aliases the server may use, announced in 5.0; 0 for none. Default: 32. */
  readonly topicAliasMaximum?: number | undefined
  /**
   * Topic Aliases this client uses if the server accepts them; the least recently used alias is given to the next
   * topic; 0 for none. Default: 1024, and never more than the server takes.
   */
  readonly outgoingTopicAliasMaximum?: number | undefined
  /**
   * The messages that wait to be sent. Default: 10,000 messages, 16 MiB, `suspend`. With a store: 1,000,000 messages, 1
   * GiB of QoS 1 and 2, and the same as without a store of QoS 0.
   */
  readonly outbox?: OutboxBounds | undefined
  /** The messages that wait in each subscription. Default: 10,000 messages, 16 MiB, `suspend`. */
  readonly buffer?: Bounds | undefined
  /**
   * The message that the server publishes if the client is gone without a word. An effect is run for every connection.
   */
  readonly will?: Will | Effect.Effect<Will, MqttError.MqttError> | undefined
  /**
   * Published at the beginning of every connection, before any other message. An effect is run for every connection,
   * after the effect of `will`. If a connection is lost, its birth is lost with it: the next connection has its own.
   *
   * @since 0.2.0
   */
  readonly birth?: Birth | Effect.Effect<Birth, MqttError.MqttError> | undefined
  /**
   * Whether the client is there, as a retained message: the Will, the birth and a goodbye at the end in one. Give it
   * instead of `will` and `birth`.
   *
   * @since 0.2.0
   */
  readonly presence?: Presence | undefined
  /**
   * Where the answers to this client's requests come, 5.0; no two clients may have the same. Default: a topic with the
   * client identifier under the server's Response Information, or under `response/` when it gives none.
   */
  readonly responseTopic?: string | undefined
  /** Pairs sent with CONNECT, 5.0. */
  readonly userProperties?: Properties.Properties["userProperties"]
  /**
   * Spans for every publish and every message that is consumed, and their context in User Properties, 5.0; `{}` for the
   * defaults of `MqttTracing`. Tracing costs more per message than everything else the client does with it. Default:
   * none.
   */
  readonly tracing?: TracingOptions | undefined
  /**
   * Whether this client is among the metrics of Effect's registry, `MqttMetrics`, and their labels besides its
   * identifier and its endpoint. All of the numbers are counted anyway. Default: `false`.
   */
  readonly metrics?: boolean | MetricsOptions | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface MetricsOptions {
  /** Labels of every metric. A label replaces any other with the same name. */
  readonly attributes?: Readonly<Record<string, string>> | undefined
}

/**
 * A remedy for a network that does not come back by itself, such as restarting an interface. The host name is resolved
 * anew for every attempt in any case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Escalation {
  /** Default: 5. */
  readonly after?: number | undefined
  readonly run: (error: MqttError.MqttError) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface FollowServerReference {
  /** Servers in a row that send the client on before one has kept it for `stableAfter`. Default: 3. */
  readonly maximumHops?: number | undefined
}

/**
 * How a program ends its client; all but `publishWill` is 5.0. Section 3.14.2.
 *
 * @since 0.1.0
 * @category models
 */
export interface DisconnectOptions {
  /**
   * Whether the server publishes the Will: 5.0 has the reason code 0x04 for it, and in 3.1.1 no DISCONNECT is sent. Default:
   * `false`.
   */
  readonly publishWill?: boolean | undefined
  /** A code that a client may send. Default: 0x00, with `publishWill` 0x04. */
  readonly reasonCode?: number | undefined
  /** How long the server keeps the session from now on, whole seconds; needs a session that is not clean. */
  readonly sessionExpiry?: Duration.Input | undefined
  readonly reasonString?: string | undefined
  readonly userProperties?: Properties.Properties["userProperties"]
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Credentials {
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string | Uint8Array> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PublishOptions {
  /** Default: 0. */
  readonly qos?: Packet.Qos | undefined
  /** The server keeps the message for later subscribers. Default: `false`. */
  readonly retain?: boolean | undefined
  /** PUBLISH properties, 5.0 only. `messageExpiryInterval` counts down while the message waits. */
  readonly properties?: PublishProperties | undefined
  /**
   * How a publish behaves without a connection: it waits in the outbox, fails with `Offline`, or (QoS 0 only) drops the
   * message and succeeds. Default: `"wait"`.
   */
  readonly whenOffline?: "wait" | "fail" | "drop" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions {
  /** QoS of the request, and by default of its answer. Default: 1. */
  readonly qos?: Packet.Qos | undefined
  /** Time limit for all of it, including the wait for a connection. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
  /**
   * `messageExpiryInterval` is the timeout unless it is given, so that no responder handles a request that has timed
   * out.
   */
  readonly properties?: AnswerProperties | undefined
}

/**
 * A message for `publishSink`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutgoingMessage extends PublishOptions {
  readonly topic: string
  readonly payload: Payload
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SubscribeOptions {
  /** The highest QoS messages are delivered with. Default: 0. */
  readonly qos?: Packet.Qos | undefined
  /** Leaves out the messages that this client publishes, 5.0. Default: `false`. */
  readonly noLocal?: boolean | undefined
  /** Keeps the RETAIN flag as it was published, 5.0. Default: `false`. */
  readonly retainAsPublished?: boolean | undefined
  /** Retained messages: 0 send them, 1 only to a new subscription, 2 do not; 5.0. Default: 0. */
  readonly retainHandling?: Packet.RetainHandling | undefined
  /**
   * Whether a SUBSCRIBE is sent even if this client has the filter already, so that the retained messages come, once
   * more for all its subscribers. Default: `false`.
   *
   * @since 0.2.0
   */
  readonly askForRetained?: boolean | undefined
  /**
   * Pairs sent with SUBSCRIBE, 5.0. Of several subscribers of a filter, only the one whose SUBSCRIBE is sent adds its
   * pairs.
   */
  readonly userProperties?: Properties.Properties["userProperties"]
  /** The messages that wait between the network and the stream. Default: the client's. */
  readonly buffer?: Bounds | undefined
}

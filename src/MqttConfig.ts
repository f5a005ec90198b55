/**
 * The options of a client from the environment, or from any other `ConfigProvider`.
 *
 * `MqttClient.Options` has the meaning of each option. The address of the server belongs to the transport:
 * `NodeMqttConfig` and `BrowserMqttConfig` read it too. This is a module of its own, so that a bundle that reads no
 * options is without `effect/Config`.
 *
 * @since 0.2.0
 */
import * as Config from "effect/Config"
import type { FollowServerReference, Options } from "./internal/clientOptions.ts"
import { optional, refused, withoutMisspellings } from "./internal/config.ts"
import type { Presence, Will } from "./internal/presenceOptions.ts"
import type { TracingOptions } from "./MqttTracing.ts"

export type { Wrap } from "./internal/config.ts"

const policies = ["suspend", "dropOldest", "dropNewest", "fail"] as const

const bounds = (prefix: "OUTBOX" | "BUFFER") => ({
  messages: optional(Config.Int(`${prefix}_MESSAGES`)),
  bytes: optional(Config.Int(`${prefix}_BYTES`)),
  policy: optional(Config.Literals(policies, `${prefix}_POLICY`))
})

const outboxConfig = Config.all({
  ...bounds("OUTBOX"),
  age: optional(Config.Duration("OUTBOX_AGE")),
  atCleanStart: optional(Config.Literals(["keep", "drop"], "OUTBOX_AT_CLEAN_START"))
})

const willConfig = Config.all({
  topic: optional(Config.String("WILL_TOPIC")),
  payload: optional(Config.String("WILL_PAYLOAD")),
  qos: optional(Config.Literals([0, 1, 2], "WILL_QOS")),
  retain: optional(Config.Boolean("WILL_RETAIN")),
  delay: optional(Config.Duration("WILL_DELAY"))
}).pipe(Config.flatMap(({ payload = "", topic, ...will }): Config.Config<Will | undefined> => {
  if (topic !== undefined) return Config.succeed({ topic, payload, ...will })
  const isEmpty = payload === "" && Object.values(will).every((value) => value === undefined)
  // If the topic is missing, the error names WILL_TOPIC.
  return isEmpty ? Config.succeed(undefined) : Config.map(Config.String("WILL_TOPIC"), () => undefined)
}))

const presenceConfig = Config.all({
  topic: optional(Config.String("PRESENCE_TOPIC")),
  online: optional(Config.String("PRESENCE_ONLINE")),
  offline: optional(Config.String("PRESENCE_OFFLINE")),
  qos: optional(Config.Literals([0, 1, 2], "PRESENCE_QOS")),
  retain: optional(Config.Boolean("PRESENCE_RETAIN"))
}).pipe(Config.flatMap(({ topic, ...presence }): Config.Config<Presence | undefined> => {
  if (topic !== undefined) return Config.succeed({ topic, ...presence })
  const isEmpty = Object.values(presence).every((value) => value === undefined)
  return isEmpty ? Config.succeed(undefined) : Config.map(Config.String("PRESENCE_TOPIC"), () => undefined)
}))

const tracingConfig = Config.all({
  isOn: optional(Config.Boolean("TRACING")),
  propagate: optional(Config.Boolean("TRACING_PROPAGATE")),
  consume: optional(Config.Literals(["parent", "link"], "TRACING_CONSUME"))
}).pipe(Config.flatMap(({ isOn, ...tracing }): Config.Config<TracingOptions | undefined> => {
  if (isOn !== undefined) return Config.succeed(isOn ? tracing : undefined)
  const said = Object.entries(tracing).find(([, value]) => value !== undefined)?.[0].toUpperCase()
  if (said === undefined) return Config.succeed(undefined)
  return refused(`TRACING_${said}`, "does nothing without TRACING; set it to true")
}))

/** Names of several words, which people write with an underscore less. */
const ofSeveralWords = [
  "PROTOCOL_VERSION",
  "CLIENT_ID",
  "KEEP_ALIVE",
  "PING_INTERVAL",
  "CONNECT_TIMEOUT",
  "RESPONSE_TIMEOUT",
  "PACKET_TIMEOUT",
  "DRAIN_TIMEOUT",
  "UNCLAIMED_TIMEOUT",
  "SESSION_EXPIRY",
  "REFUSE_UNKNOWN_SESSION",
  "STABLE_AFTER",
  "INITIAL_CONNECTION",
  "MAX_IN_FLIGHT",
  "RECEIVE_MAXIMUM",
  "STRICT_RECEIVE_MAXIMUM",
  "MAXIMUM_PACKET_SIZE",
  "FILTERS_PER_SUBSCRIBE",
  "TOPIC_ALIAS_MAXIMUM",
  "OUTGOING_TOPIC_ALIAS_MAXIMUM",
  "FOLLOW_SERVER_REFERENCE_MAXIMUM_HOPS",
  "OUTBOX_MESSAGES",
  "OUTBOX_BYTES",
  "OUTBOX_POLICY",
  "OUTBOX_AGE",
  "OUTBOX_AT_CLEAN_START",
  "BUFFER_MESSAGES",
  "BUFFER_BYTES",
  "BUFFER_POLICY",
  "WILL_TOPIC",
  "WILL_PAYLOAD",
  "WILL_QOS",
  "WILL_RETAIN",
  "WILL_DELAY",
  "PRESENCE_TOPIC",
  "PRESENCE_ONLINE",
  "PRESENCE_OFFLINE",
  "PRESENCE_QOS",
  "PRESENCE_RETAIN",
  "RESPONSE_TOPIC",
  "TRACING_PROPAGATE",
  "TRACING_CONSUME"
]

/** Other names for the same. */
const otherNames = {
  FOLLOW_SERVER_REFERENCE: "FOLLOW_SERVER_REFERENCE_MAXIMUM_HOPS",
  MAX_PACKET_SIZE: "MAXIMUM_PACKET_SIZE",
  RECEIVE_MAX: "RECEIVE_MAXIMUM"
}

const known: Config.Config<Options> = Config.all({
  protocolVersion: optional(Config.Literals(["5.0", "3.1.1", "auto"], "PROTOCOL_VERSION")),
  clientId: optional(Config.String("CLIENT_ID")),
  username: optional(Config.String("USERNAME")),
  password: optional(Config.Redacted("PASSWORD")),
  keepAlive: optional(Config.Duration("KEEP_ALIVE")),
  pingInterval: optional(Config.Duration("PING_INTERVAL")),
  connectTimeout: optional(Config.Duration("CONNECT_TIMEOUT")),
  responseTimeout: optional(Config.Duration("RESPONSE_TIMEOUT")),
  packetTimeout: optional(Config.Duration("PACKET_TIMEOUT")),
  drainTimeout: optional(Config.Duration("DRAIN_TIMEOUT")),
  unclaimedTimeout: optional(Config.Duration("UNCLAIMED_TIMEOUT")),
  session: optional(Config.Literals(["clean", "persistent", "cleanStartThenPersistent"], "SESSION")),
  sessionExpiry: optional(Config.Duration("SESSION_EXPIRY")),
  refuseUnknownSession: optional(Config.Boolean("REFUSE_UNKNOWN_SESSION")),
  stableAfter: optional(Config.Duration("STABLE_AFTER")),
  initialConnection: optional(Config.Literals(["fail", "retry"], "INITIAL_CONNECTION")),
  maxInFlight: optional(Config.Int("MAX_IN_FLIGHT")),
  receiveMaximum: optional(Config.Int("RECEIVE_MAXIMUM")),
  strictReceiveMaximum: optional(Config.Boolean("STRICT_RECEIVE_MAXIMUM")),
  maximumPacketSize: optional(Config.Int("MAXIMUM_PACKET_SIZE")),
  filtersPerSubscribe: optional(Config.Int("FILTERS_PER_SUBSCRIBE")),
  topicAliasMaximum: optional(Config.Int("TOPIC_ALIAS_MAXIMUM")),
  outgoingTopicAliasMaximum: optional(Config.Int("OUTGOING_TOPIC_ALIAS_MAXIMUM")),
  followServerReference: optional(Config.Int("FOLLOW_SERVER_REFERENCE_MAXIMUM_HOPS")).pipe(
    Config.map((maximumHops): FollowServerReference | undefined =>
      maximumHops === undefined ? undefined : { maximumHops }
    )
  ),
  outbox: outboxConfig,
  buffer: Config.all(bounds("BUFFER")),
  will: willConfig,
  presence: presenceConfig,
  responseTopic: optional(Config.String("RESPONSE_TOPIC")),
  tracing: tracingConfig,
  metrics: optional(Config.Boolean("METRICS"))
})

/**
 * The options by their names in capitals and without a prefix: `CLIENT_ID`, `KEEP_ALIVE`, `WILL_TOPIC` and so on. Put it
 * under a prefix of your own with `Config.nested`. A variable that cannot be read fails with its own name. Functions,
 * effects and schedules cannot be read, so the program gives them.
 *
 * @since 0.2.0
 * @category config
 */
export const options: Config.Config<Options> = withoutMisspellings(ofSeveralWords, otherNames).pipe(
  Config.flatMap(() => known)
)

/**
 * `options` under `MQTT`: `MQTT_CLIENT_ID`, `MQTT_KEEP_ALIVE`, `MQTT_WILL_TOPIC` and so on.
 *
 * @since 0.2.0
 * @category config
 */
export const environment: Config.Config<Options> = Config.nested(options, "MQTT")

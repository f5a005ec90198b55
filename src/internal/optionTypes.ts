/**
 * The kind of value that each option takes. `receivingTypes.ts` has the options of calls that receive messages.
 *
 * `options.ts` checks the contents of the values, `optionNames.ts` their names.
 */
import type { MqttAuthentication } from "../MqttAuthentication.ts"
import type { TracingOptions } from "../MqttTracing.ts"
import type {
  Bounds,
  DisconnectOptions,
  Escalation,
  FollowServerReference,
  MetricsOptions,
  Options,
  OutboxBounds
} from "./clientOptions.ts"
import * as Types from "./fieldTypes.ts"
import type { Birth, Presence, Will } from "./presenceOptions.ts"

export const bounds: Types.FieldsOf<Bounds> = {
  messages: Types.atLeastOne,
  bytes: Types.atLeastOne,
  policy: Types.literal("suspend", "dropOldest", "dropNewest", "fail")
}

const outboxBounds: Types.FieldsOf<OutboxBounds> = {
  ...bounds,
  age: Types.duration,
  atCleanStart: Types.literal("keep", "drop")
}

const message = { topic: Types.required(Types.string), qos: Types.qos, retain: Types.boolean }

const birth: Types.FieldsOf<Birth> = {
  ...message,
  payload: Types.required(Types.payload),
  properties: Types.record()
}

const will: Types.FieldsOf<Will> = { ...birth, delay: Types.duration }

const presence: Types.FieldsOf<Presence> = { ...message, online: Types.payload, offline: Types.payload }

const escalate: Types.FieldsOf<Escalation> = { after: Types.number, run: Types.required(Types.callback) }

const authentication: Types.FieldsOf<MqttAuthentication> = {
  method: Types.required(Types.string),
  start: Types.required(Types.effect),
  reauthenticateBefore: Types.duration
}

const tracing: Types.FieldsOf<TracingOptions> = { propagate: Types.boolean, consume: Types.literal("parent", "link") }

const followServerReference: Types.FieldsOf<FollowServerReference> = { maximumHops: Types.number }

const metrics: Types.FieldsOf<MetricsOptions> = { attributes: Types.stringsByName }

/** The options inside an option of a client. */
export const inside = {
  outbox: outboxBounds,
  buffer: bounds,
  will,
  birth,
  presence,
  escalate,
  followServerReference,
  metrics,
  tracing
} as const

/** The options of a client. */
export const client: Types.FieldsOf<Options> = {
  protocolVersion: Types.literal("3.1.1", "5.0", "auto"),
  clientId: Types.string,
  username: Types.string,
  password: Types.redacted,
  credentials: Types.effect,
  authentication: Types.record(authentication),
  followServerReference: Types.record(followServerReference),
  keepAlive: Types.duration,
  pingInterval: Types.duration,
  connectTimeout: Types.duration,
  responseTimeout: Types.duration,
  packetTimeout: Types.duration,
  drainTimeout: Types.duration,
  unclaimedTimeout: Types.duration,
  session: Types.literal("clean", "persistent", "cleanStartThenPersistent"),
  sessionExpiry: Types.duration,
  refuseUnknownSession: Types.boolean,
  reconnect: Types.schedule,
  retransmit: Types.schedule,
  escalate: Types.record(escalate),
  stableAfter: Types.duration,
  isRetryable: Types.callback,
  initialConnection: Types.literal("fail", "retry"),
  maxInFlight: Types.number,
  receiveMaximum: Types.number,
  strictReceiveMaximum: Types.boolean,
  maximumPacketSize: Types.number,
  filtersPerSubscribe: Types.number,
  topicAliasMaximum: Types.number,
  outgoingTopicAliasMaximum: Types.number,
  outbox: Types.record(outboxBounds),
  buffer: Types.record(bounds),
  will: Types.either(Types.record(will), Types.effect),
  birth: Types.either(Types.record(birth), Types.effect),
  presence: Types.record(presence),
  responseTopic: Types.string,
  userProperties: Types.pairs,
  tracing: Types.record(tracing),
  metrics: Types.either(Types.boolean, Types.record(metrics))
}

export const disconnect: Types.FieldsOf<DisconnectOptions> = {
  publishWill: Types.boolean,
  reasonCode: Types.number,
  sessionExpiry: Types.duration,
  reasonString: Types.string,
  userProperties: Types.pairs
}

/**
 * The fields of the values that a program gives to the client, and the values that each field may have: one description
 * for every call with the field.
 */
import type { Accepts } from "./values.ts"
import * as Values from "./values.ts"

/** Fields by their path within the arguments of a call, such as `options.qos`. */
export interface Fields {
  readonly [path: string]: Accepts
}

const { optional, required } = Values

export const under = (path: string, fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, accepts]) => [`${path}.${name}`, accepts]))

const most = 0xffff_ffff

/** What every message may say about itself, 5.0. */
const answerProperties: Fields = {
  payloadFormatIndicator: optional(Values.oneOf(0, 1)),
  messageExpiryInterval: optional(Values.integer(0, most)),
  contentType: optional(Values.isText),
  userProperties: optional(Values.isUserProperties)
}

const messageProperties: Fields = {
  ...answerProperties,
  responseTopic: optional(Values.isTopicName),
  correlationData: optional(Values.isBytes)
}

/** A record whose fields are all of the specification: what else it has is refused. */
const properties = optional((value) => Values.isRecord(value) && Object.keys(value as object).length === 0)

export const bounds: Fields = {
  messages: optional(Values.isBound),
  bytes: optional(Values.isBound),
  policy: optional(Values.oneOf("suspend", "dropOldest", "dropNewest", "fail"))
}

const is50 = (version: string) => version === "5.0"

export const publishOptions = (version: string): Fields => ({
  qos: optional(Values.isQos),
  retain: optional(Values.isBoolean),
  whenOffline: optional(Values.oneOf("wait", "fail", "drop")),
  properties,
  ...(is50(version) ? under("properties", messageProperties) : {})
})

export const message: Fields = { topic: required(Values.isTopicName), payload: required(Values.isPayload) }

export const requestOptions: Fields = {
  qos: optional(Values.isQos),
  timeout: optional(Values.isDuration),
  properties,
  ...under("properties", answerProperties)
}

export const subscribeOptions = (version: string): Fields => ({
  qos: optional(Values.isQos),
  buffer: optional(Values.isRecord),
  ...under("buffer", bounds),
  noLocal: optional(is50(version) ? Values.isBoolean : Values.oneOf(false)),
  retainAsPublished: optional(is50(version) ? Values.isBoolean : Values.oneOf(false)),
  retainHandling: optional(is50(version) ? Values.isQos : Values.oneOf(0)),
  askForRetained: optional(Values.isBoolean),
  // No pairs say nothing, which 3.1.1 can say.
  userProperties: optional(is50(version) ? Values.isUserProperties : Values.isEmptyList)
})

export const nextOptions = (version: string): Fields => ({
  ...subscribeOptions(version),
  timeout: optional(Values.isDuration)
})

const deadLetterTopic: Accepts = (value) => Values.isFunction(value) || Values.isTopicName(value)

/** A record of nothing lacks the topic, and is told of by that. */
const deadLetterOptions: Fields = {
  deadLetter: optional((value) => deadLetterTopic(value) || Values.isRecord(value)),
  "deadLetter.topic": required(deadLetterTopic),
  "deadLetter.qos": optional(Values.isQos),
  "deadLetter.retain": optional(Values.isBoolean)
}

export const consumeOptions = (version: string): Fields => ({
  ...subscribeOptions(version),
  concurrency: optional((value) => value === "unbounded" || Values.isCount(value)),
  key: optional(Values.isFunction),
  onFailure: optional(Values.oneOf("stop", "reject", "acknowledge")),
  until: optional(Values.isEffect),
  drainTimeout: optional(Values.isDuration),
  attempts: optional(Values.isSchedule),
  ...deadLetterOptions
})

/** Those of a consumer that answers. */
export const respondOptions = (version: string): Fields => ({
  ...consumeOptions(version),
  // With none in the list nobody is answered.
  responseTopics: optional((value) => Values.isTopicFilters(value) || Values.isEmptyList(value)),
  answerQos: optional(Values.isQos)
})

const reasonCodes = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]

/** A clean session cannot be given an expiry, so these are of a client whose session persists. */
export const disconnectOptions: Fields = {
  publishWill: optional(Values.isBoolean),
  reasonCode: optional(Values.oneOf(...reasonCodes)),
  sessionExpiry: optional(Values.wholeSeconds(most)),
  reasonString: optional(Values.isText),
  userProperties: optional(Values.isUserProperties)
}

const birth = (version: string): Fields => ({
  topic: required(Values.isTopicName),
  payload: required(Values.isPayload),
  qos: optional(Values.isQos),
  retain: optional(Values.isBoolean),
  ...(is50(version) ? { properties, ...under("properties", messageProperties) } : {})
})

const will = (version: string): Fields => ({
  ...birth(version),
  payload: required(Values.isWillPayload),
  delay: optional(Values.wholeSeconds(most))
})

/** Instead of `will` and `birth`. */
export const presence: Fields = {
  topic: required(Values.isTopicName),
  online: optional(Values.isPayload),
  offline: optional(Values.isWillPayload),
  qos: optional(Values.isQos),
  retain: optional(Values.isBoolean)
}

export const authentication: Fields = {
  method: required(Values.isText),
  start: required(Values.isEffect),
  reauthenticateBefore: optional(Values.isDuration)
}

/** Of `MqttClient.make`. A client whose session persists has a client identifier that is not empty. */
export const clientOptions = (version: string): Fields => ({
  protocolVersion: optional(Values.oneOf("3.1.1", "5.0", "auto")),
  clientId: optional((value) => Values.isText(value)),
  username: optional(Values.isText),
  password: optional(Values.isRedacted),
  credentials: optional(Values.isEffect),
  followServerReference: optional(Values.isRecord),
  "followServerReference.maximumHops": optional(Values.integer(1, Number.MAX_VALUE)),
  keepAlive: optional((value) => value === 0 || (Values.wholeSeconds(65_535)(value) && value !== 1)),
  pingInterval: optional(Values.isDuration),
  connectTimeout: optional(Values.isTimeout),
  responseTimeout: optional(Values.isTimeout),
  packetTimeout: optional(Values.isTimeout),
  drainTimeout: optional(Values.isDuration),
  unclaimedTimeout: optional(Values.isDuration),
  session: optional(Values.oneOf("clean", "persistent", "cleanStartThenPersistent")),
  sessionExpiry: optional(Values.wholeSeconds(most)),
  refuseUnknownSession: optional(Values.isBoolean),
  reconnect: optional(Values.isSchedule),
  retransmit: optional(Values.isSchedule),
  escalate: optional(Values.isNothing),
  "escalate.after": optional(Values.integer(1, Number.MAX_VALUE)),
  "escalate.run": required(Values.isFunction),
  stableAfter: optional(Values.isDuration),
  isRetryable: optional(Values.isFunction),
  initialConnection: optional(Values.oneOf("fail", "retry")),
  maxInFlight: optional(Values.integer(1, 65_535)),
  receiveMaximum: optional(Values.integer(1, 65_535)),
  strictReceiveMaximum: optional(Values.isBoolean),
  maximumPacketSize: optional(Values.integer(16, 268_435_460)),
  filtersPerSubscribe: optional(Values.integer(1, 10_000)),
  topicAliasMaximum: optional(Values.integer(0, 65_535)),
  outgoingTopicAliasMaximum: optional(Values.integer(0, 65_535)),
  outbox: optional(Values.isRecord),
  ...under("outbox", bounds),
  buffer: optional(Values.isRecord),
  ...under("buffer", bounds),
  will: optional(Values.isNothing),
  ...under("will", will(version)),
  birth: optional(Values.isNothing),
  ...under("birth", birth(version)),
  responseTopic: optional(Values.isTopicName),
  // 3.1.1 has none and sends none.
  userProperties: optional(is50(version) ? Values.isUserProperties : Values.isPairs),
  tracing: optional(Values.isRecord),
  "tracing.propagate": optional(Values.isBoolean),
  "tracing.consume": optional(Values.oneOf("parent", "link")),
  metrics: optional((value) => Values.isBoolean(value) || Values.isRecord(value)),
  "metrics.attributes": optional(Values.isStrings)
})

/**
 * Which packets can be written at all: the check of the packets we are about to send.
 *
 * Finds the fault of one packet by itself, for its version and its sender. `Connection` and `Session` check the rules
 * that depend on the state of a connection; `Decoder` checks received packets. MQTT 5.0 and 3.1.1, sections 2 and 3.
 *
 * @since 0.1.0
 */
import type { Label } from "./Labels.ts"
import { labels } from "./Labels.ts"
import * as Packet from "./Packet.ts"
import * as Properties from "./Properties.ts"
import type { InvalidPacket } from "./ProtocolError.ts"
import { invalidPacket } from "./ProtocolError.ts"
import * as ReasonCode from "./ReasonCode.ts"
import * as Topic from "./Topic.ts"
import * as Utf8 from "./Utf8.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"

/**
 * The version and the sender the packet is written for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly protocolVersion: Packet.ProtocolVersion
  /** The sender of the packets: a client and a server may send different ones. */
  readonly sender: Packet.Sender
}

type Verdict = InvalidPacket | undefined

/**
 * Why the packet cannot be written, or `undefined` when it can.
 *
 * @since 0.1.0
 * @category guards
 */
export const check = (packet: Packet.Packet, options: Options): Verdict => checkWith(everyKind, packet, options)

/**
 * The checks of the fields, for each kind of packet that somebody sends.
 *
 * @since 0.2.0
 * @category models
 */
export interface Checks {
  readonly [type: string]: (packet: never, options: Options) => Verdict
}

/**
 * As `check`, for a program that sends only these kinds of packets and does not carry the checks of the others.
 *
 * @since 0.2.0
 * @category guards
 */
export const checkWith = (checks: Checks, packet: Packet.Packet, options: Options): Verdict =>
  checkSender(packet, options) ?? checks[packet._tag](packet as never, options)

const checkSender = (packet: Packet.Packet, options: Options): Verdict => {
  const rule: Packet.PacketTypeRule | undefined = Packet.rules[packet._tag]
  const { protocolVersion, sender } = options
  if (rule === undefined) {
    return refuse(options, labels.packetType, "_tag", "is not a Control Packet type; use one of `Packet.rules`")
  }
  if (!rule.versions.includes(protocolVersion)) {
    return refuse(
      options,
      labels.packetType,
      "_tag",
      `${packet._tag} exists only in MQTT 5.0; connect with 5.0 to use it`
    )
  }
  if (!rule.sentBy.includes(sender) || isServerDisconnect311(packet, options)) {
    return refuse(options, labels.packetType, "_tag", `${packet._tag} is never sent by a ${sender}; do not send it`)
  }
  return undefined
}

const isServerDisconnect311 = (packet: Packet.Packet, { protocolVersion, sender }: Options): boolean =>
  packet._tag === "Disconnect" && protocolVersion === "3.1.1" && sender === "server"

// ---------------------------------------------------------------------------------------------------------------------
// CONNECT
// ---------------------------------------------------------------------------------------------------------------------

/**
 * @since 0.2.0
 * @category guards
 */
export const checkConnect = (packet: Packet.Connect, options: Options): Verdict =>
  checkSender(packet, options) ?? checkFieldsOfConnect(packet, options)

const checkFieldsOfConnect = (packet: Packet.Connect, options: Options): Verdict => {
  const { clientId, keepAlive, password, protocolVersion, username, will } = packet
  const is311 = options.protocolVersion === "3.1.1"
  if (protocolVersion !== options.protocolVersion) {
    const message = `is ${protocolVersion} and the connection speaks ${options.protocolVersion}; make them the same`
    return refuse(options, labels.protocolLevel, "protocolVersion", message)
  }
  if (!isInteger(keepAlive, 0, 65_535)) {
    return refuse(options, labels.keepAlive, "keepAlive", "is not a whole number of seconds from 0 to 65,535")
  }
  if (is311 && clientId === "" && !packet.cleanStart) {
    const message = "is empty, which 3.1.1 allows only with Clean Session 1; name the client or ask for a clean session"
    return refuse(options, labels.emptyClientId, "clientId", message)
  }
  if (is311 && password !== undefined && username === undefined) {
    const message = "is given without a user name, which 3.1.1 does not allow; give a user name, even an empty one"
    return refuse(options, labels.passwordWithoutUsername, "password", message)
  }
  return checkString(clientId, "clientId", options) ??
    (username === undefined ? undefined : checkString(username, "username", options)) ??
    (password === undefined ? undefined : checkBinary(password, "password", options)) ??
    (will === undefined ? undefined : checkWill(will, options)) ??
    checkProperties(packet.properties, "Connect", options)
}

const checkWill = (will: Packet.Will, options: Options): Verdict => {
  if (!isQos(will.qos)) return refuse(options, labels.willQos, "will.qos", "is not 0, 1 or 2")
  if (typeof will.retain !== "boolean") return refuse(options, labels.malformed, "will.retain", "is not a boolean")
  return checkTopicName(will.topic, "will.topic", options) ??
    checkBinary(will.payload, "will.payload", options) ??
    checkProperties(will.properties, "Will", options, "will.properties")
}

// ---------------------------------------------------------------------------------------------------------------------
// PUBLISH
// ---------------------------------------------------------------------------------------------------------------------

/**
 * @since 0.2.0
 * @category guards
 */
export const checkPublish = (packet: Packet.Publish, options: Options): Verdict =>
  checkSender(packet, options) ?? checkFieldsOfPublish(packet, options)

const checkFieldsOfPublish = (packet: Packet.Publish, options: Options): Verdict => {
  const { dup, packetIdentifier, properties, qos, retain, topic } = packet
  if (!isQos(qos)) return refuse(options, labels.qos, "qos", "is not 0, 1 or 2")
  if (typeof retain !== "boolean") return refuse(options, labels.malformed, "retain", "is not a boolean")
  if (typeof dup !== "boolean") return refuse(options, labels.malformed, "dup", "is not a boolean")
  if (qos !== 0) {
    const verdict = checkIdentifier(packetIdentifier, options)
    if (verdict !== undefined) return verdict
  } else if (packetIdentifier !== 0) {
    return refuse(options, labels.identifierQos0, "packetIdentifier", "is set on a PUBLISH of QoS 0; make it 0")
  } else if (dup) {
    return refuse(options, labels.dupQos0, "dup", "is set on a PUBLISH of QoS 0, which is never sent twice; clear it")
  }
  return checkPublishTopic(topic, properties, options) ?? checkBytes(packet.payload, "payload", options) ??
    checkProperties(properties, "Publish", options)
}

/** An empty name means that the Topic Alias stands for the topic, `[MQTT-3.3.2-12]`. */
const checkPublishTopic = (topic: string, properties: Properties.Properties, options: Options): Verdict =>
  topic === "" && options.protocolVersion === "5.0" && properties.topicAlias !== undefined
    ? undefined
    : checkTopicName(topic, "topic", options)

// ---------------------------------------------------------------------------------------------------------------------
// SUBSCRIBE and UNSUBSCRIBE
// ---------------------------------------------------------------------------------------------------------------------

/**
 * @since 0.2.0
 * @category guards
 */
export const checkSubscribe = (packet: Packet.Subscribe, options: Options): Verdict =>
  checkSender(packet, options) ?? checkFieldsOfSubscribe(packet, options)

const checkFieldsOfSubscribe = (packet: Packet.Subscribe, options: Options): Verdict => {
  const { subscriptions } = packet
  if (!Array.isArray(subscriptions)) return refuse(options, labels.malformed, "subscriptions", "is not an array")
  if (subscriptions.length === 0) {
    return refuse(options, labels.subscribeEmpty, "subscriptions", "is empty; name at least one Topic Filter")
  }
  const verdict = checkIdentifier(packet.packetIdentifier, options)
  if (verdict !== undefined) return verdict
  for (let index = 0; index < subscriptions.length; index++) {
    const verdict = checkSubscription(subscriptions[index], `subscriptions[${index}]`, options)
    if (verdict !== undefined) return verdict
  }
  return checkProperties(packet.properties, "Subscribe", options)
}

const checkSubscription = (subscription: Packet.Subscription, field: string, options: Options): Verdict => {
  if (typeof subscription !== "object" || subscription === null) {
    return refuse(options, labels.malformed, field, "is not an object")
  }
  const { noLocal, qos, retainAsPublished, retainHandling, topicFilter } = subscription
  const verdict = checkTopicFilter(topicFilter, `${field}.topicFilter`, options)
  if (verdict !== undefined) return verdict
  if (!isQos(qos)) return refuse(options, labels.subscriptionOptions, `${field}.qos`, "is not 0, 1 or 2")
  if (!isQos(retainHandling)) {
    return refuse(options, labels.retainHandling, `${field}.retainHandling`, "is not 0, 1 or 2")
  }
  if (typeof noLocal !== "boolean") return refuse(options, labels.malformed, `${field}.noLocal`, "is not a boolean")
  if (typeof retainAsPublished !== "boolean") {
    return refuse(options, labels.malformed, `${field}.retainAsPublished`, "is not a boolean")
  }
  if (options.protocolVersion === "3.1.1" && (noLocal || retainAsPublished || retainHandling !== 0)) {
    const message = "asks for noLocal, retainAsPublished or retainHandling, which 3.1.1 does not have; leave them at " +
      "false, false and 0 or connect with 5.0"
    return refuse(options, labels.subscriptionOptions, field, message)
  }
  if (noLocal && Topic.isSharedFilter(topicFilter)) {
    return refuse(options, labels.sharedNoLocal, `${field}.noLocal`, "is set on a Shared Subscription; clear it")
  }
  return undefined
}

const checkFieldsOfUnsubscribe = (packet: Packet.Unsubscribe, options: Options): Verdict => {
  const { topicFilters } = packet
  if (!Array.isArray(topicFilters)) return refuse(options, labels.malformed, "topicFilters", "is not an array")
  if (topicFilters.length === 0) {
    return refuse(options, labels.unsubscribeEmpty, "topicFilters", "is empty; name at least one Topic Filter")
  }
  const verdict = checkIdentifier(packet.packetIdentifier, options)
  if (verdict !== undefined) return verdict
  for (let index = 0; index < topicFilters.length; index++) {
    const verdict = checkTopicFilter(topicFilters[index], `topicFilters[${index}]`, options)
    if (verdict !== undefined) return verdict
  }
  return checkProperties(packet.properties, "Unsubscribe", options)
}

// ---------------------------------------------------------------------------------------------------------------------
// The other packets
// ---------------------------------------------------------------------------------------------------------------------

const checkFieldsOfAcknowledgement = (
  packet: Packet.Puback | Packet.Pubrec | Packet.Pubrel | Packet.Pubcomp,
  options: Options
): Verdict => checkIdentifier(packet.packetIdentifier, options) ?? checkReason(packet, options)

const checkFieldsOfSubscribeAcknowledgement = (packet: Packet.Suback | Packet.Unsuback, options: Options): Verdict =>
  checkIdentifier(packet.packetIdentifier, options) ?? checkReasonCodes(packet, options) ??
    checkProperties(packet.properties, packet._tag, options)

const checkReason = (
  packet: WithReasonCode & { readonly properties: Properties.Properties },
  options: Options
): Verdict => checkReasonCode(packet, options) ?? checkProperties(packet.properties, packet._tag, options)

/**
 * @since 0.2.0
 * @category guards
 */
export const checkDisconnect = (packet: Packet.Disconnect, options: Options): Verdict =>
  checkSender(packet, options) ?? checkReason(packet, options)

const checkFieldsOfAuth = (packet: Packet.Auth, options: Options): Verdict =>
  checkReason(packet, options) ?? checkAuthMethod(packet, options)

const nothingToCheck = (): Verdict => undefined

// ---------------------------------------------------------------------------------------------------------------------
// Packet Identifiers and Reason Codes
// ---------------------------------------------------------------------------------------------------------------------

const checkIdentifier = (packetIdentifier: number, options: Options): Verdict => {
  if (isInteger(packetIdentifier, 1, 65_535)) return undefined
  const label = options.sender === "client" ? labels.identifierFromClient : labels.identifierFromServer
  return refuse(options, label, "packetIdentifier", "is not a whole number from 1 to 65,535; take a free one")
}

/** The packets with one Reason Code, and the rule that each code must follow. */
const reasonCodeLabels = {
  Connack: labels.connectReasonCode,
  Puback: labels.pubackReasonCode,
  Pubrec: labels.pubrecReasonCode,
  Pubrel: labels.pubrelReasonCode,
  Pubcomp: labels.pubcompReasonCode,
  Disconnect: labels.disconnectReasonCode,
  Auth: labels.authReasonCode
} as const satisfies { readonly [Type in Packet.PacketType]?: Label }

interface WithReasonCode {
  readonly _tag: keyof typeof reasonCodeLabels
  readonly reasonCode: ReasonCode.ReasonCode
}

const checkReasonCode = ({ _tag, reasonCode }: WithReasonCode, options: Options): Verdict => {
  if (options.protocolVersion === "3.1.1" && _tag !== "Connack") {
    return reasonCode === 0
      ? undefined
      : refuse(options, labels.reasonNotInThisVersion, "reasonCode", "is not 0x00, the only code that 3.1.1 has here")
  }
  return isReasonCodeSentBy(options.sender, _tag, reasonCode)
    ? undefined
    : refuseReasonCode(options, reasonCodeLabels[_tag], "reasonCode", _tag, reasonCode)
}

const isReasonCodeSentBy = (sender: Packet.Sender, type: Packet.PacketType, code: ReasonCode.ReasonCode): boolean => {
  if (type === "Disconnect") {
    return sender === "client"
      ? ReasonCode.isAllowedInDisconnectFromClient(code)
      : ReasonCode.isAllowedInDisconnectFromServer(code)
  }
  // Table 3-11: a server ends an exchange with 0x00, a client begins one again with 0x19.
  if (type === "Auth") return code === 0x18 || code === (sender === "client" ? 0x19 : 0x00)
  return ReasonCode.isAllowedIn(code, type, "5.0")
}

const checkReasonCodes = (packet: Packet.Suback | Packet.Unsuback, options: Options): Verdict => {
  const { _tag, reasonCodes } = packet
  const isSuback = _tag === "Suback"
  if (!isSuback && options.protocolVersion === "3.1.1") {
    return reasonCodes.length === 0
      ? undefined
      : refuse(
        options,
        labels.unsubackReasonCode,
        "reasonCodes",
        "is not empty, but UNSUBACK has none in 3.1.1; leave it empty"
      )
  }
  if (reasonCodes.length === 0) {
    const label = isSuback ? labels.subackEmpty : labels.unsubackEmpty
    return refuse(options, label, "reasonCodes", "is empty; give one for each Topic Filter")
  }
  for (let index = 0; index < reasonCodes.length; index++) {
    if (ReasonCode.isAllowedIn(reasonCodes[index], _tag, options.protocolVersion)) continue
    const label = isSuback ? labels.subackReasonCode : labels.unsubackReasonCode
    return refuseReasonCode(options, label, `reasonCodes[${index}]`, _tag, reasonCodes[index])
  }
  return undefined
}

// ---------------------------------------------------------------------------------------------------------------------
// Properties
// ---------------------------------------------------------------------------------------------------------------------

const checkProperties = (
  properties: Properties.Properties,
  place: Properties.PropertyPlace,
  options: Options,
  field = "properties"
): Verdict => {
  if (properties === Properties.none) return undefined
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) {
    return refuse(options, labels.property, field, "is not an object; use `Properties.none` for a packet without any")
  }
  for (const name of Object.keys(properties)) {
    const verdict = checkProperty(properties, name, place, `${field}.${name}`, options)
    if (verdict !== undefined) return verdict
  }
  return properties.authenticationData !== undefined && properties.authenticationMethod === undefined
    ? refuseMissingMethod(options, field)
    : undefined
}

/** Only the short form of AUTH has no method, section 3.15.2.2.2. */
const checkAuthMethod = ({ properties, reasonCode }: Packet.Auth, options: Options): Verdict =>
  properties.authenticationMethod !== undefined || (reasonCode === 0 && properties === Properties.none)
    ? undefined
    : refuseMissingMethod(options, "properties")

const refuseMissingMethod = (options: Options, field: string): InvalidPacket =>
  refuse(options, labels.authenticationMethod, `${field}.authenticationMethod`, "is missing; name the method")

const isPropertyName = (name: string): name is Properties.PropertyName => Object.hasOwn(Properties.rules, name)

const checkProperty = (
  properties: Properties.Properties,
  name: string,
  place: Properties.PropertyPlace,
  field: string,
  options: Options
): Verdict => {
  if (!isPropertyName(name)) {
    return refuse(options, labels.property, field, "is not a property of MQTT 5.0; see `Properties` for their names")
  }
  const value = properties[name]
  const isList = Properties.rules[name].repeatsIn !== undefined
  if (value === undefined || (isList && Array.isArray(value) && value.length === 0)) return undefined
  if (options.protocolVersion === "3.1.1") {
    const message = "is a property, which 3.1.1 does not have; leave it out or connect with 5.0"
    return refuse(options, labels.propertiesNotInThisVersion, field, message)
  }
  const rule = Properties.rules[name]
  const places = options.sender === "client" ? rule.fromClient : rule.fromServer
  if (!places.includes(place)) {
    const message = `is a property that a ${options.sender} may not send in ${place}; leave it out`
    return refuse(options, misplacedLabel(name, place), field, message)
  }
  if (rule.repeatsIn !== undefined) return checkRepeated(value, name, place, field, options)
  return checkValue(value, rule, field, options)
}

/** Two properties have a label of their own if they are in the wrong place. */
const misplacedLabel = (name: Properties.PropertyName, place: Properties.PropertyPlace): Label => {
  if (name === "subscriptionIdentifiers" && place === "Publish") return labels.subscriptionIdentifierFromClient
  if (name === "sessionExpiryInterval" && place === "Disconnect") return labels.sessionExpiryFromServer
  return labels.property
}

const checkRepeated = (
  values: unknown,
  name: Properties.PropertyName,
  place: Properties.PropertyPlace,
  field: string,
  options: Options
): Verdict => {
  const rule = Properties.rules[name]
  if (!Array.isArray(values)) return refuse(options, labels.property, field, "is not an array; put it into one")
  if (values.length > 1 && rule.repeatsIn?.includes(place) !== true) {
    return refuse(options, labels.property, field, `has more than one value, and ${place} carries at most one`)
  }
  for (let index = 0; index < values.length; index++) {
    const verdict = checkValue(values[index], rule, `${field}[${index}]`, options)
    if (verdict !== undefined) return verdict
  }
  return undefined
}

/** The highest value of each kind of number. */
const maximumOf: { readonly [Type in Properties.PropertyType]?: number } = {
  flag: 1,
  uint16: 65_535,
  uint32: 4_294_967_295,
  variableByteInteger: VariableByteInteger.maximum
}

/**
 * The lowest and the highest value of a property that is a number.
 *
 * @since 0.1.0
 * @category properties
 */
export const rangeOf = (rule: Properties.PropertyRule): { readonly minimum: number; readonly maximum: number } => ({
  minimum: rule.nonZero === true || rule.identifier === topicAlias ? 1 : 0,
  maximum: maximumOf[rule.type] ?? 0
})

const checkValue = (value: unknown, rule: Properties.PropertyRule, field: string, options: Options): Verdict => {
  switch (rule.type) {
    case "string":
      return rule.topicName === true
        ? checkResponseTopic(value, field, options)
        : checkString(value, field, options)
    case "binary":
      return checkBinary(value, field, options)
    case "pair":
      if (!Array.isArray(value) || value.length !== 2) {
        return refuse(options, labels.property, field, "is not a pair of a name and a value")
      }
      return checkString(value[0], `${field}[0]`, options) ?? checkString(value[1], `${field}[1]`, options)
    default: {
      const { maximum, minimum } = rangeOf(rule)
      if (isInteger(value, minimum, maximum)) return undefined
      const label = rule.identifier === topicAlias ? labels.topicAliasZero : labels.property
      return refuse(options, label, field, `is not a whole number from ${minimum} to ${maximum}`)
    }
  }
}

const topicAlias = Properties.rules.topicAlias.identifier

/** A wildcard in a Response Topic has a label of its own. */
const checkResponseTopic = (value: unknown, field: string, options: Options): Verdict =>
  typeof value === "string" && Topic.hasWildcard(value)
    ? refuse(options, labels.responseTopic, field, "holds a wildcard; responses go to one topic, name it in full")
    : checkTopicName(value, field, options)

// ---------------------------------------------------------------------------------------------------------------------
// Values
// ---------------------------------------------------------------------------------------------------------------------

const stringFaults: { readonly [Defect in Utf8.Defect]: { readonly label: Label; readonly message: string } } = {
  loneSurrogate: {
    label: labels.utf8,
    message: "holds a lone surrogate, which has no UTF-8 form; do not cut a string inside a surrogate pair"
  },
  nul: { label: labels.nul, message: "holds the character U+0000; remove it" },
  tooLong: { label: labels.tooLong, message: "is longer than 65,535 bytes in UTF-8; use a shorter one" }
}

const checkTopicName = (value: unknown, field: string, options: Options): Verdict =>
  typeof value === "string"
    ? inField(field, Topic.validateTopicName(value, options.protocolVersion))
    : checkString(value, field, options)

const checkTopicFilter = (value: unknown, field: string, options: Options): Verdict =>
  typeof value === "string"
    ? inField(field, Topic.validateTopicFilter(value, options.protocolVersion))
    : checkString(value, field, options)

const inField = (field: string, verdict: Verdict): Verdict => verdict === undefined ? undefined : { ...verdict, field }

const checkString = (value: unknown, field: string, options: Options): Verdict => {
  if (typeof value !== "string") return refuse(options, labels.utf8, field, "is not a string")
  const defect = Utf8.defectOf(value)
  if (defect === undefined) return undefined
  return refuse(options, stringFaults[defect].label, field, stringFaults[defect].message)
}

const checkBinary = (value: unknown, field: string, options: Options): Verdict => {
  const verdict = checkBytes(value, field, options)
  if (verdict !== undefined || !isBytes(value) || value.length <= Utf8.maximumLength) return verdict
  return refuse(options, labels.tooLong, field, "is longer than 65,535 bytes; use less")
}

const checkBytes = (value: unknown, field: string, options: Options): Verdict =>
  isBytes(value) ? undefined : refuse(options, labels.malformed, field, "is not a Uint8Array; encode it into one")

/**
 * Not `instanceof`, which fails for a value of another realm: a vm context, a frame, some test runners.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && (value as Uint8Array).BYTES_PER_ELEMENT === 1

const isInteger = (value: unknown, minimum: number, maximum: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum

/**
 * @since 0.2.0
 * @category guards
 */
export const isQos = (value: unknown): value is Packet.Qos => value === 0 || value === 1 || value === 2

const refuse = (options: Options, label: Label, field: string, message: string): InvalidPacket =>
  invalidPacket(options.protocolVersion, label[options.protocolVersion], field, `${field} ${message}`)

const refuseReasonCode = (
  options: Options,
  label: Label,
  field: string,
  type: Packet.PacketType,
  code: ReasonCode.ReasonCode
): InvalidPacket =>
  refuse(
    options,
    label,
    field,
    `is ${
      isInteger(code, 0, 255) ? ReasonCode.nameOf(code) : "no code"
    }, which a ${options.sender} never sends in ${type}`
  )

// ---------------------------------------------------------------------------------------------------------------------
// The packets each side sends
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The packets of a client that only publishes. A program carries only the checks in the tables it uses.
 *
 * @since 0.2.0
 * @category checks
 */
export const kindsOfPublisher: Checks = {
  Connect: checkFieldsOfConnect,
  Publish: checkFieldsOfPublish,
  Puback: checkFieldsOfAcknowledgement,
  Pubrec: checkFieldsOfAcknowledgement,
  Pubrel: checkFieldsOfAcknowledgement,
  Pubcomp: checkFieldsOfAcknowledgement,
  Pingreq: nothingToCheck,
  Disconnect: checkReason
}

/**
 * @since 0.2.0
 * @category checks
 */
export const kindsOfClient: Checks = /* @__PURE__ */ Object.assign({
  Subscribe: checkFieldsOfSubscribe,
  Unsubscribe: checkFieldsOfUnsubscribe,
  Auth: checkFieldsOfAuth
}, kindsOfPublisher)

/**
 * @since 0.2.0
 * @category checks
 */
export const everyKind: Checks = /* @__PURE__ */ Object.assign({
  Connack: checkReason,
  Suback: checkFieldsOfSubscribeAcknowledgement,
  Unsuback: checkFieldsOfSubscribeAcknowledgement,
  Pingresp: nothingToCheck
}, kindsOfClient)

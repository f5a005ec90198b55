/**
 * Options with their defaults, checked: options that cannot work fail before the client opens anything.
 *
 * The types that a program sees are in `clientOptions.ts`, the defaults in `defaults.ts`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Schedule from "effect/Schedule"
import type { MqttAuthentication } from "../MqttAuthentication.ts"
import * as MqttError from "../MqttError.ts"
import type * as Packet from "../protocol/Packet.ts"
import * as Properties from "../protocol/Properties.ts"
import * as Topic from "../protocol/Topic.ts"
import * as Validity from "../protocol/Validity.ts"
import type { Bounds, Credentials, Escalation, Options, OverflowPolicy, SessionMode } from "./clientOptions.ts"
import { defaults } from "./defaults.ts"
import * as Types from "./fieldTypes.ts"
import { nameProblem } from "./misplacedSecret.ts"
import * as OptionNames from "./optionNames.ts"
import * as OptionTypes from "./optionTypes.ts"
import * as Presence from "./presence.ts"

/** Bounds without gaps. */
export interface ResolvedBounds {
  readonly messages: number
  readonly bytes: number
  readonly policy: OverflowPolicy
}

/** The options with their defaults, checked. */
export interface Resolved extends Presence.Resolved {
  readonly protocolVersion: Packet.ProtocolVersion | "auto"
  readonly clientId: string
  /** The program gave it, so it stays the same. */
  readonly isClientIdGiven: boolean
  readonly credentials: Effect.Effect<Credentials, MqttError.MqttError>
  readonly authentication: MqttAuthentication | undefined
  readonly followServerReference: { readonly maximumHops: number } | undefined
  readonly keepAlive: Duration.Duration
  readonly pingInterval: Duration.Input | undefined
  readonly connectTimeout: Duration.Duration
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly packetTimeout: Duration.Input | undefined
  readonly drainTimeout: Duration.Duration
  /** Milliseconds. */
  readonly unclaimedTimeout: number
  readonly session: SessionMode
  /** Seconds. */
  readonly sessionExpiry: number
  readonly refuseUnknownSession: boolean
  readonly reconnect: Schedule.Schedule<unknown, MqttError.MqttError>
  readonly retransmit: Schedule.Schedule<unknown, MqttError.MqttError>
  readonly escalate: { readonly after: number; readonly run: Escalation["run"] } | undefined
  readonly stableAfter: Duration.Duration
  readonly isRetryable: (error: MqttError.MqttError) => boolean
  readonly initialConnection: "fail" | "retry"
  readonly maxInFlight: number
  readonly receiveMaximum: number
  readonly strictReceiveMaximum: boolean
  readonly maximumPacketSize: number
  readonly filtersPerSubscribe: number
  readonly topicAliasMaximum: number
  readonly outgoingTopicAliasMaximum: number
  readonly outbox: ResolvedBounds
  /** For QoS 1 and 2 with a store. */
  readonly storedOutbox: ResolvedBounds
  /** Milliseconds. */
  readonly outboxAge: number
  readonly outboxAtCleanStart: "keep" | "drop"
  readonly buffer: ResolvedBounds
  readonly responseTopic: string | undefined
  readonly userProperties: Properties.Properties["userProperties"]
  readonly tracing: { readonly propagate: boolean; readonly consume: "parent" | "link" } | undefined
  readonly metrics: { readonly attributes: Readonly<Record<string, string>> } | undefined
}

const invalid = (option: string, description: string): MqttError.InvalidOptions =>
  new MqttError.InvalidOptions({ option, description })

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/** The only form every server must take. `[MQTT-3.1.3-5]`. */
const generateClientId = (): string =>
  "effectmqtt" + Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => alphabet[byte % 62]).join("")

/**
 * Checks the options and fills in the defaults. An option that cannot work is refused here, before anything is opened,
 * with its name.
 */
export const resolve = (options: Options): Result.Result<Resolved, MqttError.MqttError> => {
  const reason = readably(options)
  return reason === undefined ? Result.succeed(withDefaults(options)) : Result.fail(MqttError.fromReason(reason))
}

const withDefaults = (options: Options): Resolved => {
  const { password, username } = options
  return {
    protocolVersion: options.protocolVersion ?? defaults.protocolVersion,
    clientId: options.clientId ?? generateClientId(),
    isClientIdGiven: options.clientId !== undefined && options.clientId !== "",
    credentials: options.credentials ?? Effect.succeed({ username, password }),
    authentication: options.authentication,
    followServerReference: options.followServerReference === undefined
      ? undefined
      : { maximumHops: options.followServerReference.maximumHops ?? defaults.followServerReference.maximumHops },
    keepAlive: Duration.fromInputUnsafe(options.keepAlive ?? defaults.keepAlive),
    pingInterval: options.pingInterval,
    connectTimeout: Duration.fromInputUnsafe(options.connectTimeout ?? defaults.connectTimeout),
    responseTimeout: Duration.toMillis(options.responseTimeout ?? defaults.responseTimeout),
    packetTimeout: options.packetTimeout,
    drainTimeout: Duration.fromInputUnsafe(options.drainTimeout ?? defaults.drainTimeout),
    unclaimedTimeout: Duration.toMillis(options.unclaimedTimeout ?? defaults.unclaimedTimeout),
    session: options.session ?? defaults.session,
    sessionExpiry: toSeconds(options.sessionExpiry ?? defaults.sessionExpiry),
    refuseUnknownSession: options.refuseUnknownSession ?? defaults.refuseUnknownSession,
    reconnect: options.reconnect ?? defaults.reconnect,
    retransmit: options.retransmit ?? defaults.retransmit,
    escalate: options.escalate === undefined
      ? undefined
      : { after: options.escalate.after ?? defaults.escalate.after, run: options.escalate.run },
    stableAfter: Duration.fromInputUnsafe(options.stableAfter ?? defaults.stableAfter),
    isRetryable: options.isRetryable ?? defaults.isRetryable,
    initialConnection: options.initialConnection ?? defaults.initialConnection,
    maxInFlight: options.maxInFlight ?? defaults.maxInFlight,
    receiveMaximum: options.receiveMaximum ?? defaults.receiveMaximum,
    strictReceiveMaximum: options.strictReceiveMaximum ?? defaults.strictReceiveMaximum,
    maximumPacketSize: options.maximumPacketSize ?? defaults.maximumPacketSize,
    filtersPerSubscribe: options.filtersPerSubscribe ?? defaults.filtersPerSubscribe,
    topicAliasMaximum: options.topicAliasMaximum ?? defaults.topicAliasMaximum,
    outgoingTopicAliasMaximum: options.outgoingTopicAliasMaximum ?? defaults.outgoingTopicAliasMaximum,
    outbox: resolveBounds(options.outbox, defaults.outbox),
    storedOutbox: resolveBounds(options.outbox, defaults.storedOutbox),
    outboxAge: Duration.toMillis(options.outbox?.age ?? defaults.outboxAge),
    outboxAtCleanStart: options.outbox?.atCleanStart ?? defaults.outboxAtCleanStart,
    buffer: resolveBounds(options.buffer, defaults.buffer),
    ...Presence.resolve(options, readably),
    responseTopic: options.responseTopic,
    userProperties: options.userProperties,
    tracing: options.tracing === undefined ? undefined : {
      propagate: options.tracing.propagate ?? defaults.tracing.propagate,
      consume: options.tracing.consume ?? defaults.tracing.consume
    },
    metrics: options.metrics === undefined || options.metrics === false
      ? undefined
      : { attributes: options.metrics === true ? {} : options.metrics.attributes ?? {} }
  }
}

/** Fills in missing bounds from others. */
export const resolveBounds = (bounds: Bounds | undefined, otherwise: ResolvedBounds): ResolvedBounds => ({
  messages: bounds?.messages ?? otherwise.messages,
  bytes: bounds?.bytes ?? otherwise.bytes,
  policy: bounds?.policy ?? otherwise.policy
})

const toSeconds = (duration: Duration.Input): number => Duration.toMillis(duration) / 1000

// ---------------------------------------------------------------------------
// Checks
// ---------------------------------------------------------------------------

type Check = (options: Options) => MqttError.InvalidOptions | undefined

const seconds = (
  option: string,
  durationOf: (options: Options) => Duration.Input | undefined,
  maximum: number
): Check =>
(options) => {
  const duration = durationOf(options)
  if (duration === undefined) return undefined
  const value = toSeconds(duration)
  if (Number.isInteger(value) && value >= 0 && value <= maximum) return undefined
  return invalid(
    option,
    `${Duration.format(Duration.fromInputUnsafe(duration))} is not a whole number of seconds from 0 to ${maximum}; ` +
      "give a unit, such as \"60 seconds\""
  )
}

/** A timeout of no length would be over before it began. */
const timeout = (option: "connectTimeout" | "responseTimeout" | "packetTimeout"): Check => (options) => {
  const duration = options[option]
  if (duration === undefined || Duration.toMillis(duration) > 0) return undefined
  return invalid(
    option,
    `${Duration.format(Duration.fromInputUnsafe(duration))} is too short; give a duration above zero`
  )
}

const unclaimedTimeout: Check = ({ unclaimedTimeout: duration }) =>
  duration === undefined || Duration.toMillis(duration) >= 0
    ? undefined
    : invalid(
      "unclaimedTimeout",
      `${Duration.format(Duration.fromInputUnsafe(duration))} is negative; give zero or more`
    )

const integer = (
  option:
    | "maxInFlight"
    | "receiveMaximum"
    | "maximumPacketSize"
    | "filtersPerSubscribe"
    | "topicAliasMaximum"
    | "outgoingTopicAliasMaximum",
  minimum: number,
  maximum: number
): Check =>
(options) => {
  const value = options[option]
  if (value === undefined || (Number.isInteger(value) && value >= minimum && value <= maximum)) return undefined
  return invalid(option, `${value} is not a whole number from ${minimum} to ${maximum}`)
}

const escalation: Check = ({ escalate }) =>
  escalate?.after === undefined || (Number.isInteger(escalate.after) && escalate.after >= 1)
    ? undefined
    : invalid("escalate.after", `${escalate.after} is not a whole number from 1`)

const maximumHops: Check = ({ followServerReference }) => {
  const value = followServerReference?.maximumHops
  if (value === undefined || (Number.isInteger(value) && value >= 1)) return undefined
  return invalid("followServerReference.maximumHops", `${value} is not a whole number from 1`)
}

const bounds = (option: "outbox" | "buffer"): Check => (options) => {
  for (const field of ["messages", "bytes"] as const) {
    const value = options[option]?.[field]
    if (value !== undefined && !(value >= 1)) return invalid(`${option}.${field}`, `${value} is not at least 1`)
  }
  return undefined
}

const keepAliveAndResponseTimeout: Check = (options) => {
  const keepAlive = Duration.toMillis(options.keepAlive ?? defaults.keepAlive)
  const responseTimeout = Duration.toMillis(options.responseTimeout ?? defaults.responseTimeout)
  if (keepAlive === 0 || keepAlive >= responseTimeout) return undefined
  const description =
    `${keepAlive / 1000} seconds is shorter than responseTimeout (${responseTimeout / 1000} seconds): ` +
    "a slow answer would count as a dead connection; make it longer, or responseTimeout shorter"
  return invalid("keepAlive", description)
}

const passwordWithUsername: Check = ({ password, protocolVersion, username }) =>
  protocolVersion === "3.1.1" && password !== undefined && username === undefined
    ? invalid("password", "MQTT 3.1.1 has no password without a user name [MQTT-3.1.2-22]; set `username` too")
    : undefined

const oneSourceOfCredentials: Check = ({ credentials, password, username }) =>
  credentials !== undefined && (username !== undefined || password !== undefined)
    ? invalid("credentials", "is given together with `username` or `password`; give only one of the two")
    : undefined

/** `auto` may fall back to 3.1.1, which has no AUTH, and a client that must prove itself must not go on without. */
const authenticationVersion: Check = ({ authentication, protocolVersion = defaults.protocolVersion }) =>
  authentication === undefined || protocolVersion === "5.0"
    ? undefined
    : invalid("authentication", `needs protocolVersion: "5.0", but it is "${protocolVersion}"; MQTT 3.1.1 has no AUTH`)

const stableClientId: Check = ({ clientId, session }) =>
  session !== undefined && session !== "clean" && (clientId === undefined || clientId === "")
    ? invalid(
      "session",
      `"${session}" needs a \`clientId\` that stays the same, because the server finds the session by it`
    )
    : undefined

/** Options about keeping a session do nothing if no session is kept. */
const keptSession: Check = ({ refuseUnknownSession, session, sessionExpiry }) => {
  // A program that says "clean" has decided, and may have the rest from somewhere else; a program that says nothing has
  // forgotten.
  if (session !== undefined) return undefined
  const remedy = "does nothing without a kept session; set session: \"persistent\" or " +
    "\"cleanStartThenPersistent\", or leave it out"
  if (sessionExpiry !== undefined) return invalid("sessionExpiry", remedy)
  return refuseUnknownSession === true ? invalid("refuseUnknownSession", remedy) : undefined
}

/** These options appear in logs, in events and in the names of topics. */
const misplacedSecret: Check = (options) => {
  for (const option of ["clientId", "username", "responseTopic"] as const) {
    const value = options[option]
    const problem = value === undefined ? undefined : nameProblem(value)
    if (problem !== undefined) return invalid(option, problem)
  }
  return undefined
}

const emptyClientId: Check = ({ clientId, protocolVersion }) =>
  clientId === "" && protocolVersion === "auto"
    ? invalid("clientId", "is empty, and 3.1.1, which \"auto\" may choose, cannot resume such a session; leave it out")
    : undefined

const responseTopicName: Check = ({ responseTopic }) => {
  const problem = responseTopic === undefined ? undefined : Topic.validateTopicName(responseTopic, "5.0")
  return problem === undefined ? undefined : invalid("responseTopic", problem.message)
}

/** Checks the types of the values; the other checks look at their contents. */
const types: Check = (options) => {
  const fault = Types.faultWithin({ ...options }, OptionTypes.client)
  return fault === undefined ? undefined : invalid(fault.field, fault.description)
}

/** The codec checks whether CONNECT can carry the options; its field names are the same as ours. */
const connect: Check = (options) => {
  const { clientId, protocolVersion } = withDefaults(options)
  const version = protocolVersion === "auto" ? "5.0" : protocolVersion
  const invalidPacket = Validity.checkConnect({
    _tag: "Connect",
    protocolVersion: version,
    cleanStart: true,
    keepAlive: 0,
    clientId,
    will: Presence.knownWill(options, version),
    username: options.username,
    password: undefined,
    properties: version === "5.0"
      ? { userProperties: options.userProperties, authenticationMethod: options.authentication?.method }
      : Properties.none
  }, { protocolVersion: version, sender: "client" })
  return invalidPacket && invalid(Presence.nameOf(invalidPacket.field, options), invalidPacket.message)
}

/** Such an option would do nothing, and nobody would notice. */
const unknownOption: Check = (options) => {
  const found = OptionNames.unknown(options)
  if (found === undefined) return undefined
  const [name, meant] = found
  return invalid(name, meant === undefined ? "is not an option" : `is not an option; did you mean \`${meant}\`?`)
}

const checks: ReadonlyArray<Check> = [
  unknownOption,
  types,
  seconds("keepAlive", ({ keepAlive }) => keepAlive, 65_535),
  seconds("sessionExpiry", ({ sessionExpiry }) => sessionExpiry, 0xffff_ffff),
  seconds("will.delay", ({ will }) => Effect.isEffect(will) ? undefined : will?.delay, 0xffff_ffff),
  timeout("connectTimeout"),
  timeout("responseTimeout"),
  timeout("packetTimeout"),
  unclaimedTimeout,
  keepAliveAndResponseTimeout,
  passwordWithUsername,
  oneSourceOfCredentials,
  authenticationVersion,
  misplacedSecret,
  stableClientId,
  keptSession,
  emptyClientId,
  integer("maxInFlight", 1, 65_535),
  integer("receiveMaximum", 1, 65_535),
  integer("maximumPacketSize", 16, 268_435_460),
  integer("filtersPerSubscribe", 1, 10_000),
  integer("topicAliasMaximum", 0, 65_535),
  integer("outgoingTopicAliasMaximum", 0, 65_535),
  maximumHops,
  bounds("outbox"),
  bounds("buffer"),
  escalation,
  responseTopicName,
  Presence.problem,
  connect
]

const problems: Check = (options) => {
  for (const check of checks) {
    const problem = check(options)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** Also catches a value that throws when it is read. */
const readably = (options: Options): MqttError.InvalidOptions | undefined => {
  try {
    return Predicate.isObject(options) ? problems(options) : invalid("options", "is not an object")
  } catch (cause) {
    const { description, field } = Types.unreadable(cause)
    return invalid(field, description)
  }
}

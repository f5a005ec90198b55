/**
 * Every error of this library. `MqttError` has a tagged `reason` that carries its data; a handler refuses a message with
 * `MqttRejected`; typed topics fail with `MqttEncodeError` and `MqttDecodeError`.
 *
 * It does not decide how to handle an error: a reason says whether trying again can help, and policies act on that.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import type * as Types from "effect/Types"
import { harmless } from "./internal/harmlessText.ts"
import {
  adviceOnReferral,
  adviceOnRefusal,
  type StoreProblem,
  storeProblems,
  tlsAdvice,
  type TlsProblem,
  tlsProblems,
  type WebSocketProblem,
  webSocketProblems
} from "./internal/problems.ts"
import type { InvalidPacket, ProtocolViolation as Violation } from "./protocol/ProtocolError.ts"
import * as ReasonCode from "./protocol/ReasonCode.ts"
import type { LimitExceeded } from "./protocol/ServerLimits.ts"

export type { StoreProblem, TlsProblem, WebSocketProblem } from "./internal/problems.ts"
export { MqttDecodeError, MqttEncodeError } from "./internal/topicErrors.ts"

// ---------------------------------------------------------------------------
// Whether trying again can help
// ---------------------------------------------------------------------------

const byCode = ({ reasonCode }: { readonly reasonCode: number }): boolean => ReasonCode.isRetryable(reasonCode)

/** A server that ends the connection without a reason may take the next. */
const byCodeOfEnd = (end: { readonly reasonCode: number }): boolean => end.reasonCode === 0x00 || byCode(end)

/** Of the statuses from 400 to 499, the ones with which the server asks to try again later. */
const passingStatuses = [408, 425, 429]

const byStatus = (
  { problem, status }: { readonly problem: WebSocketProblem; readonly status?: number | undefined }
): boolean =>
  status !== undefined && status >= 400 && status < 500
    ? passingStatuses.includes(status)
    : webSocketProblems[problem][0]

/** For JSON, as the computed message is no own property. */
const withMessage = (
  { _tag, message, ...fields }: { readonly _tag: string; readonly message: string }
): unknown => ({ _tag, ...fields, message })

/**
 * A tagged error, and whether trying again can help: always, never, or depending on its data. Each class decides this
 * for itself, and its head is marked as pure, so that a program carries only the reasons that its code makes.
 */
const Reason = <const Tag extends string, Deciding extends object = {}>(
  tag: Tag,
  isRetryable: boolean | ((reason: Deciding) => boolean)
) => {
  class Base extends Data.TaggedError(tag)<Record<string, unknown>> {
    /** Equal to another without fields, also if that was made from `{}`. */
    constructor(fields: Record<string, unknown> = {}) {
      super(fields)
    }
    get isRetryable(): boolean {
      return typeof isRetryable === "boolean" ? isRetryable : isRetryable(this as unknown as Deciding)
    }
    override toJSON(): unknown {
      return withMessage(this)
    }
  }
  return Base as new<Fields extends Deciding = Deciding>(
    fields: Types.VoidIfEmpty<Fields>
  ) => Cause.YieldableError & { readonly _tag: Tag; readonly isRetryable: boolean } & Readonly<Fields>
}

// ---------------------------------------------------------------------------
// Words
// ---------------------------------------------------------------------------

const withReasonString = (text: string, reasonString: string | undefined): string =>
  reasonString === undefined || reasonString === "" ? text : `${text} (the server says: ${harmless(reasonString)})`

/**
 * User Properties of the packet with the failure, 5.0: pairs in their order.
 *
 * @since 0.2.0
 * @category models
 */
export type UserProperties = ReadonlyArray<readonly [name: string, value: string]>

const hexadecimal = (code: number): string => `0x${code.toString(16).padStart(2, "0")}`

/** It may contain text of a server, and of a library too. */
const causeMessage = (cause: unknown): string => harmless(cause instanceof Error ? cause.message : String(cause), 1000)

/**
 * No address is known for the host name.
 *
 * @since 0.1.0
 * @category reasons
 */
export class HostNotFound extends /* @__PURE__ */ Reason("HostNotFound", true)<{
  readonly host: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `No address found for host "${this.host}"; check the name, and that this machine's DNS knows it`
  }
}

/**
 * The host is there and nothing listens on the port.
 *
 * @since 0.1.0
 * @category reasons
 */
export class PortRefused extends /* @__PURE__ */ Reason("PortRefused", true)<{
  readonly host: string
  readonly port: number
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.host} refused a connection on port ${this.port}; check the port, and that the broker is running`
  }
}

/** OpenSSL's own messages begin with an address and end with a line of its source. */
const tlsMessage = (cause: unknown): string =>
  cause instanceof Error && "library" in cause && "reason" in cause && typeof cause.reason === "string"
    ? harmless(cause.reason)
    : causeMessage(cause)

/**
 * TLS could not be established, or the server ended it: `problem` says why. A server may refuse a client certificate
 * after the handshake seemed complete. A problem that only a person can mend is not retryable. A problem that may go
 * away by itself is retryable, such as a certificate that is renewed or a clock that is set.
 *
 * @since 0.1.0
 * @category reasons
 */
export class TlsFailed extends /* @__PURE__ */ Reason(
  "TlsFailed",
  ({ problem }: { readonly problem: TlsProblem }) => tlsProblems[problem][0]
)<{
  readonly host: string
  readonly port: number
  readonly problem: TlsProblem
  /** The code Node or OpenSSL gives it, such as `ERR_TLS_CERT_ALTNAME_INVALID`. */
  readonly code?: string | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const advice = tlsAdvice(this.problem, this.code)
    const cause = this.cause === undefined ? this.code ?? this.problem : tlsMessage(this.cause)
    return `TLS with ${this.host}:${this.port} failed: ${cause}` + (advice === undefined ? "" : `; ${advice}`)
  }
}

/**
 * The server did not open a WebSocket for MQTT or broke the rules of one, or the page may not open it. Section 6.
 *
 * @since 0.1.0
 * @category reasons
 */
export class WebSocketFailed extends /* @__PURE__ */ Reason("WebSocketFailed", byStatus)<{
  /** The server's URL, without credentials and query. */
  readonly endpoint: string
  readonly problem: WebSocketProblem
  /** The HTTP status of an upgrade that was refused. */
  readonly status?: number | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const status = this.status === undefined ? "" : ` (HTTP status ${this.status})`
    const cause = this.cause === undefined ? "" : `: ${causeMessage(this.cause)}`
    return `WebSocket to ${this.endpoint}: ${webSocketProblems[this.problem][1]}${status}${cause}`
  }
}

/**
 * The network connection could not be opened for a reason that has no name of its own.
 *
 * @since 0.1.0
 * @category reasons
 */
export class OpenFailed extends /* @__PURE__ */ Reason("OpenFailed", true)<{
  readonly endpoint: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `Could not open a network connection to ${this.endpoint}: ${causeMessage(this.cause)}`
  }
}

/**
 * Transport, TLS and CONNACK together took longer than `connectTimeout`.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ConnectTimeout extends /* @__PURE__ */ Reason("ConnectTimeout", true)<{
  /** Milliseconds. */
  readonly timeout: number
  /** `AUTH`: a connection there is, which was to be authenticated again. */
  readonly waitingFor: "credentials" | "will" | "birth" | "network" | "CONNACK" | "AUTH"
}> {
  override get message(): string {
    const awaited = this.waitingFor === "network" ? "network connection" : this.waitingFor
    return `No ${awaited} within ${this.timeout} ms (\`connectTimeout\`)`
  }
}

/**
 * The server answered CONNECT with a refusal. MQTT 5.0 section 3.2.2.2. A code of 3.1.1 is given as the code of 5.0
 * with the same meaning.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ConnectionRefused extends /* @__PURE__ */ Reason("ConnectionRefused", byCode)<{
  readonly reasonCode: number
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
  /** The server that the client should use instead, with 0x9C and 0x9D. */
  readonly serverReference?: string | undefined
}> {
  override get message(): string {
    const name = ReasonCode.nameOf(this.reasonCode, "Connack")
    return withReasonString(
      `The server refused the connection: ${name} (${hexadecimal(this.reasonCode)})` +
        (this.serverReference === undefined ? "" : `, and refers to ${harmless(this.serverReference)}`) +
        (adviceOnRefusal[this.reasonCode] ?? ""),
      this.reasonString
    )
  }
}

/**
 * Enhanced authentication went wrong on this side: the server did not prove itself, its challenge makes no sense, or no
 * answer to it could be made. A refusal by the server is `ConnectionRefused`. MQTT 5.0 section 4.12.
 *
 * @since 0.1.0
 * @category reasons
 */
export class AuthenticationFailed extends /* @__PURE__ */ Reason("AuthenticationFailed", false)<{
  readonly method: string
  readonly description: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `Authentication with ${this.method} failed: ${this.description}`
  }
}

/**
 * The server does not speak the protocol version that `protocolVersion` asks for.
 *
 * @since 0.1.0
 * @category reasons
 */
export class UnsupportedProtocolVersion extends /* @__PURE__ */ Reason("UnsupportedProtocolVersion", false)<{
  readonly protocolVersion: "3.1.1" | "5.0"
}> {
  override get message(): string {
    const other = this.protocolVersion === "5.0" ? "3.1.1" : "5.0"
    return `The server does not speak MQTT ${this.protocolVersion}; set protocolVersion: "${other}", or "auto" to let ` +
      "the client find out"
  }
}

/**
 * The network connection ended: closed by the peer, reset, or a write failed.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ConnectionLost extends /* @__PURE__ */ Reason("ConnectionLost", true)<{
  readonly cause: unknown
  /** A possible cause, if the peer hung up before it had said anything. */
  readonly advice?: string | undefined
}> {
  override get message(): string {
    return `The network connection was lost: ${causeMessage(this.cause)}` +
      (this.advice === undefined ? "" : `; ${this.advice}`)
  }
}

/**
 * Nothing was heard from the server for as long as the keep alive allows. Section 3.1.2.10.
 *
 * @since 0.1.0
 * @category reasons
 */
export class KeepAliveTimeout extends /* @__PURE__ */ Reason("KeepAliveTimeout", true)<{
  /** Milliseconds since something was heard last. */
  readonly silentFor: number
}> {
  override get message(): string {
    return `The server was silent for ${this.silentFor} ms and did not answer PINGREQ`
  }
}

/**
 * An acknowledgement was owed and none came within `responseTimeout`.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ResponseTimeout extends /* @__PURE__ */ Reason("ResponseTimeout", true)<{
  /** Milliseconds. */
  readonly timeout: number
}> {
  override get message(): string {
    return `An acknowledgement of the server was due, but none came for ${this.timeout} ms (\`responseTimeout\`)`
  }
}

/**
 * A packet of the server began and was not complete within `packetTimeout`.
 *
 * @since 0.1.0
 * @category reasons
 */
export class PacketTimeout extends /* @__PURE__ */ Reason("PacketTimeout", true)<{
  /** Milliseconds. */
  readonly timeout: number
}> {
  override get message(): string {
    return `The server began a packet but did not finish it within ${this.timeout} ms (\`packetTimeout\`)`
  }
}

/**
 * The server ended the connection with DISCONNECT and said why. MQTT 5.0 section 3.14.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ServerDisconnected extends /* @__PURE__ */ Reason("ServerDisconnected", byCodeOfEnd)<{
  readonly reasonCode: number
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
  readonly serverReference?: string | undefined
}> {
  override get message(): string {
    const name = ReasonCode.nameOf(this.reasonCode, "Disconnect")
    return withReasonString(
      `The server ended the connection: ${name} (${hexadecimal(this.reasonCode)})` +
        (this.serverReference === undefined
          ? ""
          : `, and refers to ${harmless(this.serverReference)}${adviceOnReferral}`),
      this.reasonString
    )
  }
}

/**
 * Another client connected with the same client identifier and took the session over. `[MQTT-3.1.4-3]` of 5.0.
 *
 * @since 0.1.0
 * @category reasons
 */
export class SessionTakenOver extends /* @__PURE__ */ Reason("SessionTakenOver", false)<{
  readonly clientId: string
  readonly reasonString?: string | undefined
}> {
  override get message(): string {
    return withReasonString(
      `Another client connected with the client identifier "${
        harmless(this.clientId)
      }"; give each its own \`clientId\``,
      this.reasonString
    )
  }
}

/**
 * The server broke a rule of the protocol; the connection was ended. MQTT 5.0 section 4.13.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ProtocolViolation extends /* @__PURE__ */ Reason("ProtocolViolation", true)<{
  /** The conformance label, such as `MQTT-4.8.0-1`, and the version it is read in. */
  readonly label: string
  readonly protocolVersion: "3.1.1" | "5.0"
  /** The code of our DISCONNECT in 5.0. */
  readonly reasonCode: number
  readonly description: string
}> {
  override get message(): string {
    return `The server broke the protocol: ${this.description} [${this.label}, MQTT ${this.protocolVersion}]`
  }
  static from(violation: Violation): ProtocolViolation {
    return new ProtocolViolation({
      label: `MQTT-${violation.label.label}`,
      protocolVersion: violation.label.version,
      reasonCode: violation.reasonCode,
      description: violation.message
    })
  }
}

/**
 * An option, or a combination of options, that cannot work.
 *
 * @since 0.1.0
 * @category reasons
 */
export class InvalidOptions extends /* @__PURE__ */ Reason("InvalidOptions", false)<{
  readonly option: string
  readonly description: string
}> {
  override get message(): string {
    return `Option \`${this.option}\`: ${this.description}`
  }
}

/**
 * The request cannot be expressed in MQTT: an invalid topic, a string that is too long, a value out of range. Nothing
 * was sent.
 *
 * @since 0.1.0
 * @category reasons
 */
export class InvalidRequest extends /* @__PURE__ */ Reason("InvalidRequest", false)<{
  /** The field that is wrong: `topic`, `topicFilter`, `properties.responseTopic` and so on. */
  readonly field: string
  readonly label: string
  readonly protocolVersion: "3.1.1" | "5.0"
  readonly description: string
}> {
  override get message(): string {
    return `${this.description} [${this.label}, MQTT ${this.protocolVersion}]`
  }
  static from(invalid: InvalidPacket): InvalidRequest {
    return new InvalidRequest({
      field: invalid.field,
      label: `MQTT-${invalid.label.label}`,
      protocolVersion: invalid.label.version,
      description: invalid.message
    })
  }
}

/**
 * The request would exceed a limit that the server announced. Nothing was sent.
 *
 * @since 0.1.0
 * @category reasons
 */
export class ServerLimit extends /* @__PURE__ */ Reason("ServerLimit", false)<{
  readonly limit: LimitExceeded["limit"]
  readonly allowed: number
  readonly requested: number
}> {
  override get message(): string {
    return `The server's ${this.limit} is ${this.allowed}, but ${this.requested} was requested`
  }
}

/**
 * The server did not accept a published message. MQTT 5.0 sections 3.4.2.1 and 3.5.2.1.
 *
 * @since 0.1.0
 * @category reasons
 */
export class PublishRefused extends /* @__PURE__ */ Reason("PublishRefused", byCode)<{
  readonly topic: string
  readonly reasonCode: number
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
}> {
  override get message(): string {
    const name = ReasonCode.nameOf(this.reasonCode, "Puback")
    return withReasonString(
      `The server refused the message to "${harmless(this.topic)}": ${name} (${hexadecimal(this.reasonCode)})`,
      this.reasonString
    )
  }
}

/**
 * The server did not accept a Topic Filter. Section 3.9.3.
 *
 * @since 0.1.0
 * @category reasons
 */
export class SubscribeRefused extends /* @__PURE__ */ Reason("SubscribeRefused", byCode)<{
  readonly topicFilter: string
  readonly reasonCode: number
  readonly reasonString?: string | undefined
  readonly userProperties?: UserProperties | undefined
}> {
  override get message(): string {
    const name = ReasonCode.nameOf(this.reasonCode, "Suback")
    return withReasonString(
      `The server refused the subscription to "${harmless(this.topicFilter)}": ${name} (${
        hexadecimal(this.reasonCode)
      })`,
      this.reasonString
    )
  }
}

/**
 * A buffer was full, and its policy is to drop or to fail.
 *
 * @since 0.1.0
 * @category reasons
 */
export class Overflow extends /* @__PURE__ */ Reason("Overflow", true)<{
  readonly buffer: "outbox" | "subscription"
  readonly capacity: number
}> {
  override get message(): string {
    return this.buffer === "outbox"
      ? `The outbox is full (${this.capacity}); publish more slowly, or choose another \`outbox\` policy`
      : `The subscription's buffer is full (${this.capacity}); pull faster, or choose another \`buffer\` policy`
  }
}

/**
 * The Message Expiry Interval passed before the message could be sent. MQTT 5.0 section 3.3.2.3.3.
 *
 * @since 0.1.0
 * @category reasons
 */
export class MessageExpired extends /* @__PURE__ */ Reason("MessageExpired", false)<{
  readonly topic: string
}> {
  override get message(): string {
    return `The message to "${harmless(this.topic)}" expired before it could be sent`
  }
}

/**
 * The server or the network kept ending connections with this message unacknowledged, or with this subscription
 * unanswered, until the `retransmit` schedule was over. The client gives it up so that the others can go on. Some
 * servers hang up on a client without the right to publish or subscribe, instead of refusing the request.
 *
 * @since 0.1.0
 * @category reasons
 */
export class Quarantined extends /* @__PURE__ */ Reason("Quarantined", false)<{
  /**
   * `PUBREL`, the second packet of QoS 2, belongs to a message that the server has. Nobody waits for an `UNSUBSCRIBE`.
   */
  readonly packet: "PUBLISH" | "PUBREL" | "SUBSCRIBE" | "UNSUBSCRIBE"
  /** The Topic Name of the message, or the Topic Filter of the subscription. */
  readonly topic: string
  /** Connections that ended with it. */
  readonly attempts: number
  /** The error that ended the last of them. */
  readonly cause: unknown
}> {
  override get message(): string {
    const given = this.packet === "PUBLISH" || this.packet === "PUBREL" ? "message" : "subscription"
    const topic = harmless(this.topic)
    return `The client gave up the ${given} to "${topic}": ${this.attempts} connections ended before its ` +
      `${this.packet} was acknowledged, the last because of: ${causeMessage(this.cause)}; ` +
      "check that the server allows it"
  }
}

/**
 * A request had no answer in time. It is unknown whether it was handled.
 *
 * @since 0.1.0
 * @category reasons
 */
export class RequestTimeout extends /* @__PURE__ */ Reason("RequestTimeout", true)<{
  readonly topic: string
  /** Milliseconds. */
  readonly timeout: number
}> {
  override get message(): string {
    const topic = harmless(this.topic)
    return `The request to "${topic}" had no answer within ${this.timeout} ms; check that a responder is running, ` +
      "or give it a longer `timeout`"
  }
}

/**
 * `next` had no message in time.
 *
 * @since 0.2.0
 * @category reasons
 */
export class NextTimeout
  extends /* @__PURE__ */ Reason("NextTimeout", true)<{ readonly topicFilter: string; readonly timeout: number }>
{
  override get message(): string {
    const topic = harmless(this.topicFilter)
    return `No message for the filter "${topic}" came within ${this.timeout} ms; ` +
      "check the filter, or give a longer `timeout`"
  }
}

/**
 * The server accepted a request and reported that nobody subscribes to its topic (0x10), so no answer can come. Not
 * every server reports this. MQTT 5.0 sections 3.4.2.1 and 3.5.2.1.
 *
 * @since 0.1.0
 * @category reasons
 */
export class NoResponder extends /* @__PURE__ */ Reason("NoResponder", true)<{
  readonly topic: string
}> {
  override get message(): string {
    const topic = harmless(this.topic)
    return `Nobody subscribes to "${topic}", so nobody can answer; check the topic, and that the responder is running`
  }
}

/**
 * There is no connection now, and the publish does not wait for one.
 *
 * @since 0.1.0
 * @category reasons
 */
export class Offline extends /* @__PURE__ */ Reason("Offline", true) {
  override get message(): string {
    return "There is no connection to the server, and this call does not wait for one (`whenOffline`)"
  }
}

/**
 * The store of the client could not be opened, read or written: `problem` says why. A message that it could not take
 * was not published. Messages that it has taken before stay there.
 *
 * @since 0.2.0
 * @category reasons
 */
export class StoreFailed extends /* @__PURE__ */ Reason(
  "StoreFailed",
  ({ problem }: { readonly problem: StoreProblem }) => storeProblems[problem][0]
)<{
  /** Names the store, such as by the path of a file. */
  readonly store: string
  readonly operation: "open" | "read" | "write"
  readonly problem: StoreProblem
  /** The client that has it, as far as that is known, when it is in use. */
  readonly holder?: string | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    const holder = this.holder === undefined ? "" : ` (${harmless(this.holder)})`
    const cause = this.cause === undefined ? "" : `: ${causeMessage(this.cause)}`
    const { operation, problem, store } = this
    return `Cannot ${operation} the store ${harmless(store)}${holder}: ${storeProblems[problem][1]}${cause}`
  }
}

/**
 * The client or the connection was closed by its own side.
 *
 * @since 0.1.0
 * @category reasons
 */
export class Closed extends /* @__PURE__ */ Reason("Closed", false) {
  override get message(): string {
    return "The client is closed: its scope has ended, or it was disconnected"
  }
}

/**
 * Every reason there is. `MqttErrorSchema` has its schema.
 *
 * @since 0.1.0
 * @category models
 */
export type MqttErrorReason =
  | HostNotFound
  | PortRefused
  | TlsFailed
  | WebSocketFailed
  | OpenFailed
  | ConnectTimeout
  | ConnectionRefused
  | AuthenticationFailed
  | UnsupportedProtocolVersion
  | ConnectionLost
  | KeepAliveTimeout
  | ResponseTimeout
  | PacketTimeout
  | ServerDisconnected
  | SessionTakenOver
  | ProtocolViolation
  | InvalidOptions
  | InvalidRequest
  | ServerLimit
  | PublishRefused
  | SubscribeRefused
  | Overflow
  | MessageExpired
  | Quarantined
  | RequestTimeout
  | NextTimeout
  | NoResponder
  | Offline
  | StoreFailed
  | Closed

/**
 * The error of a client, a connection or a transport. `reason` says what happened.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttClient } from "effect-mqtt"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   yield* mqtt.publish("site/1/temperature", "21.5", { qos: 1 })
 * }).pipe(
 *   Effect.catchReason("MqttError", "PublishRefused", (reason) => Effect.logWarning(reason.message))
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class MqttError extends Data.TaggedError("MqttError")<{ readonly reason: MqttErrorReason }> {
  override get message(): string {
    return this.reason.message
  }
  /** Whether the same call may succeed if it is tried again later, with nothing else changed. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }
  /** The fields with the message, for logs in JSON. */
  override toJSON(): unknown {
    return withMessage(this)
  }
}

/**
 * An `MqttError` with this reason.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromReason = (reason: MqttErrorReason): MqttError => new MqttError({ reason })

/**
 * A handler of `consume` or `respond` fails with it to refuse a message: a 5.0 server receives this Reason Code; 3.1.1
 * has none, so the message is acknowledged. The message does not come again.
 *
 * **Example** (Refusing a message that is empty)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttError, type MqttMessage } from "effect-mqtt"
 *
 * const handler = (message: MqttMessage.MqttMessage) =>
 *   message.payload.length === 0
 *     ? Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 }))
 *     : Effect.log(message.text)
 * ```
 *
 * @since 0.2.0
 * @category errors
 */
export class MqttRejected extends /* @__PURE__ */ Data.TaggedError("MqttRejected")<{
  /** 0x80 Unspecified error, 0x83 Implementation specific, 0x87 Not authorized, 0x97 Quota, 0x99 Payload format. */
  readonly reasonCode: 0x80 | 0x83 | 0x87 | 0x90 | 0x97 | 0x99
}> {
  constructor(fields: Pick<MqttRejected, "reasonCode">) {
    if (!rejections.has(fields.reasonCode)) throw new RangeError("the Reason Code is none that refuses a message")
    super(fields)
  }
}

/** MQTT 5.0 section 3.4.2.1, without the code for an identifier in use, which only the client may send. */
const rejections: ReadonlySet<number> = new Set([0x80, 0x83, 0x87, 0x90, 0x97, 0x99])

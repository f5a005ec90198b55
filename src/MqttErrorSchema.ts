/**
 * Schemas of the errors, for programs that send errors to another process: an RPC, a worker, a log that is read again.
 *
 * `MqttError` has the classes and needs no schema, so a page without schemas does not load `effect/Schema`. Decoding gives
 * instances of those classes. Encoding gives JSON, in which a `cause` keeps its name and its message.
 *
 * **Example** (A call to another process that fails with the error of a publish)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { MqttErrorSchema } from "effect-mqtt"
 * import { Rpc } from "effect/rpc"
 *
 * const publish = Rpc.make("Publish", {
 *   payload: { topic: Schema.String, text: Schema.String },
 *   error: MqttErrorSchema.MqttError
 * })
 * ```
 *
 * @since 0.2.0
 */
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import type * as Types from "effect/Types"
import {
  type StoreProblem,
  storeProblems,
  type TlsProblem,
  tlsProblems,
  type WebSocketProblem,
  webSocketProblems
} from "./internal/problems.ts"
import * as Errors from "./MqttError.ts"

/**
 * An error as JSON: its tag and its fields.
 *
 * @since 0.2.0
 * @category models
 */
export interface Encoded<Tag extends string> {
  readonly _tag: Tag
  readonly [field: string]: Schema.Json | undefined
}

// ---------------------------------------------------------------------------
// The fields
// ---------------------------------------------------------------------------

const text = Schema.optional(Schema.String)
const cause = Schema.optional(Schema.Defect())
const userProperties = Schema.optional(Schema.Array(Schema.Tuple([Schema.String, Schema.String])))
const protocolVersion = Schema.Literals(["3.1.1", "5.0"])

const ofReasons = {
  HostNotFound: { host: Schema.String, cause },
  PortRefused: { host: Schema.String, port: Schema.Int, cause },
  TlsFailed: {
    host: Schema.String,
    port: Schema.Int,
    problem: Schema.Literals(Object.keys(tlsProblems) as ReadonlyArray<TlsProblem>),
    code: text,
    cause
  },
  WebSocketFailed: {
    endpoint: Schema.String,
    problem: Schema.Literals(Object.keys(webSocketProblems) as ReadonlyArray<WebSocketProblem>),
    status: Schema.optional(Schema.Int),
    cause
  },
  OpenFailed: { endpoint: Schema.String, cause: Schema.Defect() },
  ConnectTimeout: {
    timeout: Schema.Finite,
    waitingFor: Schema.Literals(["credentials", "will", "birth", "network", "CONNACK", "AUTH"])
  },
  ConnectionRefused: { reasonCode: Schema.Int, reasonString: text, userProperties, serverReference: text },
  AuthenticationFailed: { method: Schema.String, description: Schema.String, cause },
  UnsupportedProtocolVersion: { protocolVersion },
  ConnectionLost: { cause: Schema.Defect(), advice: text },
  KeepAliveTimeout: { silentFor: Schema.Finite },
  ResponseTimeout: { timeout: Schema.Finite },
  PacketTimeout: { timeout: Schema.Finite },
  ServerDisconnected: { reasonCode: Schema.Int, reasonString: text, userProperties, serverReference: text },
  SessionTakenOver: { clientId: Schema.String, reasonString: text },
  ProtocolViolation: {
    label: Schema.String,
    protocolVersion,
    reasonCode: Schema.Int,
    description: Schema.String
  },
  InvalidOptions: { option: Schema.String, description: Schema.String },
  InvalidRequest: { field: Schema.String, label: Schema.String, protocolVersion, description: Schema.String },
  ServerLimit: {
    limit: Schema.Literals([
      "Maximum Packet Size",
      "Maximum QoS",
      "Retain Available",
      "Topic Alias Maximum",
      "Wildcard Subscription Available",
      "Subscription Identifier Available",
      "Shared Subscription Available"
    ]),
    allowed: Schema.Finite,
    requested: Schema.Finite
  },
  PublishRefused: { topic: Schema.String, reasonCode: Schema.Int, reasonString: text, userProperties },
  SubscribeRefused: { topicFilter: Schema.String, reasonCode: Schema.Int, reasonString: text, userProperties },
  Overflow: { buffer: Schema.Literals(["outbox", "subscription"]), capacity: Schema.Finite },
  MessageExpired: { topic: Schema.String },
  Quarantined: {
    packet: Schema.Literals(["PUBLISH", "PUBREL", "SUBSCRIBE", "UNSUBSCRIBE"]),
    topic: Schema.String,
    attempts: Schema.Int,
    cause: Schema.Defect()
  },
  RequestTimeout: { topic: Schema.String, timeout: Schema.Finite },
  NextTimeout: { topicFilter: Schema.String, timeout: Schema.Finite },
  NoResponder: { topic: Schema.String },
  Offline: {},
  StoreFailed: {
    store: Schema.String,
    operation: Schema.Literals(["open", "read", "write"]),
    problem: Schema.Literals(Object.keys(storeProblems) as ReadonlyArray<StoreProblem>),
    holder: text,
    cause
  },
  Closed: {}
} satisfies { readonly [Tag in Reason]: Schema.Struct.Fields }

const ofOthers = {
  MqttRejected: { reasonCode: Schema.Literals([0x80, 0x83, 0x87, 0x90, 0x97, 0x99]) },
  MqttEncodeError: {
    template: Schema.String,
    part: Schema.Literals(["parameters", "payload", "answer", "failure"]),
    parameter: text,
    description: Schema.String,
    cause
  },
  MqttDecodeError: {
    topic: Schema.String,
    part: Schema.Literals(["topic", "parameters", "payload", "answer", "failure", "request"]),
    parameter: text,
    description: Schema.String,
    cause
  }
} satisfies { readonly [Tag in Other]: Schema.Struct.Fields }

type Reason = Errors.MqttErrorReason["_tag"]

type Other = "MqttRejected" | "MqttEncodeError" | "MqttDecodeError"

/** The fields that the constructor of a class takes. */
type FieldsOf<Tag extends Reason | Other> = ConstructorParameters<(typeof Errors)[Tag]>[0] extends
  infer Fields extends object ? Types.Simplify<Fields>
  : {}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false

/** If a schema has other fields than its class, the row is `never`, so the table does not compile. */
type Exact<Table extends { readonly [Tag in keyof Table]: Schema.Struct.Fields }> = {
  readonly [Tag in keyof Table]: Tag extends Reason | Other
    ? Same<Schema.Struct.Type<Table[Tag]>, FieldsOf<Tag>> extends true ? Table[Tag] : never
    : never
}

// ---------------------------------------------------------------------------
// The schemas
// ---------------------------------------------------------------------------

const classes: { readonly [Tag in Reason | Other | "MqttError"]: new(fields: never) => object } = Errors

/** An error of the class with this tag. The table holds the fields that the class takes, which the types here forget. */
const schemaOf = <const Tag extends Reason | Other | "MqttError">(
  tag: Tag,
  fields: Schema.Struct.Fields
): Schema.Codec<InstanceType<(typeof Errors)[Tag]>, Encoded<Tag>> => {
  const constructor = classes[tag]
  const schema = Schema.TaggedStruct(tag, fields).pipe(
    Schema.decodeTo(
      Schema.declare((value): value is object => value instanceof constructor, { identifier: tag }),
      {
        decode: SchemaGetter.transform(({ _tag, ...fields }) => new constructor(fields as never)),
        encode: SchemaGetter.passthrough({ strict: false })
      }
    )
  )
  return schema as unknown as Schema.Codec<InstanceType<(typeof Errors)[Tag]>, Encoded<Tag>>
}

/**
 * The schema of each reason, by its tag.
 *
 * @since 0.2.0
 * @category models
 */
export type Reasons = {
  readonly [Tag in Errors.MqttErrorReason["_tag"]]: Schema.Codec<
    Extract<Errors.MqttErrorReason, { readonly _tag: Tag }>,
    Encoded<Tag>
  >
}

/**
 * The schema of each reason, by its tag.
 *
 * @since 0.2.0
 * @category schemas
 */
export const reasons = Record.map(
  ofReasons satisfies Exact<typeof ofReasons>,
  (fields, tag) => schemaOf(tag, fields)
) as Reasons

/**
 * Any of the reasons.
 *
 * @since 0.2.0
 * @category schemas
 */
export const MqttErrorReason: Schema.Codec<Errors.MqttErrorReason, Encoded<Errors.MqttErrorReason["_tag"]>> = Schema
  .Union(Object.values(reasons))

/**
 * @since 0.2.0
 * @category schemas
 */
export const MqttError: Schema.Codec<Errors.MqttError, Encoded<"MqttError">> = schemaOf("MqttError", {
  reason: MqttErrorReason
})

const others = ofOthers satisfies Exact<typeof ofOthers>

/**
 * @since 0.2.0
 * @category schemas
 */
export const MqttRejected: Schema.Codec<Errors.MqttRejected, Encoded<"MqttRejected">> = schemaOf(
  "MqttRejected",
  others.MqttRejected
)

/**
 * @since 0.2.0
 * @category schemas
 */
export const MqttEncodeError: Schema.Codec<Errors.MqttEncodeError, Encoded<"MqttEncodeError">> = schemaOf(
  "MqttEncodeError",
  others.MqttEncodeError
)

/**
 * @since 0.2.0
 * @category schemas
 */
export const MqttDecodeError: Schema.Codec<Errors.MqttDecodeError, Encoded<"MqttDecodeError">> = schemaOf(
  "MqttDecodeError",
  others.MqttDecodeError
)

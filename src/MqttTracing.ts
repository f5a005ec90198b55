/**
 * Traces that cross the broker: W3C Trace Context in User Properties, and the spans of publishing and processing.
 *
 * Spans go to the `Tracer` of the context, which exports them. Nothing here reads a payload. MQTT 5.0 section
 * 3.3.2.3.7, W3C Trace Context, its MQTT draft, and OpenTelemetry's conventions for messaging.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { MqttMessage } from "./MqttMessage.ts"
import type * as Packet from "./protocol/Packet.ts"
import type { UserProperty } from "./protocol/Properties.ts"

/**
 * The option `tracing` of a client. With it the client traces every publish, from the call to the acknowledgement, and
 * every message that `consume` or `respond` processes.
 *
 * @since 0.1.0
 * @category models
 */
export interface TracingOptions {
  /**
   * Whether published messages carry the context of their span, 5.0. A message that has a `traceparent` keeps it.
   * Default: `true`.
   */
  readonly propagate?: boolean | undefined
  /**
   * How the span that processes a message relates to the message's context. `"parent"`: the context is its parent, so
   * that both are one trace. `"link"`: the span begins a trace of its own and links to the context, for messages that
   * are processed long after or many times. Default: `"parent"`.
   */
  readonly consume?: "parent" | "link" | undefined
}

type UserProperties = ReadonlyArray<UserProperty>

// ---------------------------------------------------------------------------
// The context of a message
// ---------------------------------------------------------------------------

/**
 * The `tracestate` of other tracing systems. It is passed on unchanged with every message published inside the trace.
 *
 * @since 0.1.0
 * @category references
 */
export const TraceState: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "effect-mqtt/MqttTracing/TraceState",
  { defaultValue: () => undefined }
)

/** Version, trace, span, flags, and the fields that later versions may add. */
const traceparentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const nothing = /^0+$/
const sampledFlag = 1

/** One member of `tracestate`: a key, with or without a tenant, and printable characters. */
const memberPattern =
  /^(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=[ -+\--<>-~]{1,256}$/
const maximumMembers = 32
/** For the whole of `tracestate`; a longer one than others are asked to pass on is dropped. */
const maximumTraceState = 512

const valuesOf = (userProperties: UserProperties, name: string): ReadonlyArray<string> =>
  userProperties.filter(([key]) => key === name).map(([, value]) => value)

const traceStateOf = (userProperties: UserProperties): string | undefined => {
  const text = valuesOf(userProperties, "tracestate").join(",")
  if (text.length === 0 || text.length > maximumTraceState) return undefined
  const members = text.split(",").map((member) => member.trim()).filter((member) => member !== "")
  const isValid = members.length > 0 && members.length <= maximumMembers &&
    members.every((member) => memberPattern.test(member))
  return isValid ? members.join(",") : undefined
}

/**
 * The span in which a message was published, by its User Properties `traceparent` and `tracestate`. `undefined` if it
 * has no `traceparent`, two, or an invalid one.
 *
 * @since 0.1.0
 * @category conversions
 */
export const fromUserProperties = (
  userProperties: ReadonlyArray<UserProperty>
): Tracer.ExternalSpan | undefined => {
  const traceparents = valuesOf(userProperties, "traceparent")
  const match = traceparents.length === 1 ? traceparentPattern.exec(traceparents[0]) : null
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, rest] = match
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined
  if (nothing.test(traceId) || nothing.test(spanId)) return undefined
  const traceState = traceStateOf(userProperties)
  return Tracer.externalSpan({
    traceId,
    spanId,
    sampled: (Number.parseInt(flags, 16) & sampledFlag) === sampledFlag,
    annotations: traceState === undefined ? Context.empty() : Context.make(TraceState, traceState)
  })
}

/** The `tracestate` of the nearest span that came from elsewhere in the same trace. */
const inheritedTraceState = (span: Tracer.AnySpan): string | undefined => {
  let current: Tracer.AnySpan | undefined = span
  while (current !== undefined) {
    const traceState = Context.get(current.annotations, TraceState)
    if (traceState !== undefined) return traceState
    current = current._tag === "Span" ? Option.getOrUndefined(current.parent) : undefined
  }
  return undefined
}

/**
 * User Properties with the context of a span appended. They are returned unchanged if they have a `traceparent`
 * already, or if nothing traces the span.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toUserProperties = (
  span: Tracer.AnySpan,
  userProperties: ReadonlyArray<UserProperty> = []
): ReadonlyArray<UserProperty> => {
  const flags = span.sampled ? "01" : "00"
  // Some tracers have shorter identifiers, and a tracer that is switched off has none.
  const traceparent = `00-${span.traceId.padStart(32, "0")}-${span.spanId.padStart(16, "0")}-${flags}`
  const isKnown = traceparentPattern.test(traceparent)
  if (!isKnown || userProperties.some(([name]) => name === "traceparent")) return userProperties
  const traceState = inheritedTraceState(span)
  return [
    // A `tracestate` without its `traceparent` belongs to no trace.
    ...userProperties.filter(([name]) => name !== "tracestate"),
    ["traceparent", traceparent],
    ...(traceState === undefined ? [] : [["tracestate", traceState] as const])
  ]
}

// ---------------------------------------------------------------------------
// Spans
// ---------------------------------------------------------------------------

/**
 * The fields of a message that the attributes of a span describe.
 *
 * @since 0.1.0
 * @category models
 */
export interface Described {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: Packet.Qos
  readonly retain: boolean
}

/**
 * OpenTelemetry's attributes of a message: its topic, its size, its QoS and its RETAIN flag; nothing of its contents.
 *
 * @since 0.1.0
 * @category getters
 */
export const attributesOf = (
  { payload, qos, retain, topic }: Described
): Record<string, string | number | boolean> => ({
  "messaging.system": "mqtt",
  "messaging.destination.name": topic,
  "messaging.message.body.size": payload.length,
  "mqtt.qos": qos,
  "mqtt.retain": retain
})

/**
 * How to make the span that processes a message.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpanOptions {
  /** How the span relates to the message's context. Default: `"parent"`. */
  readonly consume?: TracingOptions["consume"]
  /** The Topic Filter that gives the span its name: there are fewer filters than topics. Default: none. */
  readonly topicFilter?: string | undefined
  readonly attributes?: Record<string, unknown> | undefined
}

/**
 * Runs an effect in a span that processes the message. `consume` does this with the option `tracing`; this function is
 * for programs that `subscribe`. A message without a context starts a new trace.
 *
 * **Example** (Each message of a subscription in a span of its own)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { MqttClient, MqttTracing } from "effect-mqtt"
 *
 * const program = Effect.gen(function*() {
 *   const mqtt = yield* MqttClient.MqttClient
 *   yield* mqtt.messages("site/+/temperature").pipe(
 *     Stream.runForEach((message) => Effect.log(message.topic).pipe(MqttTracing.withMessageSpan(message)))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category spans
 */
export const withMessageSpan =
  (message: MqttMessage, { attributes, consume = "parent", topicFilter }: SpanOptions = {}) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> => {
    const context = fromUserProperties(message.userProperties)
    const relation = context === undefined || consume === "link"
      ? { root: true, links: context === undefined ? [] : [{ span: context, attributes: {} }] }
      : { parent: context }
    return Effect.withSpan(self, topicFilter === undefined ? "process" : `process ${topicFilter}`, {
      ...relation,
      kind: "consumer",
      captureStackTrace: false,
      attributes: {
        ...attributesOf(message),
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        ...(topicFilter === undefined ? {} : { "messaging.destination.template": topicFilter }),
        ...attributes
      }
    })
  }

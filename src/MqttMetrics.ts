/**
 * The numbers of a client as Effect Metrics, which any exporter can read.
 *
 * They are the client's own numbers, from `stats`, read when a snapshot of the registry is taken: no timer samples
 * them, and nothing is counted twice. How long a message takes is measured only with `layerDurations`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as Durations from "./internal/client/calls/durations.ts"
import { Measuring } from "./internal/client/calls/instrument.ts"
import type { Stats } from "./MqttState.ts"

const gauge = (name: string, unit: string, description: string): Metric.Gauge<number> =>
  Metric.gauge(`mqtt.client.${name}`, { description, attributes: { unit } })

const counter = (name: string, unit: string, description: string): Metric.Counter<number> =>
  Metric.counter(`mqtt.client.${name}`, { description, attributes: { unit }, incremental: true })

/** A counter with a name of OpenTelemetry's conventions. */
const conventional = (name: string, operation: string, description: string): Metric.Counter<number> =>
  Metric.counter(`messaging.client.${name}.messages`, {
    description,
    attributes: { unit: "{message}", "messaging.operation.name": operation },
    incremental: true
  })

/**
 * The metrics by the names of the numbers in `stats`; `connected` is 1 or 0. The option `metrics` of a client registers
 * them with the attributes `messaging.system`, `messaging.client.id`, `mqtt.endpoint` and the attributes of the option.
 *
 * **Example** (All that Prometheus wants to know)
 *
 * ```ts
 * import { PrometheusMetrics } from "effect/observability"
 *
 * export const page = PrometheusMetrics.format()
 * ```
 *
 * @since 0.1.0
 * @category metrics
 */
export const all = {
  connected: gauge("connected", "1", "Whether there is a connection"),
  inFlight: gauge("in_flight", "{message}", "Packet Identifiers that wait for an acknowledgement"),
  window: gauge("window", "{message}", "QoS 1 and 2 messages that may be in flight on this connection"),
  outboxMessages: gauge("outbox.messages", "{message}", "Messages that wait to be sent"),
  outboxBytes: gauge("outbox.size", "By", "Memory of the messages that wait to be sent"),
  outboxDropped: counter("outbox.dropped", "{message}", "Messages the outbox dropped by its policy"),
  storedMessages: gauge("store.messages", "{message}", "Unfinished messages in the store"),
  storedBytes: gauge("store.size", "By", "Memory of the messages in the store"),
  storeFailures: counter("store.failures", "{failure}", "Times that the store could not be written or read"),
  expired: counter("outbox.expired", "{message}", "Messages that expired before they were sent"),
  bufferMessages: gauge("buffer.messages", "{message}", "Received messages that wait in subscriptions"),
  bufferBytes: gauge("buffer.size", "By", "Memory of the messages in subscriptions"),
  subscriptionsDropped: counter("buffer.dropped", "{message}", "Received messages dropped by the policies"),
  receiveMaximumExceeded: counter("receive_maximum.exceeded", "{message}", "Received above the Receive Maximum"),
  unclaimedDropped: counter("unclaimed.dropped", "{message}", "Received messages that nobody took"),
  handlerRetries: counter("handler.retries", "{attempt}", "Attempts of handlers after a failed one"),
  deadLetters: counter("dead_letters", "{message}", "Received messages that became dead letters"),
  messagesTooLarge: counter("received.too_large", "{message}", "Received messages that were too large to be delivered"),
  messagesMalformed: counter("received.malformed", "{message}", "Received messages with properties that were left out"),
  messagesRefused: counter("received.refused", "{message}", "Received messages refused, as they ended connections"),
  reconnects: counter("reconnects", "{connection}", "Connections after the first"),
  republications: counter("republications", "{message}", "Messages sent again on another connection"),
  roundTrip: gauge("round_trip", "ms", "From a PINGREQ or QoS 1 PUBLISH to its answer, measured last"),
  bytesSent: counter("sent.size", "By", "Bytes handed to the network"),
  bytesReceived: counter("received.size", "By", "Bytes read from the network"),
  packetsSent: counter("sent.packets", "{packet}", "Control Packets handed to the network"),
  packetsReceived: counter("received.packets", "{packet}", "Control Packets read from the network")
} as const

/**
 * Messages, counted while a client has the option `metrics`. The first two have the names of OpenTelemetry's conventions for
 * messaging.
 *
 * @since 0.2.0
 * @category metrics
 */
export const messages = {
  sent: conventional("sent", "publish", "Messages sent, each once"),
  acknowledged: counter("sent.acknowledged", "{message}", "Sent messages the server acknowledged"),
  refused: counter("sent.refused", "{message}", "Sent messages the server refused"),
  received: conventional("consumed", "receive", "Received messages"),
  redelivered: counter("received.redelivered", "{message}", "Received messages with the DUP flag")
} as const

/**
 * The numbers of `messages`, since the client was made.
 *
 * @since 0.2.0
 * @category models
 */
export type Tally = { readonly [Name in keyof typeof messages]: number }

/**
 * Where every snapshot reads the metrics from.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  readonly stats: () => Pick<Stats, Exclude<keyof typeof all, "connected">>
  /** Default: nothing is counted. */
  readonly tally?: (() => Tally) | undefined
  readonly isConnected: () => boolean
  readonly attributes: Readonly<Record<string, string>>
}

const noChange = { update: () => {}, modify: () => {} }

/**
 * Puts a client's metrics into the registry of the context until the scope ends. A round trip that was not measured yet
 * is 0.
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = ({ attributes, isConnected, stats, tally }: Source): Effect.Effect<void, never, Scope.Scope> =>
  Effect.contextWith((context: Context.Context<Scope.Scope>) => {
    const labelled = Context.add(context, Metric.CurrentMetricAttributes, {
      ...Context.get(context, Metric.CurrentMetricAttributes),
      ...attributes
    })
    const read = (name: string): number => {
      const numbers: Partial<Record<string, number>> = { ...stats(), ...tally?.(), connected: Number(isConnected()) }
      return numbers[name] ?? 0
    }
    const registration = ([name, metric]: readonly [string, Metric.Metric<never, unknown>]): Metric.Registration =>
      metric.type === "Counter"
        ? Metric.registerUnsafe(metric as Metric.Counter<number>, labelled, {
          ...noChange,
          get: () => ({ count: read(name), incremental: true })
        })
        : Metric.registerUnsafe(metric as Metric.Gauge<number>, labelled, {
          ...noChange,
          get: () => ({ value: read(name) })
        })
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => Object.entries(tally === undefined ? all : { ...all, ...messages }).map(registration)),
      (registrations) => Effect.sync(() => registrations.forEach(({ remove }) => remove()))
    ))
  })

/**
 * Measures how long publishing and processing take, for the clients that are made with this layer below them: from the call
 * of a publish to its acknowledgement or failure, and from the beginning of a handler of `consume` or `respond` to its end.
 *
 * They are the histograms `messaging.client.operation.duration` and `messaging.process.duration` of OpenTelemetry's
 * conventions, in seconds, with the attributes that the client's other metrics have. A failure has `error.type`, which
 * is the tag of its reason.
 *
 * **Example** (A client that is measured in every way)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { MqttMetrics } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 *
 * const client = NodeMqtt.layer({ url: "mqtt://localhost:1883", metrics: true }).pipe(
 *   Layer.provide(MqttMetrics.layerDurations())
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layerDurations = (): Layer.Layer<never> => Layer.succeed(Measuring, Durations.make)

/**
 * The numbers of a client as Effect Metrics, for whatever exports them.
 *
 * They are the client's own, of `stats`, read when somebody takes a snapshot of the registry: no timer samples them, and
 * nothing is counted twice.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { Stats } from "./MqttState.ts"

const gauge = (name: string, unit: string, description: string): Metric.Gauge<number> =>
  Metric.gauge(`mqtt.client.${name}`, { description, attributes: { unit } })

const counter = (name: string, unit: string, description: string): Metric.Counter<number> =>
  Metric.counter(`mqtt.client.${name}`, { description, attributes: { unit }, incremental: true })

/**
 * By the name of the number in `stats`; `connected` is 1 or 0. The option `metrics` of a client registers them with the
 * attributes `messaging.system`, `messaging.client.id`, `mqtt.endpoint` and those the option gives.
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
  outboxBytes: gauge("outbox.size", "By", "What the messages that wait to be sent cost in memory"),
  outboxDropped: counter("outbox.dropped", "{message}", "Messages the outbox dropped by its policy"),
  storedMessages: gauge("store.messages", "{message}", "Messages in the store that are not over"),
  storedBytes: gauge("store.size", "By", "What the messages in the store cost in memory"),
  storeFailures: counter("store.failures", "{failure}", "Times that the store could not be written or read"),
  expired: counter("outbox.expired", "{message}", "Messages that expired before they were sent"),
  bufferMessages: gauge("buffer.messages", "{message}", "Received messages that wait in subscriptions"),
  bufferBytes: gauge("buffer.size", "By", "What the messages in subscriptions cost in memory"),
  subscriptionsDropped: counter("buffer.dropped", "{message}", "Received messages dropped by the policies"),
  receiveMaximumExceeded: counter("receive_maximum.exceeded", "{message}", "Received above the Receive Maximum"),
  unclaimedDropped: counter("unclaimed.dropped", "{message}", "Received messages that nobody took"),
  handlerRetries: counter("handler.retries", "{attempt}", "Attempts of handlers after one that failed"),
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

type Name = keyof typeof all

/**
 * What the metrics are read from, at every snapshot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  readonly stats: () => Pick<Stats, Exclude<keyof typeof all, "connected">>
  readonly isConnected: () => boolean
  readonly attributes: Readonly<Record<string, string>>
}

const noChange = { update: () => {}, modify: () => {} }

/**
 * Puts a client's metrics into the registry of the context until the scope ends. A round trip that was not measured yet is
 * 0.
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = ({ attributes, isConnected, stats }: Source): Effect.Effect<void, never, Scope.Scope> =>
  Effect.contextWith((context: Context.Context<Scope.Scope>) => {
    const labelled = Context.add(context, Metric.CurrentMetricAttributes, {
      ...Context.get(context, Metric.CurrentMetricAttributes),
      ...attributes
    })
    const read = (name: Name): number => name === "connected" ? Number(isConnected()) : stats()[name] ?? 0
    const registration = (name: Name): Metric.Registration => {
      const metric = all[name]
      return metric.type === "Counter"
        ? Metric.registerUnsafe(metric as Metric.Counter<number>, labelled, {
          ...noChange,
          get: () => ({ count: read(name), incremental: true })
        })
        : Metric.registerUnsafe(metric as Metric.Gauge<number>, labelled, {
          ...noChange,
          get: () => ({ value: read(name) })
        })
    }
    return Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => (Object.keys(all) as Array<Name>).map(registration)),
      (registrations) => Effect.sync(() => registrations.forEach(({ remove }) => remove()))
    ))
  })

/**
 * A real broker of any kind for the length of a suite, and clients of it.
 */
import {
  Context,
  Effect,
  Layer,
  Option,
  Queue,
  References,
  Schedule,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { MqttClient, type MqttError, type MqttMessage, type MqttState, type MqttTransport } from "../../src/index.ts"
import { NodeTcp } from "../../src/node/index.ts"

export class Broker extends Context.Service<Broker, {
  readonly host: string
  readonly port: number
}>()("test/Broker") {}

/** The way to the broker over TCP. */
export const transport: Layer.Layer<MqttTransport.MqttTransport, never, Broker> = Layer.unwrap(
  Effect.map(Broker, ({ host, port }) => NodeTcp.layer({ host, port }))
)

/** A client that lives as long as the scope. */
export const client = (
  options?: MqttClient.Options
): Effect.Effect<MqttClient.MqttClient["Service"], MqttError.MqttError, Broker | Scope.Scope> =>
  MqttClient.make(options).pipe(Effect.provide(transport), quietly)

/** A connection that is lost on purpose needs no warning. */
export const quietly = Effect.provideService(References.MinimumLogLevel, "Error")

/** For `reconnect`: at once, more or less. */
export const soon = Schedule.spaced("10 millis")

/** What is pulled one by one; a stream that was run to take one message would lose those that came with it. */
export const inbox = <A, E>(stream: Stream.Stream<A, E>) => Stream.toQueue(stream, { capacity: "unbounded" })

/** A subscription whose messages are taken one by one. */
export const subscribed = Effect.fnUntraced(function*(
  mqtt: MqttClient.MqttClient["Service"],
  topicFilter: string | ReadonlyArray<string>,
  options?: MqttClient.SubscribeOptions
) {
  return yield* inbox(yield* mqtt.subscribe(topicFilter, options))
})

/** Topic and text of so many messages, in the order they come. */
export const texts = Effect.fnUntraced(function*<E>(queue: Queue.Dequeue<MqttMessage.MqttMessage, E>, count: number) {
  const messages = yield* Queue.takeN(queue, count)
  return messages.map(({ text, topic }) => [topic, text] as const)
})

type Connected = Extract<MqttState.ConnectionState, { readonly _tag: "Connected" }>

/** The connection the client has, or has next. */
export const connected = (mqtt: MqttClient.MqttClient["Service"]): Effect.Effect<Connected> =>
  SubscriptionRef.changes(mqtt.state).pipe(
    Stream.filter((state) => state._tag === "Connected"),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

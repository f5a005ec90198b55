// Publishes through an outage: the network is down for two seconds, the client connects again as its Schedule says, and
// every message arrives once and in order. Ends by itself; fails if a message is missing.
import { Console, Effect, Layer, Schedule, Stream } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork, MemoryBroker } from "effect-mqtt-v3/testing"

const count = 50
const topic = "effect-mqtt/v3/outage"

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const network = yield* FakeNetwork.FakeNetwork

  yield* mqtt.state.changes.pipe(
    Stream.runForEach((state) => Console.log(`connection  ${state._tag}`)),
    Effect.forkScoped
  )
  const received = yield* mqtt.subscribe(topic, { qos: 1 })

  yield* Effect.sleep("500 millis").pipe(
    Effect.andThen(Console.log("network     is down")),
    Effect.andThen(network.refuseConnect(1000)),
    Effect.andThen(network.reset),
    Effect.andThen(Effect.sleep("2 seconds")),
    Effect.andThen(Console.log("network     is up")),
    Effect.andThen(network.allowConnect),
    Effect.forkScoped
  )
  yield* Effect.forEach(
    Array.from({ length: count }, (_, number) => `${number}`),
    (number) => Effect.zipRight(Effect.sleep("20 millis"), mqtt.publishAsync(topic, number, { qos: 1 })),
    { discard: true }
  ).pipe(Effect.forkScoped)

  const texts = yield* received.pipe(Stream.take(count), Stream.map((message) => message.text), Stream.runCollect)
  const isInOrder = [...texts].every((text, index) => text === `${index}`)
  if (!isInOrder) return yield* Effect.dieMessage("a message is missing, or came twice")
  const { reconnects } = yield* mqtt.stats
  yield* Console.log(`\n${count} messages arrived once, in their order, through ${reconnects} lost connection`)
})

const client = MqttClient.layer({
  reconnect: Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("1 second")), Schedule.jittered)
}).pipe(Layer.provideMerge(MemoryBroker.layer()))

program.pipe(Effect.scoped, Effect.provide(client), Effect.runPromise)

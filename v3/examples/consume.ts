// Processes orders with `consume`: a message is acknowledged after its handler has succeeded, so each is processed at
// least once. The handler uses a service of the program, and refuses an order it cannot process. Ends by itself.
import { Console, Context, Effect, Layer, Ref } from "effect"
import { MqttClient, MqttError } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"

const topic = "effect-mqtt/v3/orders"
const orders = ["3 apples", "nonsense", "5 pears", "done"]

class Stock extends Context.Tag("Stock")<Stock, {
  readonly take: (amount: number, fruit: string) => Effect.Effect<void>
}>() {
  static readonly layer = Layer.effect(
    Stock,
    Effect.map(Ref.make(10), (left) => ({
      take: (amount, fruit) =>
        Effect.flatMap(
          Ref.updateAndGet(left, (before) => before - amount),
          (after) => Console.log(`stock   ${amount} ${fruit} taken, ${after} left`)
        )
    }))
  )
}

const processed = (order: string) =>
  Effect.gen(function*() {
    if (order === "done") return yield* Effect.fail("done" as const)
    const [amount = "", fruit = ""] = order.split(" ")
    if (!/^\d+$/.test(amount)) {
      yield* Console.log(`refused ${order}`)
      return yield* new MqttError.MqttRejected({ reasonCode: 0x99 })
    }
    const stock = yield* Stock
    yield* stock.take(Number(amount), fruit)
  })

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* Effect.forEach(orders, (order) => mqtt.publish(topic, order, { qos: 1, retain: false }), { discard: true })
    .pipe(
      Effect.delay("100 millis"),
      Effect.forkScoped
    )
  // The consumer fails if a handler fails, and needs the services the handler needs.
  yield* mqtt.consume(topic, (message) => processed(message.text), { qos: 1 }).pipe(
    Effect.catchIf((error) => error === "done", () => Console.log("done"))
  )
})

const client = MqttClient.layer().pipe(Layer.provide(MemoryBroker.layer()))

program.pipe(Effect.scoped, Effect.provide(Layer.merge(client, Stock.layer)), Effect.runPromise)

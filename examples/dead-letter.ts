// Shows messages that do not decode: they go to a dead-letter topic unchanged, with their topic and the error (5.0),
// and another program mends or refuses them. Ends by itself within seconds; fails if an order is missing. Brings its
// own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Duration, Effect, Fiber, Layer, Queue, Schedule, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, MqttError, type MqttMessage, MqttTopic } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"

class WrongOrders extends Schema.TaggedError<WrongOrders>()("WrongOrders", { numbers: Schema.Array(Schema.Int) }) {
  override get message(): string {
    return `the orders that arrived are ${this.numbers.join(", ")}`
  }
}

const isForever = process.argv.includes("--forever")

/** Other programs may use the same broker, so the orders need topics of their own. */
const prefix = `effect-mqtt/${randomUUID()}`
const deadLetter = `${prefix}/dead`

const Order = MqttTopic.make(`${prefix}/orders/{customer}`, {
  payload: MqttTopic.json(Schema.Struct({ number: Schema.Int, item: Schema.NonEmptyString }))
})

/** Acknowledges an order when it is in the queue, and an unreadable order when its dead letter is acknowledged. */
const shop = (orders: Queue.Queue<number>) =>
  Order.consume(
    ({ parameters: { customer }, payload: { item, number } }) =>
      Effect.andThen(Console.log(`order    ${number} of ${customer}: ${item}`), Queue.offer(orders, number)),
    {
      onInvalid: { deadLetter }
    }
  )

const userProperty = ({ userProperties }: MqttMessage.MqttMessage, name: string): string =>
  userProperties.find(([key]) => key === name)?.[1] ?? ""

/** An old till writes its numbers as text. */
const OldOrder = Schema.fromJsonString(Schema.Struct({ number: Schema.FiniteFromString, item: Schema.NonEmptyString }))

/** Publishes the corrected order to its original topic. */
const mend = Effect.fnUntraced(function*(message: MqttMessage.MqttMessage) {
  yield* Console.log(`dead     ${message.text}: ${userProperty(message, "error").replace(`${prefix}/`, "")}`)
  const { customer } = yield* Effect.fromResult(Order.parse(userProperty(message, "original-topic")))
  const order = yield* Schema.decodeEffect(OldOrder)(message.text)
  yield* Order.publish({ customer }, order, { qos: 1 })
})

/** Refuses an order that nobody can mend, so that it does not come again. */
const refuse = (message: MqttMessage.MqttMessage) =>
  Effect.andThen(
    Console.log(`refused  ${message.text}`),
    Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x99 }))
  )

const workshop = Effect.flatMap(
  MqttClient.MqttClient,
  (mqtt) =>
    mqtt.consume(
      deadLetter,
      (message) =>
        Effect.catchTag(mend(message), ["MqttDecodeError", "MqttEncodeError", "SchemaError"], () => refuse(message))
    )
)

const sendOrders = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* Order.publish({ customer: "Ada" }, { number: 1, item: "lamp" }, { qos: 1 })
  yield* mqtt.publish(`${prefix}/orders/Eve`, "<order number=\"2\"/>", { qos: 1 })
  yield* mqtt.publish(`${prefix}/orders/Bob`, "{\"number\":\"3\",\"item\":\"chair\"}", { qos: 1 })
  yield* Order.publish({ customer: "Grace" }, { number: 4, item: "desk" }, { qos: 1 })
})

const program = Effect.gen(function*() {
  const { description } = yield* Broker
  yield* Console.log(`Orders and dead letters through ${description}\n`)
  const orders = yield* Queue.unbounded<number>()
  const working = yield* Effect.all([shop(orders), workshop], { concurrency: "unbounded", discard: true }).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
  const ordering = Effect.gen(function*() {
    yield* sendOrders
    const numbers = yield* Queue.takeN(orders, 3)
    if (numbers.toSorted().join() !== "1,3,4") return yield* new WrongOrders({ numbers })
  })
  // The shop and the workshop end only if they fail.
  yield* Effect.raceFirst(
    isForever ? Effect.repeat(ordering, Schedule.spaced("1 second")) : ordering,
    Fiber.join(working)
  )
})

program.pipe(
  Effect.scoped,
  Effect.timeout(isForever ? Duration.infinity : "14 seconds"),
  Effect.provide(Layer.provideMerge(Broker5.client(), Broker5.layer())),
  NodeRuntime.runMain
)

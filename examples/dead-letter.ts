// Shows what becomes of messages that cannot be read: they go to a dead-letter topic as they came, with their topic and
// what was wrong (5.0), where another program mends or refuses them. Ends by itself within seconds; fails when an order is
// missing. Brings its own broker, or uses the one that MQTT_URL=mqtt://user:password@host:port names. --forever goes on.
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

/** On a broker that others use too, the orders need topics that nobody else has. */
const prefix = `effect-mqtt/${randomUUID()}`
const deadLetter = `${prefix}/dead`

const Order = MqttTopic.make(`${prefix}/orders/{customer}`, {
  payload: MqttTopic.json(Schema.Struct({ number: Schema.Int, item: Schema.NonEmptyString }))
})

/** An order is acknowledged when it was taken in, and one that cannot be read when its dead letter was. */
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

/** The order as it should have been, to where it should have gone. */
const mend = Effect.fnUntraced(function*(message: MqttMessage.MqttMessage) {
  yield* Console.log(`dead     ${message.text}: ${userProperty(message, "error").replace(`${prefix}/`, "")}`)
  const { customer } = yield* Effect.fromResult(Order.parse(userProperty(message, "original-topic")))
  const order = yield* Schema.decodeEffect(OldOrder)(message.text)
  yield* Order.publish({ customer }, order, { qos: 1 })
})

/** What nobody can mend is refused, and does not come again. */
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
  // The shop and the workshop end only when something is wrong.
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

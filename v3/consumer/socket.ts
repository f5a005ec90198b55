/**
 * A user's program with the installed package: connects over a `Socket` of `@effect/platform`.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { Effect, Layer, Redacted, Stream } from "effect"
import { MqttClient, MqttTransport } from "effect-mqtt-v3"

interface Given {
  readonly port: number
  readonly username: string
  readonly password: string
}

const given: Given = JSON.parse(process.argv[2] ?? "{}")

const transport = Layer.succeed(
  MqttTransport.MqttTransport,
  MqttTransport.fromSocket({
    endpoint: `mqtt://127.0.0.1:${given.port}`,
    socket: NodeSocket.makeNet({ host: "127.0.0.1", port: given.port })
  })
)

const client = MqttClient.layer({
  username: given.username,
  password: Redacted.make(given.password)
}).pipe(Layer.provide(transport))

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe("consumer/socket/#", { qos: 1 })
  yield* mqtt.publish("consumer/socket/1", "over a Socket", { qos: 1 })
  yield* messages.pipe(
    Stream.take(1),
    Stream.runForEach(({ text, topic }) => Effect.sync(() => console.log(`${topic}=${text}`)))
  )
})

await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(client), Effect.timeout("20 seconds")))

/**
 * A program of a user, run by each runtime where the package is installed: publishes and receives on every transport.
 *
 * Prints a line of JSON for each thing that it has tried.
 */
import { Effect, Redacted, Stream } from "effect"
import { MqttClient } from "effect-mqtt"
import { NodeMqtt } from "effect-mqtt/node"

interface Given {
  /** By what they are called in the report. */
  readonly urls: { readonly [transport: string]: string }
  readonly ca: string
  /** A directory for the store. */
  readonly store: string
  readonly username: string
  readonly password: string
}

const given: Given = JSON.parse(process.argv[2])

const options = (url: string): NodeMqtt.Options => ({
  url,
  username: given.username,
  password: Redacted.make(given.password),
  protocolVersion: "auto",
  ...(/^(mqtts|wss):/.test(url) ? { tls: { ca: given.ca } } : {})
})

/** All three levels, each message back again. */
const exchange = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe("runtimes/#", { qos: 2 })
  for (const qos of [0, 1, 2] as const) yield* mqtt.publish(`runtimes/${qos}`, `QoS ${qos}`, { qos })
  const received = yield* Stream.runCollect(Stream.take(messages, 3))
  const texts = received.map(({ text, topic }) => `${topic}=${text}`).join()
  if (texts !== "runtimes/0=QoS 0,runtimes/1=QoS 1,runtimes/2=QoS 2") return yield* Effect.fail(`received ${texts}`)
})

const expectStored = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"], count: number) {
  const { storedMessages } = yield* mqtt.stats
  if (storedMessages !== count) return yield* Effect.fail(`${storedMessages} messages are stored, and not ${count}`)
})

/** Accepted by the store while there is no server, and delivered by the next client. */
const storing = Effect.gen(function*() {
  const store = { path: given.store }
  const session = { clientId: "runtime", session: "persistent", store } as const
  const accepted = Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    yield* Effect.asVoid(mqtt.publishAsync("stored", "kept", { qos: 1 }))
    yield* expectStored(mqtt, 1)
  })
  const away = { ...options("mqtt://127.0.0.1:1"), ...session, initialConnection: "retry" } as const
  yield* accepted.pipe(Effect.scoped, Effect.provide(NodeMqtt.layer(away)))
  const delivered = Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    yield* mqtt.flush
    yield* expectStored(mqtt, 0)
  })
  yield* delivered.pipe(Effect.scoped, Effect.provide(NodeMqtt.layer({ ...options(given.urls.TCP), ...session })))
})

const tell = <E>(name: string, tried: Effect.Effect<unknown, E>) =>
  tried.pipe(
    Effect.timeout("20 seconds"),
    Effect.match({
      onSuccess: () => ({ name, problem: undefined }),
      onFailure: (error) => ({ name, problem: error instanceof Error ? error.message : String(error) })
    }),
    Effect.map((result) => console.log(JSON.stringify(result)))
  )

const program = Effect.gen(function*() {
  for (const [transport, url] of Object.entries(given.urls)) {
    yield* tell(transport, exchange.pipe(Effect.scoped, Effect.provide(NodeMqtt.layer(options(url)))))
  }
  yield* tell("store", storing)
})

await Effect.runPromise(program)
process.exit()

/**
 * A user's program with the installed package: publishes and receives over every transport.
 *
 * Prints a line for each transport.
 */
import { Effect, Redacted, Stream } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { NodeMqtt } from "effect-mqtt-v3/node"

interface Given {
  readonly urls: { readonly [transport: string]: string }
  readonly ca: string
  readonly username: string
  readonly password: string
}

const given: Given = JSON.parse(process.argv[2] ?? "{}")

/** Publishes at all three levels, and waits for each message to come back. */
const exchange = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const messages = yield* mqtt.subscribe("consumer/#", { qos: 2 })
  for (const qos of [0, 1, 2] as const) yield* mqtt.publish(`consumer/${qos}`, `QoS ${qos}`, { qos })
  return yield* messages.pipe(
    Stream.take(3),
    Stream.map(({ text, topic }) => `${topic}=${text}`),
    Stream.runFold("", (all, one) => `${all} ${one}`)
  )
})

const layerFor = (url: string) =>
  NodeMqtt.layer({
    url,
    username: given.username,
    password: Redacted.make(given.password),
    ...(/^(mqtts|wss):/.test(url) ? { tls: { ca: given.ca } } : {})
  })

const program = Effect.forEach(Object.entries(given.urls), ([transport, url]) =>
  exchange.pipe(
    Effect.scoped,
    Effect.provide(layerFor(url)),
    Effect.timeout("20 seconds"),
    Effect.andThen((received) => console.log(`${transport}:${received}`))
  ))

await Effect.runPromise(program)

/**
 * The broker of the examples: the broker at `MQTT_URL`, or one inside the example.
 *
 * The inside broker is aedes on a free port of this machine. It speaks 3.1.1 only, so the examples say
 * `protocolVersion: "auto"`.
 */
import { Aedes } from "aedes"
import { Config, Context, Effect, Layer, Option, Redacted } from "effect"
import * as Net from "node:net"
import type { MqttClient, MqttError } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"

const listen = (server: Net.Server): Effect.Effect<number> =>
  Effect.callback((resume) => {
    server.once("error", (cause) => resume(Effect.die(cause)))
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const embedded = Effect.gen(function*() {
  const aedes = yield* Effect.acquireRelease(
    Effect.promise(() => Aedes.createBroker()),
    (aedes) => Effect.callback<void>((resume) => aedes.close(() => resume(Effect.void)))
  )
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => Net.createServer({ noDelay: true }, (socket) => void aedes.handle(socket))),
    (server) => Effect.sync(() => void server.close())
  )
  const port = yield* listen(server)
  return {
    url: Redacted.make(`mqtt://127.0.0.1:${port}`),
    description: `an embedded broker on 127.0.0.1:${port} (set MQTT_URL for another)`
  }
})

/** The address of the broker. An embedded broker lives as long as the layer. */
export class Broker extends Context.Service<Broker, {
  /** May hold a password. */
  readonly url: Redacted.Redacted
  readonly description: string
}>()("examples/Broker") {
  static readonly layer = Layer.effect(
    Broker,
    Effect.flatMap(
      Config.option(Config.Redacted("MQTT_URL")),
      Option.match({
        onNone: () => embedded,
        onSome: (url) => Effect.succeed({ url, description: "the broker that MQTT_URL names" })
      })
    )
  )
}

/** A client of that broker, and the broker. */
export const clientLayer = (
  options?: Omit<NodeMqtt.Options, "url">
): Layer.Layer<MqttClient.MqttClient | Broker, MqttError.MqttError | Config.ConfigError> =>
  Layer.unwrap(
    Effect.map(Broker, ({ url }) => NodeMqtt.layer({ protocolVersion: "auto", ...options, url: Redacted.value(url) }))
  ).pipe(Layer.provideMerge(Broker.layer))

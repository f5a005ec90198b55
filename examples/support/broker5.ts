/**
 * A broker with MQTT 5.0 and Shared Subscriptions, for the examples that need them: the broker at `MQTT_URL`, or the
 * broker in memory on a port of this machine.
 */
import { Config, Context, Effect, Layer, Option, Redacted, type Scope } from "effect"
import { MqttClient, type MqttError } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { Broker } from "./broker.ts"

type Service = Broker["Service"]

export const inMemory: Effect.Effect<Service, never, Scope.Scope> = Effect.map(
  Layer.build(NodeMemoryBroker.layer({ reportsNoSubscribers: true })),
  (context) => {
    const { host, port, url } = Context.get(context, NodeMemoryBroker.NodeMemoryBroker)
    return {
      url: Redacted.make(url),
      description: `a broker in memory on ${host}:${port} (set MQTT_URL for another)`
    }
  }
)

/** The broker at `MQTT_URL`, or this one. */
export const layer = <E = never>(
  ownBroker: Effect.Effect<Service, E, Scope.Scope> = inMemory
): Layer.Layer<Broker, E | Config.ConfigError> =>
  Layer.effect(
    Broker,
    Effect.flatMap(
      Config.option(Config.Redacted("MQTT_URL")),
      Option.match({
        onNone: () => ownBroker,
        onSome: (url) => Effect.succeed({ url, description: "the broker that MQTT_URL names" })
      })
    )
  )

/** A client of that broker. */
export const client = (
  options?: Omit<NodeMqtt.Options, "url">
): Layer.Layer<MqttClient.MqttClient, MqttError.MqttError, Broker> =>
  Layer.unwrap(Effect.map(Broker, ({ url }) => NodeMqtt.layer({ ...options, url: Redacted.value(url) })))

/** A client of the broker at this URL, for as long as the scope. */
export const connect = (
  options: NodeMqtt.Options
): Effect.Effect<MqttClient.MqttClient["Service"], MqttError.MqttError, Scope.Scope> =>
  Effect.map(
    Layer.build(NodeMqtt.layer({ protocolVersion: "auto", ...options })),
    Context.get(MqttClient.MqttClient)
  )

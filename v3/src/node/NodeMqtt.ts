/**
 * MQTT clients in Node from a URL, or from a host and a port. The sockets are the engine's own.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import * as Client from "../internal/client.ts"
import * as Config from "../internal/config.ts"
import { Membrane } from "../internal/membrane.ts"
import { fromEngine, scopedOptions } from "../internal/transport.ts"
import * as MqttClient from "../MqttClient.ts"
import type { MqttError } from "../MqttError.ts"
import { MqttTransport } from "../MqttTransport.ts"
import * as NodeMqttConfig from "./NodeMqttConfig.ts"

const make = (options: object): Effect.Effect<Client.Service, unknown, Scope.Scope> =>
  Client.make((membrane, runtime) =>
    Effect.sync(() => {
      const engineOptions = membrane.toEngine(options, runtime, scopedOptions) as Engine.NodeMqtt.Options
      return Engine.serviceIn(Engine.NodeMqtt.layer(engineOptions), Engine.MqttClient.MqttClient)
    })
  )

export const layer = (options: object = {}): Layer.Layer<MqttClient.MqttClient, unknown> =>
  Layer.scoped(MqttClient.MqttClient, Effect.suspend(() => make(options)))

export const layerTransport = (options: object = {}): Layer.Layer<MqttTransport, unknown> =>
  Layer.scoped(
    MqttTransport,
    Effect.gen(function*() {
      const membrane = yield* Membrane.make
      const engineOptions = membrane.toEngine(options, yield* Effect.runtime<never>(), scopedOptions)
      const services = yield* membrane.built(Engine.NodeMqtt.layerTransport(engineOptions as Engine.NodeMqtt.Options))
      const transport = Engine.serviceOf(services, Engine.MqttTransport.MqttTransport)
      return fromEngine(() => transport)
    })
  )

export const layerConfig = (
  config: unknown = NodeMqttConfig.environment
): Layer.Layer<MqttClient.MqttClient, unknown> =>
  Layer.scoped(MqttClient.MqttClient, Effect.flatMap(Config.unwrap(config), make))

export const launch = <A, E, R>(
  service: Layer.Layer<A, E, R>
): Effect.Effect<void, E | MqttError, R | MqttClient.MqttClient> =>
  Effect.flatMap(
    MqttClient.MqttClient,
    ({ closed }) => Effect.raceFirst(Layer.launch(service), closed as Effect.Effect<void, MqttError>)
  )

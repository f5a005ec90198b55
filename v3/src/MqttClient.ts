/**
 * The client, as a service of Effect 3.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Engine from "../../engine/index.ts"
import { fromScopedEffect, toSchedule } from "./internal/bridge.ts"
import * as Client from "./internal/client.ts"
import * as Config from "./internal/config.ts"
import { engineServiceOf, Membrane } from "./internal/membrane.ts"
import { ownService } from "./internal/ownService.ts"
import { toEngine } from "./internal/transport.ts"
import * as MqttConfig from "./MqttConfig.ts"
import { MqttTransport } from "./MqttTransport.ts"

type EngineClient = Engine.MqttClient.MqttClient["Service"]

export class MqttClient extends Context.Tag("effect-mqtt-v3/MqttClient")<MqttClient, Client.Service>() {}

export const Service = () => (key: string) => ownService(key, MqttClient)

export const defaultReconnect: Schedule.Schedule<unknown, unknown> = toSchedule(
  Engine.MqttClient.defaultReconnect as Engine.Schedule<unknown>,
  (error) => error
)

export const make = (options: object = {}): Effect.Effect<Client.Service, unknown, MqttTransport | Scope.Scope> =>
  Client.make((membrane, runtime) =>
    Effect.map(MqttTransport, (transport) =>
      Engine.provideService(
        Engine.MqttClient.make(membrane.toEngine(options, runtime) as Engine.MqttClient.Options),
        Engine.MqttTransport.MqttTransport,
        toEngine(transport, membrane, runtime)
      ))
  )

export const layer = (options?: object): Layer.Layer<MqttClient, unknown, MqttTransport> =>
  Layer.scoped(MqttClient, make(options))

export const layerConfig = (
  config: unknown = MqttConfig.environment
): Layer.Layer<MqttClient, unknown, MqttTransport> =>
  Layer.scoped(MqttClient, Effect.flatMap(Config.unwrap(config), make))

export const onConnected = (
  effect: Effect.Effect<unknown, unknown, Scope.Scope>
): Effect.Effect<void, never, MqttClient | Scope.Scope> =>
  Effect.gen(function*() {
    const client = engineServiceOf<EngineClient>(yield* MqttClient)
    if (client === undefined) return yield* Effect.dieMessage("onConnected needs a client that this package made")
    const membrane = yield* Membrane.make
    const connected = Engine.MqttClient.onConnected(fromScopedEffect(effect, yield* Effect.runtime<never>()))
    yield* Effect.orDie(membrane.acquired(Engine.provideService(connected, Engine.MqttClient.MqttClient, client)))
  })

/**
 * The client, as a service of Effect 3.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../engine/index.ts"
import * as Config from "./internal/config.ts"
import { Membrane } from "./internal/membrane.ts"
import { toEngine } from "./internal/transport.ts"
import * as MqttConfig from "./MqttConfig.ts"
import { MqttTransport } from "./MqttTransport.ts"

/** The calls that live as long as the caller's scope. */
const scopedCalls = ["subscribe"]

type Service = Readonly<Record<string, unknown>>

export class MqttClient extends Context.Tag("effect-mqtt-v3/MqttClient")<MqttClient, Service>() {}

export const make = (options: object = {}): Effect.Effect<Service, unknown, MqttTransport | Scope.Scope> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    const services = Engine.addService(
      Engine.noServices(),
      Engine.MqttTransport.MqttTransport,
      toEngine(yield* MqttTransport, runtime)
    )
    const making = Engine.MqttClient.make(membrane.toEngine(options, runtime) as Engine.MqttClient.Options)
    return yield* membrane.scopedService(Engine.provideContext(making, services), scopedCalls)
  })

export const layer = (options?: object): Layer.Layer<MqttClient, unknown, MqttTransport> =>
  Layer.scoped(MqttClient, make(options))

export const layerConfig = (
  config: unknown = MqttConfig.environment
): Layer.Layer<MqttClient, unknown, MqttTransport> =>
  Layer.scoped(MqttClient, Effect.flatMap(Config.unwrap(config), make))

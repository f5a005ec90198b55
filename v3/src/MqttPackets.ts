/**
 * Every Control Packet of a client as a readable line.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Engine from "../../engine/index.ts"
import { Membrane } from "./internal/membrane.ts"
import { decoratorFromEngine } from "./internal/transport.ts"
import { ConnectionDecorator } from "./MqttTransport.ts"

const { ConnectionDecorator: EngineDecorator } = Engine.MqttTransport

export const layer = (options: object = {}): Layer.Layer<never> =>
  Layer.scoped(
    ConnectionDecorator,
    Effect.orDie(Effect.gen(function*() {
      const membrane = yield* Membrane.make
      const engineOptions = membrane.toEngine(options, yield* Effect.runtime<never>()) as Engine.MqttPackets.Options
      const services = yield* membrane.built(Engine.MqttPackets.layer(engineOptions))
      return decoratorFromEngine(Engine.serviceOf(services, EngineDecorator), membrane)
    }))
  ) as unknown as Layer.Layer<never>

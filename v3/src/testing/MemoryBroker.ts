/**
 * A broker in memory on a network in virtual time.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Engine from "../../../engine/index.ts"
import { Membrane } from "../internal/membrane.ts"
import { fromEngine } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"
import { FakeNetwork } from "./FakeNetwork.ts"

type Service = Readonly<Record<string, unknown>>

export class MemoryBroker extends Context.Tag("effect-mqtt-v3/testing/MemoryBroker")<MemoryBroker, Service>() {}

export const layer = (options: object = {}): Layer.Layer<MqttTransport | FakeNetwork | MemoryBroker> =>
  Layer.scopedContext(Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    const engineLayer = Engine.MemoryBroker.layer(membrane.toEngine(options, runtime) as Engine.MemoryBroker.Options)
    const services = yield* membrane.built(engineLayer)
    return Context.make(MqttTransport, fromEngine(Engine.serviceOf(services, Engine.MqttTransport.MqttTransport))).pipe(
      Context.add(FakeNetwork, membrane.service(Engine.serviceOf(services, Engine.FakeNetwork.FakeNetwork))),
      Context.add(MemoryBroker, membrane.service(Engine.serviceOf(services, Engine.MemoryBroker.MemoryBroker)))
    )
  }))

/**
 * A broker in memory on a network in virtual time.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import * as Fakes from "../internal/fakes.ts"
import { Membrane } from "../internal/membrane.ts"
import type { MqttTransport } from "../MqttTransport.ts"
import type { FakeNetwork } from "./FakeNetwork.ts"

type Service = Readonly<Record<string, unknown>>

/** The calls that live as long as the caller's scope. */
export const scopedCalls = ["accept"]

export class MemoryBroker extends Context.Tag("effect-mqtt-v3/testing/MemoryBroker")<MemoryBroker, Service>() {}

export const make = (options: object = {}): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.orDie(Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const engineOptions = membrane.toEngine(
      options,
      yield* Effect.runtime<never>()
    ) as Engine.MemoryBroker.BrokerOptions
    return yield* membrane.scopedService(Engine.MemoryBroker.make(engineOptions), scopedCalls)
  }))

export const layer = (options: object = {}): Layer.Layer<MqttTransport | FakeNetwork | MemoryBroker> =>
  Layer.scopedContext(Effect.map(Fakes.built(Engine.MemoryBroker.layer, options), ({ membrane, services }) => {
    const broker = membrane.service(Engine.serviceOf(services, Engine.MemoryBroker.MemoryBroker), scopedCalls)
    return Context.add(Fakes.networkOf(membrane, services), MemoryBroker, broker)
  }))

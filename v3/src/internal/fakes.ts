/**
 * Shared by the layers for tests: a server of the engine behind its fake network.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import { MqttTransport } from "../MqttTransport.ts"
import { FakeNetwork } from "../testing/FakeNetwork.ts"
import { Membrane } from "./membrane.ts"
import { fromEngine } from "./transport.ts"

type Services = Engine.MqttTransport.MqttTransport | Engine.FakeNetwork.FakeNetwork

/** The services of a layer of the engine, made with options of the program. */
export const built = <A>(
  layerOf: (options: object) => Engine.Layer<A>,
  options: object
): Effect.Effect<{ readonly membrane: Membrane; readonly services: Engine.Context<A> }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const engineOptions = membrane.toEngine(options, yield* Effect.runtime<never>()) as object
    return { membrane, services: yield* membrane.built(layerOf(engineOptions)) }
  })

export const networkOf = (
  membrane: Membrane,
  services: Engine.Context<Services>
): Context.Context<MqttTransport | FakeNetwork> => {
  const transport = Engine.serviceOf(services, Engine.MqttTransport.MqttTransport)
  const network = Engine.serviceOf(services, Engine.FakeNetwork.FakeNetwork)
  return Context.make(MqttTransport, fromEngine(() => transport)).pipe(
    Context.add(FakeNetwork, membrane.service(network))
  )
}

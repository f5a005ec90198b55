/**
 * The broker in memory on a TCP port of the loopback interface.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../../engine/index.ts"
import * as Fakes from "../../internal/fakes.ts"
import { engineServiceOf, Membrane } from "../../internal/membrane.ts"
import { MemoryBroker, scopedCalls } from "../MemoryBroker.ts"

type EngineBroker = Engine.MemoryBroker.MemoryBroker["Service"]

interface Address {
  readonly host: string
  readonly port: number
  readonly url: string
}

export class NodeMemoryBroker extends Context.Tag("effect-mqtt-v3/testing/node/NodeMemoryBroker")<
  NodeMemoryBroker,
  Address
>() {}

export const listen = (
  broker: Readonly<Record<string, unknown>>,
  options?: Engine.NodeMemoryBroker.ListenOptions
): Effect.Effect<Address, never, Scope.Scope> =>
  Effect.gen(function*() {
    const engineBroker = engineServiceOf<EngineBroker>(broker)
    if (engineBroker === undefined) return yield* Effect.dieMessage("listen needs a broker that this package made")
    const membrane = yield* Membrane.make
    return yield* Effect.orDie(membrane.acquired(Engine.NodeMemoryBroker.listen(engineBroker, options)))
  })

export const layer = (options: object = {}): Layer.Layer<NodeMemoryBroker | MemoryBroker> =>
  Layer.scopedContext(Effect.map(Fakes.built(Engine.NodeMemoryBroker.layer, options), ({ membrane, services }) => {
    const broker = membrane.service(Engine.serviceOf(services, Engine.MemoryBroker.MemoryBroker), scopedCalls)
    return Context.make(NodeMemoryBroker, Engine.serviceOf(services, Engine.NodeMemoryBroker.NodeMemoryBroker)).pipe(
      Context.add(MemoryBroker, broker)
    )
  }))

/**
 * A network in virtual time that fails on demand.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import { Membrane } from "../internal/membrane.ts"
import { fromEngine, type Transport } from "../internal/transport.ts"
import { MqttTransport } from "../MqttTransport.ts"

export type Service = Readonly<Record<string, unknown>>

export class FakeNetwork extends Context.Tag("effect-mqtt-v3/testing/FakeNetwork")<FakeNetwork, Service>() {}

/** The server, in a scope of each connection. */
export type Accept = (peer: unknown) => Effect.Effect<void, never, Scope.Scope>

export const make = (
  accept: Accept,
  options: object = {}
): Effect.Effect<{ readonly network: Service; readonly transport: Transport }, never, Scope.Scope> =>
  Effect.orDie(Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    const given = membrane.toEngine({ accept, options }, runtime, ["accept"]) as {
      readonly accept: Engine.FakeNetwork.Accept
      readonly options: Engine.FakeNetwork.Options
    }
    const { network, transport } = yield* membrane.acquired(Engine.FakeNetwork.make(given.accept, given.options))
    return { network: membrane.service(network), transport: fromEngine(() => transport) }
  }))

export const layer = (accept: Accept, options?: object): Layer.Layer<MqttTransport | FakeNetwork> =>
  Layer.scopedContext(
    Effect.map(
      make(accept, options),
      ({ network, transport }) => Context.make(FakeNetwork, network).pipe(Context.add(MqttTransport, transport))
    )
  )

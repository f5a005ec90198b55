/**
 * References in which clients find a store, an observer of connections, and the measuring of durations. Each kind has
 * its own reference of Effect 3, so that a client gets all of them from layers beside each other.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Engine from "../../../engine/index.ts"
import { MqttStore, type Provided } from "../MqttStore.ts"
import { ConnectionDecorator } from "../MqttTransport.ts"
import type { ProgramRuntime } from "./bridge.ts"
import { Measuring } from "./measuring.ts"
import type { Membrane } from "./membrane.ts"
import { toEngine as storeToEngine } from "./store.ts"
import { type Decorate, decoratorToEngine } from "./transport.ts"

type Client = Engine.Effect<object, unknown, Engine.Scope>

/** Gives the client of the engine the value in a reference of the program. */
type Give = (client: Client, context: Context.Context<never>, membrane: Membrane, runtime: ProgramRuntime) => Client

const give = <A>(
  reference: Context.Tag<never, A>,
  hand: (client: Client, value: NonNullable<A>, membrane: Membrane, runtime: ProgramRuntime) => Client
): Give =>
(client, context, membrane, runtime) => {
  const value = Context.get(context as Context.Context<never>, reference)
  return value === undefined || value === null ? client : hand(client, value as NonNullable<A>, membrane, runtime)
}

const kinds: ReadonlyArray<Give> = [
  give<Provided | undefined>(
    MqttStore as never,
    (client, { store }, membrane, runtime) => Engine.MqttStore.provide(client, storeToEngine(store, membrane, runtime))
  ),
  give<Decorate | undefined>(
    ConnectionDecorator as never,
    (client, decorate, membrane, runtime) =>
      Engine.provideService(
        client,
        Engine.MqttTransport.ConnectionDecorator,
        decoratorToEngine(decorate, membrane, runtime)
      )
  ),
  give<Engine.Layer<never> | undefined>(Measuring as never, (client, layer) => Engine.provide(client, layer))
]

/** The client with everything that the layers of the program hold for it. */
export const provideTo = (
  client: Client,
  membrane: Membrane,
  runtime: ProgramRuntime
): Effect.Effect<Client> =>
  Effect.map(
    Effect.context<never>(),
    (context) => kinds.reduce((given, hand) => hand(given, context, membrane, runtime), client)
  )

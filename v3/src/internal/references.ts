/**
 * What clients find in references: a store, what looks at connections, what measures. There is one reference of Effect 3 for
 * each kind, so that layers beside each other give a client all of it.
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

/** Gives the client of the engine what the reference of the program holds. */
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

/** The client with all that the layers of the program hold for it. */
export const provideTo = (
  client: Client,
  membrane: Membrane,
  runtime: ProgramRuntime
): Effect.Effect<Client> =>
  Effect.map(
    Effect.context<never>(),
    (context) => kinds.reduce((given, hand) => hand(given, context, membrane, runtime), client)
  )

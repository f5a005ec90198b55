/**
 * Transports between both sides. A transport of the program opens connections for the engine. A transport of the engine
 * goes back to the engine unchanged.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import type * as MqttError from "../MqttError.ts"
import { opening, type ProgramRuntime, start } from "./bridge.ts"
import { engineServiceOf, type Making, makingOf, Membrane, standsFor } from "./membrane.ts"

type EngineConnection = Engine.MqttTransport.NetworkConnection
type EngineTransport = Engine.MqttTransport.MqttTransport["Service"]
type Chunks = readonly [Uint8Array, ...ReadonlyArray<Uint8Array>]

export interface NetworkConnection {
  readonly pull: Effect.Effect<Chunks, MqttError.MqttError>
  readonly write: (chunks: Chunks) => Effect.Effect<void, MqttError.MqttError>
  readonly abort: Effect.Effect<void>
}

export type Open = Effect.Effect<NetworkConnection, MqttError.MqttError, Scope.Scope>

export interface Transport {
  readonly endpoint: string
  readonly open: Open
  readonly openAt?: ((reference: string) => Open) | undefined
  readonly endpoints?: number | undefined
}

const connectionOf = (membrane: Membrane, { abort, pull, write }: EngineConnection): NetworkConnection =>
  membrane.service({ abort, pull, write }) as unknown as NetworkConnection

/** A transport of the engine. Programs may also use it directly. */
export const fromEngine = (make: Making<EngineTransport>): Transport => {
  const { endpoint, endpoints, openAt } = make((value) => value)
  const opened = (opening: (transport: EngineTransport) => EngineTransport["open"]): Open =>
    Effect.gen(function*() {
      const membrane = yield* Membrane.make
      const runtime = yield* Effect.runtime<never>()
      const transport = make((value) => membrane.toEngine(value, runtime, scopedOptions))
      return connectionOf(membrane, yield* membrane.acquired(opening(transport)))
    }) as unknown as Open
  const made: Transport = {
    endpoint,
    open: opened(({ open }) => open),
    ...(openAt === undefined ? undefined : {
      openAt: (reference: string) => opened((transport) => transport.openAt?.(reference) ?? transport.open)
    }),
    ...(endpoints === undefined ? undefined : { endpoints })
  }
  return standsFor(made, make)
}

/** Options whose functions make effects that need a scope. */
export const scopedOptions: ReadonlyArray<string> = ["connect"]

/** Its effects run with the services at the place where the program makes its client. */
export const toEngine = (transport: Transport, membrane: Membrane, runtime: ProgramRuntime): EngineTransport => {
  const make = makingOf<EngineTransport>(transport)
  if (make !== undefined) return make((value) => membrane.toEngine(value, runtime, scopedOptions))
  const { endpoint, endpoints, open, openAt } = transport
  return Engine.transportFrom({
    endpoint,
    endpoints,
    open: opened(open, runtime),
    openAt: openAt && ((reference) => opened(openAt(reference), runtime))
  })
}

const opened = (open: Open, runtime: ProgramRuntime) =>
  opening(
    runtime,
    Effect.map(open, ({ abort, pull, write }) => ({
      pull: start(runtime, pull),
      write: (chunks: Chunks) => start(runtime, write(chunks)),
      abort: start(runtime, abort)
    }))
  ) as unknown as Engine.Start<Engine.Opened<Engine.HostConnection>, Engine.MqttError.MqttError>

/** Wraps a connection before MQTT is spoken over it. */
export type Decorate = (connection: NetworkConnection, endpoint: string) => NetworkConnection

type EngineDecorate = (connection: EngineConnection, endpoint: string) => EngineConnection

/** A decorator of the engine, for the clients of this package. */
export const decoratorFromEngine = (decorate: EngineDecorate, membrane: Membrane): Decorate => {
  const made = membrane.function(
    decorate as never,
    (connection) => connectionOf(membrane, connection as EngineConnection)
  ) as unknown as Decorate
  return standsFor(made, () => decorate)
}

export const decoratorToEngine = (
  decorate: Decorate,
  membrane: Membrane,
  runtime: ProgramRuntime
): EngineDecorate =>
  engineServiceOf<EngineDecorate>(decorate) ?? ((connection, endpoint) => {
    const { abort, pull, write } = decorate(connectionOf(membrane, connection), endpoint)
    return membrane.toEngine({ abort, pull, write }, runtime) as EngineConnection
  })

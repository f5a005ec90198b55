/**
 * Transports between both sides: one that the program made opens connections for the engine, and one of the engine's goes
 * there as it is.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import type * as MqttError from "../MqttError.ts"
import { type ProgramRuntime, start } from "./bridge.ts"
import { Membrane } from "./membrane.ts"

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

const engineTransports = new WeakMap<Transport, EngineTransport>()

/** One of the engine's. A program may also use it by itself. */
export const fromEngine = (transport: EngineTransport): Transport => {
  const { endpoint, endpoints, open, openAt } = transport
  const opened = (opening: typeof open): Open =>
    Effect.flatMap(Membrane.make, (membrane) => membrane.scoped(opening)) as Open
  const made: Transport = {
    endpoint,
    open: opened(open),
    ...(openAt === undefined ? undefined : { openAt: (reference: string) => opened(openAt(reference)) }),
    ...(endpoints === undefined ? undefined : { endpoints })
  }
  engineTransports.set(made, transport)
  return made
}

/** Its effects run with what the program provides where it makes its client. */
export const toEngine = (transport: Transport, runtime: ProgramRuntime): EngineTransport => {
  const known = engineTransports.get(transport)
  if (known !== undefined) return known
  const { endpoint, endpoints, open, openAt } = transport
  return Engine.transportFrom({
    endpoint,
    endpoints,
    open: opening(open, runtime),
    openAt: openAt && ((reference) => opening(openAt(reference), runtime))
  })
}

/** The connection's scope is closed by the engine. */
const opening = (
  open: Open,
  runtime: ProgramRuntime
): Engine.Start<Engine.HostConnection, Engine.MqttError.MqttError> =>
  start(
    runtime,
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { abort, pull, write } = yield* Scope.extend(open, scope).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      return {
        pull: start(runtime, pull),
        write: (chunks: Chunks) => start(runtime, write(chunks)),
        abort: start(runtime, abort),
        close: start(runtime, Scope.close(scope, Exit.void))
      }
    })
  ) as unknown as Engine.Start<Engine.HostConnection, Engine.MqttError.MqttError>

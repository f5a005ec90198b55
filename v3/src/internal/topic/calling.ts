/**
 * Calls of typed topics: they run with the caller's client and services, and their values pass as they are.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Engine from "../../../../engine/index.ts"
import { MqttClient } from "../../MqttClient.ts"
import { fromEffect, type ProgramRuntime } from "../bridge.ts"
import { engineServiceOf, Membrane, membraneOf } from "../membrane.ts"
import { runtimeOf } from "../schema.ts"
import * as Definition from "./definition.ts"

type Needed = Engine.MqttClient.MqttClient
type Client = Needed["Service"]
type Handler = (value: unknown) => Effect.Effect<unknown, unknown>
type Convert = (value: unknown) => unknown

/** What the engine's effects need, and what brings their values back. */
export interface Call {
  readonly membrane: Membrane
  readonly runtime: ProgramRuntime
  readonly services: Engine.Context<Needed>
}

const forProgram = (runtime: ProgramRuntime): Engine.Services => Engine.servicesFor(Engine.noServices(), runtime)

/** Without a client, for what needs none. */
export const calling: Effect.Effect<Call> = Effect.gen(function*() {
  const runtime = yield* Effect.runtime<never>()
  return { membrane: yield* Membrane.make, runtime, services: forProgram(runtime) as Engine.Context<Needed> }
})

/** Clients that the program made itself, such as one with a `publish` of its own. */
const foreignClients = new WeakMap<object, Client>()

const engineClientOf = (client: object, membrane: Membrane, runtime: ProgramRuntime): Client => {
  const known = engineServiceOf<Client>(client) ?? foreignClients.get(client)
  if (known !== undefined) return known
  const calls = Object.entries(client).map(([name, call]) => [
    name,
    engineServiceOf(call) ?? membrane.toEngine(call, runtime)
  ])
  const made = Object.fromEntries(calls) as Client
  foreignClients.set(client, made)
  return made
}

export const callingClient: Effect.Effect<Call, never, MqttClient> = Effect.gen(function*() {
  const client = yield* MqttClient
  const runtime = yield* Effect.runtime<never>()
  const membrane = membraneOf(client) ?? (yield* Membrane.make)
  const service = engineClientOf(client, membrane, runtime)
  return { membrane, runtime, services: Engine.addService(forProgram(runtime), Engine.MqttClient.MqttClient, service) }
})

/** An effect of the engine, whose value is the program's. */
export const made = <A>(
  { membrane, services }: Call,
  effect: Engine.Effect<A, unknown, Needed>
): Effect.Effect<A, unknown> => membrane.made(Engine.provideContext(effect, services))

/** In the caller's scope. */
export const acquired = <A>(
  { membrane, services }: Call,
  effect: Engine.Effect<A, unknown, Needed | Engine.Scope>
): Effect.Effect<A, unknown, Scope.Scope> => membrane.acquired(Engine.provideContext(effect, services))

const same: Convert = (value) => value

/** A stream of the engine, with the services of whoever runs it. */
export const streamed = (
  { membrane, services }: Call,
  stream: Engine.Stream<unknown, unknown, Needed>,
  convert: Convert = same
): Stream.Stream<unknown, unknown> => {
  const { channel: _channel, ...rest } = stream as unknown as Readonly<Record<string, unknown>>
  const running = Effect.map(
    Effect.runtime<never>(),
    (runtime) =>
      membrane.stream(
        Engine.provideContextToStream(stream, Engine.mergeServices(services, forProgram(runtime))),
        convert
      )
  )
  return Object.assign(Stream.unwrap(running), rest)
}

/** Its effects run with the services of whoever the engine works for. Its values pass as they are. */
export const handlerToEngine = (handler: unknown, convert: Convert = same): unknown =>
  typeof handler !== "function" ?
    handler :
    (value: unknown) =>
      Engine.ofCaller((caller) =>
        fromEffect(Effect.suspend(() => (handler as Handler)(convert(value))), runtimeOf(caller))
      )

/** The options of a call. */
export const optionsToEngine = ({ membrane, runtime }: Call, options: unknown): unknown => {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options
  const given = options as Readonly<Record<string, unknown>>
  try {
    const { onInvalid, payload, ...rest } = given
    return {
      ...membrane.toEngine(rest, runtime) as object,
      ...("onInvalid" in given ? { onInvalid: invalidToEngine(membrane, runtime, onInvalid) } : undefined),
      ...("payload" in given ? { payload: Definition.toEngine(payload) } : undefined)
    }
  } catch {
    return options
  }
}

/** A handler, or a place, whose topic a function may choose. */
const invalidToEngine = (membrane: Membrane, runtime: ProgramRuntime, onInvalid: unknown): unknown =>
  typeof onInvalid === "function"
    ? handlerToEngine(onInvalid, membrane.toProgram)
    : membrane.toEngine(onInvalid, runtime)

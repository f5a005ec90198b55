/**
 * Calls of typed topics: they run with the caller's client and services, and their values pass unchanged.
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

/** The services for effects of the engine, and the membrane that converts their results. */
export interface Call {
  readonly membrane: Membrane
  readonly runtime: ProgramRuntime
  readonly services: Engine.Context<Needed>
}

const forProgram = (runtime: ProgramRuntime): Engine.Services => Engine.servicesFor(Engine.noServices(), runtime)

/** Without a client, for calls that need none. */
export const calling: Effect.Effect<Call> = Effect.gen(function*() {
  const runtime = yield* Effect.runtime<never>()
  return { membrane: yield* Membrane.make, runtime, services: forProgram(runtime) as Engine.Context<Needed> }
})

/** Clients that the program made itself: a client with another `publish`, for example. */
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

/** An effect of the engine. The program made its value. */
export const made = <A>(
  { membrane, services }: Call,
  effect: Engine.Effect<A, unknown, Needed>
): Effect.Effect<A, unknown> => membrane.made(Engine.provideContext(effect, services))

/** The same in the caller's scope. */
export const acquired = <A>(
  { membrane, services }: Call,
  effect: Engine.Effect<A, unknown, Needed | Engine.Scope>
): Effect.Effect<A, unknown, Scope.Scope> => membrane.acquired(Engine.provideContext(effect, services))

const same: Convert = (value) => value

/** A stream of the engine. It runs with the services of the program at the place where the stream runs. */
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

/** The effects of a handler run with the services of the caller. Their values pass unchanged. */
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

/** A handler, or a dead letter, whose topic a function may choose. */
const invalidToEngine = (membrane: Membrane, runtime: ProgramRuntime, onInvalid: unknown): unknown =>
  typeof onInvalid === "function"
    ? handlerToEngine(onInvalid, membrane.toProgram)
    : membrane.toEngine(onInvalid, runtime)

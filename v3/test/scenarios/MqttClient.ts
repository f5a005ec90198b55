/**
 * Stands for `src/MqttClient.ts` in tests of the main package: each client is one of the package for Effect 3.
 *
 * A call goes from the test to the package for Effect 3, to the engine, which is the main package's client, and back.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import * as Engine from "../../../engine/index.ts"
import * as Effect4 from "../../../test/through-effect3/effect4.ts"
import * as Turns from "../../../test/through-effect3/turns.ts"
import * as V3 from "../../src/MqttClient.ts"
import * as MqttMetrics from "../../src/MqttMetrics.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { ConnectionDecorator, MqttTransport } from "../../src/MqttTransport.ts"
import { fromTest, functionToTest, scopedFromTest, scopedToTest, toTest, type Values } from "./crossing.ts"
import { runtimeOf } from "./program.ts"

export * from "../../../src/MqttClient.ts"

type Services = Effect4.Services
type AnyFunction = (...values: ReadonlyArray<unknown>) => unknown
type Making = Effect.Effect<Values, unknown, Scope.Scope>

// -- What the test has provided ----------------------------------------------------------------------------------------

const connectionFromTest = (connection: object, services: Services) => {
  const { abort, pull, write } = connection as Values
  return {
    pull: fromTest(pull, services),
    write: fromTest(write, services),
    abort: fromTest(abort, services)
  } as never
}

const transportFromTest = (services: Services) => {
  const { endpoint, endpoints, open, openAt } = Effect4.transportOf(services)
  const opened = (opening: typeof open): never =>
    scopedFromTest(opening, services, (connection) => connectionFromTest(connection as object, services)) as never
  return {
    endpoint,
    endpoints,
    open: opened(open),
    openAt: openAt && ((reference: string) => opened(openAt(reference)))
  }
}

const storeFromTest = (store: NonNullable<ReturnType<typeof Effect4.storeOf>>, services: Services) => ({
  name: store.name,
  open: (clientId: string) =>
    scopedFromTest(store.open(clientId), services, (opened) => {
      const records = opened as Engine.MqttStore.OpenStore
      return {
        read: (...given: Parameters<typeof records.read>) => fromTest(records.read(...given), services),
        commit: (...given: Parameters<typeof records.commit>) => fromTest(records.commit(...given), services)
      }
    })
})

const decorated = (making: Making, services: Services): Making => {
  const decorate = Effect4.decoratorOf(services) as AnyFunction | undefined
  if (decorate === undefined) return making
  return Effect.provideService(
    making,
    ConnectionDecorator,
    ((connection: object, endpoint: string) =>
      connectionFromTest(decorate(toTest(connection), endpoint) as object, services)) as never
  ) as Making
}

const provided = (making: Making, services: Services): Making => {
  const store = Effect4.storeOf(services)
  const stored = store === undefined ? making : MqttStore.provide(making, storeFromTest(store, services) as never)
  const measured = Effect4.isMeasuring(services) ? Effect.provide(stored, MqttMetrics.layerDurations()) : stored
  return decorated(measured, services)
}

// -- The client --------------------------------------------------------------------------------------------------------

const streams = ["messages", "deliveries"]

/** Clients of the package, by the service that the test has. */
const known = new WeakMap<object, Values>()

const stateOf = (state: Subscribable.Subscribable<unknown, unknown>, services: Services): unknown => {
  const run = Runtime.runSync(runtimeOf(services))
  const { publish, ref } = Effect4.refOf(() => toTest(run(state.get as Effect.Effect<unknown>)))
  const following = state.changes.pipe(
    Stream.takeUntil((one) => (one as { readonly _tag: string })._tag === "Closed"),
    Stream.runForEach((one) => Effect.sync(() => publish(toTest(one))))
  )
  Runtime.runFork(runtimeOf(services))(following)
  return ref
}

const callOf = (name: string, value: unknown): unknown => {
  if (typeof value !== "function") return toTest(value)
  const call = value as AnyFunction
  if (name === "subscribe") {
    return (...given: ReadonlyArray<unknown>) =>
      Effect4.withServices((services) => scopedToTest(call(...given.map((one) => fromTest(one, services))) as never))
  }
  if (streams.includes(name)) {
    return (...given: ReadonlyArray<unknown>) =>
      toTest(
        Stream.unwrap(Effect.sync(() =>
          call(...given.map((one) => fromTest(one, Engine.noServices()))) as Stream.Stream<unknown, unknown>
        ))
      )
  }
  return functionToTest(call)
}

const clientToTest = (client: Values, services: Services): object => {
  const calls = Object.entries(client).map(([name, value]) => [
    name,
    name === "state" ? stateOf(value as never, services) : callOf(name, value)
  ])
  const service = Object.fromEntries(calls) as object
  known.set(service, client)
  return service
}

export const make = (options: object = {}) =>
  Effect4.withServices((services) => {
    Turns.begin(services)
    const making = Effect.suspend(() => V3.make(fromTest(options, services) as object)).pipe(
      Effect.provideService(MqttTransport, transportFromTest(services))
    )
    return scopedToTest(provided(making, services), (client) => clientToTest(client as Values, services))
  }) as Engine.Effect<Engine.MqttClient.MqttClient["Service"], Engine.MqttError.MqttError, never>

export const layer = (options?: object) => Effect4.layerOf(Effect4.MqttClient)(make(options))

export const onConnected = (effect: Engine.Effect<unknown, unknown, Engine.Scope>) =>
  Effect4.flatMap(Effect4.MqttClient as never, (service: object) => {
    const client = known.get(service)
    if (client === undefined) return Effect4.onConnected(effect as never)
    return Effect4.withServices((services) =>
      scopedToTest(
        Effect.provideService(V3.onConnected(scopedFromTest(effect, services)), V3.MqttClient, client)
      )
    )
  })

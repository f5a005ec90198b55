/**
 * A client of the engine as the service of this package.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Engine from "../../../engine/index.ts"
import { interruptible, type ProgramRuntime } from "./bridge.ts"
import { engineServiceOf, Membrane, standsFor } from "./membrane.ts"
import { exitOf } from "./outcome.ts"
import * as References from "./references.ts"

export type Service = Readonly<Record<string, unknown>>

/** The calls that live as long as the caller's scope. */
const scopedCalls = ["subscribe"]

/** Says what the engine makes, from options that are still the program's. */
export type Making<R> = (
  membrane: Membrane,
  runtime: ProgramRuntime
) => Effect.Effect<Engine.Effect<object, unknown, Engine.Scope>, never, R>

/** A client that runs with the services the program provides here. */
export const make = <R = never>(making: Making<R>): Effect.Effect<Service, unknown, R | Scope.Scope> =>
  Effect.gen(function*() {
    const membrane = yield* Membrane.make
    const runtime = yield* Effect.runtime<never>()
    const client = yield* making(membrane, runtime)
    return withDirectPublish(
      yield* membrane.scopedService(yield* References.provideTo(client, membrane, runtime), scopedCalls)
    )
  })

type EngineClient = Engine.MqttClient.MqttClient["Service"]

/** Publishing is what programs do most. Nothing in a message has to be converted, so it can go by without the membrane. */
const withDirectPublish = (service: Service): Service => {
  const client = engineServiceOf<EngineClient>(service)
  const start = client && Engine.publishOf(client)
  if (client === undefined || start === undefined) return service
  const publish = (...[topic, payload, options]: Parameters<EngineClient["publish"]>) =>
    interruptible((done) => start(topic, payload, options, (outcome) => done(exitOf(outcome))))
  return Object.assign(service, { publish: standsFor(publish, () => client.publish) })
}

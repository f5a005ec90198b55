/**
 * The data and the actions of the page, as atoms: components know nothing of MQTT.
 */
import { MqttClient, MqttTopic } from "effect-mqtt"
import * as Effect from "effect/Effect"
import * as AsyncResult from "effect/reactivity/AsyncResult"
import * as Atom from "effect/reactivity/Atom"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { runtime } from "./client.ts"

const Temperature = MqttTopic.make("home/{room}/temperature", { payload: Schema.FiniteFromString })

export const rooms: ReadonlyArray<string> = ["kitchen", "workshop", "cellar"]

/** The state of the connection. */
export const connection = runtime.subscriptionRef(Effect.map(MqttClient.MqttClient, ({ state }) => state))

/** Why the client has ended for good, if it has: another tab has its store, or the broker refuses it. */
export const problem = Atom.map(connection, (result) =>
  AsyncResult.builder(result)
    .onSuccess((state) => state._tag === "Closed" ? state.error : undefined)
    .onError((error) => error)
    .orElse(() => undefined))

/** The latest temperature of a room, if there is one. */
export const temperature = Atom.family((room: string) => runtime.subscriptionRef(Temperature.latest({ room })))

const stats = Effect.flatMap(MqttClient.MqttClient, ({ stats }) => stats)

/** How many messages wait in the store. */
export const waiting = runtime.atom(
  Stream.fromEffectSchedule(stats, Schedule.spaced("200 millis")).pipe(
    Stream.map(({ storedMessages }) => storedMessages),
    Stream.changes
  )
)

export interface Reading {
  readonly room: string
  readonly celsius: number
}

/** Takes a reading, and waits until the broker has it. Once it is stored, the page may be closed. */
export const publish = runtime.fn(
  Effect.fnUntraced(function*({ celsius, room }: Reading) {
    const mqtt = yield* MqttClient.MqttClient
    const topic = yield* Effect.fromResult(Temperature.topic({ room }))
    // Like `publish`, but nothing withdraws the message when the caller stops waiting.
    const delivered = yield* mqtt.publishAsync(topic, `${celsius}`, { qos: 2, retain: true })
    yield* delivered
  }),
  { concurrent: true }
)

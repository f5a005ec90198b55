/**
 * Who is there, as a client whose network never fails reads it from the retained messages of the others.
 */
import { Context, Effect, Layer, References, Schedule, Stream } from "effect"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import * as port from "../brokers/port.ts"
import type { Line } from "./Line.ts"

const prefix = "soak-presence"

export const topicOf = (name: string): string => `${prefix}/${name}`

export interface Presence {
  /** How many of these clients have this word on their topics. */
  readonly count: (word: "online" | "offline") => number
}

/** Listens on a line without faults, for as long as the scope. */
export const watch = Effect.fnUntraced(function*(line: Line) {
  const words = new Map<string, string>()
  const context = yield* Layer.build(NodeMqtt.layer({
    host: port.host,
    port: line.port,
    clientId: "observer",
    reconnect: Schedule.spaced("200 millis")
  }))
  const { subscribe } = Context.get(context, MqttClient.MqttClient)
  const messages = yield* subscribe(`${prefix}/+`, { qos: 1 })
  yield* messages.pipe(
    Stream.runForEach(({ text, topic }) => Effect.sync(() => words.set(topic, text))),
    Effect.forkScoped
  )
  return { count: (word) => [...words.values()].filter((one) => one === word).length } satisfies Presence
}, Effect.provideService(References.MinimumLogLevel, "Error"))

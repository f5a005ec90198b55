/**
 * Publishing without a fiber of Effect 4: a program for Effect 3 has one of its own already, and the second one took more
 * time than the message.
 */
import * as Effect from "effect/Effect"
import { startOf } from "../src/internal/client/calls/publisher.ts"
import type * as MqttClient from "../src/MqttClient.ts"
import type { MqttError } from "../src/MqttError.ts"
import type { Acknowledgement, Payload } from "../src/MqttMessage.ts"
import { type Outcome, outcomeOf } from "./Outcome.ts"

/** Publishes; `done` hears the outcome. The returned function withdraws the message, unless it has been sent by then. */
export type Publish = (
  topic: string,
  payload: Payload,
  options: MqttClient.PublishOptions | undefined,
  done: (outcome: Outcome<Acknowledgement, MqttError>) => void
) => () => void

/** `undefined` for a client whose publishes are traced or measured: that takes the fiber. */
export const publishOf = ({ publish }: MqttClient.MqttClient["Service"]): Publish | undefined => {
  const start = startOf(publish)
  if (start === undefined) return undefined
  return (topic, payload, options, done) => {
    const withdraw = start(topic, payload, options, (exit) => done(outcomeOf(exit)))
    return () => Effect.runSync(withdraw)
  }
}

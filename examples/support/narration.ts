/**
 * Prints events, with the seconds since the program started.
 */
import { Console, Effect, Stream, SubscriptionRef } from "effect"
import type { MqttClient, MqttState } from "../../src/index.ts"

export const say = (who: string, what: string): Effect.Effect<void> =>
  Effect.suspend(() => Console.log(`${(performance.now() / 1000).toFixed(2).padStart(5)}  ${who.padEnd(10)}  ${what}`))

/** One line for a state. */
export const describe = (state: MqttState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return `Connecting, attempt ${state.attempt}`
    case "Connected":
      return `Connected, session ${state.sessionPresent ? "present" : "new"}`
    case "Disconnected":
      return `Disconnected: ${state.error.message}`
    case "Closed":
      return "Closed"
  }
}

/** Prints every state of a client, for as long as the scope. */
export const tellStates = (who: string, mqtt: MqttClient.MqttClient["Service"]) =>
  SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => say(who, describe(state))),
    Effect.forkScoped
  )

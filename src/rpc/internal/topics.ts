/**
 * The topics below the prefix of a service: one for requests, one for each server, one for each client.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttClient } from "../../MqttClient.ts"
import * as MqttError from "../../MqttError.ts"

/** Clients publish here, and servers share the requests. */
export const request = (prefix: string): string => `${prefix}/request`

/** Messages for the server that has taken a call: acknowledgements, interrupts, signs of life. */
export const server = (prefix: string, level: string): string => `${prefix}/server/${level}`

/** Answers to one client. */
export const client = (prefix: string, level: string): string => `${prefix}/client/${level}`

/** Answers to any client, unless it has an answer topic of its own. */
export const anyClient = (prefix: string): string => client(prefix, "+")

/**
 * The topic level of this MQTT client: its client identifier, so that the next process with a persistent session has the
 * same subscription. It waits for the first connection, as a server may give a client its identifier.
 */
export const ownLevel = (mqtt: MqttClient["Service"]): Effect.Effect<string, MqttError.MqttError> =>
  SubscriptionRef.changes(mqtt.state).pipe(
    Stream.filter((state) => state._tag === "Connected" || state._tag === "Closed"),
    Stream.runHead,
    Effect.map(Option.getOrThrow),
    Effect.flatMap((state) =>
      state._tag === "Connected"
        ? Effect.succeed(encodeURIComponent(state.clientId))
        : Effect.fail(state.error ?? MqttError.fromReason(new MqttError.Closed()))
    )
  )

/** Identifies this process, and this layer in it. Nobody can guess it. */
export const makeInstance = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

/**
 * The port to where Session State outlives a client: what was sent and not acknowledged, what was received and not
 * completed.
 *
 * Only sessions that are to persist pass through it. What a client holds while it lives is its own.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { MqttError } from "./MqttError.ts"
import type { Snapshot } from "./protocol/Snapshot.ts"

/**
 * Sessions by client identifier: another identifier never resumes one (`[MQTT-3.1.3-2]`).
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** The session as it was saved last, or `undefined` when none was. */
  readonly load: (clientId: string) => Effect.Effect<Snapshot | undefined, MqttError>
  readonly save: (clientId: string, session: Snapshot) => Effect.Effect<void, MqttError>
  readonly remove: (clientId: string) => Effect.Effect<void, MqttError>
}

/**
 * Keeps nothing unless another store is provided: then a session lives as long as its client.
 *
 * @since 0.1.0
 * @category services
 */
export const MqttStore: Context.Reference<Store> = Context.Reference<Store>("effect-mqtt/MqttStore", {
  defaultValue: () => ({
    load: () => Effect.undefined,
    save: () => Effect.void,
    remove: () => Effect.void
  })
})

/**
 * A store in memory, for clients that come and go in one process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Store> = /* @__PURE__ */ Effect.sync(() => {
  const sessions = new Map<string, Snapshot>()
  return {
    load: (clientId) => Effect.sync(() => sessions.get(clientId)),
    save: (clientId, session) => Effect.sync(() => void sessions.set(clientId, session)),
    remove: (clientId) => Effect.sync(() => void sessions.delete(clientId))
  }
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<never> = /* @__PURE__ */ Layer.effect(MqttStore, makeMemory)

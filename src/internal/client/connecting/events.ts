/**
 * Events for every listener, from when it starts to listen until the client ends. A listener that does not pull misses
 * the oldest events.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { MqttEvent } from "../../../MqttState.ts"

/** Kept for each listener. */
const capacity = 1024

type Listener = Queue.Queue<MqttEvent, Cause.Done>

/** Takes events, and passes them to the listeners, if there are any. */
export interface Telling {
  readonly publish: (event: MqttEvent) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
}

/** For a client without an `events` stream. Such a client still logs. */
export const untold: Telling = { publish: () => Effect.void, end: Effect.void }

export class Events implements Telling {
  readonly #listeners = new Set<Listener>()
  #hasEnded = false

  publish(event: MqttEvent): Effect.Effect<void> {
    return Effect.sync(() => this.#listeners.forEach((listener) => Queue.offerUnsafe(listener, event)))
  }

  /** No more events follow: every stream ends after the events it has not delivered yet. */
  readonly end: Effect.Effect<void> = Effect.sync(() => {
    this.#hasEnded = true
    this.#listeners.forEach((listener) => Queue.endUnsafe(listener))
  })

  readonly #listen = Effect.gen({ self: this }, function*() {
    const listener: Listener = yield* Queue.sliding<MqttEvent, Cause.Done>(capacity)
    this.#listeners.add(listener)
    if (this.#hasEnded) Queue.endUnsafe(listener)
    return listener
  })

  readonly stream: Stream.Stream<MqttEvent> = Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(this.#listen, (listener) => Effect.sync(() => this.#listeners.delete(listener))),
      (listener) => Stream.fromQueue(listener)
    )
  )
}

export const make: Effect.Effect<Events> = /* @__PURE__ */ Effect.sync(() => new Events())

/**
 * What happened, for whoever listens from then on, until the client ends. One who does not pull misses the oldest.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { MqttEvent } from "../../MqttState.ts"

/** Kept for each listener. */
const capacity = 1024

/** Comes after the last event. */
const end = { _tag: "End" } as const

export class Events {
  readonly #events: PubSub.PubSub<MqttEvent | typeof end>
  #hasEnded = false

  constructor(events: PubSub.PubSub<MqttEvent | typeof end>) {
    this.#events = events
  }

  publish(event: MqttEvent): Effect.Effect<void> {
    return Effect.asVoid(PubSub.publish(this.#events, event))
  }

  /** Nothing more will happen: every stream ends after what it has not delivered yet. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#hasEnded = true
    return Effect.asVoid(PubSub.publish(this.#events, end))
  })

  readonly stream: Stream.Stream<MqttEvent> = Stream.unwrap(
    Effect.map(Effect.suspend(() => PubSub.subscribe(this.#events)), (subscription) =>
      this.#hasEnded
        ? Stream.empty
        : Stream.takeWhile(
          Stream.fromSubscription(subscription),
          (event): event is MqttEvent => event._tag !== "End"
        ))
  )
}

export const make: Effect.Effect<Events> = Effect.map(
  PubSub.sliding<MqttEvent | typeof end>(capacity),
  (events) => new Events(events)
)

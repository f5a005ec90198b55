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

type Published = MqttEvent | typeof end

export class Events {
  /** There from the first listener on: it has room for all it may keep, 16 KiB, which most clients would hold for nobody. */
  #events: PubSub.PubSub<Published> | undefined
  #hasEnded = false

  #publish(event: Published): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.#events === undefined ? Effect.void : Effect.asVoid(PubSub.publish(this.#events, event))
    )
  }

  publish(event: MqttEvent): Effect.Effect<void> {
    return this.#publish(event)
  }

  /** Nothing more will happen: every stream ends after what it has not delivered yet. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#hasEnded = true
    return this.#publish(end)
  })

  readonly #opened: Effect.Effect<PubSub.PubSub<Published>> = Effect.suspend(() =>
    this.#events === undefined
      ? Effect.map(PubSub.sliding<Published>(capacity), (events) => this.#events ??= events)
      : Effect.succeed(this.#events)
  )

  readonly stream: Stream.Stream<MqttEvent> = Stream.unwrap(
    Effect.map(Effect.flatMap(this.#opened, PubSub.subscribe), (subscription) =>
      this.#hasEnded
        ? Stream.empty
        : Stream.takeWhile(
          Stream.fromSubscription(subscription),
          (event): event is MqttEvent => event._tag !== "End"
        ))
  )
}

export const make: Effect.Effect<Events> = Effect.sync(() => new Events())

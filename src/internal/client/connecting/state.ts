/**
 * The connection state of a client, as a `SubscriptionRef`. Until somebody listens to its changes it holds one value only.
 *
 * `MqttState` defines the states, and the supervisor changes them.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as PubSub from "effect/PubSub"
import * as Semaphore from "effect/Semaphore"
import type { SubscriptionRef } from "effect/SubscriptionRef"
import type { ConnectionState } from "../../../MqttState.ts"
import { Changes } from "./changes.ts"

const variance = { _A: identity }

export class State extends Pipeable.Class implements SubscriptionRef<ConnectionState> {
  #value: ConnectionState
  /** Made for the first listener: most clients have none. */
  #pubsub: PubSub.PubSub<ConnectionState> | undefined
  /** `SubscriptionRef.update` needs a semaphore, and nobody calls that on a client's state. */
  #semaphore: Semaphore.Semaphore | undefined

  constructor(value: ConnectionState) {
    super()
    this.#value = value
  }

  get "~effect/SubscriptionRef"() {
    return variance
  }

  get value(): ConnectionState {
    return this.#value
  }

  set value(value: ConnectionState) {
    this.#value = value
  }

  get semaphore(): Semaphore.Semaphore {
    return this.#semaphore ??= Semaphore.makeUnsafe(1)
  }

  get pubsub(): PubSub.PubSub<ConnectionState> {
    return this.#pubsub ??= Effect.runSync(PubSub.make({
      atomicPubSub: () => new Changes(this.#value),
      strategy: () => new PubSub.DroppingStrategy()
    }))
  }

  /** As `SubscriptionRef.set`, without making the parts that only listeners need. */
  set(value: ConnectionState): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#value = value
      if (this.#pubsub !== undefined) PubSub.publishUnsafe(this.#pubsub, value)
    })
  }

  toJSON(): unknown {
    return { _id: "SubscriptionRef", value: this.#value }
  }
}

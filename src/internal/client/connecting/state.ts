/**
 * The state of a client as everybody sees it: a `SubscriptionRef` that holds one value until somebody wants its changes.
 *
 * What the states are is `MqttState`'s, and when they change the supervisor's.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Pipeable from "effect/Pipeable"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { ConnectionState } from "../../../MqttState.ts"

const variance = { _A: identity }

export class State extends Pipeable.Class implements SubscriptionRef.SubscriptionRef<ConnectionState> {
  #value: ConnectionState
  /** There from the first listener on: with its queues it is 2 KiB, which most clients would hold for nobody. */
  #ref: SubscriptionRef.SubscriptionRef<ConnectionState> | undefined

  constructor(value: ConnectionState) {
    super()
    this.#value = value
  }

  get "~effect/SubscriptionRef"() {
    return variance
  }

  get #made(): SubscriptionRef.SubscriptionRef<ConnectionState> {
    return this.#ref ??= Effect.runSync(SubscriptionRef.make(this.#value))
  }

  get value(): ConnectionState {
    return this.#value
  }

  set value(value: ConnectionState) {
    this.#value = value
  }

  get semaphore() {
    return this.#made.semaphore
  }

  get pubsub() {
    return this.#made.pubsub
  }

  /** As `SubscriptionRef.set`, without making what only listeners need. */
  set(value: ConnectionState): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#ref !== undefined) return SubscriptionRef.set<ConnectionState>(this, value)
      this.#value = value
      return Effect.void
    })
  }

  toJSON(): unknown {
    return { _id: "SubscriptionRef", value: this.#value }
  }
}

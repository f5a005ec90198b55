/**
 * The values of a state that its listeners have not taken yet. The `PubSub` of a `SubscriptionRef` keeps them, and gives a
 * new listener the last value first.
 *
 * Nothing bounds the list, as in `SubscriptionRef` itself. Effect has a list of its own for this case. That one does
 * more, and a page would be a kilobyte heavier with it.
 */
import * as MutableList from "effect/MutableList"
import type { PubSub } from "effect/PubSub"

/** The values that one listener has not taken yet. */
class Untaken<A> implements PubSub.BackingSubscription<A> {
  readonly #values: Array<A> = []
  readonly #listeners: Set<Untaken<A>>

  constructor(listeners: Set<Untaken<A>>) {
    this.#listeners = listeners
    listeners.add(this)
  }

  add(value: A): void {
    this.#values.push(value)
  }

  isEmpty(): boolean {
    return this.#values.length === 0
  }

  size(): number {
    return this.#values.length
  }

  poll(): A | MutableList.Empty {
    const [value = MutableList.Empty] = this.#values.splice(0, 1)
    return value
  }

  pollUpTo(count: number): Array<A> {
    return this.#values.splice(0, count)
  }

  unsubscribe(): void {
    this.#listeners.delete(this)
    this.#values.length = 0
  }
}

export class Changes<A> implements PubSub.Atomic<A> {
  readonly capacity = Infinity
  readonly #listeners = new Set<Untaken<A>>()
  #last: A

  constructor(value: A) {
    this.#last = value
  }

  isEmpty(): boolean {
    return this.size() === 0
  }

  isFull(): boolean {
    return false
  }

  size(): number {
    return Math.max(0, ...Array.from(this.#listeners, (listener) => listener.size()))
  }

  publish(value: A): boolean {
    this.#last = value
    for (const listener of this.#listeners) listener.add(value)
    return true
  }

  publishAll(values: Iterable<A>): Array<A> {
    for (const value of values) this.publish(value)
    return []
  }

  /** A bounded list drops its oldest values here. */
  slide(): void {}

  subscribe(): Untaken<A> {
    return new Untaken(this.#listeners)
  }

  replayWindow(): PubSub.ReplayWindow<A> {
    const values = [this.#last]
    const takeN = (count: number) => values.splice(0, count)
    return {
      get remaining() {
        return values.length
      },
      take: () => values.shift(),
      takeN,
      takeAll: () => takeN(1),
      close: () => void takeN(1)
    }
  }
}

/**
 * The listeners of messages that are in the store and not in memory, by the key of the message.
 *
 * A million messages may wait there, and most of their publishers have gone on. So an acceptance without a listener is
 * held weakly, in a group with others: once the program has thrown away all acceptances of a group, the group costs
 * nothing. A separate weak reference for each would live until the next full collection, and take hundreds of bytes.
 */
import type * as Exit from "effect/Exit"
import type * as MqttError from "../../../MqttError.ts"
import type { Acknowledgement } from "../../../MqttMessage.ts"

export type Settled = (exit: Exit.Exit<Acknowledgement, MqttError.MqttError>) => void

/** The outcome of an accepted message, and the listeners that wait for it. */
export class Acceptance {
  #outcome: Exit.Exit<Acknowledgement, MqttError.MqttError> | undefined
  #listeners: Set<Settled> | undefined
  /** Called for the first listener. */
  onAwaited: (() => void) | undefined

  get isAwaited(): boolean {
    return this.#listeners !== undefined && this.#listeners.size > 0
  }

  readonly settle: Settled = (exit) => {
    this.#outcome = exit
    const listeners = this.#listeners ?? []
    this.#listeners = undefined
    for (const listener of listeners) listener(exit)
  }

  /** Returns a function that stops listening. */
  listen(listener: Settled): () => void {
    if (this.#outcome !== undefined) {
      listener(this.#outcome)
      return () => {}
    }
    const listeners = this.#listeners ??= new Set()
    listeners.add(listener)
    this.onAwaited?.()
    return () => {
      listeners.delete(listener)
    }
  }
}

/** The number of keys whose acceptances are thrown away together. */
const groupSize = 256

const groupOf = (key: number): number => Math.floor(key / groupSize)

/** By the key of the message. */
type Group = Map<number, Acceptance>

export class Awaited {
  readonly #waiting = new Map<number, Settled>()
  readonly #groups = new Map<number, WeakRef<Group>>()
  readonly #forgotten = new FinalizationRegistry<number>((index) => {
    // There may be another group by now.
    if (this.#groups.get(index)?.deref() === undefined) this.#groups.delete(index)
  })

  add(key: number, settled: Settled, acceptance: Acceptance | undefined): void {
    if (acceptance === undefined || acceptance.isAwaited) {
      this.#waiting.set(key, settled)
      return
    }
    const group = this.#group(groupOf(key))
    group.set(key, acceptance)
    // A listener must not be forgotten, even if nothing else refers to it. Until there is one, this refers to the
    // group.
    acceptance.onAwaited = () => {
      acceptance.onAwaited = undefined
      if (group.delete(key)) this.#waiting.set(key, settled)
    }
  }

  #group(index: number): Group {
    const known = this.#groups.get(index)?.deref()
    if (known !== undefined) return known
    const group: Group = new Map()
    this.#groups.set(index, new WeakRef(group))
    this.#forgotten.register(group, index)
    return group
  }

  #remove(key: number): Acceptance | undefined {
    const group = this.#groups.get(groupOf(key))?.deref()
    const acceptance = group?.get(key)
    group?.delete(key)
    return acceptance
  }

  /** The message is in memory again, or over. */
  take(key: number): { readonly settled: Settled | undefined; readonly acceptance: Acceptance | undefined } {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      this.#waiting.delete(key)
      return { settled: waiting, acceptance: undefined }
    }
    const acceptance = this.#remove(key)
    return { settled: acceptance?.settle, acceptance }
  }

  /** All listeners. They are held no longer. */
  takeAll(): ReadonlyArray<Settled> {
    const groups = [...this.#groups.values()].map((group) => group.deref() ?? new Map<number, Acceptance>())
    const accepted = groups.flatMap((group) => [...group.values()].map(({ settle }) => settle))
    for (const group of groups) group.clear()
    const all = [...this.#waiting.values(), ...accepted]
    this.#waiting.clear()
    return all
  }
}

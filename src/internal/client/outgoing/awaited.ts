/**
 * Who waits for messages that are in the store and not in memory, by the key of the message.
 *
 * A million messages may wait there, and most of their publishers have gone on. Acceptances whose acknowledgement nobody
 * waits for yet are held weakly, a group at a time: a group costs nothing once the program has thrown all of it away. A
 * weak reference for each would live until the next full collection, and hundreds of bytes with it.
 */
import type * as Exit from "effect/Exit"
import type * as MqttError from "../../../MqttError.ts"
import type { Acknowledgement } from "../../../MqttMessage.ts"

export type Settled = (exit: Exit.Exit<Acknowledgement, MqttError.MqttError>) => void

/** What came of a message that was accepted, and who wants to know it. */
export class Acceptance {
  #outcome: Exit.Exit<Acknowledgement, MqttError.MqttError> | undefined
  #listeners: Set<Settled> | undefined
  /** Told of the first listener. */
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

  /** Returns how to stop listening. */
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

/** Keys whose acceptances are thrown away together. */
const groupSize = 256

const groupOf = (key: number): number => Math.floor(key / groupSize)

/** By the key of the message. */
type Group = Map<number, Acceptance>

export class Awaited {
  readonly #waiting = new Map<number, Settled>()
  readonly #groups = new Map<number, WeakRef<Group>>()
  readonly #forgotten = new FinalizationRegistry<number>((index) => {
    // There may be another one by now.
    if (this.#groups.get(index)?.deref() === undefined) this.#groups.delete(index)
  })

  add(key: number, settled: Settled, acceptance: Acceptance | undefined): void {
    if (acceptance === undefined || acceptance.isAwaited) {
      this.#waiting.set(key, settled)
      return
    }
    const group = this.#group(groupOf(key))
    group.set(key, acceptance)
    // Who waits is not to be forgotten, even if nothing else refers to it. Until then, this refers to the group.
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

  /** Its message is in memory again, or over. */
  take(key: number): { readonly settled: Settled | undefined; readonly acceptance: Acceptance | undefined } {
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      this.#waiting.delete(key)
      return { settled: waiting, acceptance: undefined }
    }
    const acceptance = this.#remove(key)
    return { settled: acceptance?.settle, acceptance }
  }

  /** All of them, who are held no longer. */
  takeAll(): ReadonlyArray<Settled> {
    const groups = [...this.#groups.values()].map((group) => group.deref() ?? new Map<number, Acceptance>())
    const accepted = groups.flatMap((group) => [...group.values()].map(({ settle }) => settle))
    for (const group of groups) group.clear()
    const all = [...this.#waiting.values(), ...accepted]
    this.#waiting.clear()
    return all
  }
}

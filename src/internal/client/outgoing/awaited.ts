/**
 * Who waits for messages that are in the store and not in memory, by the key of the message.
 *
 * A million messages may wait there, and most of their publishers have gone on. An acceptance whose acknowledgement nobody
 * waits for yet is held weakly: it costs nothing once the program has thrown it away.
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

export class Awaited {
  readonly #waiting = new Map<number, Settled>()
  readonly #accepted = new Map<number, WeakRef<Acceptance>>()
  readonly #forgotten = new FinalizationRegistry<number>((key) => this.#accepted.delete(key))

  /** How many it holds. */
  get size(): number {
    return this.#waiting.size + this.#accepted.size
  }

  add(key: number, settled: Settled, acceptance: Acceptance | undefined): void {
    if (acceptance === undefined || acceptance.isAwaited) {
      this.#waiting.set(key, settled)
      return
    }
    this.#accepted.set(key, new WeakRef(acceptance))
    this.#forgotten.register(acceptance, key, acceptance)
    // Who waits is not to be forgotten, even if nothing else refers to it.
    acceptance.onAwaited = () => {
      acceptance.onAwaited = undefined
      if (this.#accepted.has(key)) this.add(key, settled, this.#remove(key))
    }
  }

  #remove(key: number): Acceptance | undefined {
    const acceptance = this.#accepted.get(key)?.deref()
    this.#accepted.delete(key)
    if (acceptance !== undefined) this.#forgotten.unregister(acceptance)
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
    const accepted = [...this.#accepted.keys()].flatMap((key) => this.#remove(key)?.settle ?? [])
    const all = [...this.#waiting.values(), ...accepted]
    this.#waiting.clear()
    return all
  }
}

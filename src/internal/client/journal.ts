/**
 * Changes that wait to be written to the store, in their order, and the callers that wait for them.
 *
 * It knows neither the meaning of the changes nor when they are written: a round of the session's keeper takes all of
 * them at once. A change is urgent if the server must not learn of it before the store has it.
 */
import * as Effect from "effect/Effect"
import type * as MqttError from "../../MqttError.ts"
import type { Change } from "../store/port.ts"

/** The changes that one round writes. */
export interface Batch {
  readonly changes: ReadonlyArray<Change>
  /** The number of urgent changes up to here. */
  readonly urgent: number
}

/** A change that is made only when it is written: most are over before. */
export interface Draft {
  readonly toChange: () => Change
}

interface Waiting {
  readonly urgent: number
  readonly resume: (effect: Effect.Effect<void, MqttError.MqttError>) => void
}

/** How long a change that is not urgent waits for others. A crash meanwhile sends a QoS 1 message once more. */
const lingering = "50 millis"

/** Milliseconds. */
const pauseBetweenNotices = 10_000

export class Journal {
  #changes: Array<Change> = []
  /** By Packet Identifier. Drafts come after all changes. */
  readonly #drafts = new Map<number, Draft>()
  #urgent = 0
  #writtenUrgent = 0
  #waiting: Array<Waiting> = []
  #resumeWork: (() => void) | undefined
  #isWorkDue = false
  #isScheduled = false
  #failure: MqttError.MqttError | undefined
  #failures = 0
  #untold = 0
  #untoldFailure: MqttError.MqttError | undefined
  #tellNotBefore = -Infinity
  #isBeingWritten = false
  #isOver = false

  /** Times that the store could not be written or read. */
  get failures(): number {
    return this.#failures
  }

  /** The error of the last batch. */
  get failure(): MqttError.MqttError | undefined {
    return this.#failure
  }

  /** Nothing more is recorded. One more round writes the remaining changes. */
  get isOver(): boolean {
    return this.#isOver
  }

  end(): void {
    this.#isOver = true
    this.wake()
  }

  /** Nobody was told of the last failures. */
  get hasUntold(): boolean {
    return this.#untoldFailure !== undefined
  }

  /** Everything is written. */
  get isEmpty(): boolean {
    return !this.#hasChanges && !this.#isBeingWritten
  }

  get #hasChanges(): boolean {
    return this.#changes.length > 0 || this.#drafts.size > 0
  }

  /** Written in the next round, unless it is withdrawn before. */
  draft(packetIdentifier: number, draft: Draft): void {
    this.#drafts.set(packetIdentifier, draft)
    this.#tellWorker()
  }

  /** Returns whether there was a draft: then the store has nothing of it. */
  withdraw(packetIdentifier: number): boolean {
    return this.#drafts.delete(packetIdentifier)
  }

  record(change: Change): void {
    this.#changes.push(change)
    this.#tellWorker()
  }

  /** The next packets wait until the change is written. */
  recordUrgently(change: Change): void {
    this.#changes.push(change)
    this.#urgent++
    this.wake()
  }

  /** Asks for a round at the end of this turn. */
  wake(): void {
    this.#isWorkDue = true
    this.#tellWorker()
  }

  /** At the end of the turn: the worker goes on at once, but all changes of a turn belong together. */
  #tellWorker(): void {
    if (this.#isScheduled || this.#resumeWork === undefined) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.#resumeWork?.()
    })
  }

  /** Waits until there is something to write, and a moment longer if none of it is urgent. */
  get work(): Effect.Effect<void> {
    return Effect.andThen(
      this.#awaitChanges,
      Effect.suspend(() => this.#isWorkDue ? Effect.void : Effect.raceFirst(this.#awaitDue, Effect.sleep(lingering)))
    )
  }

  get #awaitChanges(): Effect.Effect<void> {
    return this.#await(() => this.#isWorkDue || this.#hasChanges)
  }

  get #awaitDue(): Effect.Effect<void> {
    return this.#await(() => this.#isWorkDue)
  }

  #await(isThere: () => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (isThere()) return resume(Effect.void)
      this.#resumeWork = () => {
        if (!isThere()) return
        this.#resumeWork = undefined
        resume(Effect.void)
      }
    })
  }

  /** All changes to be written now. */
  take(): Batch {
    const changes = this.#changes
    for (const draft of this.#drafts.values()) changes.push(draft.toChange())
    this.#drafts.clear()
    this.#changes = []
    this.#isWorkDue = false
    this.#isBeingWritten = changes.length > 0
    return { changes, urgent: this.#urgent }
  }

  written({ urgent }: Batch): void {
    this.#isBeingWritten = false
    this.#failure = undefined
    this.#writtenUrgent = urgent
    this.#tell(urgent, Effect.void)
  }

  /** The changes wait for another attempt, before all newer ones. Waiting callers hear the error. */
  failed({ changes, urgent }: Batch, error: MqttError.MqttError): void {
    this.failedToStore(error)
    this.#isBeingWritten = false
    this.#changes = [...changes, ...this.#changes]
    this.#tell(urgent, Effect.fail(error))
  }

  /** Messages could not be stored; their publishers hear of it. */
  failedToStore(error: MqttError.MqttError): void {
    this.#failures++
    this.#untold++
    this.#failure = error
    this.#untoldFailure = error
  }

  /** The last failure, and the number of failures since the last report; nothing if it is too soon to report again. */
  takeUntold(now: number): { readonly error: MqttError.MqttError; readonly failures: number } | undefined {
    const error = this.#untoldFailure
    if (error === undefined || now < this.#tellNotBefore) return undefined
    const failures = this.#untold
    this.#untold = 0
    this.#untoldFailure = undefined
    this.#tellNotBefore = now + pauseBetweenNotices
    return { error, failures }
  }

  #tell(urgent: number, effect: Effect.Effect<void, MqttError.MqttError>): void {
    const told = this.#waiting.filter((waiting) => waiting.urgent <= urgent)
    this.#waiting = this.#waiting.filter((waiting) => waiting.urgent > urgent)
    for (const { resume } of told) resume(effect)
  }

  /** Packets wait for changes to be written. */
  get isBehind(): boolean {
    return this.#urgent !== this.#writtenUrgent
  }

  /** Completes when all urgent changes are written; `undefined` if they are. */
  get barrier(): Effect.Effect<void, MqttError.MqttError> | undefined {
    if (!this.isBehind) return undefined
    return Effect.callback((resume) => {
      // They may have been written since somebody looked.
      if (!this.isBehind) return resume(Effect.void)
      const waiting = { urgent: this.#urgent, resume }
      this.#waiting.push(waiting)
      this.wake()
      return Effect.sync(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting)
      })
    })
  }
}

/**
 * Messages on their way into batches: how many belong together, and when a batch is due.
 *
 * What becomes of a batch is its consumer's business, and what waits before that the inbox's.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as MqttError from "../../../MqttError.ts"
import type { Delivery } from "../incoming/handover.ts"
import type { Inbox } from "../incoming/inbox.ts"

export interface GatheringOptions {
  readonly maximum: number
  /** How long the first message of a batch waits for others. */
  readonly within: Duration.Input
  readonly clock: Clock.Clock
}

export class Gathering {
  readonly #maximum: number
  /** Milliseconds. */
  readonly #within: number
  readonly #clock: Clock.Clock
  #gathered: Array<{ readonly delivery: Delivery; readonly at: number }> = []
  #end: Cause.Cause<MqttError.MqttError | Cause.Done> | undefined
  readonly #isBegun = Latch.makeUnsafe(false)
  readonly #isFull = Latch.makeUnsafe(false)
  readonly #hasRoom = Latch.makeUnsafe(true)

  constructor({ clock, maximum, within }: GatheringOptions) {
    this.#maximum = maximum
    this.#within = Duration.toMillis(Duration.fromInputUnsafe(within))
    this.#clock = clock
  }

  get #now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Takes out of the inbox until that ends, and no more once a batch is full. */
  readonly gather = ({ pull }: Inbox<Delivery>): Effect.Effect<void> =>
    Effect.andThen(this.#hasRoom.await, pull).pipe(
      Effect.map((deliveries) => {
        const at = this.#now
        for (const delivery of deliveries) this.#gathered.push({ delivery, at })
        this.#tell()
      }),
      Effect.forever,
      Effect.catchCause((cause) =>
        Effect.sync(() => {
          this.#end = cause
          this.#tell()
        })
      )
    )

  get #hasMaximum(): boolean {
    return this.#gathered.length >= this.#maximum
  }

  /** Whoever a latch lets through runs at once and may change what the next one has to say. */
  #tell(): void {
    set(this.#hasRoom, !this.#hasMaximum)
    set(this.#isFull, this.#end !== undefined || this.#hasMaximum)
    set(this.#isBegun, this.#end !== undefined || this.#gathered.length > 0)
  }

  /** The next batch, as soon as it is due. What was there before the end comes before the end. */
  readonly next: Effect.Effect<Arr.NonEmptyReadonlyArray<Delivery>, MqttError.MqttError | Cause.Done> = this.#isBegun
    .await.pipe(
      Effect.andThen(Effect.suspend(() => {
        const [first] = this.#gathered
        if (first === undefined || this.#isFull.isOpen()) return Effect.void
        return Effect.timeoutOption(this.#isFull.await, Math.max(0, first.at + this.#within - this.#now))
      })),
      Effect.andThen(Effect.suspend(() => {
        const batch = this.#gathered.slice(0, this.#maximum).map(({ delivery }) => delivery)
        this.#gathered = this.#gathered.slice(this.#maximum)
        this.#tell()
        if (Arr.isArrayNonEmpty(batch)) return Effect.succeed(batch)
        return this.#end === undefined ? this.next : Effect.failCause(this.#end)
      }))
    )
}

const set = (latch: Latch.Latch, isOpen: boolean): void => {
  if (isOpen) latch.openUnsafe()
  else latch.closeUnsafe()
}

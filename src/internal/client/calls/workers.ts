/**
 * The fibers of one consumer that handle its messages: up to a number at once, and messages with the same key one after
 * another.
 *
 * An idle worker takes messages out of the inbox for all workers. `handling.ts` handles one message.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { MqttError } from "../../../MqttError.ts"
import type { ConsumeOptions } from "../../receivingOptions.ts"
import { Fifo } from "../fifo.ts"
import type { Delivery } from "../incoming/handover.ts"

/** With a key, each worker has this many messages out of the buffer, so that keys do not hold up each other. */
const ahead = 16

/** At most this many idle workers stay, however many there were at once. */
const mostIdle = 64

interface Waiting {
  readonly delivery: Delivery
  /** Its place in the order of arrival, among all keys. */
  readonly number: number
}

/** The messages of one key that wait for their turn. */
interface Lane {
  readonly key: unknown
  readonly waiting: Fifo<Waiting>
}

/** A fiber that handles messages, and its current message. */
export class Worker {
  delivery: Delivery | undefined
  /** Replaces the handler if the key of the message could not be computed. */
  failure: Effect.Effect<never> | undefined
  /** The worker waits for its next attempt. */
  isWaiting = false
  lane: Lane | undefined
  fiber: Fiber.Fiber<void, unknown> | undefined
  isInterrupted = false

  interrupt(): void {
    this.isInterrupted = true
    this.fiber?.interruptUnsafe()
  }
}

export interface WorkersOptions<E, R> {
  readonly pull: Effect.Effect<NonEmptyReadonlyArray<Delivery>, MqttError | Cause.Done>
  readonly concurrency: number | "unbounded"
  readonly key: ConsumeOptions["key"]
  /** Deals with the current message of a worker. Called once for each worker. A failure ends the consumer. */
  readonly handling: (worker: Worker) => Effect.Effect<unknown, E, R>
  readonly context: Context.Context<R>
}

export class Workers<E, R> {
  readonly #options: WorkersOptions<E, R>
  readonly #concurrency: number
  readonly #all = new Set<Worker>()
  readonly #idle: Array<(effect: Effect.Effect<void>) => void> = []
  /** Messages out of the inbox. Those before `#next` have begun or are in their lanes. */
  #taken: ReadonlyArray<Delivery> = []
  #next = 0
  readonly #lanes = new Map<unknown, Lane>()
  /** Lanes whose first message may be handled now. */
  readonly #ready = new Fifo<Lane>()
  #inLanes = 0
  #entered = 0
  /** The newest message from a lane that has begun. */
  #newest = -1
  #isPulling = false
  #hasEnded = false
  #outcome: Exit.Exit<void, E | MqttError> | undefined
  #tellOutcome: (outcome: Exit.Exit<void, E | MqttError>) => void = () => {}
  #tellFinished = (): void => {}
  /** From now on only messages that `stop` has left in the lanes begin. */
  isEnding = false

  constructor(options: WorkersOptions<E, R>) {
    this.#options = options
    this.#concurrency = options.concurrency === "unbounded" ? Infinity : options.concurrency
  }

  /** Runs until the inbox has ended and all messages are dealt with, or until the first failure. */
  readonly run: Effect.Effect<void, E | MqttError> = Effect.callback((resume) => {
    this.#tellOutcome = resume
    this.#add()
  })

  /** The failure of a worker that ended while the consumer was ending. */
  get failure(): Effect.Effect<void, E | MqttError> {
    return this.#outcome ?? Effect.void
  }

  /** Messages that are being handled or must still be. A message that waits for another attempt is not included. */
  get handled(): ReadonlySet<Delivery> {
    const busy = [...this.#all].filter(({ isWaiting }) => !isWaiting)
    return new Set([
      ...busy.flatMap(({ delivery }) => delivery === undefined ? [] : [delivery]),
      ...[...this.#lanes.values()].flatMap(({ waiting }) => waiting.toArray().map(({ delivery }) => delivery))
    ])
  }

  /**
   * Running handlers go on; idle workers and workers that wait for an attempt end. A message in a lane is still handled
   * if a later message has begun: acknowledgements leave in order, so without it the later message would come again.
   */
  stop(): void {
    this.isEnding = true
    this.#hasEnded = true
    const newest = this.#outcome === undefined ? this.#newest : -1
    for (const { waiting } of this.#lanes.values()) waiting.retain(({ number }) => number < newest)
    this.#ready.retain(({ waiting }) => !waiting.isEmpty)
    for (const worker of this.#all) if (worker.delivery === undefined || worker.isWaiting) worker.interrupt()
  }

  /** Waits this long for handlers to finish, and interrupts the others. */
  finish(timeout: Duration.Input): Effect.Effect<void> {
    return Effect.timeoutOption(this.#finished, timeout).pipe(
      Effect.andThen(Effect.suspend(() => {
        for (const worker of this.#all) worker.interrupt()
        return this.#finished
      }))
    )
  }

  readonly #finished: Effect.Effect<void> = Effect.callback((resume) => {
    this.#tellFinished = () => resume(Effect.void)
    if (this.#all.size === 0) this.#tellFinished()
  })

  #add(): void {
    const worker = new Worker()
    this.#all.add(worker)
    // The worker begins after the code that adds it is done.
    const work = Effect.andThen(Effect.yieldNow, this.#work(worker))
    worker.fiber = Effect.runForkWith(this.#options.context)(work)
    worker.fiber.addObserver((exit) => this.#remove(worker, exit as Exit.Exit<void, E>))
  }

  #remove(worker: Worker, exit: Exit.Exit<void, E>): void {
    this.#all.delete(worker)
    if (Exit.isFailure(exit) && !worker.isInterrupted) this.#end(exit)
    if (this.#all.size > 0) return
    this.#end(Exit.void)
    this.#tellFinished()
  }

  #end(outcome: Exit.Exit<void, E | MqttError>): void {
    if (this.#outcome === undefined) this.#tellOutcome(this.#outcome = outcome)
  }

  /** The effects are made once for a worker, so a message costs no more than looking for it. */
  #work(worker: Worker): Effect.Effect<void, E, R> {
    const handling = this.#options.handling(worker)
    return Effect.whileLoop<unknown, E, R>({
      while: () => this.#begin(worker) || !(this.#hasEnded || (this.#isPulling && this.#idle.length >= mostIdle)),
      body: () => worker.delivery === undefined ? this.#wait : handling,
      step: () => {}
    })
  }

  /** Gives the worker its next message. Returns whether there is one. */
  #begin(worker: Worker): boolean {
    worker.delivery = this.#options.key === undefined ? this.#nextTaken() : this.#nextInLanes(worker, this.#options.key)
    if (worker.delivery === undefined) return false
    if (this.#idle.length > 0 || this.#all.size < this.#concurrency) this.#share()
    return true
  }

  #nextTaken(): Delivery | undefined {
    return this.isEnding || this.#next === this.#taken.length ? undefined : this.#taken[this.#next++]
  }

  /** Wakes workers for the other messages that may begin, and one for the messages that come next. */
  #share(): void {
    let wanted = this.#ready.size + (this.#options.key === undefined ? this.#taken.length - this.#next : 0)
    for (wanted += this.#isPulling ? 0 : 1; wanted > 0; wanted--) {
      const resume = this.#idle.pop()
      if (resume !== undefined) resume(Effect.void)
      else if (this.#all.size < this.#concurrency) this.#add()
      else return
    }
  }

  /** The decision and its mark are one step: between two operations a fiber may give way to the other workers. */
  readonly #wait: Effect.Effect<void> = Effect.suspend(() => {
    if (this.#isPulling || this.#next < this.#taken.length) return this.#idling
    this.#isPulling = true
    this.#taken = []
    this.#next = 0
    return this.#pulling
  })

  /** The waking worker begins first, so handlers begin in the order of the messages. */
  readonly #idling: Effect.Effect<void> = Effect.andThen(
    Effect.callback<void>((resume) => {
      // The others may have found messages, or the end, since this worker looked.
      if (this.#hasEnded || this.#mayBegin) resume(Effect.void)
      else this.#idle.push(resume)
    }),
    Effect.yieldNow
  )

  readonly #pulling: Effect.Effect<void> = Effect.suspend(() =>
    Effect.match(this.#options.pull, {
      onSuccess: (taken) => {
        this.#isPulling = false
        this.#taken = taken
      },
      onFailure: (end) => {
        this.#isPulling = false
        this.#hasEnded = true
        for (const resume of this.#idle.splice(0)) resume(Effect.void)
        if (!Cause.isDone(end)) this.#end(Exit.fail(end))
      }
    })
  )

  /** Whether a worker that looks again finds a message, or may look for the next ones. */
  get #mayBegin(): boolean {
    const isLeft = this.#next < this.#taken.length
    if (this.#options.key === undefined) return isLeft || !this.#isPulling
    return !this.#ready.isEmpty || (isLeft ? this.#inLanes < this.#concurrency * ahead : !this.#isPulling)
  }

  // -------------------------------------------------------------------------
  // With a key
  // -------------------------------------------------------------------------

  /** Keys take turns: a lane that has had its turn is ready again after all other ready lanes. */
  #nextInLanes(worker: Worker, key: NonNullable<ConsumeOptions["key"]>): Delivery | undefined {
    if (worker.lane !== undefined) {
      if (worker.lane.waiting.isEmpty) this.#lanes.delete(worker.lane.key)
      else this.#ready.push(worker.lane)
      worker.lane = undefined
    }
    while (!this.isEnding && this.#next < this.#taken.length && this.#inLanes < this.#concurrency * ahead) {
      this.#enter(this.#taken[this.#next++], key)
    }
    const lane = this.#ready.shift()
    if (lane === undefined) return undefined
    worker.lane = lane
    worker.failure = lane.key instanceof NoKey ? lane.key.failure : undefined
    this.#inLanes--
    const next = lane.waiting.shift()
    if (next !== undefined && next.number > this.#newest) this.#newest = next.number
    return next?.delivery
  }

  #enter(delivery: Delivery, keyOf: NonNullable<ConsumeOptions["key"]>): void {
    const key = keyOr(delivery, keyOf)
    const lane = this.#lanes.get(key) ?? { key, waiting: new Fifo() }
    if (!this.#lanes.has(key)) {
      this.#lanes.set(key, lane)
      this.#ready.push(lane)
    }
    lane.waiting.push({ delivery, number: this.#entered++ })
    this.#inLanes++
  }
}

/** The key of a message whose key could not be computed. No other message has it. */
class NoKey {
  readonly failure: Effect.Effect<never>

  constructor(cause: unknown) {
    this.failure = Effect.die(cause)
  }
}

const keyOr = ({ message }: Delivery, keyOf: NonNullable<ConsumeOptions["key"]>): unknown => {
  try {
    return keyOf(message)
  } catch (cause) {
    return new NoKey(cause)
  }
}

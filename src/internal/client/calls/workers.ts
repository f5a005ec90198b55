/**
 * The fibers of one consumer that handle its messages: so many at once, and those of one key one after another.
 *
 * A worker with nothing to do takes messages out of the inbox for all of them. How one is handled is `handling.ts`.
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

/** With a key so many for each worker are out of the buffer, so that keys whose turn it is not hold up no others. */
const ahead = 16

/** Of those without work so many stay, however many there were at once. */
const mostIdle = 64

interface Waiting {
  readonly delivery: Delivery
  /** In the order of arrival, among all keys. */
  readonly number: number
}

/** The messages of one key that wait for their turn. */
interface Lane {
  readonly key: unknown
  readonly waiting: Fifo<Waiting>
}

/** One that handles messages, and the message that it handles. */
export class Worker {
  delivery: Delivery | undefined
  /** In place of the handler, where the key of the message cannot be told. */
  failure: Effect.Effect<never> | undefined
  /** Waits for its next attempt. */
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
  /** Deals with the message that a worker has; asked for once for each worker. A failure ends the consumer. */
  readonly handling: (worker: Worker) => Effect.Effect<unknown, E, R>
  readonly context: Context.Context<R>
}

export class Workers<E, R> {
  readonly #options: WorkersOptions<E, R>
  readonly #concurrency: number
  readonly #all = new Set<Worker>()
  readonly #idle: Array<(effect: Effect.Effect<void>) => void> = []
  /** Out of the inbox; those before `#next` have begun, or are in their lanes. */
  #taken: ReadonlyArray<Delivery> = []
  #next = 0
  readonly #lanes = new Map<unknown, Lane>()
  /** Lanes whose first message may be handled. */
  readonly #ready = new Fifo<Lane>()
  #inLanes = 0
  #entered = 0
  /** The newest message in a lane that has begun. */
  #newest = -1
  #isPulling = false
  #hasEnded = false
  #outcome: Exit.Exit<void, E | MqttError> | undefined
  #tellOutcome: (outcome: Exit.Exit<void, E | MqttError>) => void = () => {}
  #tellFinished = (): void => {}
  /** Nothing begins any more but the messages that `stop` has left in the lanes. */
  isEnding = false

  constructor(options: WorkersOptions<E, R>) {
    this.#options = options
    this.#concurrency = options.concurrency === "unbounded" ? Infinity : options.concurrency
  }

  /** Until the inbox has ended and everything is dealt with, or the first failure. */
  readonly run: Effect.Effect<void, E | MqttError> = Effect.callback((resume) => {
    this.#tellOutcome = resume
    this.#add()
  })

  /** Of what ended while the consumer did. */
  get failure(): Effect.Effect<void, E | MqttError> {
    return this.#outcome ?? Effect.void
  }

  /** What is being handled, or has to be; what waits for another attempt is not. */
  get handled(): ReadonlySet<Delivery> {
    const busy = [...this.#all].filter(({ isWaiting }) => !isWaiting)
    return new Set([
      ...busy.flatMap(({ delivery }) => delivery === undefined ? [] : [delivery]),
      ...[...this.#lanes.values()].flatMap(({ waiting }) => waiting.toArray().map(({ delivery }) => delivery))
    ])
  }

  /**
   * Handlers that run go on; whoever waits for something ends. In a lane those are still handled that came before a message
   * that has begun: acknowledgements leave in order, so that message would come again without them.
   */
  stop(): void {
    this.isEnding = true
    this.#hasEnded = true
    const newest = this.#outcome === undefined ? this.#newest : -1
    for (const { waiting } of this.#lanes.values()) waiting.retain(({ number }) => number < newest)
    this.#ready.retain(({ waiting }) => !waiting.isEmpty)
    for (const worker of this.#all) if (worker.delivery === undefined || worker.isWaiting) worker.interrupt()
  }

  /** Waits so long for handlers to finish, and interrupts the others. */
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
    // It begins after whoever adds it is done.
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

  /** For each message it costs no more than looking for it: all of it is made once for a worker. */
  #work(worker: Worker): Effect.Effect<void, E, R> {
    const handling = this.#options.handling(worker)
    return Effect.whileLoop<unknown, E, R>({
      while: () => this.#begin(worker) || !(this.#hasEnded || (this.#isPulling && this.#idle.length >= mostIdle)),
      body: () => worker.delivery === undefined ? this.#wait : handling,
      step: () => {}
    })
  }

  /** Whether there is a message that the worker is to handle next. */
  #begin(worker: Worker): boolean {
    worker.delivery = this.#options.key === undefined ? this.#nextTaken() : this.#nextInLanes(worker, this.#options.key)
    if (worker.delivery === undefined) return false
    if (this.#idle.length > 0 || this.#all.size < this.#concurrency) this.#share()
    return true
  }

  #nextTaken(): Delivery | undefined {
    return this.isEnding || this.#next === this.#taken.length ? undefined : this.#taken[this.#next++]
  }

  /** Others come for what may begin too, and one of them for what comes next. */
  #share(): void {
    let wanted = this.#ready.size + (this.#options.key === undefined ? this.#taken.length - this.#next : 0)
    for (wanted += this.#isPulling ? 0 : 1; wanted > 0; wanted--) {
      const resume = this.#idle.pop()
      if (resume !== undefined) resume(Effect.void)
      else if (this.#all.size < this.#concurrency) this.#add()
      else return
    }
  }

  readonly #wait: Effect.Effect<void> = Effect.suspend(() =>
    this.#isPulling || this.#next < this.#taken.length ? this.#idling : this.#pulling
  )

  /** Whoever wakes it begins first: handlers begin in the order of the messages. */
  readonly #idling: Effect.Effect<void> = Effect.andThen(
    Effect.callback<void>((resume) => {
      this.#idle.push(resume)
    }),
    Effect.yieldNow
  )

  readonly #pulling: Effect.Effect<void> = Effect.suspend(() => {
    this.#isPulling = true
    this.#taken = []
    this.#next = 0
    return Effect.match(this.#options.pull, {
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
  })

  // -------------------------------------------------------------------------
  // With a key
  // -------------------------------------------------------------------------

  /** Keys take turns: a lane that has had its turn is ready again after all others that are. */
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

/** The key of a message whose key cannot be told: no other has it. */
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

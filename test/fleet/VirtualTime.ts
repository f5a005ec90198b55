/**
 * A clock and a scheduler for many thousand fibers in virtual time.
 *
 * It works like `TestClock`, with a heap. `TestClock` looks through all sleepers when a sleeper wakes, and gives each a
 * turn of the event loop. That suits a test of one client, and takes hours for a fleet.
 */
import { Clock, Duration, Effect, Scheduler } from "effect"

interface Sleeper {
  readonly due: number
  /** Decides between sleepers of one moment: the first to sleep wakes first. */
  readonly order: number
  readonly wake: () => void
  isCancelled: boolean
}

const isBefore = (one: Sleeper, other: Sleeper): boolean =>
  one.due === other.due ? one.order < other.order : one.due < other.due

/** The sleepers, the next to wake first. */
class Heap {
  readonly #sleepers: Array<Sleeper> = []

  get first(): Sleeper | undefined {
    return this.#sleepers[0]
  }

  push(sleeper: Sleeper): void {
    const sleepers = this.#sleepers
    let index = sleepers.length
    while (index > 0) {
      const parent = (index - 1) >>> 1
      if (!isBefore(sleeper, sleepers[parent])) break
      sleepers[index] = sleepers[parent]
      index = parent
    }
    sleepers[index] = sleeper
  }

  pop(): void {
    const sleepers = this.#sleepers
    const last = sleepers.pop()
    if (last === undefined || sleepers.length === 0) return
    let index = 0
    for (let child = 1; child < sleepers.length; child = 2 * index + 1) {
      if (child + 1 < sleepers.length && isBefore(sleepers[child + 1], sleepers[child])) child++
      if (!isBefore(sleepers[child], last)) break
      sleepers[index] = sleepers[child]
      index = child
    }
    sleepers[index] = last
  }
}

/** After so many empty turns of the microtasks, everything of this moment has happened. */
const turnsOfRest = 3

export class VirtualTime {
  readonly #heap = new Heap()
  #tasks: Array<() => void> = []
  #now = 0
  #order = 0
  readonly #clock: Clock.Clock
  readonly #scheduler: Scheduler.Scheduler

  constructor() {
    const millis = () => this.#now
    const nanos = () => BigInt(Math.round(this.#now * 1e6))
    this.#clock = {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback((resume) => {
          if (!Duration.isFinite(duration)) return
          const cancel = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(cancel)
        })
    }
    this.#scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield,
      makeDispatcher: () => ({
        scheduleTask: (task) => void this.#tasks.push(task),
        flush: () => this.#runTasks()
      })
    }
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** Calls the function when so many milliseconds have passed. The result cancels that. */
  after(milliseconds: number, wake: () => void): () => void {
    const sleeper = { due: this.#now + milliseconds, order: this.#order++, wake, isCancelled: false }
    this.#heap.push(sleeper)
    return () => {
      sleeper.isCancelled = true
    }
  }

  /** Runs an effect, and every fiber that it forks, in this time. */
  provide<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return effect.pipe(
      Effect.provideService(Clock.Clock, this.#clock),
      Effect.provideService(Scheduler.Scheduler, this.#scheduler)
    )
  }

  /** Lets time pass. An effect in this time cannot do that: it would wait for itself. */
  pass(milliseconds: number): Effect.Effect<void> {
    return Effect.promise(() => this.#pass(this.#now + milliseconds))
  }

  async #pass(end: number): Promise<void> {
    await this.#rest()
    for (let next = this.#heap.first; next !== undefined && next.due <= end; next = this.#heap.first) {
      this.#heap.pop()
      if (next.isCancelled) continue
      this.#now = next.due
      next.wake()
      await this.#rest()
    }
    this.#now = end
  }

  #runTasks(): boolean {
    const tasks = this.#tasks
    if (tasks.length === 0) return false
    this.#tasks = []
    for (const task of tasks) task()
    return true
  }

  /** Runs everything that needs no time. The client puts some of it into microtasks. */
  async #rest(): Promise<void> {
    for (let turns = 0; turns < turnsOfRest; turns = this.#runTasks() ? 0 : turns + 1) await undefined
  }
}

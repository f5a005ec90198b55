/**
 * Keeps a hidden tab at work: browsers let its timers run once a second, later once a minute, and Effect's own
 * scheduler has a timer for each of its turns. Messages of a port are not held up.
 */
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import type * as Scope from "effect/Scope"

type Turn = () => void

/**
 * Turns by the messages of a port to itself, in their order. Fibers may outlive the scope; they then take turns by
 * timers.
 */
const turns = Effect.gen(function*() {
  let waiting: Array<Turn> = []
  const run = () => {
    const now = waiting
    waiting = []
    for (const turn of now) turn()
  }
  const { port1, port2 } = new MessageChannel()
  const ofPort: Turn = port2.postMessage.bind(port2, undefined)
  let wake = ofPort
  port1.addEventListener("message", run)
  port1.start()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      wake = () => void setTimeout(run, 0)
      if (waiting.length > 0) wake()
      port1.close()
    })
  )
  return (turn: Turn): Turn => {
    let isWanted = true
    waiting.push(() => isWanted && turn())
    if (waiting.length === 1) wake()
    return () => {
      isWanted = false
    }
  }
})

/** Runs an effect, and all fibers that it forks, so that it goes on in a hidden tab. */
export const awake = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  "setImmediate" in globalThis
    ? effect
    : Effect.flatMap(
      turns,
      (turns) => Effect.provideService(effect, Scheduler.Scheduler, new Scheduler.MixedScheduler("async", turns))
    )

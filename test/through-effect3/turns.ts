/**
 * Tells the `TestClock` of a test what it cannot know: that the client is still at work.
 *
 * A `TestClock` waits for fibers that it woke and for fibers that those woke, as its own scheduler sees them. A program of
 * Effect 3 and the client inside the package have schedulers of their own. Their tasks run when they would run anyhow,
 * Effect 3's as microtasks and the client's in turns of their own; the scheduler of the test hears of them, nothing else.
 */
import * as Context from "effect/Context"
import * as Scheduler from "effect/Scheduler"

type Task = () => void

/** What fibers have for which nobody provides anything else, such as the client's. */
const fallback: Scheduler.Scheduler = Context.get(Context.empty(), Scheduler.Scheduler)

/** The scheduler of the test that runs now. */
let ofTest: Scheduler.SchedulerDispatcher | undefined

/** What becomes of a task that the scheduler of the test has marked; the test itself asks if there is none. */
let marked: ((task: Task) => void) | undefined

const mark = (task: Task, run: (task: Task) => void): void => {
  if (ofTest === undefined || marked !== undefined) return run(task)
  marked = run
  try {
    ofTest.scheduleTask(task, 0)
  } finally {
    marked = undefined
  }
}

const makeDispatcher = fallback.makeDispatcher.bind(fallback)

fallback.makeDispatcher = () => {
  const dispatcher = makeDispatcher()
  return {
    scheduleTask: (task, priority) => {
      if (marked === undefined) return mark(task, (one) => dispatcher.scheduleTask(one, priority))
      const run = marked
      marked = undefined
      run(task)
    },
    flush: () => dispatcher.flush()
  }
}

/** From now on this is the test that runs. */
export const begin = (services: Context.Context<never>): void => {
  const scheduler = Context.get(services, Scheduler.Scheduler)
  ofTest = scheduler === fallback ? undefined : scheduler.makeDispatcher()
}

/** As Effect 3 runs its tasks. */
export const microtask = (task: Task): void => mark(task, queueMicrotask)

/**
 * The part of the program that runs the steps of `Job`, and notes the actions of its handlers.
 */
import { Cause, Effect, Exit, Schedule, Stream } from "effect"
import type { MqttClient } from "../../../src/MqttClient.ts"
import { MqttRejected } from "../../../src/MqttError.ts"
import type { MqttMessage } from "../../../src/MqttMessage.ts"
import type { Ended } from "../Ended.ts"
import { idOf, type Observations } from "../Observations.ts"
import { filter, type Job, type JobAction, type Run } from "./Job.ts"
import type { Point } from "./Seen.ts"

export interface WorkerOptions {
  readonly client: MqttClient["Service"]
  readonly observations: Observations
  readonly point: () => Point
  readonly endOf: (exit: Exit.Exit<unknown, unknown>) => Ended
}

const troubles: { readonly [How in NonNullable<JobAction["trouble"]>["how"]]: Effect.Effect<never, unknown> } = {
  fail: Effect.fail("the handler failed"),
  die: Effect.die("the handler died"),
  reject: Effect.fail(new MqttRejected({ reasonCode: 0x83 }))
}

export class Worker {
  readonly #options: WorkerOptions
  /** How often each message was handled. */
  readonly #attempts = new Map<number, number>()

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  /** Once. */
  work(action: JobAction): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const { endOf, observations, point } = this.#options
      const { jobs } = observations.seen
      const job: Job = {
        number: jobs.length,
        action,
        asked: point(),
        leaving: undefined,
        gone: undefined,
        end: undefined
      }
      jobs.push(job)
      const leaving = action.lifetime === undefined ? Effect.never : Effect.andThen(
        Effect.sleep(action.lifetime),
        Effect.sync(() => {
          job.leaving = point()
        })
      )
      const isTold = action.call === "consume" && action.leaves === "until"
      const working = this.#run(job, isTold ? leaving : undefined)
      return Effect.onExit(isTold ? working : Effect.raceFirst(working, leaving), (exit) =>
        Effect.sync(() => {
          job.end = endOf(exit)
          job.gone = point()
        }))
    })
  }

  #run(job: Job, until: Effect.Effect<unknown> | undefined): Effect.Effect<void, unknown> {
    const { client } = this.#options
    const { attempts, call, concurrency, deadLetter, drainTimeout, isKeyed, onFailure, qos } = job.action
    if (call === "next") {
      return Effect.asVoid(Effect.flatMap(client.next(filter, { qos }), (message) => this.#noted(job, message)))
    }
    if (call === "deliveries") {
      return Stream.runForEach(
        Stream.mapEffect(
          client.deliveries(filter, { qos }),
          ({ acknowledge, message, reject }) =>
            Effect.matchCauseEffect(this.#handle(job, message), {
              onSuccess: () => acknowledge,
              onFailure: () => reject(0x80)
            }),
          { concurrency, unordered: true }
        ),
        () => Effect.void
      )
    }
    return client.consume(filter, (message) => this.#handle(job, message), {
      qos,
      concurrency,
      onFailure,
      until,
      drainTimeout,
      deadLetter,
      ...(isKeyed ? { key: ({ topic }: MqttMessage) => topic } : {}),
      ...(attempts === 0 ? {} : { attempts: Schedule.max([Schedule.spaced(100), Schedule.recurs(attempts)]) })
    })
  }

  #begin(job: Job, { qos, text, topic }: MqttMessage): Run {
    const run: Run = {
      job: job.number,
      id: idOf(text),
      topic,
      qos,
      begun: this.#options.point(),
      done: undefined,
      how: undefined
    }
    this.#options.observations.seen.runs.push(run)
    return run
  }

  #end(run: Run, how: Run["how"]): void {
    run.done = this.#options.point()
    run.how = how
  }

  #noted(job: Job, message: MqttMessage): Effect.Effect<void> {
    return Effect.sync(() => this.#end(this.#begin(job, message), "succeeded"))
  }

  #handle(job: Job, message: MqttMessage): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const { pace, trouble } = job.action
      const run = this.#begin(job, message)
      const attempt = (this.#attempts.get(run.id) ?? 0) + 1
      this.#attempts.set(run.id, attempt)
      const isTroubled = trouble !== undefined && run.id % trouble.every === 0 && attempt <= trouble.times
      const isHurrying = this.#options.observations.seen.hurriedAt !== undefined
      return Effect.sleep(isHurrying ? 0 : pace).pipe(
        Effect.andThen((): Effect.Effect<void, unknown> => isTroubled ? troubles[trouble.how] : Effect.void),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (Exit.isSuccess(exit)) return
            const isInterrupted = Cause.hasInterrupts(exit.cause)
            const isRefused = job.action.call === "deliveries" || trouble?.how === "reject"
            this.#end(run, isInterrupted ? "interrupted" : isRefused ? "refused" : "failed")
          })
        ),
        // Its last operation: then it has succeeded, whatever comes after it.
        Effect.andThen(Effect.sync(() => this.#end(run, "succeeded")))
      )
    })
  }
}

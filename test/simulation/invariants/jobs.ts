/**
 * Consumers and workers: the messages they may take, when they are gone, and the messages that may be acknowledged.
 */
import { isOfJobs, type Job, type Run } from "../calls/Job.ts"
import { idOf, type Observations } from "../Observations.ts"

const nameOf = ({ action: { call }, number }: Job): string => `job ${number} (${call})`

const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload)

// ---------------------------------------------------------------------------------------------------------------------
// 30: a consumer ends in order, and in time
// ---------------------------------------------------------------------------------------------------------------------

export const consumersEndInOrder = function*({ closedAt = Infinity, seen: { jobs, runs } }: Observations) {
  for (const job of jobs) {
    const { action: { call, drainTimeout, isKeyed }, gone, leaving } = job
    if (job.end === undefined) yield `${nameOf(job)} never ended`
    if (call !== "consume" || leaving === undefined) continue
    // Acknowledgements leave in order: with a key, what came before a message that has begun is handled as well.
    const newest = Math.max(
      ...runs.flatMap(({ begun, id, job: number }) =>
        isKeyed && number === job.number && begun.at <= leaving.at ? [id] : []
      )
    )
    for (const { begun, done, how, id, job: number } of runs) {
      if (number !== job.number) continue
      if (begun.at > leaving.at && id >= newest) {
        yield `${nameOf(job)} left at ${leaving.at}, and handled message ${id} at ${begun.at}`
      }
      // A handler that failed had begun the end of its consumer earlier.
      if (how === "interrupted" && done !== undefined && done.at < leftAt(job, runs) + drainTimeout) {
        yield `${nameOf(job)} left at ${leaving.at}, and message ${id} was interrupted at ${done.at}`
      }
    }
    if (gone === undefined || closedAt <= gone.at) continue
    if (gone.at > leaving.at + drainTimeout + 1) {
      yield `${nameOf(job)} left at ${leaving.at}, and was there at ${gone.at}`
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 31: one after another within a key
// ---------------------------------------------------------------------------------------------------------------------

export const oneAfterAnother = function*({ plan, seen: { jobs, runs } }: Observations) {
  for (const job of jobs) {
    const { action: { call, concurrency, isKeyed } } = job
    if (call !== "consume" || (!isKeyed && concurrency > 1)) continue
    const last = new Map<string, Run>()
    const newest = new Map<string, number>()
    for (const run of runs) {
      if (run.job !== job.number) continue
      const key = concurrency > 1 ? run.topic : ""
      const before = last.get(key)
      if (before !== undefined && (before.done === undefined || before.done.order > run.begun.order)) {
        yield `${nameOf(job)} handled message ${run.id} at ${run.begun.at}, before it was done with ${before.id}`
      }
      last.set(key, run)
      const sequence = `${run.topic} ${run.qos}`
      const newer = newest.get(sequence) ?? 0
      // Nothing comes again where no connection ends.
      if (plan.isCalm === true && run.id < newer) {
        yield `${nameOf(job)} handled message ${run.id} of ${run.topic} at ${run.begun.at}, after ${newer}`
      }
      newest.set(sequence, Math.max(newer, run.id))
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 32: acknowledged is what was dealt with, and that is not handled again
// ---------------------------------------------------------------------------------------------------------------------

/** What they leave waits at least so long for the next one. */
const leftFor = 29_000

const isDeadLetter = (topic: string): boolean => topic === "dead/jobs" || topic === "dead/rejected"

/** Dead letters as they reach the broker. */
const deadLettersOf = ({ packets }: Observations) =>
  packets.flatMap(({ at, direction, packet }) =>
    direction === "received" && packet._tag === "Publish" && isDeadLetter(packet.topic)
      ? [{ id: idOf(textOf(packet.payload)), at, packet }]
      : []
  )

/** When it may have begun to leave. */
const leftAt = ({ action, gone, leaving, number }: Job, runs: ReadonlyArray<Run>): number => {
  const ends = action.onFailure === "stop" && action.deadLetter !== "dead/jobs"
  const failed = ends ?
    runs.find(({ how, job }) => job === number && how === "failed")
    : undefined
  return Math.min(leaving?.at ?? Infinity, gone?.at ?? Infinity, failed?.done?.at ?? Infinity)
}

const isDealtWith = ({ done, how, id, job }: Run, { at, isSure, jobs, runs }: {
  readonly at: number
  /** Nothing keeps a dead letter from the broker. */
  readonly isSure: boolean
  readonly jobs: ReadonlyArray<Job>
  readonly runs: ReadonlyArray<Run>
}): boolean => {
  if (done === undefined || done.at > at) return false
  if (how === "succeeded" || how === "refused") return true
  const { attempts, deadLetter, onFailure } = jobs[job].action
  if (isSure && deadLetter === "dead/jobs") return false
  const failures = runs.filter((run) => run.job === job && run.id === id && run.how === "failed")
  return how === "failed" && onFailure !== "stop" && failures.length > attempts
}

export const acknowledgedWhenDealtWith = function*(observations: Observations) {
  const { packets, plan, seen: { jobs, runs } } = observations
  if (jobs.length === 0) return
  const dead = new Set<number>()
  const isSure = plan.isCalm === true && plan.limits.maximumPacketSize === undefined
  const sent = new Map<string, { readonly id: number; readonly at: number }>()
  const times = new Map<number, Array<number>>()
  for (const { at, connection, direction, packet } of packets) {
    if (direction === "received" && packet._tag === "Publish" && isDeadLetter(packet.topic)) {
      dead.add(idOf(textOf(packet.payload)))
    }
    if (!("packetIdentifier" in packet)) continue
    const key = `${connection} ${packet.packetIdentifier}`
    if (direction === "sent" && packet._tag === "Publish" && packet.qos > 0) {
      const id = idOf(textOf(packet.payload))
      if (isOfJobs(packet.topic)) {
        // A message that is sent again has waited since it was sent first.
        if (sent.get(key)?.id !== id) sent.set(key, { id, at })
        times.set(id, [...times.get(id) ?? [], at])
      } else sent.delete(key)
    }
    if (direction !== "received" || (packet._tag !== "Puback" && packet._tag !== "Pubrec")) continue
    const message = sent.get(key)
    // Nobody was there for it at first: it may be acknowledged for that.
    if (message === undefined || at - message.at > leftFor) continue
    // A client that dealt with a QoS 2 message once answers it again whoever is there then.
    const began = packet._tag === "Pubrec" ? Math.min(message.at, ...times.get(message.id) ?? []) : message.at
    const arrived = plan.isCalm === true ? Math.min(at, message.at + 2 * plan.network.latency) : at
    const wasThere = (job: Job): boolean =>
      job.asked.at < began - 2 * plan.network.latency && leftAt(job, runs) > arrived
    if (!jobs.some(wasThere)) continue
    const isDone = dead.has(message.id) ||
      runs.some((run) => run.id === message.id && isDealtWith(run, { at, isSure, jobs, runs }))
    if (!isDone) yield `message ${message.id} was acknowledged at ${at}, and nobody had dealt with it`
  }
  yield* handledAgain(observations, times)
}

/** How long a message may be on its way. */
const sharedFor = 200

/** Of those who have it alone: what has succeeded is over. */
const handledAgain = function*(
  { seen: { jobs, runs } }: Observations,
  times: ReadonlyMap<number, ReadonlyArray<number>>
) {
  const over = new Map<number, Run>()
  for (const run of runs) {
    const before = over.get(run.id)
    const [sentAt, again] = times.get(run.id) ?? []
    if (before !== undefined && sentAt !== undefined && again === undefined) {
      const first = jobs[before.job]
      const had = jobs.filter(({ asked, gone }) => asked.at <= sentAt + sharedFor && (gone?.at ?? Infinity) >= sentAt)
      const isLater = first === jobs[run.job] || (first.gone?.order ?? Infinity) < jobs[run.job].asked.order
      if (had.length === 1 && isLater && (before.done?.order ?? Infinity) < run.begun.order) {
        yield `message ${run.id} was sent once; it succeeded at ${before.done?.at} and was handled at ${run.begun.at}`
      }
    }
    if (run.how === "succeeded") over.set(run.id, run)
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 33: a dead letter says what it is, and its consumer goes on
// ---------------------------------------------------------------------------------------------------------------------

/** For these it cannot be published. */
const unpublished: ReadonlySet<string> = new Set([
  "MessageExpired",
  "Overflow",
  "PublishRefused",
  "Quarantined",
  "ServerLimit",
  "SubscribeRefused"
])

export const deadLettersAreRight = function*(observations: Observations) {
  const { closedAt = Infinity, closedBy, seen: { jobs, runs } } = observations
  for (const { at, id, packet } of deadLettersOf(observations)) {
    const failed = runs.filter(({ begun, how, id: of, job }) =>
      of === id && how === "failed" && begun.at <= at && jobs[job].action.deadLetter === packet.topic
    )
    if (failed.length === 0) yield `message ${id} became a dead letter at ${at}, and no handler had failed`
    const property = (name: string) => packet.properties.userProperties?.find(([key]) => key === name)?.[1]
    const [topic, attempts] = [property("original-topic"), property("attempts")]
    if (topic !== undefined && failed.some((run) => run.topic !== topic)) yield `dead letter ${id} is of "${topic}"`
    if (attempts !== undefined && !failed.some(({ job }) => String(jobs[job].action.attempts + 1) === attempts)) {
      yield `dead letter ${id} says that there were ${attempts} attempts`
    }
  }
  for (const job of jobs) {
    const { action: { call, deadLetter, onFailure }, end, leaving } = job
    if (end === undefined || leaving !== undefined || end.at >= closedAt || end.reason === closedBy) continue
    if (call !== "consume" || unpublished.has(end.reason ?? "")) continue
    if (onFailure === "stop" && deadLetter === undefined && end.how !== "succeeded") continue
    yield `${nameOf(job)} (${onFailure}) ended at ${end.at}: ${end.how} ${end.reason?.split("\n")[0] ?? ""}`
  }
}

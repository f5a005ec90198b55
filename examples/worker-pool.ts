// Shows several processes that share work: three workers on one Shared Subscription, two of which are killed while jobs
// flow, and started again. Ends by itself within seconds; fails if a job was not done. Own broker (mosquitto if
// installed), or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Deferred, Effect, Option, Redacted, Schedule, Schema, Stream } from "effect"
import type { ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Mosquitto from "./support/mosquitto.ts"
import * as OwnProcess from "./support/ownProcess.ts"

type Client = MqttClient.MqttClient["Service"]

/** From the command line: the role and the name of this process, and the identifier of this run for its topics. */
const [, , role, workerName = "", run = randomUUID().slice(0, 8)] = process.argv

const topics = {
  jobs: `effect-mqtt/${run}/jobs`,
  done: `effect-mqtt/${run}/done`,
  ready: `effect-mqtt/${run}/ready`
}

const Done = Schema.fromJsonString(Schema.Struct({
  job: Schema.Int,
  worker: Schema.String,
  /** The server has sent the job before, to this worker or to the process that was killed. */
  isRepeated: Schema.Boolean
}))

// ---------------------------------------------------------------------------
// A worker: a process of its own
// ---------------------------------------------------------------------------

/** A worker ends at the end of its standard input, so it also ends if its parent is killed. */
const toldToEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void))
  process.stdin.resume()
})

/** Acknowledges a job after it is done and the broker has its result. */
const worker = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.consume(`$share/workers/${topics.jobs}`, ({ dup, text }) =>
    Effect.gen(function*() {
      yield* Effect.sleep("20 millis")
      const done = yield* Schema.encodeEffect(Done)({ job: Number(text), worker: workerName, isRepeated: dup })
      yield* mqtt.publish(topics.done, done, { qos: 1 })
    })).pipe(Effect.forkScoped({ startImmediately: true }))
  // The broker handles the packets of a connection in order: when it has this message, it has the subscription.
  yield* mqtt.publish(topics.ready, workerName, { qos: 1 })
  yield* toldToEnd
  // This worker will not come back, so the broker need not keep its session.
  yield* mqtt.disconnectWith({ sessionExpiry: "0 seconds" })
})

/**
 * The session outlives the process, because its client identifier belongs to the worker. The next process with that
 * name gets the jobs that a killed process had not acknowledged.
 */
const workerClient = Broker5.client({
  clientId: `${run}-${workerName}`,
  session: "persistent",
  sessionExpiry: "1 minute"
})

// ---------------------------------------------------------------------------
// The pool
// ---------------------------------------------------------------------------

const names = ["Ada", "Grace", "Hedy"]
const jobs = 300

/** A worker that runs until the scope ends, unless it is killed earlier. */
const startWorker = (name: string) => OwnProcess.start(import.meta.filename, "worker", name, run)

/** Kills a worker in the middle of its work, and starts it again. */
const killAndStartAgain = Effect.fnUntraced(function*(name: string, child: ChildProcess, tally: Tally) {
  child.kill("SIGKILL")
  yield* OwnProcess.exited(child)
  yield* Console.log(`${name} was killed; ${tally.done.size} of ${jobs} jobs are done`)
  yield* Effect.sleep("300 millis")
  yield* startWorker(name)
})

interface Tally {
  /** How often each job was done. */
  readonly done: Map<number, number>
  readonly byWorker: Map<string, number>
  repeated: number
}

/** Counts results for as long as the scope; done when every job has one. */
const count = Effect.fnUntraced(function*(mqtt: Client, tally: Tally, everyJob: Deferred.Deferred<void>) {
  const results = yield* mqtt.subscribe(topics.done, { qos: 1 })
  yield* Stream.runForEach(results, (message) =>
    Effect.gen(function*() {
      const { isRepeated, job, worker } = yield* Schema.decodeEffect(Done)(message.text)
      tally.done.set(job, (tally.done.get(job) ?? 0) + 1)
      tally.byWorker.set(worker, (tally.byWorker.get(worker) ?? 0) + 1)
      if (isRepeated) tally.repeated++
      if (tally.done.size === jobs) yield* Deferred.succeed(everyJob, undefined)
    })).pipe(Effect.forkScoped)
})

class JobsLost extends Schema.TaggedError<JobsLost>()("JobsLost", { jobs: Schema.Array(Schema.Int) }) {
  override get message(): string {
    return `${this.jobs.length} jobs were never done: ${this.jobs.join(", ")}`
  }
}

const report = Effect.fnUntraced(function*({ byWorker, done, repeated }: Tally) {
  const twice = [...done.values()].filter((times) => times > 1).length
  const shares = names.map((name) => `${name} ${byWorker.get(name) ?? 0}`)
  yield* Console.log([
    "",
    `jobs             ${jobs}`,
    `done             ${done.size}   ${shares.join(", ")}`,
    `done twice       ${twice}`,
    `sent again       ${repeated}`,
    `never done       ${jobs - done.size}`
  ].join("\n"))
  const lost = Array.from({ length: jobs }, (_, job) => job).filter((job) => !done.has(job))
  if (lost.length > 0) return yield* new JobsLost({ jobs: lost })
})

const pool = Effect.gen(function*() {
  const { description } = yield* Broker
  yield* Console.log(`${names.length} workers share ${jobs} jobs, through ${description}`)
  const mqtt = yield* MqttClient.MqttClient
  const ready = yield* mqtt.subscribe(topics.ready, { qos: 1 })
  const children = yield* Effect.forEach(names, startWorker)
  yield* Stream.runDrain(Stream.take(ready, names.length))

  const tally: Tally = { done: new Map(), byWorker: new Map(), repeated: 0 }
  const everyJob = yield* Deferred.make<void>()
  yield* count(mqtt, tally, everyJob)
  const publishing = Stream.range(0, jobs - 1).pipe(
    Stream.schedule(Schedule.spaced("4 millis")),
    Stream.map((job) => ({ topic: topics.jobs, payload: `${job}`, qos: 1 as const })),
    Stream.run(mqtt.publishSink)
  )
  const killing = Effect.forEach(
    [0, 2],
    (index) => Effect.delay(killAndStartAgain(names[index], children[index], tally), "600 millis")
  )
  yield* Effect.all([publishing, killing], { concurrency: "unbounded", discard: true })
  yield* Effect.timeoutOption(Deferred.await(everyJob), "15 seconds")
  yield* report(tally)
}).pipe(Effect.scoped)

const isForever = process.argv.includes("--forever")

const ownBroker = Effect.flatMap(
  Mosquitto.start,
  Option.match({
    onNone: () => Broker5.inMemory,
    onSome: (url) => Effect.succeed({ url: Redacted.make(url), description: `a mosquitto on ${url.slice(7)}` })
  })
)

const program = role === "worker"
  ? Effect.provide(worker, workerClient)
  : Effect.provide(isForever ? Effect.forever(pool) : Effect.timeout(pool, "60 seconds"), Broker5.client())

program.pipe(
  Effect.scoped,
  Effect.provide(Broker5.layer(ownBroker)),
  NodeRuntime.runMain
)

// Shows requests and responses in MQTT 5.0: two responders share a calculator and answer five hundred requests; one
// request has no responder, another no answer in time; of two typed requests one fails. Ends by itself within seconds;
// fails if an answer is wrong. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Array, Console, Context, Duration, Effect, Layer, Schedule, Schema } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, type MqttMessage, MqttTopic } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"

class WrongAnswer extends Schema.TaggedError<WrongAnswer>()("WrongAnswer", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

type Client = MqttClient.MqttClient["Service"]

const isForever = process.argv.includes("--forever")
const prefix = `effect-mqtt/${randomUUID()}`
const topic = `${prefix}/square`

/** A client of its own, for as long as the scope. */
const connect = Effect.map(Layer.build(Layer.fresh(Broker5.client())), Context.get(MqttClient.MqttClient))

/** Members of one share take turns, so any number of responders can answer. */
const calculator = Effect.fnUntraced(function*(name: string) {
  const mqtt = yield* connect
  const square = (request: MqttMessage.MqttMessage) =>
    Effect.succeed({
      payload: `${Number(request.text) ** 2}`,
      properties: { userProperties: [["calculator", name]] as const }
    })
  yield* mqtt.respond(`$share/calculators/${topic}`, square, { concurrency: 10 }).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
})

/** Tries until there is a responder. */
const untilAnswered = (mqtt: Client) =>
  mqtt.request(topic, "0", { timeout: "1 second" }).pipe(
    Effect.retry({ times: 5, schedule: Schedule.spaced("100 millis"), while: ({ isRetryable }) => isRetryable })
  )

const answeredBy = (message: MqttMessage.MqttMessage): string =>
  message.userProperties.find(([name]) => name === "calculator")?.[1] ?? "nobody"

const ask = Effect.fnUntraced(function*(mqtt: Client, numbers: ReadonlyArray<number>) {
  const started = performance.now()
  const answers = yield* Effect.forEach(numbers, (number) => mqtt.request(topic, `${number}`), {
    concurrency: "unbounded"
  })
  const milliseconds = Math.round(performance.now() - started)
  const wrong = numbers.filter((number, index) => answers[index].text !== `${number ** 2}`)
  if (wrong.length > 0) return yield* new WrongAnswer({ description: `wrong answers for ${wrong.join(", ")}` })
  const shares = Object.entries(Array.groupBy(answers, answeredBy)).map(([name, { length }]) => `${name} ${length}`)
  yield* Console.log(`${numbers.length} questions answered in ${milliseconds} ms, by ${shares.sort().join(" and ")}`)
})

class NoRoot extends Schema.TaggedError<NoRoot>()("NoRoot", { of: Schema.Finite }) {}

/** Both sides know the types of the request, the answer and the failure. */
const Root = MqttTopic.makeRequest(`${prefix}/root/{degree}`, {
  degree: Schema.FiniteFromString,
  payload: Schema.FiniteFromString,
  answer: Schema.FiniteFromString,
  failure: MqttTopic.json(NoRoot)
})

const showTypes = Effect.gen(function*() {
  yield* Root.respond(({ parameters: { degree }, payload }) =>
    payload < 0 ? Effect.fail(new NoRoot({ of: payload })) : Effect.succeed(payload ** (1 / degree))
  ).pipe(Effect.forkScoped({ startImmediately: true }))
  const root = yield* Root.request({ degree: 2 }, 144)
  if (root !== 12) return yield* new WrongAnswer({ description: `the root of 144 is not ${root}` })
  yield* Console.log(`the root of 144 is ${root}`)
  const failure = yield* Effect.flip(Root.request({ degree: 2 }, -1))
  if (failure._tag !== "NoRoot") return yield* failure
  yield* Console.log(`NoRoot: there is none of ${failure.of}`)
})

/** A responder that answers after the requester has stopped waiting. */
const slow = Effect.fnUntraced(function*(mqtt: Client, slowTopic: string) {
  yield* mqtt.respond(slowTopic, () => Effect.delay(Effect.succeed("42"), "1 second")).pipe(
    Effect.forkScoped({ startImmediately: true })
  )
})

const tellFailure = Effect.fnUntraced(function*(mqtt: Client, to: string) {
  const { reason } = yield* Effect.flip(mqtt.request(to, "?", { timeout: "500 millis" }))
  yield* Console.log(`${reason._tag}: ${reason.message.replace(`${prefix}/`, "")}`)
})

const program = Effect.gen(function*() {
  const { description } = yield* Broker
  yield* Console.log(`Questions and answers through ${description}\n`)
  yield* calculator("Ada")
  yield* calculator("Grace")
  const mqtt = yield* connect
  yield* slow(mqtt, `${prefix}/meaning`)
  yield* untilAnswered(mqtt)
  yield* ask(mqtt, Array.range(1, 500))
  yield* Effect.provideService(showTypes, MqttClient.MqttClient, mqtt)
  yield* tellFailure(mqtt, `${prefix}/nobody`)
  yield* tellFailure(mqtt, `${prefix}/meaning`)
  // An answer that comes too late is dropped.
  yield* Effect.map(mqtt.stats, ({ answersDropped }) => answersDropped).pipe(
    Effect.repeat({ until: (dropped) => dropped > 0, schedule: Schedule.spaced("50 millis") })
  )
  yield* Console.log("its late answer was dropped")
  if (isForever) yield* Effect.repeat(ask(mqtt, Array.range(1, 500)), Schedule.spaced("1 second"))
})

program.pipe(
  Effect.scoped,
  Effect.timeout(isForever ? Duration.infinity : "14 seconds"),
  Effect.provide(Broker5.layer()),
  NodeRuntime.runMain
)

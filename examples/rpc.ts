// Shows a service of Effect RPC over MQTT: two processes serve the same RPC group, one of them is killed, and calls go
// on with the other. Ends by itself within seconds; fails if a call was not answered. Brings its own broker, or uses
// the one at MQTT_URL=mqtt://user:password@host:port, which must speak 5.0. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Fiber, Layer, Schedule, Schema, Stream } from "effect"
import { Rpc, RpcClient, type RpcClientError, RpcGroup, RpcSchema, RpcSerialization, RpcServer } from "effect/rpc"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { MqttRpc } from "../src/rpc/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as OwnProcess from "./support/ownProcess.ts"

/** A server learns its name and the topics of this run from its command line. */
const [, , role, serverName = "", run = randomUUID().slice(0, 8)] = process.argv

const prefix = `effect-mqtt/${run}/calculator`
const ready = `effect-mqtt/${run}/ready`

// ---------------------------------------------------------------------------
// The service, as both sides know it
// ---------------------------------------------------------------------------

const Answer = Schema.Struct({ number: Schema.Int, by: Schema.String })

const Calculator = RpcGroup.make(
  Rpc.make("Square", { payload: { number: Schema.Int }, success: Answer }),
  Rpc.make("Countdown", { payload: { from: Schema.Int }, success: RpcSchema.Stream(Answer, Schema.Never) })
)

// ---------------------------------------------------------------------------
// A server: a process of its own
// ---------------------------------------------------------------------------

const handlers = Calculator.toLayer({
  Square: ({ number }) => Effect.delay(Effect.succeed({ number: number ** 2, by: serverName }), "20 millis"),
  Countdown: ({ from }) =>
    Stream.range(0, from).pipe(
      Stream.map((passed) => ({ number: from - passed, by: serverName })),
      Stream.schedule(Schedule.spaced("100 millis"))
    )
})

/** The process ends at the end of its standard input, so it also ends if its parent is killed. */
const toldToEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void))
  process.stdin.resume()
})

const server = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.publish(ready, serverName, { qos: 1 })
  yield* toldToEnd
}).pipe(
  Effect.provide(
    RpcServer.layer(Calculator).pipe(
      Layer.provide(handlers),
      Layer.provide(MqttRpc.layerServerProtocol({ prefix, group: "calculators" })),
      Layer.provide(RpcSerialization.layerJson)
    )
  )
)

// ---------------------------------------------------------------------------
// The caller
// ---------------------------------------------------------------------------

const names = ["Ada", "Grace"]
const numbers = Array.from({ length: 300 }, (_, number) => number)

/** A server process that runs until the scope ends, unless it is killed earlier. */
const startServer = (name: string) => OwnProcess.start(import.meta.filename, "server", name, run)

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((one, other) => one + other, 0)

const reasonOf = (error: RpcClientError.RpcClientError): string => MqttRpc.failureOf(error)?.reason ?? error.message

const calling = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const servers = yield* mqtt.subscribe(ready, { qos: 1 })
  const [ada] = yield* Effect.forEach(names, startServer)
  yield* Stream.runDrain(Stream.take(servers, names.length))
  yield* say("caller", `${names.join(" and ")} are ready`)

  const calculator = yield* RpcClient.make(Calculator)
  const answered = new Map<string, number>()
  let again = 0
  // A square may be calculated twice without harm, so a call whose server was lost is made again.
  const square = (number: number) =>
    calculator.Square({ number }).pipe(
      Effect.tapError(() => Effect.sync(() => again++)),
      Effect.retry({ times: 5 }),
      Effect.flatMap((answer) => {
        answered.set(answer.by, (answered.get(answer.by) ?? 0) + 1)
        return Example.expect(answer.number === number ** 2, `${number} squared is not ${answer.number}`)
      })
    )
  const countdown = Stream.runLast(calculator.Countdown({ from: 15 })).pipe(
    Effect.flatMap((last) => say("countdown", `ended at ${last._tag === "Some" ? last.value.number : "nothing"}`)),
    Effect.catchTag("RpcClientError", (error) => say("countdown", `was lost: ${reasonOf(error)}`))
  )

  // The broker lets the servers take turns, so each server has one countdown.
  const countdowns = yield* Effect.forkScoped(Effect.all([countdown, countdown], { concurrency: "unbounded" }))
  const calls = yield* Effect.forkScoped(Effect.forEach(numbers, square, { concurrency: 5 }))
  yield* Effect.sleep("500 millis")
  ada.kill("SIGKILL")
  yield* OwnProcess.exited(ada)
  yield* say("caller", `Ada was killed, and ${sum(answered.values())} calls are answered`)
  yield* Fiber.join(calls)
  yield* Fiber.join(countdowns)

  yield* Console.log([
    "",
    `calls            ${numbers.length}`,
    ...names.map((name) => `answered by ${name.padEnd(6)}${answered.get(name) ?? 0}`),
    `made again       ${again}`
  ].join("\n"))
  const all = sum(answered.values())
  yield* Example.expect(all === numbers.length, `${numbers.length - all} calls were not answered`)
})

/** The calls of a dead server fail soon, and so do calls that no server has accepted. */
const callerProtocol = MqttRpc.layerClientProtocol({ prefix, lease: "2 seconds", acceptTimeout: "4 seconds" }).pipe(
  Layer.provide(RpcSerialization.layerJson)
)

const caller = Effect.gen(function*() {
  const { description } = yield* Broker
  yield* Console.log(`A service with two servers, one of which is killed, through ${description}\n`)
  yield* calling
}).pipe(Effect.scoped, Effect.provide(callerProtocol))

const program = role === "server" ? server : Example.isForever
  ? Effect.forever(caller)
  // Three processes start one after the other, on a machine that may be busy.
  : Effect.timeout(caller, "60 seconds")

program.pipe(
  Effect.scoped,
  Effect.provide(Layer.provideMerge(Broker5.client(), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

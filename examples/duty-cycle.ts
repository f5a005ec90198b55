// Shows a device that sleeps most of the time: it connects, publishes a reading, fetches its queued commands,
// disconnects and sleeps, as a Schedule says. Ends by itself after four cycles; fails if a reading or a command is
// missing. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as Tally from "./support/tally.ts"

const run = randomUUID()
const topics = { readings: `effect-mqtt/${run}/readings`, commands: `effect-mqtt/${run}/commands` }

/** The times to wake up. */
const cycles = 4
const wakeUp = Example.isForever
  ? Schedule.spaced("1 second")
  : Schedule.upTo(Schedule.spaced("1 second"), { times: cycles - 1 })

/** A moment online. The scope ends with DISCONNECT; the server keeps the session, and queues messages for it. */
const cycle = Effect.fnUntraced(function*(url: string, readings: Tally.Tally, commands: Tally.Tally) {
  const started = performance.now()
  const mqtt = yield* Broker5.connect({
    url,
    clientId: `duty${run.slice(0, 8)}`,
    session: "persistent",
    sessionExpiry: "1 hour"
  })
  const queued = yield* mqtt.subscribe(topics.commands, { qos: 1 })
  const reading = `${readings.sent.size + 1}`
  readings.sent.add(reading)
  yield* mqtt.publish(topics.readings, reading, { qos: 1 })

  // Messages of one topic and QoS arrive in order: when our own mark comes back, everything queued before it has
  // arrived.
  const mark = `mark ${reading}`
  yield* mqtt.publish(topics.commands, mark, { qos: 1 })
  const fetched = yield* queued.pipe(
    Stream.map(({ text }) => text),
    Stream.takeUntil((text) => text === mark),
    Stream.filter((text) => !text.startsWith("mark")),
    Stream.runCollect
  )
  for (const command of fetched) commands.received.set(command, (commands.received.get(command) ?? 0) + 1)
  const online = (performance.now() - started).toFixed(0)
  yield* say("device", `reading ${reading}, fetched ${fetched.length} commands; sleeps again after ${online} ms`)
}, Effect.scoped)

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A device that wakes up once a second, with ${description}\n`)
  const station = yield* MqttClient.MqttClient
  const [readings, commands] = [Tally.make(), Tally.make()]
  yield* Tally.count(station, topics.readings, readings)

  // Commands may come at any time after the device has connected once and left a session.
  const command = Effect.suspend(() => {
    const number = `${commands.sent.size + 1}`
    commands.sent.add(number)
    return station.publish(topics.commands, number, { qos: 1 })
  })
  yield* Example.eventually(Effect.sync(() => readings.received.size > 0)).pipe(
    Effect.andThen(Effect.repeat(command, Schedule.spaced("170 millis"))),
    Effect.forkScoped
  )
  yield* Effect.repeat(cycle(Redacted.value(url), readings, commands), wakeUp)

  yield* Example.eventually(Effect.sync(() => Tally.lost(readings) === 0))
  const fetched = commands.received.size
  const missing = Array.from({ length: fetched }, (_, index) => `${index + 1}`).filter((number) =>
    !commands.received.has(number)
  )
  yield* Console.log(`\nreadings  ${Tally.summary(readings)}`)
  yield* Console.log(`commands  sent ${commands.sent.size}, fetched ${fetched}; the rest came after it went to sleep`)
  yield* Example.expect(Tally.lost(readings) === 0, "readings never arrived")
  yield* Example.expect(fetched > 0 && missing.length === 0, `commands were not fetched: ${missing.join(", ")}`)
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  NodeRuntime.runMain
)

// Shows an outage that this program causes: two devices, one with a persistent session and one with a clean one. Ends
// by itself in about seven seconds; fails if QoS 1 lost a message it must not lose, or no message was sent again.
// Brings its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Deferred, Effect, Layer, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { tellStates } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"
import * as Tally from "./support/tally.ts"

type Client = MqttClient.MqttClient["Service"]
type SessionMode = "persistent" | "clean"

/** Other programs may use the same broker, so this run needs topics of its own. */
const run = randomUUID()
const topicOf = (session: SessionMode, what: "readings" | "commands"): string => `effect-mqtt/${run}/${session}/${what}`

interface Device {
  readonly session: SessionMode
  readonly mqtt: Client
  readonly readings: Tally.Tally
  readonly commands: Tally.Tally
}

/** A device behind the relay; the station receives its readings. */
const connectDevice = Effect.fnUntraced(function*(session: SessionMode, url: string, station: Client) {
  const mqtt = yield* Broker5.connect({
    url,
    clientId: `${session}${run.slice(0, 8)}`,
    session,
    sessionExpiry: "1 minute",
    connectTimeout: "1 second",
    responseTimeout: "1 second",
    reconnect: Schedule.spaced("500 millis")
  })
  const { commands, readings } = { commands: Tally.make(), readings: Tally.make() }
  yield* Tally.count(station, topicOf(session, "readings"), readings)
  yield* Tally.count(mqtt, topicOf(session, "commands"), commands)
  yield* tellStates(session, mqtt)
  return { session, mqtt, readings, commands }
})

const outage = Effect.fnUntraced(function*(relay: Relay.Relay) {
  yield* Effect.sleep("1 second")
  yield* Relay.outage(relay, { silence: "1200 millis", refusal: "1500 millis" })
  yield* Effect.sleep("1500 millis")
})

const width = 14
const row = (cells: ReadonlyArray<unknown>): string => cells.map((cell) => `${cell}`.padStart(width)).join("")

/** Prints the result. A clean session may lose commands, and sends readings again as new messages, not counted here. */
const judge = Effect.fnUntraced(function*({ commands, mqtt, readings, session }: Device) {
  const { connections, republications } = yield* mqtt.stats
  yield* Console.log(row([
    session,
    readings.sent.size,
    Tally.lost(readings),
    Tally.duplicated(readings),
    commands.sent.size,
    Tally.lost(commands),
    Tally.duplicated(commands),
    republications,
    connections
  ]))
  const fail = (description: string) => new Example.Unexpected({ description: `${session}: ${description}` })
  if (Tally.lost(readings) > 0) return yield* fail(`${Tally.lost(readings)} acknowledged readings never arrived`)
  if (connections < 2) return yield* fail("it never connected again")
  if (session === "clean") return
  if (Tally.lost(commands) > 0) return yield* fail(`${Tally.lost(commands)} commands never arrived`)
  if (republications === 0) return yield* fail("the outage caught nothing in flight")
})

const program = Effect.gen(function*() {
  const broker = yield* Broker
  const station = yield* MqttClient.MqttClient
  yield* Console.log(`Readings to a station and commands to two devices, through ${broker.description}\n`)
  const relay = yield* Relay.make(Redacted.value(broker.url))
  const devices = yield* Effect.forEach(
    ["persistent", "clean"] as const,
    (session) => connectDevice(session, relay.url, station)
  )
  const stop = yield* Deferred.make<void>()
  const sending = devices.flatMap(({ commands, mqtt, readings, session }) => [
    Tally.send(mqtt, topicOf(session, "readings"), readings, stop),
    Tally.send(station, topicOf(session, "commands"), commands, stop)
  ])
  yield* Effect.all([...sending, Effect.ensuring(outage(relay), Deferred.succeed(stop, undefined))], {
    concurrency: "unbounded",
    discard: true
  })
  // All is acknowledged; the last messages may still be on their way to the other side.
  const [{ commands }] = devices
  yield* Example.eventually(
    Effect.sync(() => Tally.lost(commands) === 0 && devices.every(({ readings }) => Tally.lost(readings) === 0))
  )
  yield* Console.log(
    "\n" +
      row(["session", "readings", "lost", "duplicated", "commands", "lost", "duplicated", "republished", "connections"])
  )
  yield* Effect.forEach(devices, judge, { discard: true })
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

// Shows an outage that this program causes: two devices, one with a persistent session and one with a clean one.
// Ends by itself after about seven seconds; fails when QoS 1 lost what it must not lose, or nothing was sent again.
// Brings its own broker, or uses the one that MQTT_URL=mqtt://user:password@host:port names.
import { NodeRuntime } from "@effect/platform-node"
import {
  Console,
  Context,
  Deferred,
  Effect,
  Layer,
  Redacted,
  References,
  Schedule,
  Schema,
  Stream,
  SubscriptionRef
} from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, type MqttState } from "../src/index.ts"
import { NodeMqtt } from "../src/node/index.ts"
import * as Broker from "./support/broker.ts"
import * as Relay from "./support/relay.ts"

class OutageLostMessages extends Schema.TaggedError<OutageLostMessages>()("OutageLostMessages", {
  description: Schema.String
}) {
  override get message(): string {
    return this.description
  }
}

type Client = MqttClient.MqttClient["Service"]
type SessionMode = "persistent" | "clean"

const run = randomUUID()
const topicOf = (session: SessionMode, what: "readings" | "commands"): string => `effect-mqtt/${run}/${session}/${what}`

/** Which numbers were sent, and how often each came. */
interface Tally {
  readonly sent: Set<string>
  readonly received: Map<string, number>
}

const tally = (): Tally => ({ sent: new Set(), received: new Map() })
const lost = ({ received, sent }: Tally): number => [...sent].filter((number) => !received.has(number)).length
const duplicated = ({ received }: Tally): number =>
  [...received.values()].reduce((duplicates, times) => duplicates + times - 1, 0)

/** Sends a number twenty times a second until `stop`, and ends when all are acknowledged. */
const send = (mqtt: Client, topic: string, { sent }: Tally, stop: Deferred.Deferred<void>) =>
  Stream.tick("50 millis").pipe(
    Stream.interruptWhen(Deferred.await(stop)),
    Stream.mapEffect(() =>
      Effect.suspend(() => {
        const number = `${sent.size + 1}`
        sent.add(number)
        return mqtt.publish(topic, number, { qos: 1 })
      }), { concurrency: "unbounded" }),
    Stream.runDrain
  )

/** Counts what comes for as long as the scope. */
const count = Effect.fnUntraced(function*(mqtt: Client, topic: string, { received }: Tally) {
  const messages = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* messages.pipe(
    Stream.runForEach(({ text }) => Effect.sync(() => received.set(text, (received.get(text) ?? 0) + 1))),
    Effect.forkScoped
  )
})

const describe = (state: MqttState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return `Connecting, attempt ${state.attempt}`
    case "Connected":
      return `Connected, session ${state.sessionPresent ? "present" : "new"}`
    case "Disconnected":
      return `Disconnected: ${state.error.message}`
    case "Closed":
      return "Closed"
  }
}

/** A line with the seconds since the program started. */
const say = (who: string, what: string) =>
  Effect.suspend(() => Console.log(`${(performance.now() / 1000).toFixed(2).padStart(5)}  ${who.padEnd(10)}  ${what}`))

interface Device {
  readonly session: SessionMode
  readonly mqtt: Client
  readonly readings: Tally
  readonly commands: Tally
}

/** A device behind the relay; the station hears its readings. */
const connectDevice = Effect.fnUntraced(function*(session: SessionMode, url: string, station: Client) {
  const device = NodeMqtt.layer({
    url,
    protocolVersion: "auto",
    clientId: `${session}${run.slice(0, 8)}`,
    session,
    sessionExpiry: "1 minute",
    connectTimeout: "1 second",
    responseTimeout: "1 second",
    reconnect: Schedule.spaced("500 millis")
  })
  const mqtt = Context.get(yield* Layer.build(device), MqttClient.MqttClient)
  const { commands, readings } = { commands: tally(), readings: tally() }
  yield* count(station, topicOf(session, "readings"), readings)
  yield* count(mqtt, topicOf(session, "commands"), commands)
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => say(session, describe(state))),
    Effect.forkScoped
  )
  return { session, mqtt, readings, commands }
})

/** The network swallows everything, then is not there, then comes back. */
const outage = Effect.fnUntraced(function*(relay: Relay.Relay) {
  yield* Effect.sleep("1 second")
  yield* say("network", "swallows everything from now on; nobody is told")
  yield* relay.swallow
  yield* Effect.sleep("1200 millis")
  yield* say("network", "refuses connections")
  yield* relay.cut
  yield* Effect.sleep("1500 millis")
  yield* say("network", "is back")
  yield* relay.mend
  yield* Effect.sleep("1500 millis")
})

const width = 14
const row = (cells: ReadonlyArray<unknown>): string => cells.map((cell) => `${cell}`.padStart(width)).join("")

/** Says how it went. A clean session may lose commands, and sends readings again as new ones, which is not counted. */
const judge = Effect.fnUntraced(function*({ commands, mqtt, readings, session }: Device) {
  const { connections, republications } = yield* mqtt.stats
  yield* Console.log(row([
    session,
    readings.sent.size,
    lost(readings),
    duplicated(readings),
    commands.sent.size,
    lost(commands),
    duplicated(commands),
    republications,
    connections
  ]))
  const fail = (description: string) => new OutageLostMessages({ description: `${session}: ${description}` })
  if (lost(readings) > 0) return yield* fail(`${lost(readings)} acknowledged readings never arrived`)
  if (connections < 2) return yield* fail("it never connected again")
  if (session === "clean") return
  if (lost(commands) > 0) return yield* fail(`${lost(commands)} commands never arrived`)
  if (republications === 0) return yield* fail("the outage caught nothing in flight")
})

const program = Effect.gen(function*() {
  const broker = yield* Broker.Broker
  const station = yield* MqttClient.MqttClient
  yield* Console.log(`Readings to a station and commands to two devices, through ${broker.description}\n`)
  const relay = yield* Relay.make(Redacted.value(broker.url))
  const devices = yield* Effect.forEach(
    ["persistent", "clean"] as const,
    (session) => connectDevice(session, relay.url, station)
  )
  const stop = yield* Deferred.make<void>()
  const sending = devices.flatMap(({ commands, mqtt, readings, session }) => [
    send(mqtt, topicOf(session, "readings"), readings, stop),
    send(station, topicOf(session, "commands"), commands, stop)
  ])
  yield* Effect.all([...sending, Effect.ensuring(outage(relay), Deferred.succeed(stop, undefined))], {
    concurrency: "unbounded",
    discard: true
  })
  // All is acknowledged; the last may still be on their way to the other side.
  const [{ commands }] = devices
  yield* Effect.sync(() => lost(commands) === 0 && devices.every(({ readings }) => lost(readings) === 0)).pipe(
    Effect.repeat({ until: (isAllThere) => isAllThere, schedule: Schedule.spaced("50 millis") }),
    Effect.timeoutOption("3 seconds")
  )
  yield* Console.log(
    "\n" +
      row(["session", "readings", "lost", "duplicated", "commands", "lost", "duplicated", "republished", "connections"])
  )
  yield* Effect.forEach(devices, judge, { discard: true })
})

program.pipe(
  Effect.scoped,
  Effect.timeout("14 seconds"),
  Effect.provide(Broker.clientLayer()),
  // What the client would log about the outage is printed from its state.
  Effect.provideService(References.MinimumLogLevel, "Error"),
  NodeRuntime.runMain
)

// Shows the quality of a link, for a walk away from a Wi-Fi: the round trip of pings, outages and heap, in a line that
// moves with the time on a terminal. Ends by itself within ten seconds and causes two outages; with --forever it
// measures the real link. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Redacted, Schedule, SubscriptionRef } from "effect"
import type { MqttState } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import * as Relay from "./support/relay.ts"

const outages = 2
const width = 32
const levels = "▁▂▃▄▅▆▇█"

/** A round trip in milliseconds; `undefined` if there was no connection. */
type Sample = number | undefined

const level = (sample: Sample): string =>
  // Each level is twice the one before, from half a millisecond.
  sample === undefined ? "×" : levels[Math.min(levels.length - 1, Math.max(0, Math.ceil(Math.log2(sample * 2))))]

const lineOf = (samples: ReadonlyArray<Sample>, { reconnects, roundTrip }: MqttState.Stats): string => {
  const heap = (process.memoryUsage().heapUsed / 2 ** 20).toFixed(1)
  const latest = samples.at(-1) === undefined ? "no connection" : `${(roundTrip ?? 0).toFixed(2)} ms`
  const chart = samples.slice(-width).map(level).join("").padStart(width)
  return `${chart}  ${latest.padStart(13)}  outages ${reconnects}  heap ${heap} MiB`
}

/** On a terminal it overwrites the line before; elsewhere it prints a new line. */
const show = (line: string) =>
  process.stdout.isTTY ? Effect.sync(() => void process.stdout.write(`\r\x1b[2K${line}`)) : Console.log(line)

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`Pings to ${description}\n`)
  const relay = yield* Relay.make(Redacted.value(url))
  const mqtt = yield* Broker5.connect({
    url: relay.url,
    // The client sends and receives nothing else, so all traffic is pings.
    pingInterval: "250 millis",
    responseTimeout: "1 second",
    initialConnection: Example.isForever ? "retry" : "fail",
    reconnect: Schedule.spaced("300 millis")
  })
  const samples: Array<Sample> = []
  const sample = Effect.gen(function*() {
    const stats = yield* mqtt.stats
    const { _tag } = yield* SubscriptionRef.get(mqtt.state)
    samples.push(_tag === "Connected" ? stats.roundTrip : undefined)
    if (samples.length > width) samples.shift()
    yield* show(lineOf(samples, stats))
  })
  const outage = Effect.all(
    [
      Effect.sleep("2 seconds"),
      relay.swallow,
      Effect.sleep("300 millis"),
      relay.cut,
      Effect.sleep("700 millis"),
      relay.mend
    ],
    { discard: true }
  )
  const watching = Effect.repeat(sample, Schedule.spaced("250 millis")).pipe(Effect.delay("500 millis"))
  if (Example.isForever) yield* watching
  const walking = Effect.andThen(Effect.repeat(outage, { times: outages - 1 }), Effect.sleep("2 seconds"))
  yield* Effect.raceFirst(watching, walking)

  const { reconnects, roundTrip } = yield* mqtt.stats
  yield* Console.log(`\n${reconnects} outages, the last ping took ${roundTrip?.toFixed(2)} ms`)
  yield* Example.expect(reconnects === outages, "the outages were not noticed")
  yield* Example.expect(roundTrip !== undefined, "no ping was answered")
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Effect.provide(Broker5.layer()),
  Example.quietly,
  NodeRuntime.runMain
)

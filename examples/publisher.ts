// Shows a publisher that survives outages: it publishes to `foo_topic` by a schedule, over a network that fails at
// random. Its messages are input for `quickstart`. Ends by itself within ten seconds; fails if a message was lost. Own
// broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Random, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say, tellStates } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"
import * as Tally from "./support/tally.ts"

const run = randomUUID().slice(0, 8)

/** Begins after a random time, and lasts for a random time. */
const randomOutage = (relay: Relay.Relay) =>
  Effect.gen(function*() {
    yield* Effect.sleep(yield* Random.nextBetween(500, Example.isForever ? 20_000 : 2000))
    yield* Relay.outage(relay, {
      silence: yield* Random.nextBetween(100, 500),
      refusal: yield* Random.nextBetween(100, 1000)
    })
  })

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`Publishing to foo_topic, with ${description}\n`)
  const station = yield* MqttClient.MqttClient
  const heard = Tally.make()
  yield* Tally.count(station, "foo_topic", heard)

  const relay = yield* Relay.make(Redacted.value(url))
  const mqtt = yield* Broker5.connect({
    url: relay.url,
    clientId: `publisher${run}`,
    session: "persistent",
    sessionExpiry: "1 minute",
    reconnect: Schedule.spaced("300 millis")
  })
  yield* tellStates("publisher", mqtt)
  yield* Effect.forkScoped(Effect.forever(randomOutage(relay)))

  const publish = Effect.gen(function*() {
    const text = `message ${heard.sent.size + 1} of ${run}`
    heard.sent.add(text)
    yield* mqtt.publish("foo_topic", text, { qos: 1 })
    yield* say("publisher", `"${text}" was acknowledged`)
  })
  yield* Effect.repeat(
    publish,
    Example.isForever
      ? Schedule.jittered(Schedule.spaced("5 seconds"))
      : Schedule.jittered(Schedule.spaced("300 millis")).pipe(Schedule.upTo({ duration: "7 seconds" }))
  )

  yield* Example.eventually(Effect.sync(() => Tally.lost(heard) === 0))
  const { reconnects, republications } = yield* mqtt.stats
  yield* Console.log(`\n${Tally.summary(heard)}; ${reconnects} outages, ${republications} republications`)
  yield* Example.expect(Tally.lost(heard) === 0, "messages that were acknowledged never arrived")
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

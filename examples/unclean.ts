// Shows a persistent session ("unclean") through two outages: nothing is lost in either direction, and messages
// unacknowledged at an outage are sent again. Ends by itself within ten seconds; fails if a message was lost. Brings
// its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
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

const outages = 2

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A persistent session through ${outages} outages, with ${description}\n`)
  // The other client, whose network does not fail.
  const station = yield* MqttClient.MqttClient
  const relay = yield* Relay.make(Redacted.value(url))

  const prefix = `effect-mqtt/${randomUUID()}`
  const device = yield* Broker5.connect({
    url: relay.url,
    // The server knows a session by its client identifier.
    clientId: `unclean${randomUUID().slice(0, 8)}`,
    session: "persistent",
    sessionExpiry: "1 minute",
    will: { topic: `${prefix}/will`, payload: "the device is gone", qos: 1 },
    reconnect: Schedule.spaced("300 millis")
  })
  yield* tellStates("device", device)

  const { commands, readings, wills } = { commands: Tally.make(), readings: Tally.make(), wills: Tally.make() }
  yield* Tally.count(station, `${prefix}/will`, wills)
  yield* Tally.count(station, `${prefix}/readings`, readings)
  // The server remembers the subscription, and keeps messages while the device is away.
  yield* Tally.count(device, `${prefix}/commands`, commands)

  const stop = yield* Deferred.make<void>()
  const fail = Relay.outage(relay, { silence: "400 millis", refusal: "800 millis" }).pipe(
    Effect.andThen(Effect.sleep("1 second")),
    Effect.repeat({ times: outages - 1 }),
    Effect.ensuring(Deferred.succeed(stop, undefined))
  )
  yield* Effect.all([
    Tally.send(device, `${prefix}/readings`, readings, stop),
    Tally.send(station, `${prefix}/commands`, commands, stop),
    Effect.delay(fail, "500 millis")
  ], { concurrency: "unbounded", discard: true })
  yield* Example.eventually(
    Effect.sync(() => Tally.lost(readings) + Tally.lost(commands) === 0 && Tally.times(wills) === outages)
  )

  const { reconnects, republications } = yield* device.stats
  yield* Console.log([
    "",
    `outages         ${reconnects}`,
    `Wills           ${Tally.times(wills)}`,
    `readings        ${Tally.summary(readings)}`,
    `commands        ${Tally.summary(commands)}`,
    `republications  ${republications}`
  ].join("\n"))
  yield* Example.expect(reconnects === outages, "it did not connect again after each outage")
  yield* Example.expect(Tally.lost(readings) === 0, "readings that were acknowledged never arrived")
  yield* Example.expect(Tally.lost(commands) === 0, "commands that were acknowledged never arrived")
  yield* Example.expect(republications > 0, "the outages caught nothing in flight")
  yield* Example.expect(Tally.times(wills) === outages, "the Will was not published at each outage")
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

// Shows a cold boot: messages queued before this program started are stale, and are thrown away once. From then on the
// session is persistent, and an outage loses nothing. Ends by itself within seconds; fails if a stale command came or a
// fresh one did not. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say, tellStates } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A cold boot, with ${description}\n`)
  const station = yield* MqttClient.MqttClient
  const relay = yield* Relay.make(Redacted.value(url))

  const run = randomUUID()
  const topic = `effect-mqtt/${run}/commands`
  const command = (text: string) => station.publish(topic, text, { qos: 1 })
  const boot = (session: "persistent" | "cleanStartThenPersistent") =>
    Broker5.connect({
      url: relay.url,
      clientId: `cold${run.slice(0, 8)}`,
      session,
      sessionExpiry: "1 minute",
      reconnect: Schedule.spaced("300 millis")
    })

  // An earlier run of the device leaves its session on the server, which queues messages for it.
  yield* boot("persistent").pipe(
    Effect.flatMap((device) => device.subscribe(topic, { qos: 1 })),
    Effect.asVoid,
    Effect.scoped
  )
  yield* command("stale: open the valve of yesterday")
  yield* say("station", "has published a command while the device was off")

  const device = yield* boot("cleanStartThenPersistent")
  yield* tellStates("device", device)
  const commands = yield* device.subscribe(topic, { qos: 1 })
  yield* command("1: after the boot")
  yield* relay.cut
  yield* say("network", "is gone")
  yield* command("2: during the outage")
  yield* Effect.sleep("1 second")
  yield* say("network", "is back")
  yield* relay.mend
  yield* command("3: after the outage")

  // One topic and one QoS: messages arrive in order, so a stale one would come first. At QoS 1 a message may arrive
  // twice.
  const received = yield* commands.pipe(
    Stream.tap(({ text }) => say("device", `received "${text}"`)),
    Stream.map(({ text }) => text.split(":")[0]),
    Stream.takeUntil((number) => number === "3"),
    Stream.runCollect
  )
  yield* Example.expect(new Set(received).size === 3, `what came was ${received.join(", ")}`)
  yield* Example.expect((yield* device.stats).reconnects === 1, "it did not connect again after the outage")
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

// Shows a program that starts with its machine, before there is a network. The client tries its first connection until
// it succeeds, and messages published before then wait. Ends by itself within seconds; fails if it never connected or
// lost a message. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say, tellStates } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

/** Another program brings up the network later. */
const networkThatComesLate = Effect.fnUntraced(function*(url: string) {
  const relay = yield* Relay.make(url)
  yield* relay.cut
  yield* say("network", "is not there yet")
  yield* Effect.forkScoped(Effect.delay(Effect.andThen(say("network", "is up"), relay.mend), "2 seconds"))
  return relay.url
})

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A program that starts with its machine, with ${description}\n`)
  const station = yield* MqttClient.MqttClient
  const topic = `effect-mqtt/${randomUUID()}/boot`
  const heard = yield* station.subscribe(topic, { qos: 1 })
  const network = yield* networkThatComesLate(Redacted.value(url))

  yield* say("program", "waits half a second before its first attempt")
  const mqtt = yield* Broker5.connect({
    url: network,
    // Without this option, a first connection that fails is final: most programs should report at once that their URL
    // is wrong.
    initialConnection: "retry",
    reconnect: Schedule.jittered(Schedule.exponential("200 millis", 1.5))
  }).pipe(Effect.delay("500 millis"))
  yield* tellStates("program", mqtt)

  // There is no connection yet, so the message waits in the outbox.
  yield* say("program", "publishes \"up\"")
  yield* mqtt.publish(topic, "up", { qos: 1 })
  yield* say("program", "\"up\" was acknowledged")
  const message = yield* Effect.fromOption(yield* Stream.runHead(heard))
  yield* say("station", `received "${message.text}"`)
  const { connections, reconnects } = yield* mqtt.stats
  yield* Example.expect(connections === 1 && reconnects === 0, "it should have connected once")
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

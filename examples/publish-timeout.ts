// Shows giving up on a message that takes too long. A message that has not been sent is withdrawn; a message that has
// been sent is delivered all the same, and keeps its Packet Identifier until then. Ends by itself within seconds; fails
// if anything else happens. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Option, Redacted, Schedule, Stream, SubscriptionRef } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`Giving up on late messages, with ${description}\n`)
  const station = yield* MqttClient.MqttClient
  const relay = yield* Relay.make(Redacted.value(url))
  const run = randomUUID()
  const topic = `effect-mqtt/${run}/messages`
  const heard = yield* station.subscribe(topic, { qos: 1 })
  const mqtt = yield* Broker5.connect({
    url: relay.url,
    clientId: `timeout${run.slice(0, 8)}`,
    session: "persistent",
    sessionExpiry: "1 minute",
    reconnect: Schedule.spaced("300 millis")
  })

  /** Publishing is an Effect, so Effect's own timeout is enough. */
  const publish = Effect.fnUntraced(function*(text: string) {
    const outcome = yield* Effect.timeoutOption(mqtt.publish(topic, text, { qos: 1 }), "500 millis")
    const { inFlight, outboxMessages } = yield* mqtt.stats
    const became = Option.isSome(outcome) ? "acknowledged" : "given up"
    yield* say("device", `"${text}" ${became}; in flight ${inFlight}, in the outbox ${outboxMessages}`)
    return Option.isSome(outcome)
  })
  const untilState = (tag: "Connected" | "Disconnected") =>
    SubscriptionRef.changes(mqtt.state).pipe(Stream.takeUntil(({ _tag }) => _tag === tag), Stream.runDrain)

  const inTime = yield* publish("in time")
  yield* say("network", "swallows everything from now on; nobody is told")
  yield* relay.swallow
  const sent = yield* publish("sent, then given up")
  yield* say("network", "is gone")
  yield* relay.cut
  yield* untilState("Disconnected")
  const waiting = yield* publish("given up before it was sent")
  yield* say("network", "is back")
  yield* relay.mend
  yield* untilState("Connected")
  const afterwards = yield* publish("the next")
  yield* Example.expect(inTime && !sent && !waiting && afterwards, "what was given up is not what should have been")

  const received = yield* heard.pipe(
    Stream.map(({ text }) => text),
    Stream.tap((text) => say("station", `received "${text}"`)),
    Stream.takeUntil((text) => text === "the next"),
    Stream.runCollect
  )
  yield* Example.expect(
    received.join() === "in time,sent, then given up,the next",
    `what arrived was ${received.join(", ")}`
  )
  const { inFlight, outboxMessages } = yield* mqtt.stats
  yield* Example.expect(inFlight + outboxMessages === 0, "something is still on its way")
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)

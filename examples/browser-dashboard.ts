// Shows a page with live charts of this machine, fed over a WebSocket: builds the page with Vite, serves it, and
// publishes readings. Ends by itself in about six seconds; fails if the page or the readings did not arrive. Use
// --forever to look at the page. Brings its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { randomUUID } from "node:crypto"
import * as Http from "node:http"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import * as Front from "./support/front.ts"
import { Machine } from "./support/machine.ts"
import * as Page from "./support/page.ts"
import { DatedReadingJson, type Settings } from "./support/reading.ts"
import * as Relay from "./support/relay.ts"

/** Other programs may use the same broker, so the readings need a topic of their own. */
const topic = `effect-mqtt/${randomUUID()}/readings`

/** Publishes five readings a second, without waiting for earlier acknowledgements. */
const publishReadings = Effect.gen(function*() {
  const machine = yield* Machine
  const mqtt = yield* MqttClient.MqttClient
  const publish = Effect.gen(function*() {
    const reading = yield* machine.read
    const json = yield* Schema.encodeEffect(DatedReadingJson)({ ...reading, at: Date.now() })
    yield* mqtt.publish(topic, json, { qos: 1 })
  })
  yield* Stream.tick("200 millis").pipe(Stream.mapEffect(() => publish, { concurrency: 100 }), Stream.runDrain)
})

/** Serves the page, and a way to the broker that the page can cut. Returns the URL. */
const serve = Effect.gen(function*() {
  const { url } = yield* Broker
  const { password, username } = new URL(Redacted.value(url))
  const settings: Settings = username === ""
    ? { topic }
    : { topic, username: decodeURIComponent(username), password: decodeURIComponent(password) }
  const page = yield* Page.bundle("browser-dashboard")
  const relay = yield* Relay.make(Redacted.value(url))
  const runFork = Effect.runForkWith(yield* Effect.context())
  const outage = Relay.outage(relay, { silence: "500 millis", refusal: "3 seconds" })

  const server = Http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost")
    if (pathname === "/settings.json") {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(settings))
    } else if (pathname === "/outage" && request.method === "POST") {
      runFork(Effect.andThen(outage, Effect.sync(() => response.writeHead(204).end())))
    } else {
      Page.answer(page, pathname, response)
    }
  })
  Front.webSocket(relay.url, server)
  return `127.0.0.1:${yield* Front.listen(server)}`
})

/** Does the work of a browser: loads the page and receives readings over its WebSocket. */
const visit = Effect.fnUntraced(function*(address: string, count: number) {
  const response = yield* Effect.promise(() => fetch(`http://${address}/`))
  yield* Example.expect(response.ok, `the page answers ${response.status}`)
  const { url } = yield* Broker
  const { password, username } = new URL(Redacted.value(url))
  const visitor = yield* Broker5.connect({
    url: `ws://${address}/mqtt`,
    username: username === "" ? undefined : decodeURIComponent(username),
    password: username === "" ? undefined : Redacted.make(decodeURIComponent(password))
  })
  const readings = yield* visitor.subscribe(topic, { qos: 1 })
  const seen = yield* Stream.runCount(Stream.take(readings, count))
  yield* Console.log(`The page was loaded, and ${seen} readings came over its WebSocket.`)
})

const program = Effect.gen(function*() {
  const { description } = yield* Broker
  const address = yield* serve
  yield* Console.log(`This machine's readings, through ${description}\n\n  http://${address}/\n`)
  yield* Effect.raceFirst(publishReadings, Example.isForever ? Effect.never : visit(address, 25))
})

program.pipe(
  Effect.scoped,
  Effect.timeout(Example.timeLimit),
  Effect.provide(Layer.mergeAll(
    Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer()),
    Machine.layer
  )),
  Example.quietly,
  NodeRuntime.runMain
)

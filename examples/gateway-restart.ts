// Shows a gateway that is killed while its readings wait for a broker: the next gateway delivers them, each once and in
// order. Ends by itself within seconds; fails if a reading is lost, comes twice or in another order. Brings its own
// broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Layer, Redacted, Stream } from "effect"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { MqttClient } from "../src/index.ts"
import { NodeMqtt, NodeMqttConfig } from "../src/node/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

const readings = { beforeTheKill: 20, afterTheRestart: 5 }

// ---------------------------------------------------------------------------
// The gateway: a process of its own
// ---------------------------------------------------------------------------

/** From the command line: the role of this process, and the topic of the readings. */
const [, , role, topic = ""] = process.argv

/** Publishes readings. Each is in the store when `publishAsync` has completed. */
const publish = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"], from: number, count: number) {
  for (let number = from; number < from + count; number++) {
    yield* Effect.asVoid(mqtt.publishAsync(topic, `${number}`, { qos: 2 }))
  }
  yield* say("gateway", `has accepted readings ${from} to ${from + count - 1}`)
})

/** The broker cannot be reached. The process dies in the middle of its work, without a word to anybody. */
const toBeKilled = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* publish(mqtt, 1, readings.beforeTheKill)
  process.kill(process.pid, "SIGKILL")
})

const restarted = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const { outboxMessages } = yield* mqtt.stats
  yield* say("gateway", `has started again, and finds ${outboxMessages} readings in its store`)
  yield* publish(mqtt, readings.beforeTheKill + 1, readings.afterTheRestart)
  yield* mqtt.flush
  yield* say("gateway", "has delivered everything")
})

/** Server, client identifier and store are in the environment: MQTT_URL, MQTT_CLIENT_ID, MQTT_STORE_PATH. */
const gatewayClient = NodeMqtt.layerConfig(
  NodeMqttConfig.merge(NodeMqttConfig.environment, {
    protocolVersion: Config.succeed("auto"),
    session: Config.succeed("persistent"),
    sessionExpiry: Config.succeed("1 minute"),
    initialConnection: Config.succeed("retry")
  })
)

// ---------------------------------------------------------------------------
// The rest of the world
// ---------------------------------------------------------------------------

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-gateway-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

/** Runs a gateway to its end, and returns how it ended: its exit code, or the signal. */
const runGateway = (
  role: "to-be-killed" | "restarted",
  { environment, topic }: { readonly topic: string; readonly environment: { readonly [name: string]: string } }
): Effect.Effect<number | string> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, [import.meta.filename, role, topic], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...environment }
    })
    child.once("exit", (exitCode, signal) => resume(Effect.succeed(signal ?? exitCode ?? 0)))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`A gateway that is killed with messages waiting, and ${description}\n`)
  const run = randomUUID()
  const relay = yield* Relay.make(Redacted.value(url))
  const gateway = {
    topic: `effect-mqtt/${run}/readings`,
    environment: {
      MQTT_URL: relay.url,
      MQTT_CLIENT_ID: `gateway${run.slice(0, 8)}`,
      MQTT_STORE_PATH: yield* temporaryFolder
    }
  }
  const station = yield* MqttClient.MqttClient
  const received = yield* station.subscribe(gateway.topic, { qos: 2 })

  yield* relay.cut
  yield* say("network", "is gone")
  const end = yield* runGateway("to-be-killed", gateway)
  yield* say("gateway", `has ended: ${end}`)
  yield* Example.expect(end === "SIGKILL", "it was to be killed")

  yield* relay.mend
  yield* say("network", "is back")
  const count = readings.beforeTheKill + readings.afterTheRestart
  yield* Example.expect((yield* runGateway("restarted", gateway)) === 0, "the restarted gateway failed")

  // This message arrives after all readings, so the check sees any that came twice.
  yield* station.publish(gateway.topic, "end", { qos: 2 })
  const texts = yield* received.pipe(
    Stream.map(({ text }) => text),
    Stream.takeWhile((text) => text !== "end"),
    Stream.runCollect
  )
  yield* say("station", `has received ${texts.length} readings: ${texts.join(" ")}`)
  const expected = Array.from({ length: count }, (_, index) => `${index + 1}`)
  yield* Example.expect(
    texts.join() === expected.join(),
    "they are not those that the gateway accepted, once and in order"
  )
})

const asGateway = role === "to-be-killed" ? toBeKilled : role === "restarted" ? restarted : undefined

if (asGateway === undefined) {
  program.pipe(
    Effect.scoped,
    // Three processes start one after the other, on a machine that may be busy.
    Example.isForever ? Effect.forever : Effect.timeout("60 seconds"),
    Effect.provide(Layer.provideMerge(Broker5.client({ protocolVersion: "auto" }), Broker5.layer())),
    Example.quietly,
    NodeRuntime.runMain
  )
} else asGateway.pipe(Effect.provide(gatewayClient), Example.quietly, NodeRuntime.runMain)

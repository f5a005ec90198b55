/**
 * Says how much a page loads for this library: minified by Vite, and with gzip.
 *
 * Each row is a page that connects, subscribes and publishes. The page with MQTT.js is built the same way, from its build
 * for browsers. `scripts/bundlers.ts` compares bundlers.
 * usage: node scripts/bundle-size.ts [--json]
 *
 * @since 0.1.0
 */
import * as path from "node:path"
import { gzipSync } from "node:zlib"
import * as Vite from "vite"
import { repository } from "./files.ts"

const ours = `
  import * as Effect from "effect/Effect"
  import * as Stream from "effect/Stream"
  import * as BrowserMqtt from "effect-mqtt/browser/BrowserMqtt"
  import * as MqttClient from "effect-mqtt/MqttClient"
  const program = Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const messages = yield* mqtt.subscribe("news", { qos: 1 })
    yield* mqtt.publish("news", "hello", { qos: 1 })
    yield* Stream.runForEach(messages, ({ text }) => Effect.sync(() => document.body.append(text)))
  })
  program.pipe(Effect.scoped, Effect.provide(BrowserMqtt.layer({ url: "/mqtt" })), Effect.runFork)
`

/** The same, with a store: accepted messages outlive the page. */
const withStore = ours
  .replace("import", "import * as BrowserMqttStore from \"effect-mqtt/browser/BrowserMqttStore\"\n  import")
  .replace("url: \"/mqtt\"", "url: \"/mqtt\", clientId: \"page\", store: BrowserMqttStore.layer()")

const publishing = `
  import * as Effect from "effect/Effect"
  import * as BrowserMqttPublisher from "effect-mqtt/browser/BrowserMqttPublisher"
  import * as MqttPublisher from "effect-mqtt/MqttPublisher"
  const program = Effect.gen(function*() {
    const mqtt = yield* MqttPublisher.MqttPublisher
    yield* mqtt.publish("news", "hello", { qos: 1 })
  })
  program.pipe(Effect.provide(BrowserMqttPublisher.layer({ url: "/mqtt" })), Effect.runFork)
`

const subscribing = `
  import * as Effect from "effect/Effect"
  import * as Stream from "effect/Stream"
  import * as BrowserMqttSubscriber from "effect-mqtt/browser/BrowserMqttSubscriber"
  import * as MqttSubscriber from "effect-mqtt/MqttSubscriber"
  const program = Effect.gen(function*() {
    const mqtt = yield* MqttSubscriber.MqttSubscriber
    yield* Stream.runForEach(mqtt.messages("news"), ({ text }) => Effect.sync(() => document.body.append(text)))
  })
  program.pipe(Effect.provide(BrowserMqttSubscriber.layer({ url: "/mqtt" })), Effect.runFork)
`

/** The parts of Effect that any page of Effect has. */
const effect = `
  import * as Effect from "effect/Effect"
  import * as Stream from "effect/Stream"
  const program = Stream.runForEach(Stream.tick("1 second"), () => Effect.sync(() => document.body.append("tick")))
  program.pipe(Effect.scoped, Effect.runFork)
`

/** The least that a page of Effect can be. */
const smallest = `
  import * as Effect from "effect/Effect"
  Effect.runFork(Effect.succeed(1))
`

const peer = `
  import mqtt from "mqtt"
  const client = mqtt.connect("/mqtt", { protocolVersion: 5 })
  client.on("message", (_topic, payload) => document.body.append(payload.toString()))
  client.subscribe("news", { qos: 1 }, () => client.publish("news", "hello", { qos: 1 }))
`

interface Row {
  readonly name: string
  readonly program: string
  /** Modules that are not counted. */
  readonly external: ReadonlyArray<RegExp>
}

const rows: ReadonlyArray<Row> = [
  { name: "effect-mqtt and effect", program: ours, external: [] },
  { name: "effect-mqtt alone", program: ours, external: [/^effect(\/|$)/] },
  { name: "effect alone: Effect and Stream", program: effect, external: [] },
  { name: "MQTT.js", program: peer, external: [] },
  { name: "effect-mqtt and effect, with a store", program: withStore, external: [] },
  { name: "effect-mqtt and effect, publishing only", program: publishing, external: [] },
  { name: "effect-mqtt and effect, subscribing only", program: subscribing, external: [] }
]

const page = "virtual:page"

const plugin = (program: string): Vite.Plugin => ({
  name: "page",
  resolveId: (id) => id === page ? id : undefined,
  load: (id) => id === page ? program : undefined
})

const source = path.join(repository, "src")

/** The code of the page, minified. */
const bundled = async ({ external, program }: Row): Promise<string> => {
  const output = await Vite.build({
    root: repository,
    configFile: false,
    logLevel: "error",
    publicDir: false,
    resolve: {
      alias: [
        { find: /^effect-mqtt\/(.+)$/, replacement: path.join(source, "$1.ts") }
      ]
    },
    build: { write: false, modulePreload: false, rolldownOptions: { input: page, external: [...external] } },
    plugins: [plugin(program)]
  })
  const outputs = Array.isArray(output) ? output : [output]
  return outputs.flatMap((one) => "output" in one ? one.output : [])
    .map((output) => output.type === "chunk" ? output.code : "")
    .join("\n")
}

/**
 * The programs of the pages that are compared between bundlers.
 *
 * @since 0.2.0
 * @category checks
 */
export const programs = { whole: ours, publishing, subscribing, "MQTT.js": peer, smallest } as const

/**
 * The page of a row of the table, as it was built.
 *
 * @since 0.1.0
 * @category checks
 */
export interface Page {
  readonly name: string
  /** Minified. */
  readonly code: string
  /** Bytes. */
  readonly minified: number
  /** Bytes. */
  readonly gzipped: number
}

/**
 * The pages whose sizes are compared: ours with and without `effect`, `effect` alone, MQTT.js, and ours with a store,
 * publishing only, and subscribing only.
 *
 * @since 0.1.0
 * @category checks
 */
export const pages = (): Promise<ReadonlyArray<Page>> =>
  Promise.all(rows.map(async (row) => {
    const code = await bundled(row)
    const { length } = gzipSync(code, { level: 9 })
    return { name: row.name, code, minified: Buffer.byteLength(code), gzipped: length }
  }))

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`.padStart(12)

if (import.meta.main) {
  const built = await pages()
  if (process.argv.includes("--json")) {
    const sizes = built.map(({ gzipped, minified, name }) => ({ name, minified, gzipped }))
    console.log(JSON.stringify(sizes, undefined, 2))
  } else {
    const width = Math.max(...built.map(({ name }) => name.length))
    console.log(`${"".padEnd(width)}${"minified".padStart(12)}${"gzip".padStart(12)}`)
    for (const { gzipped, minified, name } of built) {
      console.log(`${name.padEnd(width)}${kilobytes(minified)}${kilobytes(gzipped)}`)
    }
  }
}

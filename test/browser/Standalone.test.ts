/**
 * The client in one file, in a page without a bundler.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Standalone from "../../scripts/standalone.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Puppeteer from "./Puppeteer.ts"
import * as Site from "./Site.ts"

const program = (url: string) => `
  import { BrowserMqtt, Effect, MqttClient, Stream } from "./standalone.js"
  const program = Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const messages = yield* mqtt.subscribe("news/#", { qos: 1 })
    yield* mqtt.publish("news/today", "hello", { qos: 1 })
    yield* Stream.runForEach(messages, ({ text }) => Effect.sync(() => { document.title = text }))
  })
  program.pipe(Effect.scoped, Effect.provide(BrowserMqtt.layer({ url: "${url}" })), Effect.runFork)
`

const timeout = 120_000

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([requirement], `a page without a bundler in ${name}`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      it.effect("loads one file, and subscribes and publishes", () =>
        Effect.gen(function*() {
          const broker = yield* MemoryBroker.make()
          const { url } = yield* listeners.listenWith(broker, "ws")
          const { code } = yield* Effect.promise(Standalone.build)
          const site = yield* Site.ofFile(code, program(url))
          const page = yield* Puppeteer.open(site.url)
          yield* Effect.promise(() => page.waitForFunction(() => document.title === "hello", { timeout: 40_000 }))
          assert.deepStrictEqual(site.requested.filter((path) => path !== "/favicon.ico"), ["/", "/standalone.js"])
        }).pipe(Effect.scoped), timeout)
    })
  })
}

/**
 * Two tabs, each with its own client and both with one Client Identifier, in every browser there is: the behaviour that
 * docs/recovery.md describes for two clients with one identifier, and mosquitto's own.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type * as puppeteer from "puppeteer-core"
import { MemoryBroker } from "../../src/testing/index.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Puppeteer from "./Puppeteer.ts"
import * as Site from "./Site.ts"

const rounds = Number(process.env.MQTT_ROUNDS ?? 1)
const timeout = 120_000 + rounds * 60_000

const mosquitto: Mosquitto.Options = {
  listeners: { ws: ["allow_anonymous true", "protocol websockets"] }
}

/** A tab that is not seen has no frames, so nothing here waits for one. */
const polling = "mutation"

/** Completes when these have been among the states of the client, in this order. */
const has = (page: puppeteer.Page, ...states: ReadonlyArray<string>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    page.waitForFunction(
      (states) => new RegExp(states).test(document.title),
      { timeout: 40_000, polling },
      states.join(" .*")
    )
  )

const lastOf = (page: puppeteer.Page): Effect.Effect<string | undefined> =>
  Effect.promise(async () => (await page.title()).split(" ").at(-1))

const addressOf = ({ url }: Site.Site, options: object): string =>
  `${url}#${encodeURIComponent(JSON.stringify(options))}`

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([requirement], `two tabs of ${name} with one identifier, and a broker that says so`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      it.effect("the first closes with SessionTakenOver and stays closed", () =>
        Effect.gen(function*() {
          const { url } = yield* listeners.listenWith(yield* MemoryBroker.make(), "ws")
          const site = yield* Site.builtModule("StatePage.ts")
          for (let round = 0; round < rounds; round++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const address = addressOf(site, { url, clientId: `taken-${round}`, protocolVersion: "5.0" })
              const first = yield* Puppeteer.open(address)
              yield* has(first, "Connected")
              const second = yield* Puppeteer.open(address)
              yield* has(second, "Connected")
              yield* has(first, "Connected", "SessionTakenOver")
              // It does not come back, also if the browser says that there is a network again.
              yield* Effect.promise(() => first.evaluate(() => void globalThis.dispatchEvent(new Event("online"))))
              const third = yield* Puppeteer.open(addressOf(site, { url, clientId: `other-${round}` }))
              yield* has(third, "Connected")
              assert.deepStrictEqual([yield* lastOf(first), yield* lastOf(second)], ["SessionTakenOver", "Connected"])
            }))
          }
        }).pipe(Effect.scoped), timeout)
    })
  })

  suiteWith([Mosquitto.requirement, requirement], `two tabs of ${name} with one identifier, and mosquitto`, () => {
    it.layer(Layer.merge(Mosquitto.layer(mosquitto), layer), { excludeTestServices: true, timeout })((it) => {
      for (const protocolVersion of ["3.1.1", "5.0"]) {
        it.effect(
          `in ${protocolVersion} it hangs up without a word, so they push each other out`,
          () =>
            Effect.gen(function*() {
              const { port } = yield* Mosquitto.Listeners
              const site = yield* Site.builtModule("StatePage.ts")
              for (let round = 0; round < rounds; round++) {
                yield* Effect.scoped(Effect.gen(function*() {
                  const clientId = `pushed-${protocolVersion}-${round}`
                  const url = `ws://127.0.0.1:${port("ws")}`
                  const address = addressOf(site, { url, clientId, protocolVersion })
                  const first = yield* Puppeteer.open(address)
                  yield* has(first, "Connected")
                  const second = yield* Puppeteer.open(address)
                  yield* has(first, "Connected", "ConnectionLost", "Connected", "ConnectionLost")
                  yield* has(second, "Connected", "ConnectionLost", "Connected")
                }))
              }
            }).pipe(Effect.scoped),
          timeout
        )
      }
    })
  })
}

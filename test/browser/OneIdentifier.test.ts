/**
 * Two tabs with a client each and one Client Identifier, in every browser there is, against mosquitto: what
 * docs/recovery.md says of two clients with one identifier.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type * as puppeteer from "puppeteer-core"
import * as Mosquitto from "../brokers/Mosquitto.ts"
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

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([Mosquitto.requirement, requirement], `two tabs of ${name} with one identifier`, () => {
    it.layer(Layer.merge(Mosquitto.layer(mosquitto), layer), { excludeTestServices: true, timeout })((it) => {
      const opened = Effect.fnUntraced(function*(site: Site.Site, options: object) {
        const { port } = yield* Mosquitto.Listeners
        const given = { url: `ws://127.0.0.1:${port("ws")}`, ...options }
        return yield* Puppeteer.open(`${site.url}#${encodeURIComponent(JSON.stringify(given))}`)
      })

      it.effect("in 5.0 the first closes with SessionTakenOver and stays closed", () =>
        Effect.gen(function*() {
          const site = yield* Site.builtModule("StatePage.ts")
          for (let round = 0; round < rounds; round++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const options = { clientId: `taken-${round}`, protocolVersion: "5.0" }
              const first = yield* opened(site, options)
              yield* has(first, "Connected")
              const second = yield* opened(site, options)
              yield* has(second, "Connected")
              yield* has(first, "Connected", "SessionTakenOver")
              // It does not come back, also if the page says that there is a network again.
              yield* Effect.promise(() => first.evaluate(() => void globalThis.dispatchEvent(new Event("online"))))
              const third = yield* opened(site, { ...options, clientId: `other-${round}` })
              yield* has(third, "Connected")
              assert.strictEqual(yield* lastOf(first), "SessionTakenOver")
              assert.strictEqual(yield* lastOf(second), "Connected")
            }))
          }
        }).pipe(Effect.scoped), timeout)

      it.effect("in 3.1.1 they push each other out", () =>
        Effect.gen(function*() {
          const site = yield* Site.builtModule("StatePage.ts")
          for (let round = 0; round < rounds; round++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const options = { clientId: `pushed-${round}`, protocolVersion: "3.1.1" }
              const first = yield* opened(site, options)
              yield* has(first, "Connected")
              const second = yield* opened(site, options)
              yield* has(first, "Connected", "ConnectionLost", "Connected", "ConnectionLost")
              yield* has(second, "Connected", "ConnectionLost", "Connected")
            }))
          }
        }).pipe(Effect.scoped), timeout)
    })
  })
}

/**
 * The dashboard in Chromium: its charts move, an outage shows, and missed readings fill in.
 */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Chromium from "../browser/Chromium.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Dashboard from "./Dashboard.ts"
import { until } from "./Scenes.ts"

const timeout = 120_000

const number = (id: string): string => `Number(document.querySelector("#${id}").textContent)`
const lines = "[...document.querySelectorAll(\".chart .line\")].map((line) => line.getAttribute(\"d\"))"
const band = "document.querySelector(\".chart .outage\")"

suiteWith([Chromium.requirement], "examples/browser-dashboard.ts", () => {
  it.layer(Chromium.layer, { excludeTestServices: true, timeout })((it) => {
    it.effect(
      "charts move, an outage shows, nothing of it is lost",
      () =>
        Effect.gen(function*() {
          const url = yield* Dashboard.url
          const page = yield* Chromium.open(url)
          yield* Effect.promise(() => page.playwright.setViewportSize({ width: 1100, height: 760 }))
          yield* page.shows("#state", "Connected")
          yield* page.shows("#details", /^MQTT 5\.0 over WebSocket, as dashboard-/)
          yield* until(page, `${lines}.length === 4 && ${lines}.every((line) => line !== null && line.length > 20)`)
          const before = yield* Effect.promise(() => page.playwright.evaluate<ReadonlyArray<string>>(lines))
          yield* until(page, `${lines}.every((line, index) => line !== ${JSON.stringify(before)}[index])`)
          yield* until(page, `${number("received")} >= 10`)
          assert.isNull(yield* Effect.promise(() => page.playwright.evaluate(band)))

          yield* Effect.promise(() => page.playwright.locator("#cut").click())
          yield* page.shows("#state", /^Disconnected/)
          yield* page.shows("#outages", "1")
          yield* until(page, `${band} !== null`)
          const missed = yield* Effect.promise(() => page.playwright.evaluate<number>(number("received")))
          yield* until(page, "document.querySelector(\".chart .value\").textContent === \"0 /s\"")
          yield* page.shows("#state", "Connected")
          // Those of three seconds were queued.
          yield* until(page, `${number("received")} >= ${missed + 15}`)
          assert.deepStrictEqual(yield* page.texts("#lost"), ["0"])
          assert.deepStrictEqual(page.problems, [])
        }).pipe(Effect.scoped),
      timeout
    )
  })
})

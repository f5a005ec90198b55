/**
 * The dashboard in Chromium: its charts move, an outage shows, and what was missed fills in.
 *
 * With MQTT_SCREENSHOTS=1 it takes the pictures of docs/images as well, which takes half a minute longer.
 */
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import * as Chromium from "../browser/Chromium.ts"
import { suiteWith } from "../support/requirements.ts"

const timeout = 120_000
const takesScreenshots = process.env.MQTT_SCREENSHOTS === "1"

/** Runs until the scope ends; the URL of its page. */
const dashboard: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const { MQTT_URL: _, ...env } = process.env
      return spawn(process.execPath, [Path.join(repository, "examples", "browser-dashboard.ts"), "--forever"], {
        stdio: ["ignore", "pipe", "pipe"],
        env
      })
    }),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  let output = ""
  return yield* Effect.callback<string>((resume) => {
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
      const [url] = /http:\/\/[\d.:]+\//.exec(output) ?? []
      if (url !== undefined) resume(Effect.succeed(url))
    })
    child.stderr.on("data", (chunk) => output += String(chunk))
    child.once("exit", () => resume(Effect.die(new Error(output))))
  })
})

/** Completes when the page says so, in the page's own words. */
const until = ({ playwright }: Chromium.Page, condition: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    await playwright.waitForFunction(condition, undefined, { timeout: 60_000 })
  })

const screenshot = ({ playwright }: Chromium.Page, name: string, colorScheme: "light" | "dark" = "light") =>
  takesScreenshots
    ? Effect.promise(async () => {
      await playwright.emulateMedia({ colorScheme })
      await playwright.screenshot({ path: Path.join(repository, "docs", "images", `dashboard-${name}.png`) })
    })
    : Effect.void

const number = (id: string): string => `Number(document.querySelector("#${id}").textContent)`
const lines = "[...document.querySelectorAll(\".chart .line\")].map((line) => line.getAttribute(\"d\"))"
const band = "document.querySelector(\".chart .outage\")"

suiteWith([Chromium.requirement], "examples/browser-dashboard.ts", () => {
  it.layer(Chromium.layer, { excludeTestServices: true, timeout })((it) => {
    it.effect(
      "charts move, an outage shows, nothing of it is lost",
      () =>
        Effect.gen(function*() {
          const url = yield* dashboard
          const page = yield* Chromium.open(url)
          yield* Effect.promise(() => page.playwright.setViewportSize({ width: 1100, height: 760 }))
          yield* page.shows("#state", "Connected")
          yield* page.shows("#details", /^MQTT 5\.0 over WebSocket, as dashboard-/)
          yield* until(page, `${lines}.length === 4 && ${lines}.every((line) => line !== null && line.length > 20)`)
          const before = yield* Effect.promise(() => page.playwright.evaluate<ReadonlyArray<string>>(lines))
          yield* until(page, `${lines}.every((line, index) => line !== ${JSON.stringify(before)}[index])`)
          yield* until(page, `${number("received")} >= ${takesScreenshots ? 110 : 10}`)
          assert.isNull(yield* Effect.promise(() => page.playwright.evaluate(band)))

          yield* Effect.promise(() => page.playwright.locator("#cut").click())
          yield* page.shows("#state", /^Disconnected/)
          yield* page.shows("#outages", "1")
          yield* until(page, `${band} !== null`)
          const missed = yield* Effect.promise(() => page.playwright.evaluate<number>(number("received")))
          yield* until(page, "document.querySelector(\".chart .value\").textContent === \"0 /s\"")
          if (takesScreenshots) yield* until(page, `Number(${band}.getAttribute("width")) > 40`)
          yield* screenshot(page, "outage")
          yield* page.shows("#state", "Connected")
          // Those of three seconds were queued.
          yield* until(page, `${number("received")} >= ${missed + 15}`)
          assert.deepStrictEqual(yield* page.texts("#lost"), ["0"])
          if (takesScreenshots) yield* until(page, `${number("received")} >= ${missed + 55}`)
          yield* screenshot(page, "light")
          yield* screenshot(page, "dark", "dark")
          assert.deepStrictEqual(page.problems, [])
        }).pipe(Effect.scoped),
      timeout
    )
  })
})

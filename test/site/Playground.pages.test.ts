/**
 * The playground in Chromium: each scenario to its end with the counts that it has on a TestClock in Node, the address of
 * a run, the controls, and the test that is saved.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Address from "../../site/playground/Address.ts"
import { fileOf } from "../../site/playground/exported.ts"
import * as Outcome from "../../site/playground/Outcome.ts"
import { run } from "../../site/playground/run.ts"
import { startOf } from "../../site/playground/scenarios.ts"
import { fields, type Setting } from "../../site/playground/Setting.ts"
import { explain } from "../../site/playground/words.ts"
import * as Chromium from "../browser/Chromium.ts"
import { suiteWith } from "../support/requirements.ts"
import { versions } from "../support/versions.ts"
import * as BuiltSite from "./BuiltSite.ts"

/** The build takes a minute. */
const timeout = 300_000

const inNode = Effect.fnUntraced(function*(setting: Setting) {
  const record = yield* run(setting)
  const outcome = Outcome.of(record)
  return { counts: outcome.counts, sentences: explain(outcome, setting), test: fileOf(record, outcome) }
})

/** The playground with this query, once it has run. */
const open = Effect.fnUntraced(function*(query: string) {
  const { url } = yield* BuiltSite.BuiltSite
  const page = yield* Chromium.open(`${url}docs/playground.html${query === "" ? "" : `?${query}`}`)
  yield* Effect.promise(() => page.playwright.locator("dl.counts").waitFor())
  return page
})

const press = ({ playwright }: Chromium.Page, control: string) =>
  Effect.promise(() => playwright.locator(`[data-control="${control}"]`).click())

/** Moves the slider, as arrow keys do. */
const moveTo = ({ playwright }: Chromium.Page, milliseconds: number) =>
  Effect.promise(() => playwright.locator("#playground-time").fill(`${milliseconds}`))

const timeOf = ({ playwright }: Chromium.Page) =>
  Effect.promise(async () => Number.parseFloat((await playwright.locator("output").textContent()) ?? ""))

/** The counts as they are shown. A count that is not shown is 0. */
const countsOf = ({ playwright }: Chromium.Page) =>
  Effect.map(
    Effect.promise(() =>
      playwright.locator("[data-count]").evaluateAll((cells) =>
        cells.map((cell) => [cell.getAttribute("data-count"), Number(cell.textContent)])
      )
    ),
    (shown): Record<string, number> => ({ putAside: 0, ...Object.fromEntries(shown) })
  )

const sentencesOf = (page: Chromium.Page) => page.texts(".result li")

/** The list of moments, in one line each. */
const shownLog = (page: Chromium.Page) =>
  Effect.map(page.texts(".log li"), (lines) => lines.map((line) => line.replace(/\s+/g, " ").trim()))

/** Everything that a reader sees of a run at its end. */
const seen = Effect.fnUntraced(function*(page: Chromium.Page) {
  const log = yield* page.texts(".log li")
  const messages = yield* Effect.promise(() =>
    page.playwright.locator(".messages li").evaluateAll((items) => items.map((item) => item.getAttribute("title")))
  )
  return { counts: yield* countsOf(page), sentences: yield* sentencesOf(page), log, messages }
})

suiteWith([Chromium.requirement], "the playground", () => {
  it.layer(Layer.merge(BuiltSite.layer, Chromium.layer), { excludeTestServices: true, timeout })((it) => {
    const settings = fields.scenario.schema.literals.flatMap((scenario) =>
      versions.map((version): Setting => ({ ...startOf(scenario), version }))
    )
    it.effect.each(settings)(
      "runs $scenario in $version as Node does, from the start to the end",
      (setting) =>
        Effect.gen(function*() {
          const page = yield* open(Address.write(setting))
          const expected = yield* inNode(setting)
          const atOnce = yield* seen(page)
          yield* press(page, "start")
          assert.deepStrictEqual(yield* countsOf(page), {
            ...expected.counts,
            published: 0,
            handled: 0,
            repeated: 0,
            putAside: 0,
            failed: 0,
            waiting: 0,
            lost: 0
          })
          yield* press(page, "end")
          assert.deepStrictEqual(yield* seen(page), atOnce)
          assert.deepStrictEqual(atOnce.counts, { ...expected.counts })
          assert.deepStrictEqual(atOnce.sentences, expected.sentences)
          assert.strictEqual((yield* page.texts("pre.test")).join(""), expected.test)
          assert.deepStrictEqual(page.problems, [])
        })
    )

    it.effect("plays to the end, and pauses and steps in between", () =>
      Effect.gen(function*() {
        const page = yield* open("scenario=restart")
        const whole = yield* seen(page)
        yield* press(page, "start")
        assert.deepStrictEqual(yield* shownLog(page), [
          "0.00 s The station connects and subscribes.",
          "0.00 s station connects"
        ])
        yield* press(page, "step")
        const stepped = yield* shownLog(page)
        assert.include(stepped.at(-1), "0.08 s station → broker: CONNECT")
        yield* Effect.promise(() => page.playwright.locator("#playground-speed").selectOption("16"))
        yield* press(page, "play")
        yield* page.shows("[data-control=play]", /Pause/)
        yield* Effect.promise(() =>
          page.playwright.waitForFunction(() =>
            Number.parseFloat(document.querySelector("output")?.textContent ?? "") > 2
          )
        )
        yield* press(page, "play")
        yield* page.shows("[data-control=play]", /Play/)
        const paused = yield* timeOf(page)
        assert.isAbove(paused, 0.08)
        yield* press(page, "play")
        yield* page.shows(".result", /What became of the messages/)
        assert.deepStrictEqual(yield* seen(page), whole)
      }))

    it.effect("shows in the middle what has happened until then", () =>
      Effect.gen(function*() {
        const page = yield* open("scenario=outage")
        yield* moveTo(page, 10_000)
        const { handled, lost, published, waiting } = yield* countsOf(page)
        assert.deepStrictEqual({ handled, lost, published, waiting }, {
          published: 19,
          handled: 6,
          waiting: 13,
          lost: 0
        })
        yield* page.shows(".counts dt", "on their way")
      }))

    it.effect("writes every option into the address, and the address shows the same run anew", () =>
      Effect.gen(function*() {
        const page = yield* open("")
        const { playwright } = page
        const choose = (name: string, value: string) =>
          Effect.promise(() => playwright.locator(`#playground-${name}`).selectOption(value))
        yield* choose("scenario", "stall")
        yield* choose("qos", "2")
        yield* choose("session", "clean")
        yield* choose("reconnect", "five-seconds")
        yield* Effect.promise(async () => {
          await playwright.locator("summary").first().click()
          await playwright.locator("#playground-messages").fill("7")
          await playwright.locator("#playground-messages").press("Enter")
        })
        const chosen: Setting = {
          ...startOf("stall"),
          qos: 2,
          session: "clean",
          reconnect: "five-seconds",
          messages: 7
        }
        const { search } = new URL(playwright.url())
        assert.strictEqual(search, `?${Address.write(chosen)}`)
        const { counts } = yield* inNode(chosen)
        yield* page.shows("[data-count=published]", "7")
        const shown = yield* seen(page)
        assert.deepStrictEqual(shown.counts, { ...counts })

        const again = yield* open(search.slice(1))
        assert.deepStrictEqual(yield* seen(again), shown)
        assert.strictEqual(new URL(again.playwright.url()).search, search)
      }))

    it.effect("says what it cannot read in an address, and refuses a number out of bounds", () =>
      Effect.gen(function*() {
        const page = yield* open("scenario=outage&qos=9")
        yield* page.shows(".problems li", /“9” for “qos”, which takes one of 0, 1, 2. This page uses 1/)
        yield* Effect.promise(async () => {
          await page.playwright.locator("summary").first().click()
          await page.playwright.locator("#playground-messages").fill("999")
          await page.playwright.locator("#playground-messages").press("Enter")
        })
        yield* page.shows(".problems li", /“Messages” takes a whole number from 1 to 50/)
        const value = yield* Effect.promise(() => page.playwright.locator("#playground-messages").inputValue())
        assert.strictEqual(value, "20")
      }))

    it.effect("saves the run as a test", () =>
      Effect.gen(function*() {
        const page = yield* open("scenario=tab&store=none")
        const download = page.playwright.waitForEvent("download")
        yield* press(page, "save")
        const saved = yield* Effect.promise(() => download)
        assert.strictEqual(saved.suggestedFilename(), "tab.test.ts")
        const { test } = yield* inNode({ ...startOf("tab"), store: "none" })
        const path = yield* Effect.promise(() => saved.path())
        assert.strictEqual(Fs.readFileSync(path, "utf8"), test)
      }))
  })
})

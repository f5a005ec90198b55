/**
 * Every page of the site in Chromium, on a phone and on a desk, by day and by night: it complains of nothing, asks nobody
 * else, leads only to places that exist, and is not wider than the window.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Chromium from "../browser/Chromium.ts"
import * as Layout from "../browser/Layout.ts"
import { suiteWith } from "../support/requirements.ts"
import * as BuiltSite from "./BuiltSite.ts"

/** The build, and then some hundred visits in each view. */
const timeout = 600_000

interface Seen {
  readonly page: string
  readonly faults: ReadonlyArray<string>
  /** Where its links lead. */
  readonly links: ReadonlyArray<string>
  /** Where others may link to in it. */
  readonly anchors: ReadonlyArray<string>
}

/** Runs in the page. */
const look = (): Omit<Seen, "page"> => {
  const faults: Array<string> = []
  const view = document.documentElement
  if (view.scrollWidth > view.clientWidth) faults.push(`is ${view.scrollWidth} pixels wide`)
  for (const { complete, naturalWidth, src } of document.images) {
    if (!complete || naturalWidth === 0) faults.push(`has no picture ${src}`)
  }
  return {
    faults,
    links: [...document.querySelectorAll("a")].map(({ href }) => href),
    anchors: [...document.querySelectorAll("[id]")].map(({ id }) => id)
  }
}

/** Runs in the page: whether its program runs, and in this theme. */
const isReady = (theme: string): boolean =>
  "__vue_app__" in (document.querySelector("#app") ?? {}) &&
  document.documentElement.classList.contains("dark") === (theme === "dark")

/** Each page is loaded in the first view of a walk, and changes to the second. All pages, so, in all four. */
const walks: ReadonlyArray<ReadonlyArray<Layout.View>> = [
  [{ width: 375, theme: "light" }, { width: 375, theme: "dark" }],
  [{ width: 1280, theme: "dark" }, { width: 1280, theme: "light" }]
]

/** What these pages have in each view of a walk. */
const walk = Effect.fnUntraced(function*(pages: ReadonlyArray<string>, views: ReadonlyArray<Layout.View>) {
  const { url } = yield* BuiltSite.BuiltSite
  const tab = yield* Chromium.open(url)
  const { playwright, problems } = tab
  const requests: Array<string> = []
  playwright.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) requests.push(`asks for ${request.url()}`)
  })
  playwright.on("response", (response) => {
    if (response.status() >= 400) requests.push(`gets ${response.status()} for ${response.url()}`)
  })
  const seen: Array<Seen> = []
  for (const page of pages) {
    for (const [index, view] of views.entries()) {
      const before = problems.length
      yield* Layout.show(tab, view)
      if (index === 0) yield* Effect.promise(() => playwright.goto(`${url}${page}`))
      yield* Effect.promise(() => playwright.waitForFunction(isReady, view.theme))
      const found = yield* Effect.promise(() => playwright.evaluate(look))
      const faults = [...found.faults, ...problems.slice(before), ...requests.splice(0)]
        .map((fault) => `${page}, ${view.width} pixels, ${view.theme}: ${fault}`)
      seen.push({ ...found, page, faults })
    }
  }
  return seen
})

/** The links to places of the site that do not exist. */
const broken = (
  { files, url }: BuiltSite.BuiltSite["Service"],
  seen: ReadonlyArray<Seen>
): ReadonlyArray<string> => {
  const anchors = new Map(seen.map(({ anchors, page }) => [page, new Set(anchors)]))
  const exists = (link: string): boolean => {
    const { hash, pathname } = new URL(link)
    const page = decodeURI(pathname.slice(new URL(url).pathname.length)).replace(/(^|\/)$/, "$1index.html")
    return files.has(page) && (hash === "" || anchors.get(page)?.has(decodeURIComponent(hash.slice(1))) === true)
  }
  const found = seen.flatMap(({ links, page }) =>
    links.filter((link) => link.startsWith(url) && !exists(link)).map((link) => `${page} has a link to ${link}`)
  )
  return [...new Set(found)]
}

suiteWith([Chromium.requirement], "the site", () => {
  it.layer(Layer.merge(BuiltSite.layer, Chromium.layer), { excludeTestServices: true, timeout })((it) => {
    it.effect("shows every page on a phone and on a desk, by day and by night", () =>
      Effect.gen(function*() {
        const site = yield* BuiltSite.BuiltSite
        const pages = [...site.files].filter((file) => file.endsWith(".html"))
        assert.includeMembers(pages, ["index.html", "docs/index.html", "docs/guide.html", "docs/api/MqttClient.html"])
        const half = Math.ceil(pages.length / 2)
        const tabs = walks.flatMap((views) =>
          [pages.slice(0, half), pages.slice(half)].map((pages) => walk(pages, views))
        )
        const seen = (yield* Effect.all(tabs, { concurrency: "unbounded" })).flat()
        assert.deepStrictEqual([...seen.flatMap(({ faults }) => faults), ...broken(site, seen)], [])
        assert.strictEqual(seen.length, pages.length * 4)
      }), timeout)

    it.effect("leads from a type in a signature to its entry", () =>
      Effect.gen(function*() {
        const { url } = yield* BuiltSite.BuiltSite
        const { playwright } = yield* Chromium.open(`${url}docs/api/MqttClient.html`)
        yield* Effect.promise(async () => {
          await playwright.locator("pre a", { hasText: /^MqttError\.MqttError$/ }).first().click()
          await playwright.waitForURL("**/MqttError.html#mqtterror-1")
          await playwright.locator("h3#mqtterror-1").waitFor()
        })
      }))

    it.effect("finds what is searched for, without a server", () =>
      Effect.gen(function*() {
        const { url } = yield* BuiltSite.BuiltSite
        const { playwright, problems } = yield* Chromium.open(url)
        yield* Effect.promise(async () => {
          await playwright.locator(".VPNavBarSearch button").first().click()
          await playwright.locator("#localsearch-input").fill("dead letters")
          await playwright.locator(".result", { hasText: "Retries with dead letters" }).first().click()
          await playwright.waitForURL("**/docs/cookbook.html#retries-with-dead-letters")
        })
        assert.deepStrictEqual(problems, [])
      }))

    it.effect("shows pictures in the theme that its reader chose, whatever the system's is", () =>
      Effect.gen(function*() {
        const { url } = yield* BuiltSite.BuiltSite
        const { playwright } = yield* Chromium.open(`${url}docs/soak.html`)
        yield* Effect.promise(() => playwright.emulateMedia({ colorScheme: "light" }))
        const picture = playwright.locator("img").first()
        const light = yield* Effect.promise(() => picture.screenshot())
        yield* Effect.promise(() => playwright.locator(".VPSwitchAppearance").first().click())
        const dark = yield* Effect.promise(() => picture.screenshot())
        assert.notDeepEqual(dark, light)
      }))
  })
})

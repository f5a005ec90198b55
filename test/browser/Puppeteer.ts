/**
 * The Chromium and Firefox of the system, without a window, and pages in them: for tests of behaviour that both share.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as puppeteer from "puppeteer-core"
import type { Requirement } from "../support/requirements.ts"

export interface Kind {
  readonly name: "Chromium" | "Firefox"
  readonly requirement: Requirement
  readonly layer: Layer.Layer<Browser>
  /**
   * Holds back the timers of a page behind another one, as the browser does with a person before it: to one a second.
   * Chromium goes on to one a minute after so many seconds, 300 by default; Firefox does not.
   */
  readonly throttled: (graceSeconds: number) => Layer.Layer<Browser>
}

export class Browser extends Context.Service<Browser, puppeteer.Browser>()("test/Browser") {}

const find = (names: ReadonlyArray<string>): string | undefined =>
  [...(process.env.PATH ?? "").split(Path.delimiter), "/usr/bin"]
    .flatMap((folder) => names.map((name) => Path.join(folder, name)))
    .find((file) => Fs.existsSync(file))

const launched = (options: puppeteer.LaunchOptions): Layer.Layer<Browser> =>
  Layer.effect(
    Browser,
    Effect.acquireRelease(
      Effect.promise(() =>
        puppeteer.launch({ headless: true, timeout: 60_000, acceptInsecureCerts: true, ...options })
      ),
      (browser) => Effect.promise(() => browser.close())
    )
  )

const chromium = find(["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"])
const firefox = find(["firefox-esr", "firefox"])

const chromiumArguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

/** Puppeteer tells Chromium to treat every page as one in front. */
const treatedAsInFront = [
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding"
]

export const kinds: ReadonlyArray<Kind> = [
  {
    name: "Chromium",
    requirement: { name: "Chromium", packages: "chromium", isInstalled: () => chromium !== undefined },
    layer: launched({
      browser: "chrome",
      executablePath: chromium ?? "chromium",
      args: chromiumArguments
    }),
    throttled: (grace) =>
      launched({
        browser: "chrome",
        executablePath: chromium ?? "chromium",
        ignoreDefaultArgs: treatedAsInFront,
        args: [...chromiumArguments, `--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/${grace}`]
      })
  },
  {
    name: "Firefox",
    requirement: { name: "Firefox", packages: "firefox-esr", isInstalled: () => firefox !== undefined },
    layer: launched({ browser: "firefox", executablePath: firefox ?? "firefox-esr" }),
    throttled: () => launched({ browser: "firefox", executablePath: firefox ?? "firefox-esr" })
  }
]

/** Closes a page. One that closes by itself may be gone before the browser is asked. */
export const close = (page: puppeteer.Page): Effect.Effect<void> =>
  Effect.promise(() => page.isClosed() ? Promise.resolve() : page.close().catch(() => undefined))

/** Opens a page; it is closed with the scope, unless the test has closed it. */
export const open = (url: string): Effect.Effect<puppeteer.Page, never, Browser | Scope.Scope> =>
  Effect.gen(function*() {
    const browser = yield* Browser
    const page = yield* Effect.acquireRelease(Effect.promise(() => browser.newPage()), close)
    yield* Effect.promise(() => page.goto(url))
    return page
  })

/**
 * Chromium without a window, with a profile of its own, and pages in it.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { type BrowserContext, chromium, type Page as PlaywrightPage } from "playwright-core"
import type { Requirement } from "../support/requirements.ts"

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
const folders = [...(process.env.PATH ?? "").split(Path.delimiter), "/usr/bin"]
const executable = folders.flatMap((folder) => names.map((name) => Path.join(folder, name))).find((file) =>
  Fs.existsSync(file)
)

export const requirement: Requirement = {
  name: "Chromium",
  packages: "chromium",
  isInstalled: () => executable !== undefined
}

/** Nothing of its own over the network: it is here for what the page does. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** How long a page may take to show what it is to show. */
const deadline = 20_000

export class Chromium extends Context.Service<Chromium, BrowserContext>()("test/Chromium") {}

const profile = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-chromium-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
)

export const layer: Layer.Layer<Chromium> = Layer.effect(
  Chromium,
  Effect.flatMap(profile, (folder) =>
    Effect.acquireRelease(
      Effect.promise(() =>
        chromium.launchPersistentContext(folder, {
          executablePath: executable ?? "chromium",
          headless: true,
          args: flags,
          timeout: 60_000
        })
      ),
      (context) => Effect.promise(() => context.close())
    ))
)

export interface Page {
  readonly playwright: PlaywrightPage
  /** What nobody caught, and what the page said was wrong; not that a WebSocket could not be opened. */
  readonly problems: ReadonlyArray<string>
  /** Completes when the first element that matches has this text, all of it if it is a string. */
  readonly shows: (selector: string, text: string | RegExp) => Effect.Effect<void>
  /** The texts of all elements that match. */
  readonly texts: (selector: string) => Effect.Effect<ReadonlyArray<string>>
  /** Enters a line into the form. */
  readonly enter: (text: string) => Effect.Effect<void>
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Opens a page; it is closed with the scope. */
export const open = Effect.fnUntraced(function*(url: string): Effect.fn.Return<Page, never, Chromium | Scope.Scope> {
  const context = yield* Chromium
  const playwright = yield* Effect.acquireRelease(
    Effect.promise(() => context.newPage()),
    (page) => Effect.promise(() => page.close())
  )
  const problems: Array<string> = []
  playwright.on("pageerror", (error) => problems.push(error.message))
  playwright.on("console", (message) => {
    const text = message.text()
    if (message.type() === "error" && !text.startsWith("WebSocket connection to ")) problems.push(text)
  })
  yield* Effect.promise(() => playwright.goto(url, { timeout: deadline }))
  return {
    playwright,
    problems,
    shows: (selector, text) => {
      const hasText = typeof text === "string" ? new RegExp(`^${escaped(text)}$`) : text
      const element = playwright.locator(selector, { hasText }).first()
      return Effect.promise(() => element.waitFor({ timeout: deadline }))
    },
    texts: (selector) => Effect.promise(() => playwright.locator(selector).allTextContents()),
    enter: (text) =>
      Effect.promise(async () => {
        await playwright.locator("#text").fill(text)
        await playwright.locator("#text").press("Enter")
      })
  }
})

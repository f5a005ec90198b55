/**
 * The store of browsers, in Chromium: the promises of every store, and the effects of pages on each other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { BrowserMqttStore } from "../../src/browser/index.ts"
import * as Failures from "../../src/browser/internal/store/failures.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { StoreSuite } from "../../src/testing/index.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Chromium from "./Chromium.ts"
import * as Site from "./Site.ts"
import type { Outcome, StorePage } from "./StorePage.ts"

const timeout = 60_000

class Served extends Context.Service<Served, Site.Site>()("test/StoreSite") {
  static readonly layer = Layer.effect(Served, Site.ofModule("StorePage.ts"))
}

/** What a page does with its store, by the names of `StorePage`. */
type Call = <Name extends keyof StorePage>(
  name: Name,
  ...args: Parameters<StorePage[Name]>
) => Effect.Effect<Awaited<ReturnType<StorePage[Name]>>>

const callerOf = ({ playwright }: Chromium.Page): Call => (name, ...args) =>
  Effect.promise(() =>
    playwright.evaluate(([name, args]) => {
      const { storePage } = globalThis as unknown as { readonly storePage: Record<string, Function> }
      return storePage[name](...args)
    }, [name, args] as const)
  )

const loaded = (page: Chromium.Page) =>
  Effect.promise(() => page.playwright.waitForFunction("globalThis.storePage !== undefined"))

const open = (url: string) =>
  Effect.gen(function*() {
    const page = yield* Chromium.open(url)
    yield* loaded(page)
    return { page, call: callerOf(page) }
  })

const openPage: Effect.Effect<
  { readonly page: Chromium.Page; readonly call: Call },
  never,
  Served | Chromium.Chromium | Scope.Scope
> = Effect.flatMap(Served, ({ url }) => open(url))

const succeeded = <A>({ message, value }: Outcome<A>): A | undefined => {
  assert.isUndefined(message)
  return value
}

/** Runs in the page, where nothing of this file is. */
const evaluate = <A, B>(page: Chromium.Page, work: (argument: A) => B | Promise<B>, argument: A) =>
  Effect.promise(() => page.playwright.evaluate(work as never, argument))

let databases = 0

/** A database of the test's own. */
const named = () => ({ name: `test ${++databases}` })

class SuitePage extends Context.Service<SuitePage, { readonly call: Call }>()("test/SuitePage") {
  static readonly layer = Layer.effect(SuitePage, openPage)
}

const pages = Layer.merge(Chromium.layer, Served.layer)

suiteWith([Chromium.requirement], "BrowserMqttStore in Chromium", () => {
  it.layer(Layer.provideMerge(SuitePage.layer, pages), { excludeTestServices: true, timeout })((it) => {
    const names = StoreSuite.checks(Effect.map(MqttStore.makeMemory, (store) => Effect.succeed(store)))
    for (const { name } of names) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const { call } = yield* SuitePage
          assert.strictEqual((yield* call("check", name)) ?? "kept", "kept")
        }), timeout)
    }

    it.effect("records are there when the page was closed and is opened again", () =>
      Effect.gen(function*() {
        for (const sync of ["normal", "full"] as const) {
          const options = { ...named(), sync }
          yield* Effect.scoped(Effect.gen(function*() {
            const { call } = yield* openPage
            succeeded(yield* call("open", "form", options))
            succeeded(yield* call("commit", 1, ["one", "two"]))
          }))
          const { call } = yield* openPage
          succeeded(yield* call("open", "form", options))
          assert.deepStrictEqual(succeeded(yield* call("read")), ["1: one", "2: two"])
        }
      }).pipe(Effect.scoped), timeout)

    it.effect(
      "they are there when the page is loaded again, and its earlier life does not have them in use",
      () =>
        Effect.gen(function*() {
          const options = named()
          const { call, page } = yield* openPage
          for (let life = 1; life <= 5; life++) {
            succeeded(yield* call("open", "form", options))
            succeeded(yield* call("commit", life, [`of life ${life}`]))
            assert.lengthOf(succeeded(yield* call("read")) ?? [], life)
            yield* Effect.promise(() => page.playwright.reload())
            yield* loaded(page)
          }
          assert.deepStrictEqual(page.problems, [])
        }).pipe(Effect.scoped),
      timeout
    )

    it.effect(
      "a second page gets InUse while the first is there, and the store afterwards",
      () =>
        Effect.gen(function*() {
          const options = named()
          const second = yield* openPage
          yield* Effect.scoped(Effect.gen(function*() {
            const first = yield* openPage
            succeeded(yield* first.call("open", "form", options))
            succeeded(yield* first.call("commit", 1, ["of the first"]))
            const refused = yield* second.call("open", "form", options)
            assert.strictEqual(refused.problem, "open InUse")
            assert.include(refused.message, "another tab")
            succeeded(yield* second.call("open", "another form", options))
            assert.deepStrictEqual(succeeded(yield* second.call("read")), [])
            succeeded(yield* first.call("commit", 2, ["after that"]))
          }))
          succeeded(yield* second.call("open", "form", options))
          assert.deepStrictEqual(succeeded(yield* second.call("read")), ["1: of the first", "2: after that"])
        }).pipe(Effect.scoped),
      timeout
    )

    it.effect("a page that crashes leaves its records, and frees them", () =>
      Effect.gen(function*() {
        const options = named()
        const first = yield* openPage
        succeeded(yield* first.call("open", "form", options))
        succeeded(yield* first.call("commit", 1, ["one"]))
        yield* Effect.promise(() => first.page.playwright.goto("chrome://crash").catch(() => {}))
        const second = yield* openPage
        succeeded(yield* second.call("open", "form", options))
        assert.deepStrictEqual(succeeded(yield* second.call("read")), ["1: one"])
      }).pipe(Effect.scoped), timeout)

    it.effect("a lock that is stolen closes the store of the one who had it", () =>
      Effect.gen(function*() {
        const options = named()
        const { call, page } = yield* openPage
        succeeded(yield* call("open", "form", options))
        yield* evaluate(page, async () => {
          const [lock] = (await navigator.locks.query()).held ?? []
          await navigator.locks.request(lock?.name ?? "", { steal: true }, () => {})
        }, undefined)
        assert.strictEqual((yield* call("commit", 1, ["one"])).problem, "write Closed")
      }).pipe(Effect.scoped), timeout)

    it.effect("closed, it says so", () =>
      Effect.gen(function*() {
        const { call } = yield* openPage
        succeeded(yield* call("open", "form", named()))
        yield* call("close")
        assert.strictEqual((yield* call("commit", 1, ["one"])).problem, "write Closed")
        assert.strictEqual((yield* call("read")).problem, "read Closed")
      }).pipe(Effect.scoped), timeout)

    it.effect("who deletes the database is not held up, and the store is closed", () =>
      Effect.gen(function*() {
        const { name } = named()
        const { call, page } = yield* openPage
        succeeded(yield* call("open", "form", { name }))
        const event = yield* evaluate(page, (name: string) =>
          new Promise<string>((resolve) => {
            const request = indexedDB.deleteDatabase(name)
            for (const event of ["success", "blocked", "error"]) request.addEventListener(event, () => resolve(event))
          }), name)
        assert.strictEqual(event, "success")
        assert.strictEqual((yield* call("commit", 1, ["one"])).problem, "write Closed")
      }).pipe(Effect.scoped), timeout)

    it.effect(
      "a database of a newer version: NewerFormat; one of something else: Corrupt",
      () =>
        Effect.gen(function*() {
          const { call, page } = yield* openPage
          for (const [version, problem] of [[2, "open NewerFormat"], [1, "open Corrupt"]] as const) {
            const { name } = named()
            yield* evaluate(page, ({ name, version }: { readonly name: string; readonly version: number }) =>
              new Promise<void>((resolve) => {
                const request = indexedDB.open(name, version)
                request.addEventListener("success", () => {
                  request.result.close()
                  resolve()
                })
              }), { name, version })
            assert.strictEqual((yield* call("open", "form", { name })).problem, problem)
          }
        }).pipe(Effect.scoped),
      timeout
    )

    it.effect("records that are none of a store: Corrupt", () =>
      Effect.gen(function*() {
        const { name } = named()
        const { call, page } = yield* openPage
        succeeded(yield* call("open", "form", { name }))
        succeeded(yield* call("commit", 1, ["one"]))
        yield* evaluate(page, (name: string) =>
          new Promise<void>((resolve) => {
            const request = indexedDB.open(name)
            request.addEventListener("success", () => {
              const transaction = request.result.transaction("message", "readwrite")
              transaction.objectStore("message").put("a text", ["form", 2])
              transaction.addEventListener("complete", () => resolve())
            })
          }), name)
        assert.strictEqual((yield* call("read")).problem, "read Corrupt")
      }).pipe(Effect.scoped), timeout)

    it.effect("no room: Full, and nothing of that commit is there", () =>
      Effect.gen(function*() {
        // Chromium remembers for a while how much room a site had: this one has never had more.
        const { url } = yield* Site.ofModule("StorePage.ts")
        const { call, page } = yield* open(url)
        const session = yield* Effect.promise(() => page.playwright.context().newCDPSession(page.playwright))
        const { origin } = new URL(url)
        yield* Effect.promise(() => session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 100_000 }))
        succeeded(yield* call("open", "form", named()))
        succeeded(yield* call("commit", 1, ["one"]))
        // Chromium compresses what it stores.
        const large = ["two", randomBytes(1_000_000).toString("hex")]
        assert.strictEqual((yield* call("commit", 2, large)).problem, "write Full")
        assert.deepStrictEqual(succeeded(yield* call("read")), ["1: one"])
      }).pipe(Effect.scoped), timeout)

    it.effect("a page over http: from elsewhere has no locks, and gets no store", () =>
      Effect.gen(function*() {
        const { url } = yield* Served
        const context = yield* Chromium.Chromium
        const elsewhere = "http://gateway.example/"
        yield* Effect.promise(() =>
          context.route(`${elsewhere}**`, async (route) => {
            const response = await fetch(new URL(new URL(route.request().url()).pathname, url))
            const contentType = response.headers.get("content-type") ?? ""
            await route.fulfill({ status: response.status, contentType, body: await response.text() })
          })
        )
        const { call } = yield* open(elsewhere)
        const refused = yield* call("open", "form", named())
        assert.strictEqual(refused.problem, "open Unavailable")
        assert.include(refused.message, "https")
      }).pipe(Effect.scoped), timeout)

    it.effect("asks to keep the data only when it is told to, and waits for no answer", () =>
      Effect.gen(function*() {
        const { call, page } = yield* openPage
        yield* evaluate(page, () => {
          Object.assign(globalThis, { asked: 0 })
          navigator.storage.persist = () => {
            Object.assign(globalThis, { asked: 1 })
            return new Promise(() => {})
          }
        }, undefined)
        const asked = evaluate(page, () => Object.getOwnPropertyDescriptor(globalThis, "asked")?.value, undefined)
        succeeded(yield* call("open", "form", named()))
        assert.strictEqual(yield* asked, 0)
        succeeded(yield* call("open", "form", { ...named(), persist: true }))
        assert.strictEqual(yield* asked, 1)
      }).pipe(Effect.scoped), timeout)
  })
})

describe("BrowserMqttStore", () => {
  it.effect("options that cannot work: InvalidOptions; where there are no databases: Unavailable", () =>
    Effect.gen(function*() {
      const wrong: ReadonlyArray<readonly [option: string, options: unknown]> = [
        ["name", { name: "" }],
        ["sync", { sync: "strict" }],
        ["persist", { persist: "always" }],
        ["path", { path: "/var/lib/form" }],
        ["synch", { synch: "full" }],
        ["options", "form"],
        ["options", null]
      ]
      for (const [option, options] of wrong) {
        const { reason } = yield* Effect.flip(BrowserMqttStore.make(options as BrowserMqttStore.Options))
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, option)
        if (option === "synch") assert.include(reason.message, "did you mean `sync`?")
      }
      const store = yield* BrowserMqttStore.make()
      assert.strictEqual(store.name, "IndexedDB effect-mqtt")
      const { reason } = yield* Effect.flip(Effect.scoped(store.open("form")))
      assert.strictEqual(reason._tag === "StoreFailed" && reason.problem, "Unavailable")
    }))

  it.each(
    [
      ["open", "VersionError", "NewerFormat"],
      ["open", "UnknownError", "Unavailable"],
      ["open", "SecurityError", "Unavailable"],
      ["open", "NotAllowedError", "Unavailable"],
      // A private window of older browsers.
      ["open", "InvalidStateError", "Unavailable"],
      ["open", "QuotaExceededError", "Full"],
      ["read", "InvalidStateError", "Closed"],
      ["read", "NotReadableError", "Corrupt"],
      ["read", "UnknownError", "Unavailable"],
      ["write", "QuotaExceededError", "Full"],
      ["write", "ReadOnlyError", "ReadOnly"],
      ["write", "AbortError", "Unavailable"]
    ] as const
  )("%s that fails with %s: %s", (operation, name, problem) => {
    const cause = new DOMException("of the browser", name)
    const { reason } = Failures.make("IndexedDB messages").from(operation, cause)
    assert.deepInclude(reason, { store: "IndexedDB messages", operation, problem, cause })
    assert.include(reason.message, "of the browser")
  })
})

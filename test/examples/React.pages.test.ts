/**
 * The page of examples/react in every browser there is: through an outage, with its form in use meanwhile, loaded again with
 * readings in its store, in strict mode, and while its modules are replaced.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Scope } from "effect"
import type * as puppeteer from "puppeteer-core"
import * as Relay from "../../examples/support/relay.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import * as Puppeteer from "../browser/Puppeteer.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import * as ReactPage from "./reactPage.ts"

const timeout = 240_000

/** How long a page may take to show what it is to show. */
const deadline = 40_000

const broker = Layer.fresh(MemoryBroker.layer())

/** The broker, and a network in front of it that can fail. */
const network = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const listener = yield* listeners.listenWith(broker, "ws", { webSocket: {} })
  const relay = yield* Relay.make(listener.url)
  const connects = Effect.map(broker.received(), (packets) => packets.filter((packet) => packet._tag === "Connect"))
  return { broker, listener, relay, connects }
})

interface Page {
  readonly puppeteer: puppeteer.Page
  /** What nobody caught, and what the page said was wrong; not that a WebSocket could not be opened. */
  readonly problems: ReadonlyArray<string>
  /** Completes when an element that matches has such a text. */
  readonly shows: (selector: string, text: RegExp) => Effect.Effect<void>
  /** Of all that it shows, pixels. */
  readonly width: Effect.Effect<number>
  /** Types into the form. */
  readonly type: (celsius: string) => Effect.Effect<void>
  readonly typed: Effect.Effect<string>
  /** Fills in the form and sends it. */
  readonly enter: (room: string, celsius: string) => Effect.Effect<void>
}

const state = ".state"
const outbox = ".outbox"
const field = "input[name=celsius]"
const room = (index: number) => `.rooms li:nth-child(${index})`

/** Browsers say it where there is no network; Firefox says it as an error of the page. */
const isAboutTheNetwork = (text: string): boolean => /WebSocket|ws:\/\//.test(text)

const open = Effect.fnUntraced(
  function*(url: string, broker: string): Effect.fn.Return<Page, never, Puppeteer.Browser | Scope.Scope> {
    const page = yield* Puppeteer.open("about:blank")
    const problems: Array<string> = []
    const notice = (text: string) => {
      if (!isAboutTheNetwork(text)) problems.push(text)
    }
    page.on("pageerror", (error) => notice(String(error)))
    page.on("console", (message) => {
      if (message.type() === "error") notice(message.text())
    })
    yield* Effect.promise(() => page.goto(`${url}?${new URLSearchParams({ url: broker })}`))
    return {
      puppeteer: page,
      problems,
      shows: (selector, text) =>
        Effect.promise(async () => {
          const shown = page.waitForFunction(
            (selector, text) =>
              [...document.querySelectorAll(selector)].some(({ textContent }) => new RegExp(text).test(textContent)),
            { timeout: deadline },
            selector,
            text.source
          )
          await shown.catch(async () => {
            const instead = await page.evaluate(() => document.body.innerText)
            throw new Error(`no ${selector} shows ${text}, but\n${instead}\n${problems.join("\n")}`)
          })
        }),
      width: Effect.promise(() => page.evaluate(() => document.documentElement.scrollWidth)),
      type: (celsius) => Effect.promise(() => page.locator(field).fill(celsius)),
      typed: Effect.promise(() => page.evaluate(`document.querySelector("${field}").value`) as Promise<string>),
      enter: (room, celsius) =>
        Effect.promise(async () => {
          await page.select("select[name=room]", room)
          await page.locator(field).fill(celsius)
          await page.locator("form button").click()
        })
    }
  }
)

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([requirement], `examples/react in ${name}`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      it.effect(
        "shows an outage, takes readings meanwhile and through a reload, and each arrives once",
        () =>
          Effect.gen(function*() {
            const { broker, relay } = yield* network
            yield* broker.publish("home/cellar/temperature", "12.5", { retain: true })
            const page = yield* open(yield* ReactPage.built, relay.url)
            yield* page.shows(state, /^Connected$/)
            yield* page.shows(room(3), /^cellar12\.5 °C$/)
            yield* page.shows(room(1), /^kitchenno reading yet$/)
            yield* page.enter("kitchen", "20.1")
            yield* page.shows(room(1), /20\.1 °C$/)
            yield* page.shows(outbox, /^Everything/)

            yield* relay.cut
            yield* broker.restart({ keepSessions: true })
            yield* page.shows(state, /^Disconnected/)
            yield* page.shows(room(1), /20\.1 °C$/)
            yield* page.enter("kitchen", "20.2")
            yield* page.enter("workshop", "15.5")
            yield* page.shows(outbox, /^2 readings wait/)
            // As wide as a phone, which Firefox 140 cannot be told over WebDriver BiDi.
            if (name === "Chromium") {
              yield* Effect.promise(() => page.puppeteer.setViewport({ width: 375, height: 800 }))
              assert.strictEqual(yield* page.width, 375)
            }

            yield* Effect.promise(() => page.puppeteer.reload())
            yield* page.shows(state, /^(Disconnected|Connecting, attempt)/)
            yield* page.shows(outbox, /^2 readings wait/)
            yield* page.enter("kitchen", "20.3")
            yield* page.shows(outbox, /^3 readings wait/)

            yield* relay.mend
            yield* page.shows(state, /^Connected$/)
            yield* page.shows(outbox, /^Everything/)
            yield* page.shows(room(1), /20\.3 °C$/)
            yield* page.shows(room(2), /15\.5 °C$/)
            yield* page.shows(room(3), /12\.5 °C$/)
            yield* broker.publish("home/cellar/temperature", "12.6", { retain: true })
            yield* page.shows(room(3), /12\.6 °C$/)
            const arrived = (yield* broker.messages).map(({ text, topic }) => `${topic.split("/")[1]} ${text}`)
            assert.deepStrictEqual(arrived.filter((line) => !line.startsWith("cellar")), [
              "kitchen 20.1",
              "kitchen 20.2",
              "workshop 15.5",
              "kitchen 20.3"
            ])
            assert.deepStrictEqual(yield* broker.violations, [])
            assert.deepStrictEqual(page.problems, [])
          }).pipe(Effect.scoped, Effect.provide(broker)),
        timeout
      )

      it.effect(
        "in a second tab says that the first has the store, and works once that is closed",
        () =>
          Effect.gen(function*() {
            const { relay } = yield* network
            const url = yield* ReactPage.built
            const scope = yield* Effect.scope
            const second = yield* Effect.scoped(Effect.gen(function*() {
              const first = yield* open(url, relay.url)
              yield* first.shows(state, /^Connected$/)
              const second = yield* Scope.provide(open(url, relay.url), scope)
              yield* second.shows(state, /^Closed$/)
              yield* second.shows("[role=alert]", /another tab/)
              return second
            }))
            yield* Effect.promise(() => second.puppeteer.locator("[role=alert] button").click())
            yield* second.shows(state, /^Connected$/)
            assert.deepStrictEqual(second.problems, [])
          }).pipe(Effect.scoped, Effect.provide(broker)),
        timeout
      )

      it.effect(
        "has one connection in strict mode, and keeps it while components and atoms are replaced",
        () =>
          Effect.gen(function*() {
            const { broker, connects, listener, relay } = yield* network
            const { change, url } = yield* ReactPage.development
            const page = yield* open(url, relay.url)
            yield* page.shows(state, /^Connected$/)
            yield* page.enter("kitchen", "20.1")
            yield* page.shows(room(1), /20\.1 °C$/)
            yield* page.shows(outbox, /^Everything/)
            assert.lengthOf(yield* connects, 1)
            assert.strictEqual(listener.opened(), 1)

            yield* page.type("21")
            yield* change("Room.tsx", "°C", "degrees")
            yield* page.shows(room(1), /20\.1 degrees$/)
            yield* change("atoms.ts", "\"cellar\"", "\"attic\"")
            yield* page.shows(room(3), /^atticno reading yet$/)
            yield* page.shows(room(1), /20\.1 degrees$/)
            // Loaded again the page would have lost what is typed.
            assert.strictEqual(yield* page.typed, "21")
            assert.lengthOf(yield* connects, 1)
            assert.strictEqual(listener.opened(), 1)
            assert.deepStrictEqual(yield* broker.violations, [])
            assert.deepStrictEqual(page.problems, [])
          }).pipe(Effect.scoped, Effect.provide(broker)),
        timeout
      )

      it.effect(
        "ends its client before the next one begins when the module of the client is replaced",
        () =>
          Effect.gen(function*() {
            const { broker, connects, listener, relay } = yield* network
            const { change, url } = yield* ReactPage.development
            const page = yield* open(url, relay.url)
            yield* page.shows(state, /^Connected$/)
            yield* page.type("21")
            yield* change("client.ts", "initialConnection:", "keepAlive: \"50 seconds\", initialConnection:")
            const [{ clientId }] = yield* connects
            yield* Effect.timeout(broker.awaitPacket(clientId, "Connect", 2), "40 seconds")
            yield* page.shows(state, /^Connected$/)
            assert.strictEqual(yield* page.typed, "21")
            const received = yield* broker.received()
            const ends = received.filter(({ _tag }) => _tag === "Connect" || _tag === "Disconnect")
            assert.deepStrictEqual(ends.map(({ _tag }) => _tag), ["Connect", "Disconnect", "Connect"])
            assert.deepInclude(ends[2], { keepAlive: 50, clientId })

            // A reading that waits belongs to the store, and not to the atom that took it.
            yield* relay.cut
            yield* page.shows(state, /^Disconnected/)
            yield* page.enter("kitchen", "20.1")
            yield* page.shows(outbox, /^1 reading waits/)
            yield* change("atoms.ts", "\"cellar\"", "\"attic\"")
            yield* page.shows(room(3), /^attic/)
            yield* change("client.ts", "50 seconds", "40 seconds")
            yield* page.shows(state, /^Connecting/)
            yield* page.shows(outbox, /^1 reading waits/)
            yield* relay.mend
            yield* page.shows(state, /^Connected$/)
            yield* page.shows(room(1), /20\.1 °C$/)
            yield* page.shows(outbox, /^Everything/)
            assert.deepInclude((yield* connects).at(-1), { keepAlive: 40, clientId })
            assert.deepStrictEqual((yield* broker.messages).map(({ text }) => text), ["20.1"])
            assert.strictEqual(listener.open(), 1)
            assert.deepStrictEqual(yield* broker.violations, [])
            assert.deepStrictEqual(page.problems, [])
          }).pipe(Effect.scoped, Effect.provide(broker)),
        timeout
      )
    })
  })
}

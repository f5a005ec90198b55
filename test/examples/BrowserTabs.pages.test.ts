/**
 * The page of examples/browser-tabs, open several times in every browser there is: all tabs share one connection, and
 * another tab takes over when the tab with the connection is closed.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Net from "node:net"
import type * as puppeteer from "puppeteer-core"
import { client } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as port from "../brokers/port.ts"
import * as Puppeteer from "../browser/Puppeteer.ts"
import * as Site from "../browser/Site.ts"
import { suiteWith } from "../support/requirements.ts"

const rounds = Number(process.env.MQTT_ROUNDS ?? 1)
const timeout = 120_000 + rounds * 90_000

const mosquitto: Mosquitto.Options = {
  listeners: { ws: ["allow_anonymous true", "protocol websockets"] }
}

/** The way to a port of this machine, on which connections are counted. */
const counted = Effect.fnUntraced(function*(to: number) {
  let opened = 0
  let open = 0
  const sockets = new Set<Net.Socket>()
  const server = Net.createServer((socket) => {
    opened++
    open++
    socket.once("close", () => open--)
    const broker = Net.connect(to, port.host)
    for (const [from, into] of [[socket, broker], [broker, socket]] as const) {
      sockets.add(from)
      from.on("error", () => into.destroy()).on("close", () => into.destroy()).pipe(into)
    }
  })
  const listening = yield* port.listen(server)
  yield* Effect.addFinalizer(() => Effect.sync(() => sockets.forEach((socket) => socket.destroy())))
  return { url: `ws://${port.host}:${listening}/`, opened: () => opened, open: () => open }
})

/** A tab that is not seen has no frames, so nothing here waits for one. */
const polling = "mutation"

const textOf = (page: puppeteer.Page, selector: string): Effect.Effect<string> =>
  Effect.promise(() => page.$eval(selector, ({ textContent }) => textContent ?? ""))

const shows = (page: puppeteer.Page, selector: string, text: string): Effect.Effect<unknown> =>
  Effect.promise(() =>
    page.waitForFunction(
      (selector, text) => document.querySelector(selector)?.textContent === text,
      { timeout: 40_000, polling },
      selector,
      text
    )
  )

const notesOf = (page: puppeteer.Page): Effect.Effect<ReadonlyArray<string>> =>
  Effect.promise(() => page.$$eval("li", (notes) => notes.map(({ textContent }) => textContent ?? "")))

/** The last of them is there, so all are. */
const showsLast = (page: puppeteer.Page, text: string): Effect.Effect<unknown> => shows(page, "li:last-child", text)

const subscribed = (page: puppeteer.Page): Effect.Effect<unknown> =>
  Effect.promise(() => page.waitForFunction(() => document.title === "subscribed", { timeout: 40_000, polling }))

const enter = (page: puppeteer.Page, text: string): Effect.Effect<unknown> =>
  Effect.promise(() =>
    page.evaluate((text) => {
      const input = document.querySelector("input")
      if (input === null) throw new Error("the page has no input")
      input.value = text
      document.querySelector("form")?.requestSubmit()
    }, text)
  )

const leads = (page: puppeteer.Page): Effect.Effect<boolean> =>
  Effect.map(textOf(page, "#role"), (role) => role === "has the connection")

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([Mosquitto.requirement, requirement], `examples/browser-tabs in ${name}`, () => {
    it.layer(Layer.merge(Mosquitto.layer(mosquitto), layer), { excludeTestServices: true, timeout })((it) => {
      it.effect("one connection for all tabs, and another one when its tab is closed", () =>
        Effect.gen(function*() {
          const outside = yield* client()
          const { port } = yield* Mosquitto.Listeners
          const site = yield* Site.tabs
          for (let round = 0; round < rounds; round++) {
            yield* Effect.scoped(Effect.gen(function*() {
              const broker = yield* counted(port("ws"))
              const topic = `${name}/${round}`
              const address = `${site.url}?${new URLSearchParams({ url: broker.url, topic })}`
              const pages: Array<puppeteer.Page> = []
              for (let tab = 0; tab < 4; tab++) {
                const page = yield* Puppeteer.open(address)
                yield* subscribed(page)
                yield* shows(page, "#state", "Connected")
                pages.push(page)
              }
              const expected: Array<string> = []
              /** From each tab and from outside, to each tab once. */
              const everybodySays = Effect.fnUntraced(function*(word: string) {
                for (const [tab, page] of pages.entries()) {
                  expected.push(`${word} ${tab}`)
                  yield* enter(page, `${word} ${tab}`)
                  yield* Effect.forEach(pages, (page) => showsLast(page, `${word} ${tab}`))
                }
                expected.push(`${word} outside`)
                yield* outside.publish(topic, `${word} outside`, { qos: 1 })
                for (const page of pages) {
                  yield* showsLast(page, `${word} outside`)
                  assert.deepStrictEqual(yield* notesOf(page), expected)
                }
              })
              yield* everybodySays("first")
              assert.deepStrictEqual([broker.opened(), broker.open()], [1, 1])
              for (let leader = 0; leader < 2; leader++) {
                const roles = yield* Effect.forEach(pages, leads)
                const [closed] = pages.splice(roles.indexOf(true), 1)
                assert.deepStrictEqual(roles.filter((leads) => leads), [true])
                yield* Effect.promise(() => closed.close())
                // What comes while nobody leads waits at the broker.
                for (let number = 0; number < 5; number++) {
                  expected.push(`meanwhile ${leader} ${number}`)
                  yield* outside.publish(topic, `meanwhile ${leader} ${number}`, { qos: 1 })
                }
                for (const page of pages) {
                  yield* showsLast(page, `meanwhile ${leader} 4`)
                  assert.deepStrictEqual(yield* notesOf(page), expected)
                }
                yield* everybodySays(`after ${leader}`)
                assert.deepStrictEqual([broker.opened(), broker.open()], [leader + 2, 1])
              }
              for (const page of pages) assert.strictEqual(yield* textOf(page, "#state"), "Connected")
            }))
          }
        }).pipe(Effect.scoped), timeout)
    })
  })
}

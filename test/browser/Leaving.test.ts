/**
 * A page that is left, kept for "back", or wakes up, in every browser there is.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Queue } from "effect"
import type * as puppeteer from "puppeteer-core"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { ClientPacket, ServerPacket } from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Puppeteer from "./Puppeteer.ts"
import * as Site from "./Site.ts"

const timeout = 240_000
const rounds = 3

const bytesOf = (packet: ServerPacket): Uint8Array =>
  Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "server" }) as Uint8Array

const connack = bytesOf({ _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none })
const pingresp = bytesOf({ _tag: "Pingresp" })

/** One connection as the server sees it. */
interface Connection {
  readonly packets: ReadonlyArray<ClientPacket>
  /** Completes with its first PINGREQ. */
  readonly pinged: Effect.Effect<void>
  /** Nothing is answered any more. */
  readonly silence: Effect.Effect<void>
  readonly over: Effect.Effect<void>
}

/** A server that accepts everybody, answers pings, and hands out its connections in their order. */
const server = Effect.gen(function*() {
  const accepted = yield* Queue.unbounded<Connection>()
  const { url } = yield* listeners.listen("ws", () => {}, {
    webSocket: {},
    onWebSocket: (webSocket) => {
      const packets: Array<ClientPacket> = []
      const over = Deferred.makeUnsafe<void>()
      const pinged = Deferred.makeUnsafe<void>()
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "client", maximumPacketSize: 1000 })
      let isSilent = false
      webSocket.on("message", (bytes: Uint8Array) => {
        for (const packet of decoder.push(new Uint8Array(bytes))) {
          packets.push(packet as ClientPacket)
          if (packet._tag === "Connect") {
            webSocket.send(connack)
            Queue.offerUnsafe(accepted, {
              packets,
              pinged: Deferred.await(pinged),
              silence: Effect.sync(() => {
                isSilent = true
              }),
              over: Deferred.await(over)
            })
          }
          if (packet._tag === "Pingreq" && !isSilent) webSocket.send(pingresp)
          if (packet._tag === "Pingreq") Deferred.doneUnsafe(pinged, Effect.void)
        }
      })
      webSocket.on("close", () => Deferred.doneUnsafe(over, Effect.void))
    }
  })
  return { url, next: Effect.timeout(Queue.take(accepted), "40 seconds") }
})

const addressOf = ({ url }: Site.Site, options: object): string =>
  `${url}#${encodeURIComponent(JSON.stringify(options))}`

const shows = (page: puppeteer.Page, state: string): Effect.Effect<unknown> =>
  Effect.promise(() => page.waitForFunction((state) => document.title === state, { timeout: 40_000 }, state))

const connected = (page: puppeteer.Page) => shows(page, "Connected")

/** The last word of the connection is DISCONNECT. */
const saysGoodbye = ({ over, packets }: Connection): Effect.Effect<void> =>
  Effect.andThen(
    over,
    Effect.sync(() => assert.deepInclude(packets.at(-1), { _tag: "Disconnect", reasonCode: 0 }))
  )

/** A page that stands still ends when its test does; one that has been closed is gone already. */
const close = (page: puppeteer.Page): Promise<void> => page.isClosed() ? Promise.resolve() : page.close()

const elsewhere = "data:text/html,elsewhere"

interface Leaving {
  readonly how: string
  readonly leave: (page: puppeteer.Page) => Promise<unknown>
  /** Whether the same page begins anew. */
  readonly comesBack?: true
}

const leavings: ReadonlyArray<Leaving> = [
  {
    how: "closed",
    // The page may be gone before the browser says so.
    leave: (page) => page.close({ runBeforeUnload: true }).catch(() => undefined)
  },
  { how: "reloaded", leave: (page) => page.reload(), comesBack: true },
  { how: "left for another", leave: (page) => page.goto(elsewhere) },
  {
    how: "left by a link",
    leave: (page) =>
      Promise.all([
        page.waitForNavigation(),
        page.evaluate(() => {
          const link = Object.assign(document.createElement("a"), { href: "/other" })
          document.body.append(link)
          link.click()
        })
      ])
  }
]

/** What keep-alive would notice comes too late for these tests. */
const slow = { keepAlive: "10 minutes", pingInterval: "10 minutes" }

const wakings: ReadonlyArray<readonly [what: string, wake: () => void]> = [
  ["there is a network again", () => void globalThis.dispatchEvent(new Event("online"))],
  ["it is shown again", () => void document.dispatchEvent(new Event("visibilitychange"))],
  ["it comes out of a freeze", () => void document.dispatchEvent(new Event("resume"))],
  [
    "it comes back from where the browser kept it",
    () => void globalThis.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))
  ]
]

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([requirement], `a page in ${name}`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      for (const { comesBack, how, leave } of leavings) {
        it.effect(
          `that is ${how} says DISCONNECT, so that the server publishes no Will`,
          () =>
            Effect.gen(function*() {
              const { next, url } = yield* server
              const site = yield* Site.builtModule("LeavingPage.ts")
              for (let round = 0; round < rounds; round++) {
                const page = yield* Puppeteer.open(addressOf(site, { url }))
                yield* connected(page)
                const connection = yield* next
                yield* Effect.promise(() => leave(page))
                yield* saysGoodbye(connection)
                if (comesBack) {
                  yield* connected(page)
                  yield* next
                }
                yield* Effect.promise(() => close(page))
              }
            }).pipe(Effect.scoped),
          timeout
        )
      }

      for (const [what, wake] of wakings) {
        it.effect(
          `replaces a connection on which nobody answers when ${what}, and keeps one that is alive`,
          () =>
            Effect.gen(function*() {
              const { next, url } = yield* server
              const site = yield* Site.builtModule("LeavingPage.ts")
              const page = yield* Puppeteer.open(addressOf(site, { url, ...slow }))
              yield* connected(page)
              for (let round = 0; round < rounds; round++) {
                const connection = yield* next
                yield* Effect.promise(() => page.evaluate(wake))
                yield* connection.pinged
                yield* connection.silence
                yield* Effect.promise(() => page.evaluate(wake))
                yield* connection.over
              }
              yield* connected(page)
            }).pipe(Effect.scoped),
          timeout
        )
      }

      it.effect("that is not left after all connects again", () =>
        Effect.gen(function*() {
          const { next, url } = yield* server
          const site = yield* Site.builtModule("LeavingPage.ts")
          const page = yield* Puppeteer.open(addressOf(site, { url }))
          yield* connected(page)
          const connection = yield* next
          yield* Effect.promise(() => page.evaluate(() => void globalThis.dispatchEvent(new Event("beforeunload"))))
          if (name === "Firefox") {
            yield* saysGoodbye(connection)
            yield* next
          }
          yield* connected(page)
        }).pipe(Effect.scoped), timeout)
    })
  })
}

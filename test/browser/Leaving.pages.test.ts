/**
 * A page that is left, kept for "back", or wakes up, in every browser there is.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Queue, type Scope } from "effect"
import type * as puppeteer from "puppeteer-core"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { ClientPacket, ServerPacket } from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import type { LeavingPage } from "./LeavingPage.ts"
import * as Puppeteer from "./Puppeteer.ts"
import * as Site from "./Site.ts"

const timeout = 240_000

// ---------------------------------------------------------------------------
// The server
// ---------------------------------------------------------------------------

const bytesOf = (packet: ServerPacket): Uint8Array =>
  Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "server" }) as Uint8Array

const connack = bytesOf({ _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none })
const pingresp = bytesOf({ _tag: "Pingresp" })

/** One connection as the server sees it. */
interface Connection {
  readonly packets: ReadonlyArray<ClientPacket>
  /** Completes with the next PINGREQ. */
  readonly pinged: Effect.Effect<unknown>
  /** From now on nothing is answered, and only a later PINGREQ is the next. */
  readonly silence: Effect.Effect<void>
  readonly isOver: () => boolean
  readonly over: Effect.Effect<void>
}

/** What a test waits for comes long before. */
const inTime = Effect.timeout("20 seconds")

/** A server that accepts everybody, answers pings, and hands out its connections in their order. */
const server = Effect.gen(function*() {
  const accepted = yield* Queue.unbounded<Connection>()
  const { url } = yield* listeners.listen("ws", () => {}, {
    webSocket: {},
    onWebSocket: (webSocket) => {
      const packets: Array<ClientPacket> = []
      const over = Deferred.makeUnsafe<void>()
      const pings = Effect.runSync(Queue.unbounded<void>())
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "client", maximumPacketSize: 1000 })
      let isSilent = false
      webSocket.on("message", (bytes: Uint8Array) => {
        for (const packet of decoder.push(new Uint8Array(bytes))) {
          packets.push(packet as ClientPacket)
          if (packet._tag === "Connect") {
            webSocket.send(connack)
            Queue.offerUnsafe(accepted, {
              packets,
              pinged: inTime(Queue.take(pings)).pipe(Effect.orDie),
              silence: Effect.suspend(() => {
                isSilent = true
                return Queue.clear(pings)
              }).pipe(Effect.asVoid),
              isOver: () => Deferred.isDoneUnsafe(over),
              over: inTime(Deferred.await(over)).pipe(Effect.orDie)
            })
          }
          if (packet._tag === "Pingreq") {
            Queue.offerUnsafe(pings, undefined)
            if (!isSilent) webSocket.send(pingresp)
          }
        }
      })
      webSocket.on("close", () => Deferred.doneUnsafe(over, Effect.void))
    }
  })
  return { url, next: inTime(Queue.take(accepted)).pipe(Effect.orDie) }
})

/** The last word of the connection is DISCONNECT. */
const saysGoodbye = ({ over, packets }: Connection): Effect.Effect<void> =>
  Effect.map(over, () => assert.deepInclude(packets.at(-1), { _tag: "Disconnect", reasonCode: 0 }))

// ---------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------

const shows = (page: puppeteer.Page, state: string): Effect.Effect<unknown> =>
  Effect.promise(() =>
    // A page that is not drawn is asked, too.
    page.waitForFunction((state) => document.title === state, { timeout: 20_000, polling: 100 }, state)
  )

/** Whether the connection of the page answers. No earlier check is under way afterwards. */
const answers = (page: puppeteer.Page): Effect.Effect<boolean> =>
  Effect.promise(() => page.evaluate(() => (globalThis as LeavingPage).checkConnection()))

/** A page with a connection, and what the server sees of this one and of those after it. */
const connected = (options: object = {}) =>
  Effect.gen(function*() {
    const { next, url } = yield* server
    const site = yield* Site.builtModule("LeavingPage.ts")
    const address = `${site.url}#${encodeURIComponent(JSON.stringify({ url, ...options }))}`
    const open = Effect.gen(function*() {
      const page = yield* Puppeteer.open(address)
      yield* shows(page, "Connected")
      return { page, connection: yield* next }
    })
    return { open, next }
  })

/** Browsers do not always say when a page has been left, so nobody waits for that. */
const inBackground = (leaving: Promise<unknown>): void => void leaving.catch(() => undefined)

const link = (page: puppeteer.Page, href: string): void =>
  inBackground(page.evaluate((href) => {
    const link = Object.assign(document.createElement("a"), { href })
    document.body.append(link)
    link.click()
  }, href))

interface Leaving {
  readonly how: string
  readonly leave: (page: puppeteer.Page) => void
  /** The same page begins anew. */
  readonly isAgain?: true
}

const leavings: ReadonlyArray<Leaving> = [
  { how: "closed", leave: (page) => inBackground(page.close({ runBeforeUnload: true })) },
  { how: "reloaded", leave: (page) => inBackground(page.reload()), isAgain: true },
  { how: "left by its address bar", leave: (page) => inBackground(page.goto("data:text/html,elsewhere")) },
  { how: "left by a link", leave: (page) => link(page, "/other") }
]

const rounds = Number(process.env.MQTT_ROUNDS ?? 1)

/** Keep-alive would notice a dead connection long after these tests. */
const slow = { keepAlive: "10 minutes", pingInterval: "10 minutes" }

interface Waking {
  readonly what: string
  /** Chromium closes connections of a frozen page, or keeps them, from version to version. */
  readonly mayClose?: true
  /** The page is made to sleep; what wakes it. */
  readonly sleep: (
    page: puppeteer.Page
  ) => Effect.Effect<Effect.Effect<unknown>, never, Puppeteer.Browser | Scope.Scope>
}

const dispatching = (page: puppeteer.Page, wake: () => void) =>
  Effect.succeed(Effect.promise(() => page.evaluate(wake)))

/** Another tab is in front. */
const hidden: Waking["sleep"] = (page) =>
  Effect.gen(function*() {
    yield* Puppeteer.open("about:blank")
    yield* Effect.promise(() => page.waitForFunction(() => document.visibilityState === "hidden", { polling: 100 }))
    return Effect.promise(() => page.bringToFront())
  })

const offline: Waking["sleep"] = (page) =>
  Effect.gen(function*() {
    yield* Effect.promise(() => page.setOfflineMode(true))
    return Effect.promise(() => page.setOfflineMode(false))
  })

const frozen: Waking["sleep"] = (page) =>
  Effect.gen(function*() {
    const session = yield* Effect.promise(() => page.createCDPSession())
    yield* Effect.promise(() => session.send("Page.setWebLifecycleState", { state: "frozen" }))
    return Effect.promise(() => session.send("Page.setWebLifecycleState", { state: "active" }))
  })

/** Firefox tells no page of a network or of a freeze while a test drives it, so the page tells itself. */
const wakings: { readonly [name in Puppeteer.Kind["name"]]: ReadonlyArray<Waking> } = {
  Chromium: [
    { what: "there is a network again", sleep: offline },
    { what: "it is shown again", sleep: hidden },
    { what: "it comes out of a freeze", sleep: frozen, mayClose: true }
  ],
  Firefox: [
    {
      what: "there is a network again",
      sleep: (page) => dispatching(page, () => void globalThis.dispatchEvent(new Event("online")))
    },
    { what: "it is shown again", sleep: hidden },
    {
      what: "it comes out of a freeze",
      sleep: (page) => dispatching(page, () => void document.dispatchEvent(new Event("resume")))
    }
  ]
}

for (const { layer, name, requirement } of Puppeteer.kinds) {
  /** Firefox closes the WebSockets of a page as soon as the page may be left, and keeps no such page for "back". */
  const keepsPages = name === "Chromium"

  suiteWith([requirement], `a page in ${name}`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      for (const { how, isAgain, leave } of leavings) {
        it.effect(
          `that is ${how} says DISCONNECT, so that the server publishes no Will`,
          () =>
            Effect.gen(function*() {
              const { next, open } = yield* connected()
              for (let round = 0; round < rounds; round++) {
                yield* Effect.scoped(Effect.gen(function*() {
                  const { connection, page } = yield* open
                  leave(page)
                  yield* saysGoodbye(connection)
                  if (isAgain) yield* next
                }))
              }
            }).pipe(Effect.scoped),
          timeout
        )
      }

      for (const { mayClose, sleep, what } of wakings[name]) {
        it.effect(
          `keeps a connection that is alive when ${what}, and replaces one on which nobody answers`,
          () =>
            Effect.gen(function*() {
              const { next, open } = yield* connected(slow)
              const { connection, page } = yield* open
              yield* Effect.flatten(sleep(page))
              yield* connection.pinged
              // A check that is under way would answer for the next waking, too.
              const isAlive = yield* answers(page)
              if (mayClose !== true) assert.isTrue(isAlive)
              if (isAlive) {
                const wake = yield* sleep(page)
                if (mayClose !== true) assert.isFalse(connection.isOver())
                yield* connection.silence
                yield* wake
                yield* Effect.raceFirst(connection.pinged, connection.over)
              }
              yield* connection.over
              yield* next
              yield* shows(page, "Connected")
            }).pipe(Effect.scoped),
          timeout
        )
      }

      it.effect("that is hidden keeps its connection", () =>
        Effect.gen(function*() {
          const { open } = yield* connected()
          const { connection, page } = yield* open
          yield* Effect.asVoid(hidden(page))
          yield* Effect.promise(() => page.evaluate(() => void globalThis.dispatchEvent(new Event("online"))))
          yield* connection.pinged
          assert.deepStrictEqual(connection.packets.map(({ _tag }) => _tag), ["Connect", "Pingreq"])
          assert.isFalse(connection.isOver())
        }).pipe(Effect.scoped), timeout)

      it.effect(
        keepsPages
          ? "that is not left after all keeps its connection"
          : "that is not left after all says DISCONNECT, and connects again within seconds",
        () =>
          Effect.gen(function*() {
            const { next, open } = yield* connected()
            const { connection, page } = yield* open
            link(page, "/file")
            if (keepsPages) {
              yield* Effect.promise(() => page.evaluate(() => void globalThis.dispatchEvent(new Event("online"))))
              yield* connection.pinged
              assert.deepStrictEqual(connection.packets.map(({ _tag }) => _tag), ["Connect", "Pingreq"])
            } else {
              yield* saysGoodbye(connection)
              yield* next
              yield* shows(page, "Connected")
            }
          }).pipe(Effect.scoped),
        timeout
      )

      it.effect("that is left says DISCONNECT, and \"back\" connects again at once", () =>
        Effect.gen(function*() {
          const { next, open } = yield* connected()
          const { connection, page } = yield* open
          yield* Effect.promise(() => page.evaluate(() => void Object.assign(globalThis, { isKept: true })))
          link(page, "/other")
          yield* saysGoodbye(connection)
          yield* shows(page, "other")
          inBackground(page.goBack())
          yield* next
          yield* shows(page, "Connected")
          if (keepsPages) assert.isTrue(yield* Effect.promise(() => page.evaluate(() => "isKept" in globalThis)))
        }).pipe(Effect.scoped), timeout)

      it.effect(
        "with `disconnectWithPage: false` is left without a word, and is connected when it is \"back\"",
        () =>
          Effect.gen(function*() {
            const { next, open } = yield* connected({ disconnectWithPage: false })
            const { connection, page } = yield* open
            link(page, "/other")
            yield* shows(page, "other")
            assert.deepStrictEqual(connection.packets.map(({ _tag }) => _tag), ["Connect"])
            inBackground(page.goBack())
            yield* shows(page, "Connected")
            // The browser may have kept the connection with the page, or closed it.
            yield* Effect.promise(() => page.evaluate(() => void globalThis.dispatchEvent(new Event("online"))))
            yield* Effect.raceFirst(connection.pinged, next)
          }).pipe(Effect.scoped),
        timeout
      )
    })
  })
}

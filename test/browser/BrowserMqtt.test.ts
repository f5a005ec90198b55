/**
 * A page in Chromium with a client of its own: served as it stands and built with Vite.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Layer, type Scope } from "effect"
import * as Relay from "../../examples/support/relay.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { ClientPacket } from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import { client, subscribed, texts } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as listeners from "../support/listeners.ts"
import { suiteWith } from "../support/requirements.ts"
import * as Chromium from "./Chromium.ts"
import * as Site from "./Site.ts"

const timeout = 90_000
const topic = "notes"

const mosquitto: Mosquitto.Options = {
  listeners: { ws: ["allow_anonymous true", "protocol websockets"] }
}

const notes = (...all: ReadonlyArray<string>) => all.map((note) => [topic, note] as const)

const pageOf = ({ url }: Site.Site, parameters: { readonly [name: string]: string }) =>
  Chromium.open(`${url}?${new URLSearchParams({ topic, ...parameters })}`)

/** The way to mosquitto's WebSockets, which the test can cut. */
const relay = Effect.flatMap(Mosquitto.Listeners, ({ port }) => Relay.make(`ws://127.0.0.1:${port("ws")}`))

const sites: ReadonlyArray<readonly [how: string, site: Effect.Effect<Site.Site, never, Scope.Scope>]> = [
  ["served as it stands", Site.plain],
  ["built with Vite", Site.built]
]

suiteWith([Mosquitto.requirement, Chromium.requirement], "a page in Chromium", () => {
  it.layer(Layer.merge(Mosquitto.layer(mosquitto), Chromium.layer), {
    excludeTestServices: true,
    timeout
  })((it) => {
    for (const [how, site] of sites) {
      it.effect(
        `R150 ${how}: connects, publishes, receives, loses the network, recovers`,
        () =>
          Effect.gen(function*() {
            const others = yield* client()
            const heard = yield* subscribed(others, topic, { qos: 1 })
            const network = yield* relay
            const served = yield* site
            const page = yield* pageOf(served, { url: network.url, reconnect: "250 millis" })
            yield* page.shows("#state", "Connected")

            yield* page.enter("from the page")
            assert.deepStrictEqual(yield* texts(heard, 1), notes("from the page"))
            yield* page.shows("#acknowledged", "1")
            yield* others.publish(topic, "from elsewhere", { qos: 1 })
            yield* page.shows("li", "from elsewhere")

            yield* network.cut
            yield* page.shows("#state", /^Disconnected: |^Connecting, attempt [2-9]/)
            yield* page.enter("of the outage")
            yield* page.shows("#state", /^Disconnected: Could not open a network connection/)
            yield* network.mend
            yield* page.shows("#state", "Connected")
            yield* page.shows("#acknowledged", "2")
            yield* others.publish(topic, "after it", { qos: 1 })
            yield* page.shows("li", "after it")

            const all = ["from the page", "from elsewhere", "of the outage", "after it"]
            assert.deepStrictEqual(yield* page.texts("li"), all)
            assert.deepStrictEqual(yield* texts(heard, 3), notes(...all.slice(1)))
            assert.deepStrictEqual(page.problems, [])
            assert.deepStrictEqual(served.requested.filter((path) => /(^|\/)node(\/|:)/.test(path)), [])
          }).pipe(Effect.scoped),
        timeout
      )
    }

    it.effect(
      "connects at once when the browser has a network again, however long it was to wait",
      () =>
        Effect.gen(function*() {
          const network = yield* relay
          const page = yield* pageOf(yield* Site.plain, { url: network.url, reconnect: "1 hour" })
          yield* page.shows("#state", "Connected")
          yield* network.cut
          yield* page.shows("#state", /^Disconnected: /)
          yield* network.mend
          const context = page.playwright.context()
          yield* Effect.promise(() => context.setOffline(true))
          yield* Effect.promise(() => context.setOffline(false))
          yield* page.shows("#state", "Connected")
        }).pipe(Effect.scoped),
      timeout
    )
  })

  const connack = Encoder.toBytes(
    { _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none },
    { protocolVersion: "5.0", sender: "server" }
  ) as Uint8Array

  it.layer(Chromium.layer, { excludeTestServices: true, timeout })((it) => {
    for (
      const [what, leave] of [
        ["closed", (page: Chromium.Page) => page.playwright.close({ runBeforeUnload: true })],
        ["left for another", (page: Chromium.Page) => page.playwright.goto("data:text/html,elsewhere")]
      ] as const
    ) {
      it.effect(
        `a page that is ${what} says DISCONNECT, so that the server publishes no Will`,
        () =>
          Effect.gen(function*() {
            const packets: Array<ClientPacket> = []
            const over = yield* Deferred.make<void>()
            const { url } = yield* listeners.listen("ws", () => {}, {
              webSocket: {},
              onWebSocket: (webSocket) => {
                const decoder = Decoder.make({ protocolVersion: "5.0", sender: "client", maximumPacketSize: 1000 })
                webSocket.on("message", (bytes: Uint8Array) => {
                  for (const packet of decoder.push(new Uint8Array(bytes))) packets.push(packet as ClientPacket)
                  if (packets.length === 1) webSocket.send(connack)
                })
                webSocket.on("close", () => Deferred.doneUnsafe(over, Effect.void))
              }
            })
            const page = yield* pageOf(yield* Site.plain, { url })
            yield* page.shows("#state", "Connected")
            yield* Effect.promise<unknown>(() => leave(page))
            yield* Deferred.await(over)
            assert.strictEqual(packets[0]._tag, "Connect")
            assert.deepInclude(packets.at(-1), { _tag: "Disconnect", reasonCode: 0 })
          }).pipe(Effect.scoped, Effect.timeout("30 seconds")),
        timeout
      )
    }

    it.effect("R151 a text frame ends the connection", () =>
      Effect.gen(function*() {
        const { url } = yield* listeners.listen("ws", () => {}, {
          webSocket: {},
          onWebSocket: (webSocket) => webSocket.once("message", () => webSocket.send("text"))
        })
        const page = yield* pageOf(yield* Site.plain, { url, reconnect: "1 hour" })
        yield* page.shows("#state", /^Disconnected: .*text frame.*MQTT-6\.0\.0-1/)
      }).pipe(Effect.scoped), timeout)

    it.effect("R154 a server that does not choose mqtt is not spoken to", () =>
      Effect.gen(function*() {
        let heard = 0
        const { url } = yield* listeners.listen("ws", () => {}, {
          webSocket: { handleProtocols: () => false },
          onWebSocket: (webSocket) => webSocket.on("message", () => heard++)
        })
        const page = yield* pageOf(yield* Site.plain, { url, reconnect: "1 hour" })
        yield* page.shows("#state", /^Disconnected: .*sub-protocol "mqtt"/)
        assert.strictEqual(heard, 0)
      }).pipe(Effect.scoped), timeout)
  })
})

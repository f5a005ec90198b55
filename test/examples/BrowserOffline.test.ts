/**
 * The page of examples/browser-offline in Chromium: readings that it takes without a broker arrive after it was closed and
 * opened again.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Relay from "../../examples/support/relay.ts"
import { client, subscribed, texts } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Chromium from "../browser/Chromium.ts"
import * as Site from "../browser/Site.ts"
import { suiteWith } from "../support/requirements.ts"

const timeout = 90_000
const topic = "readings"

const mosquitto: Mosquitto.Options = {
  listeners: { ws: ["allow_anonymous true", "protocol websockets"] }
}

const Reading = Schema.fromJsonString(Schema.Struct({ value: Schema.String, at: Schema.String }))

suiteWith([Mosquitto.requirement, Chromium.requirement], "examples/browser-offline", () => {
  it.layer(Layer.merge(Mosquitto.layer(mosquitto), Chromium.layer), { excludeTestServices: true, timeout })((it) => {
    it.effect("readings without a network outlive the page", () =>
      Effect.gen(function*() {
        const heard = yield* subscribed(yield* client(), topic, { qos: 2 })
        const { port } = yield* Mosquitto.Listeners
        const network = yield* Relay.make(`ws://127.0.0.1:${port("ws")}`)
        const { url } = yield* Site.offline
        const parameters = new URLSearchParams({ url: network.url, topic, reconnect: "250 millis" })
        const open = Chromium.open(`${url}?${parameters}`)
        yield* network.cut
        yield* Effect.scoped(Effect.gen(function*() {
          const page = yield* open
          yield* page.shows("#left", "0")
          yield* page.shows("#state", /^Disconnected|^Connecting, attempt [2-9]/)
          for (const value of ["20.1", "20.2", "20.3"]) {
            yield* page.enter(value)
            yield* page.shows("li:last-child", `${value}: stored`)
          }
          yield* page.shows("#waiting", "3")
          const second = yield* open
          yield* second.shows("#state", /another tab/)
          yield* second.shows("form[inert]", /Take/)
          assert.deepStrictEqual(page.problems, [])
        }))
        const page = yield* open
        yield* page.shows("#left", "3")
        yield* page.enter("20.4")
        yield* network.mend
        yield* page.shows("#state", "Connected")
        yield* page.shows("#waiting", "0")
        const readings = yield* Effect.forEach(
          yield* texts(heard, 4),
          ([, text]) => Schema.decodeEffect(Reading)(text)
        )
        assert.deepStrictEqual(readings.map(({ value }) => value), ["20.1", "20.2", "20.3", "20.4"])
        assert.deepStrictEqual(page.problems, [])
      }).pipe(Effect.scoped), timeout)
  })
})

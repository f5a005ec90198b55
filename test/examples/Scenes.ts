/**
 * The pages of `examples` in the moments that are worth a look: each is told in time, and shown where something has changed.
 */
import { Effect, Layer, type Scope } from "effect"
import * as Relay from "../../examples/support/relay.ts"
import type { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Chromium from "../browser/Chromium.ts"
import * as Site from "../browser/Site.ts"
import * as Dashboard from "./Dashboard.ts"

/** What is done with a page at a moment that has a name. */
export type Look = (moment: string, page: Chromium.Page) => Effect.Effect<void>

type Services = Chromium.Chromium | Broker | Mosquitto.Listeners

export interface Example {
  /** Its folder. */
  readonly name: string
  readonly scenes: (look: Look) => Effect.Effect<void, never, Services | Scope.Scope>
}

export const requirements = [Mosquitto.requirement, Chromium.requirement]

/** Chromium, and a mosquitto for the pages that bring no broker. */
export const layer: Layer.Layer<Services> = Layer.merge(
  Mosquitto.layer({ listeners: { ws: ["allow_anonymous true", "protocol websockets"] } }),
  Chromium.layer
)

/** Completes when the page says so, in the page's own words. */
export const until = ({ playwright }: Chromium.Page, condition: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    await playwright.waitForFunction(condition, undefined, { timeout: 60_000 })
  })

const network = Effect.flatMap(Mosquitto.Listeners, ({ port }) => Relay.make(`ws://127.0.0.1:${port("ws")}`))

const parameters = (url: string): string => `?${new URLSearchParams({ url, topic: "scenes", reconnect: "250 millis" })}`

/** No phone is as wide as this word. */
const longWord = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

const notes: Example = {
  name: "browser",
  scenes: Effect.fnUntraced(function*(look) {
    const relay = yield* network
    const site = yield* Site.built
    const page = yield* Chromium.open(`${site.url}${parameters(relay.url)}`)
    yield* page.shows("#state", "Connected")
    for (const note of ["The kettle boils", longWord]) {
      yield* page.enter(note)
      yield* page.shows("li:last-child", note)
    }
    yield* page.shows("#acknowledged", "2")
    yield* look("connected", page)
    yield* relay.cut
    yield* page.shows("#state", /^Disconnected/)
    yield* look("disconnected", page)
  })
}

const offline: Example = {
  name: "browser-offline",
  scenes: Effect.fnUntraced(function*(look) {
    const relay = yield* network
    const { url } = yield* Site.offline
    const page = yield* Chromium.open(`${url}${parameters(relay.url)}`)
    yield* page.shows("#state", "Connected")
    yield* relay.cut
    yield* page.shows("#state", /^Disconnected/)
    for (const value of ["20.1", longWord]) {
      yield* page.enter(value)
      yield* page.shows("li:last-child", `${value}: stored`)
    }
    yield* page.shows("#waiting", "2")
    yield* look("disconnected", page)
    const second = yield* Chromium.open(`${url}${parameters(relay.url)}`)
    yield* second.shows("#state", /another tab/)
    yield* look("in-use", second)
    yield* relay.mend
    yield* page.shows("#waiting", "0")
    yield* look("connected", page)
  })
}

const received = "Number(document.querySelector(\"#received\").textContent)"

/** Its charts are looked at with so many readings in them before the outage, and after it. */
export const dashboard = (readings: { readonly before: number; readonly after: number }): Example => ({
  name: "browser-dashboard",
  scenes: Effect.fnUntraced(function*(look) {
    const page = yield* Chromium.open(yield* Dashboard.url)
    yield* page.shows("#state", "Connected")
    yield* until(page, `${received} >= ${readings.before}`)
    yield* look("connected", page)
    yield* Effect.promise(() => page.playwright.locator("#cut").click())
    yield* Effect.promise(() => page.playwright.mouse.move(0, 0))
    yield* page.shows("#state", "Disconnected")
    yield* until(page, "document.querySelector(\".chart .outage\") !== null")
    const seen = yield* Effect.promise(() => page.playwright.evaluate<number>(received))
    yield* look("outage", page)
    yield* page.shows("#state", "Connected")
    yield* until(page, `${received} >= ${seen + readings.after}`)
    yield* look("recovered", page)
  })
})

/** All that run in a browser and need nothing but what this package needs. */
export const examples = (readings: { readonly before: number; readonly after: number }): ReadonlyArray<Example> => [
  dashboard(readings),
  notes,
  offline
]

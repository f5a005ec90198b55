// Shows live charts of a machine in a page that has its own client. Readings come over a WebSocket. The page shows an
// outage and survives it, and the messages that the broker has queued meanwhile fill the gap. Start it with `npm run
// examples -- browser-dashboard --forever`, which builds this page with Vite and prints its address.
import { MqttClient, type MqttMessage, type MqttState } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { DatedReadingJson, Settings } from "../support/reading.ts"
import * as Chart from "./chart.ts"

type Client = MqttClient.MqttClient["Service"]

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no "${id}"`)
  return found
}

const show = (id: string, text: string): void => {
  element(id).textContent = text
}

// ---------------------------------------------------------------------------
// The page's numbers
// ---------------------------------------------------------------------------

const series = () => [] as Array<Chart.Point>
const shown = { rate: series(), roundTrip: series(), load: series(), memory: series() }
const outages: Array<{ readonly from: number; to: number | undefined }> = []
/** Times of arrival, within the last second. */
let arrivals: Array<number> = []
let received = 0
/** Numbers of readings: the first to arrive, and all since. */
let first = 0
const numbers = new Set<number>()

const forget = (points: Array<Chart.Point>, now: number): void => {
  while (points.length > 0 && points[0][0] < now - Chart.timeShown - 1000) points.shift()
}

const take = Effect.fnUntraced(function*({ text }: MqttMessage.MqttMessage) {
  const { at, load, memoryUsed, number, uptime } = yield* Schema.decodeEffect(DatedReadingJson)(text)
  received++
  arrivals.push(Date.now())
  if (numbers.size === 0) first = number
  // At QoS 1 a reading may arrive twice.
  if (numbers.has(number)) return
  numbers.add(number)
  shown.load.push([at, load])
  shown.memory.push([at, memoryUsed / 2 ** 30])
  show("uptime", `${Math.floor(uptime / 3600)} h ${Math.floor(uptime / 60) % 60} min`)
})

const notice = (state: MqttState.ConnectionState): void => {
  const pill = element("state")
  pill.dataset.state = state._tag
  pill.title = state._tag === "Disconnected" ? state.error.message : ""
  const last = outages.at(-1)
  switch (state._tag) {
    case "Connected":
      if (last !== undefined) last.to ??= Date.now()
      show("details", `MQTT ${state.protocolVersion} over WebSocket, as ${state.clientId}`)
      break
    case "Disconnected":
      if (last === undefined || last.to !== undefined) outages.push({ from: Date.now(), to: undefined })
      show("details", "no connection, waiting to try again")
  }
  show("outages", `${outages.length}`)
  show("state", state._tag)
}

// ---------------------------------------------------------------------------
// The page's charts
// ---------------------------------------------------------------------------

const chart = (title: string, unit: string, color: string, digits: number, least: number) =>
  Chart.make(element("charts"), { title, unit, color, digits, least })

const charts = {
  rate: chart("Messages", "/s", "light-dark(#2563eb, #6ea8ff)", 0, 10),
  roundTrip: chart("Round trip", "ms", "light-dark(#9333ea, #c99bff)", 1, 5),
  load: chart("Load", "", "light-dark(#c2410c, #ff9d66)", 2, 1),
  memory: chart("Memory in use", "GiB", "light-dark(#0f766e, #4fd6c5)", 2, 1)
}

const draw = (mqtt: Client) =>
  Effect.gen(function*() {
    const now = Date.now()
    const { roundTrip } = yield* mqtt.stats
    const { _tag } = yield* SubscriptionRef.get(mqtt.state)
    arrivals = arrivals.filter((at) => at > now - 1000)
    shown.rate.push([now, arrivals.length])
    shown.roundTrip.push([now, _tag === "Connected" ? roundTrip : undefined])
    for (const name of ["rate", "roundTrip", "load", "memory"] as const) {
      forget(shown[name], now)
      charts[name].draw(shown[name], outages, now)
    }
    show("received", `${received}`)
    const expected = numbers.size === 0 ? 0 : Math.max(...numbers) - first + 1
    show("lost", `${expected - numbers.size}`)
  })

// ---------------------------------------------------------------------------
// The client
// ---------------------------------------------------------------------------

const settings = Effect.promise(() => fetch("/settings.json").then((response) => response.json())).pipe(
  Effect.flatMap(Schema.decodeUnknownEffect(Settings))
)

const client = ({ password, username }: Settings) =>
  BrowserMqtt.layer({
    url: "/mqtt",
    protocolVersion: "auto",
    // The session lasts as long as this page: the broker keeps messages while the page has no network.
    clientId: `dashboard-${crypto.randomUUID().slice(0, 8)}`,
    session: "persistent",
    sessionExpiry: "5 minutes",
    username,
    password: password === undefined ? undefined : Redacted.make(password),
    initialConnection: "retry",
    reconnect: Schedule.spaced("500 millis")
  })

const dashboard = Effect.fnUntraced(function*(topic: string) {
  const mqtt = yield* MqttClient.MqttClient
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => Effect.sync(() => notice(state))),
    Effect.forkScoped
  )
  yield* Effect.repeat(draw(mqtt), Schedule.spaced("200 millis")).pipe(Effect.forkScoped)
  // Nobody subscribes to it; the client measures how long its acknowledgement takes.
  yield* mqtt.publish(`${topic}/probe`, "", { qos: 1, whenOffline: "fail" }).pipe(
    Effect.ignore,
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.forkScoped
  )
  const readings = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* Stream.runForEach(readings, take)
})

/** Cuts only this page's way to its broker; the server of the page ends the outage after a few seconds. */
element("cut").addEventListener("click", () => {
  const button = element("cut") as HTMLButtonElement
  button.disabled = true
  void fetch("/outage", { method: "POST" }).finally(() => {
    button.disabled = false
  })
})

settings.pipe(
  Effect.flatMap((given) => Effect.provide(dashboard(given.topic), client(given))),
  Effect.scoped,
  Effect.tapError((error) => Effect.sync(() => show("details", error.message))),
  Effect.runFork
)

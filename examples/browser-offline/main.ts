// Shows a page whose readings outlive it. It takes readings without a network, stores them in the browser, and sends
// them when it has a network again, even if it was closed and opened meanwhile. Serve it with `npx vite
// examples/browser-offline` and open it with ?url=ws://localhost:9001, a WebSocket port of a broker. Further
// parameters: `topic`, and `reconnect`, such as "10 seconds".
import { MqttClient, type MqttError, type MqttState } from "effect-mqtt"
import { BrowserMqtt, BrowserMqttStore } from "effect-mqtt/browser"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

type Client = MqttClient.MqttClient["Service"]

const parameters = new URLSearchParams(location.search)
const topic = parameters.get("topic") ?? "effect-mqtt/readings"
const reconnect = Option.map(
  Option.flatMap(
    Option.fromNullishOr(parameters.get("reconnect")),
    (text) => Duration.fromInput(text as Duration.Input)
  ),
  Schedule.spaced
)

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no "${id}"`)
  return found
}

const show = (id: string, text: string) =>
  Effect.sync(() => {
    element(id).textContent = text
  })

// ---------------------------------------------------------------------------
// The page's state
// ---------------------------------------------------------------------------

const describe = (state: MqttState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return `Connecting, attempt ${state.attempt}`
    case "Connected":
      return "Connected"
    case "Disconnected":
      return "Disconnected: readings wait in this browser"
    case "Closed":
      return state.error === undefined ? "Closed" : `Closed: ${state.error.message}`
  }
}

/** A second tab cannot open the store: it says so, and takes no readings. */
const refusal = ({ message, reason }: MqttError.MqttError): string =>
  reason._tag === "StoreFailed" && reason.problem === "InUse"
    ? "This page is open in another tab: close that one, and load this one again"
    : `Closed: ${message}`

/**
 * Each browser is a client of its own, with the same identifier every time. If the browser forgets the identifier, it
 * forgets the store too.
 */
const clientId = (): string => {
  const known = localStorage.getItem("effect-mqtt-client")
  const id = known ?? `readings-${crypto.randomUUID().slice(0, 8)}`
  localStorage.setItem("effect-mqtt-client", id)
  return id
}

const takesNoMore = Effect.sync(() => {
  element("form").inert = true
})

// ---------------------------------------------------------------------------
// Readings
// ---------------------------------------------------------------------------

/** Emits each entry of the form, and empties the form. */
const entered = Stream.callback<string>((queue) => {
  const form = element("form")
  const input = element("text") as HTMLInputElement
  const onSubmit = (event: Event) => {
    event.preventDefault()
    Queue.offerUnsafe(queue, input.value)
    input.value = ""
  }
  return Effect.acquireRelease(
    Effect.sync(() => form.addEventListener("submit", onSubmit)),
    () => Effect.sync(() => form.removeEventListener("submit", onSubmit))
  )
})

const newLine = (text: string) =>
  Effect.sync(() => {
    const line = document.createElement("li")
    line.textContent = text
    element("readings").append(line)
    return line
  })

/** The page may be closed once the reading is stored; at QoS 2 it arrives once. */
const take = Effect.fnUntraced(function*(mqtt: Client, value: string) {
  const line = yield* newLine(`${value}: being stored`)
  yield* mqtt.publishAsync(topic, JSON.stringify({ value, at: new Date().toISOString() }), { qos: 2 }).pipe(
    Effect.match({
      onSuccess: () => `${value}: stored`,
      onFailure: ({ message }) => `${value}: NOT stored. ${message}`
    }),
    Effect.map((text) => {
      line.textContent = text
    })
  )
})

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const waiting = Effect.map(mqtt.stats, ({ storedMessages }) => `${storedMessages}`)
  yield* Effect.flatMap(waiting, (text) => show("left", text))
  yield* Effect.repeat(Effect.flatMap(waiting, (text) => show("waiting", text)), Schedule.spaced("100 millis")).pipe(
    Effect.forkScoped
  )
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => show("state", describe(state))),
    Effect.forkScoped
  )
  yield* Stream.runForEach(entered, (value) => take(mqtt, value))
})

program.pipe(
  Effect.scoped,
  Effect.provide(BrowserMqtt.layer({
    url: parameters.get("url") ?? "/mqtt",
    clientId: clientId(),
    session: "persistent",
    initialConnection: "retry",
    reconnect: Option.getOrElse(reconnect, () => MqttClient.defaultReconnect),
    store: BrowserMqttStore.layer({ name: "readings", persist: true })
  })),
  Effect.tapError((error) => Effect.andThen(show("state", refusal(error)), takesNoMore)),
  Effect.runFork
)

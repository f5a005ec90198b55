// Shows a page with its own client: every open page with the same topic sees its notes, even those taken in an outage.
// Serve it with `npx vite examples/browser` and open it with ?url=ws://localhost:9001, a WebSocket port of a broker.
// Further parameters: `topic`, and `reconnect`, the time between attempts, such as "10 seconds".
import { MqttClient, type MqttState } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

const parameters = new URLSearchParams(location.search)
const topic = parameters.get("topic") ?? "effect-mqtt/notes"
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

const describe = (state: MqttState.ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
      return `Connecting, attempt ${state.attempt}`
    case "Connected":
      return "Connected"
    case "Disconnected":
      return `Disconnected: ${state.error.message}`
    case "Closed":
      return state.error === undefined ? "Closed" : `Closed: ${state.error.message}`
  }
}

const show = (id: string, text: string) =>
  Effect.sync(() => {
    element(id).textContent = text
  })

const addNote = (text: string) =>
  Effect.sync(() => {
    const note = document.createElement("li")
    note.textContent = text
    element("notes").append(note)
  })

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

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => show("state", describe(state))),
    Effect.forkScoped
  )
  const notes = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* notes.pipe(Stream.runForEach(({ text }) => addNote(text)), Effect.forkScoped)
  let acknowledged = 0
  yield* entered.pipe(
    // A note of an outage waits for the connection, and later notes do not wait for its acknowledgement.
    Stream.mapEffect((text) => mqtt.publish(topic, text, { qos: 1 }), { concurrency: "unbounded" }),
    Stream.runForEach(() => show("acknowledged", `${++acknowledged}`))
  )
})

program.pipe(
  Effect.scoped,
  Effect.provide(BrowserMqtt.layer({
    url: parameters.get("url") ?? "/mqtt",
    initialConnection: "retry",
    reconnect: Option.getOrElse(reconnect, () => MqttClient.defaultReconnect)
  })),
  Effect.tapError((error) => show("state", `Closed: ${error.message}`)),
  Effect.runFork
)

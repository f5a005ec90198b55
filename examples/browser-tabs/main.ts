// Shows a page whose tabs share one client. Open it several times: the broker has one connection. Close the tab that
// has the connection: another tab takes over. Serve it with `npx vite examples/browser-tabs` and open it with
// ?url=ws://localhost:9001, a WebSocket port of a broker. A further parameter: `topic`.
import type { MqttState } from "effect-mqtt"
import { BrowserMqtt, BrowserMqttTabs } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

const parameters = new URLSearchParams(location.search)
const topic = parameters.get("topic") ?? "effect-mqtt/tabs"

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no "${id}"`)
  return found
}

const show = (id: string, text: string) =>
  Effect.sync(() => {
    element(id).textContent = text
  })

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

/** All tabs of this browser have one client identifier, so the session goes on when another tab takes over. */
const clientId = (): string => {
  const known = localStorage.getItem("clientId") ?? `tabs-${crypto.randomUUID().slice(0, 8)}`
  localStorage.setItem("clientId", known)
  return known
}

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
  const mqtt = yield* BrowserMqttTabs.MqttTabs
  yield* SubscriptionRef.changes(mqtt.role).pipe(
    Stream.runForEach((role) => show("role", role === "Leader" ? "has the connection" : "follows another tab")),
    Effect.forkScoped
  )
  yield* SubscriptionRef.changes(mqtt.state).pipe(
    Stream.runForEach((state) => show("state", describe(state))),
    Effect.forkScoped
  )
  const notes = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* Stream.runForEach(notes, ({ text }) => addNote(text)).pipe(Effect.forkScoped)
  yield* show("acknowledged", "0")
  document.title = "subscribed"
  let acknowledged = 0
  yield* entered.pipe(
    Stream.mapEffect((text) => mqtt.publish(topic, text, { qos: 1 }), { concurrency: "unbounded" }),
    Stream.runForEach(() => show("acknowledged", `${++acknowledged}`))
  )
})

program.pipe(
  Effect.scoped,
  Effect.provide(BrowserMqttTabs.layer({
    client: BrowserMqtt.layer({
      url: parameters.get("url") ?? "/mqtt",
      clientId: clientId(),
      session: "persistent",
      initialConnection: "retry"
    })
  })),
  Effect.tapError((error) => show("state", `Closed: ${error.message}`)),
  Effect.runFork
)

/**
 * The client of the page. The runtime builds it for the first atom that needs it, and closes it after the last.
 */
import { BrowserMqtt, BrowserMqttStore } from "effect-mqtt/browser"
import * as Atom from "effect/reactivity/Atom"

/** Each browser is a client of its own, with the same identifier every time. It lives as long as the store. */
const clientId = (): string => {
  const known = localStorage.getItem("rooms-client")
  const id = known ?? `rooms-${crypto.randomUUID().slice(0, 8)}`
  localStorage.setItem("rooms-client", id)
  return id
}

const parameters = new URLSearchParams(location.search)

export const runtime = Atom.runtime(BrowserMqtt.layer({
  url: parameters.get("url") ?? "/mqtt",
  clientId: clientId(),
  session: "persistent",
  initialConnection: "retry",
  store: BrowserMqttStore.layer({ name: "rooms", persist: true })
}))

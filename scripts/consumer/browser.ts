/** Layers of a page. */
import { BrowserMqtt, BrowserMqttConfig, BrowserMqttStore, BrowserWebSocket } from "effect-mqtt/browser"

export const live = BrowserMqtt.layer({ url: "/mqtt" })
export const observed = BrowserMqtt.layerObserved({ url: "/mqtt", tracing: {}, metrics: true })
export const fromProvider = BrowserMqtt.layerConfig()
export const transport = BrowserWebSocket.layer({ url: "/mqtt" })
export const options = BrowserMqttConfig.environment
export const store = BrowserMqttStore.layer()
export const inDatabase = BrowserMqttStore.make({ name: "messages", sync: "full", persist: true })

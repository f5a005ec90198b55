/**
 * The page of `OneIdentifier.pages.test.ts`: a client that connects by itself, and says in the title which states it has been in.
 * Runs in the browser.
 *
 * Its options are JSON in the fragment of its address.
 */
import { MqttClient, type MqttState } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

const options: BrowserMqtt.Options = JSON.parse(decodeURIComponent(globalThis.location.hash.slice(1)))

const wordFor = (state: MqttState.ConnectionState): string =>
  "error" in state && state.error !== undefined ? state.error.reason._tag : state._tag

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* Stream.runForEach(SubscriptionRef.changes(mqtt.state), (state) =>
    Effect.sync(() => {
      document.title += ` ${wordFor(state)}`
    }))
})

program.pipe(
  Effect.provide(BrowserMqtt.layer({ ...options, initialConnection: "retry" })),
  Effect.runFork
)

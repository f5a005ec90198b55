/**
 * The page of `Leaving.pages.test.ts`: a client that connects by itself, and shows its state in the title. Runs in the
 * browser.
 *
 * Its options are JSON in the fragment of its address.
 */
import { MqttClient } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** What the test calls in the page. */
export type LeavingPage = typeof globalThis & { readonly checkConnection: () => Promise<boolean> }

const options: BrowserMqtt.Options = JSON.parse(decodeURIComponent(globalThis.location.hash.slice(1)))

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  Object.assign(globalThis, { checkConnection: () => Effect.runPromise(mqtt.checkConnection) })
  yield* Stream.runForEach(SubscriptionRef.changes(mqtt.state), ({ _tag }) =>
    Effect.sync(() => {
      document.title = _tag
    }))
})

program.pipe(
  Effect.provide(BrowserMqtt.layer({
    ...options,
    initialConnection: "retry",
    // What connects again in a test does so at once, or never.
    reconnect: Schedule.spaced("1 hour")
  })),
  Effect.runFork
)

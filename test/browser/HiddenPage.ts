/**
 * The page of `npm run page-soak`: hears numbered messages, sends some of them back, and counts. Runs in the browser.
 *
 * A second client does nothing: it lives by its pings alone, whose timers the browser holds back.
 */
import { MqttClient } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Subjects from "../soak/pageSubjects.ts"

/** In the fragment of its address, as JSON. */
export interface Options {
  readonly url: string
  /** Whether fibers that yield go on with a message of a channel instead of a timer. */
  readonly channel: boolean
}

/** What the page has seen since it was opened. */
export interface Seen {
  readonly visibility: DocumentVisibilityState
  /** How often it became visible again. */
  readonly shown: number
  /** How often a timer of 100 ms came. */
  readonly ticks: number
  /** How often each client became connected. */
  readonly connections: number
  readonly quietConnections: number
  readonly received: number
  /** Numbers that a higher one came before. */
  readonly skipped: number
  /** Messages below a number that had come already. */
  readonly repeated: number
  readonly isSubscribed: boolean
}

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

const seen: Mutable<Seen> = {
  visibility: document.visibilityState,
  shown: 0,
  ticks: 0,
  connections: 0,
  quietConnections: 0,
  received: 0,
  skipped: 0,
  repeated: 0,
  isSubscribed: false
}

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") seen.shown++
})

setInterval(() => {
  seen.ticks++
}, 100)

let next = 0

const take = (number: number): void => {
  seen.received++
  if (number < next) seen.repeated++
  else {
    seen.skipped += number - next
    next = number + 1
  }
}

const whenConnected = (mqtt: MqttClient.MqttClient["Service"], note: () => void) =>
  SubscriptionRef.changes(mqtt.state).pipe(
    Stream.filter(({ _tag }) => _tag === "Connected"),
    Stream.runForEach(() => Effect.sync(note))
  )

const { channel, url }: Options = JSON.parse(decodeURIComponent(globalThis.location.hash.slice(1)))

/** What a browser does not hold back in a hidden page. */
const overChannel = (): Scheduler.Scheduler => {
  const { port1, port2 } = new MessageChannel()
  const waiting: Array<() => void> = []
  port1.addEventListener("message", () => waiting.shift()?.())
  port1.start()
  return new Scheduler.MixedScheduler("async", (resume) => {
    let isCancelled = false
    waiting.push(() => isCancelled || resume())
    port2.postMessage(undefined)
    return () => {
      isCancelled = true
    }
  })
}

const hearing = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* whenConnected(mqtt, () => seen.connections++).pipe(Effect.forkScoped)
  const messages = yield* mqtt.subscribe(Subjects.down, { qos: 1 })
  seen.isSubscribed = true
  yield* Stream.runForEach(messages, ({ text }) => {
    take(Number(text))
    return Number(text) % Subjects.answered === 0 ? mqtt.publishAsync(Subjects.up, text, { qos: 1 }) : Effect.void
  })
}).pipe(Effect.provide(BrowserMqtt.layer({ url, clientId: Subjects.busy })))

const quiet = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* whenConnected(mqtt, () => seen.quietConnections++)
}).pipe(Effect.provide(BrowserMqtt.layer({ url, clientId: Subjects.quiet, keepAlive: "2 minutes" })))

Effect.all([hearing, quiet], { concurrency: "unbounded" }).pipe(
  Effect.scoped,
  channel ? Effect.provideService(Scheduler.Scheduler, overChannel()) : identity,
  Effect.runFork
)

const hiddenPage = { seen: (): Seen => ({ ...seen, visibility: document.visibilityState }) }

export type HiddenPage = typeof hiddenPage

Object.assign(globalThis, { hiddenPage })

/**
 * The page of `Addresses.pages.test.ts`, which is also its frame and its worker: connects with the options it gets, and
 * answers with the outcome. Runs in the browser.
 */
import { MqttClient, type MqttError } from "effect-mqtt"
import { BrowserMqtt } from "effect-mqtt/browser"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"

/** What a page says: that it is connected, or why it never will be. */
export interface Outcome {
  readonly connected: boolean
  readonly tag?: string
  readonly problem?: string | undefined
  readonly message?: string
}

const outcomeOf = ({ message, reason }: MqttError.MqttError): Outcome => ({
  connected: false,
  tag: reason._tag,
  problem: "problem" in reason ? reason.problem : undefined,
  message
})

const connected = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  const isConnected = Stream.runHead(
    Stream.filter(SubscriptionRef.changes(mqtt.state), ({ _tag }) => _tag === "Connected")
  )
  yield* Effect.raceFirst(isConnected, mqtt.closed)
  return { connected: true }
})

const connect = (options: BrowserMqtt.Options): Promise<Outcome> =>
  connected.pipe(
    Effect.provide(BrowserMqtt.layer({ ...options, initialConnection: "retry" })),
    Effect.catch((error) => Effect.succeed(outcomeOf(error))),
    Effect.runPromise
  )

// A frame answers its page, and a worker has one who listens.
globalThis.addEventListener("message", ({ data }) => {
  if (data.url === undefined) return
  const answer = (outcome: Outcome) =>
    globalThis.document === undefined ? postMessage(outcome) : parent.postMessage(outcome, { targetOrigin: "*" })
  connect(data).then(answer)
})

// ---------------------------------------------------------------------------
// Places
// ---------------------------------------------------------------------------

type Ask = (options: BrowserMqtt.Options) => Promise<Outcome>

const script = "/page.js"
const tag = `<script type=module src=${globalThis.location.origin}${script}></script>`

const fromFrame = (change: (frame: HTMLIFrameElement) => void): Ask => (options) =>
  new Promise((resolve) => {
    const frame = document.createElement("iframe")
    const listener = ({ data, source }: MessageEvent) => {
      if (source !== frame.contentWindow) return
      globalThis.removeEventListener("message", listener)
      frame.remove()
      resolve(data)
    }
    globalThis.addEventListener("message", listener)
    frame.addEventListener("load", () => frame.contentWindow?.postMessage(options, { targetOrigin: "*" }))
    change(frame)
    document.body.append(frame)
  })

const fromWorker = (urlOf: (code: string) => string): Ask => async (options) => {
  const code = await (await fetch(script)).text()
  return new Promise((resolve) => {
    const worker = new Worker(urlOf(code), { type: "module" })
    worker.addEventListener("message", ({ data }) => {
      worker.terminate()
      resolve(data)
    })
    worker.postMessage(options, {})
  })
}

const places = {
  page: connect,
  "srcdoc frame": fromFrame((frame) => {
    frame.srcdoc = tag
  }),
  "srcdoc frame in a sandbox": fromFrame((frame) => {
    frame.sandbox.add("allow-scripts")
    frame.srcdoc = tag
  }),
  "blob: frame": fromFrame((frame) => {
    frame.src = URL.createObjectURL(new Blob([tag], { type: "text/html" }))
  }),
  worker: fromWorker(() => script),
  "blob: worker": fromWorker((code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }))),
  "data: worker": fromWorker((code) => `data:text/javascript,${encodeURIComponent(code)}`)
} satisfies Readonly<Record<string, Ask>>

export type Place = keyof typeof places

const addressPage = {
  /** What becomes of a client in this place. */
  ask: (place: Place, options: BrowserMqtt.Options): Promise<Outcome> => places[place](options)
}

export type AddressPage = typeof addressPage

Object.assign(globalThis, { addressPage })

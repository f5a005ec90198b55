/**
 * The page of `BrowserMqttRestarts.test.ts`: a client with a store, which the test uses from outside. Runs in the
 * browser.
 *
 * It writes each accepted message to the console, after the client has accepted it.
 */
import { MqttClient, type MqttError, type MqttState } from "effect-mqtt"
import { BrowserMqtt, BrowserMqttStore } from "effect-mqtt/browser"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Content from "../crash/content.ts"

export interface Options {
  readonly url: string
  readonly clientId: string
  readonly protocolVersion: "3.1.1" | "5.0"
  readonly store: BrowserMqttStore.Options
}

export interface Publishing {
  readonly world: string
  /** The first number. */
  readonly from: number
  /** How many of each QoS. */
  readonly count: number
}

const scope = Scope.makeUnsafe()
let mqtt: MqttClient.MqttClient["Service"] | undefined

const client = Effect.suspend(() => mqtt === undefined ? Effect.die("there is no client") : Effect.succeed(mqtt))

const layer = ({ store, ...options }: Options) =>
  BrowserMqtt.layer({
    ...options,
    session: "persistent",
    initialConnection: "retry",
    connectTimeout: "2 seconds",
    reconnect: Schedule.spaced("50 millis"),
    // Messages that nothing is wrong with meet many connections that end, and none may be given up.
    retransmit: Schedule.forever,
    store: BrowserMqttStore.layer(store)
  })

/** The problem of the store if it failed. */
const problemOf = ({ message, reason }: MqttError.MqttError): string =>
  reason._tag === "StoreFailed" ? `${reason.operation} ${reason.problem}: ${message}` : message

const publishAll = ({ count, from, world }: Publishing, qos: Content.Level) =>
  Effect.gen(function*() {
    const mqtt = yield* client
    const topic = Content.outgoing(world, qos, "async")
    const publish = (number: number) =>
      Effect.map(
        mqtt.publishAsync(topic, Content.textOf(number), { qos }),
        () => console.log(`accepted ${qos} ${number}`)
      )
    yield* Effect.forEach(Array.from({ length: count }, (_, index) => from + index), publish, {
      concurrency: "unbounded",
      discard: true
    })
  })

const publishBoth = (publishing: Publishing) =>
  Effect.all([publishAll(publishing, 1), publishAll(publishing, 2)], { concurrency: "unbounded", discard: true })

const clientPage = {
  /** Completes when the client is there; with what was wrong otherwise. */
  start: (options: Options): Promise<string | undefined> =>
    Effect.runPromise(
      Layer.buildWithScope(layer(options), scope).pipe(
        Effect.match({
          onFailure: problemOf,
          onSuccess: (services) => {
            mqtt = Context.get(services, MqttClient.MqttClient)
            return undefined
          }
        }),
        Effect.provideService(References.MinimumLogLevel, "None")
      )
    ),
  /** Completes when all are accepted. */
  publish: (publishing: Publishing) => Effect.runPromise(publishBoth(publishing)),
  /** Bursts of messages until the page ends. */
  keepPublishing: (first: Publishing) => {
    const burst = (from: number): Effect.Effect<never, MqttError.MqttError> =>
      publishBoth({ ...first, from }).pipe(
        Effect.andThen(Effect.sleep("5 millis")),
        Effect.andThen(Effect.suspend(() => burst(from + first.count)))
      )
    Effect.runFork(Effect.tapError(burst(first.from), (error) => Effect.sync(() => console.error(error.message))))
  },
  flush: () => Effect.runPromise(Effect.flatMap(client, ({ flush }) => flush)),
  stats: (): Promise<MqttState.Stats> => Effect.runPromise(Effect.flatMap(client, ({ stats }) => stats)),
  end: () => Effect.runPromise(Scope.close(scope, Exit.void))
}

export type ClientPage = typeof clientPage

Object.assign(globalThis, { clientPage })

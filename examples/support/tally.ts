/**
 * The numbers published to a topic, and how often each arrived.
 */
import { Deferred, Effect, Stream } from "effect"
import type { MqttClient } from "../../src/index.ts"

type Client = MqttClient.MqttClient["Service"]

export interface Tally {
  readonly sent: Set<string>
  readonly received: Map<string, number>
}

export const make = (): Tally => ({ sent: new Set(), received: new Map() })

export const lost = ({ received, sent }: Tally): number => [...sent].filter((number) => !received.has(number)).length

export const duplicated = ({ received }: Tally): number =>
  [...received.values()].reduce((duplicates, times) => duplicates + times - 1, 0)

/** The number of arrivals. */
export const times = ({ received }: Tally): number => [...received.values()].reduce((sum, times) => sum + times, 0)

export const summary = (tally: Tally): string =>
  `sent ${tally.sent.size}, lost ${lost(tally)}, duplicated ${duplicated(tally)}`

/** Publishes a number twenty times a second until `stop`, and ends when all are acknowledged. */
export const send = (mqtt: Client, topic: string, { sent }: Tally, stop: Deferred.Deferred<void>) =>
  Stream.tick("50 millis").pipe(
    Stream.interruptWhen(Deferred.await(stop)),
    Stream.mapEffect(() =>
      Effect.suspend(() => {
        const number = `${sent.size + 1}`
        sent.add(number)
        return mqtt.publish(topic, number, { qos: 1 })
      }), { concurrency: "unbounded" }),
    Stream.runDrain
  )

/** Counts arrivals for as long as the scope. */
export const count = Effect.fnUntraced(function*(mqtt: Client, topic: string, { received }: Tally) {
  const messages = yield* mqtt.subscribe(topic, { qos: 1 })
  yield* messages.pipe(
    Stream.runForEach(({ text }) => Effect.sync(() => received.set(text, (received.get(text) ?? 0) + 1))),
    Effect.forkScoped
  )
})

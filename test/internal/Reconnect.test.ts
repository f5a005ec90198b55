/**
 * The default of `reconnect`: the range of each delay, and how it spreads the clients of one server.
 */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Random, Schedule } from "effect"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"

const lost = MqttError.fromReason(new MqttError.ConnectionLost({ cause: "cut" }))

/** The first delays, in milliseconds. */
const delays = (count: number) =>
  Effect.gen(function*() {
    const step = yield* Schedule.toStep(MqttClient.defaultReconnect)
    return yield* Effect.forEach(
      Array.from({ length: count }),
      () => Effect.map(step(0, lost), ([, delay]) => Duration.toMillis(delay))
    )
  })

/** The same chance each time. */
const always = (value: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => value, nextIntUnsafe: () => 0 })

const shortest = [500, 1000, 2000, 4000, 8000, 10_000, 10_000]

describe("the default schedule", () => {
  it.effect("doubles its shortest delay up to ten seconds; the longest delay is four times the shortest", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* always(0)(delays(7)), shortest)
      assert.deepStrictEqual(yield* always(1)(delays(7)), shortest.map((delay) => 4 * delay))
      assert.deepStrictEqual(yield* always(0.5)(delays(7)), shortest.map((delay) => 2.5 * delay))
    }))

  it.effect("uses the whole range of each delay", () =>
    Effect.gen(function*() {
      const clients = 2000
      const all = yield* Effect.forEach(Array.from({ length: clients }), () => delays(7))
      for (const [attempt, least] of shortest.entries()) {
        const quarters = [0, 0, 0, 0]
        for (const each of all) quarters[Math.floor((each[attempt] - least) / least / 0.75)]++
        for (const count of quarters) assert.closeTo(count / clients, 0.25, 0.05, `attempt ${attempt + 1}`)
      }
    }).pipe(Random.withSeed("quarters")))

  /** The largest share of the clients with attempts in the same second, from the first minute on. */
  const peakOf = (attemptTakes: number, clients: number) =>
    Effect.gen(function*() {
      const seconds = new Map<number, number>()
      for (let client = 0; client < clients; client++) {
        let at = 0
        for (const delay of yield* delays(20)) {
          at += delay
          if (at >= 60_000 && at < 180_000) {
            const second = Math.floor(at / 1000)
            seconds.set(second, (seconds.get(second) ?? 0) + 1)
          }
          at += attemptTakes
        }
      }
      return Math.max(...seconds.values()) / clients
    })

  for (const [kind, attemptTakes] of [["are refused at once", 0], ["get no answer for ten seconds", 10_000]] as const) {
    it.effect(`no second after the first minute has a tenth of the clients, if attempts ${kind}`, () =>
      Effect.gen(function*() {
        assert.isBelow(yield* peakOf(attemptTakes, 5000), 0.1)
      }).pipe(Random.withSeed("peak")))
  }
})

/**
 * Another service at the broker, which answers requests: honestly, or with guesses at the requests of others too.
 */
import { type Clock, Effect } from "effect"
import type { MemoryBroker } from "../../../src/testing/index.ts"
import { idOf, type Observations, payloadOf } from "../Observations.ts"

/** How long it takes to answer. */
const delay = 5

/** Correlation Data that might be that of another request: the next ones, if whoever asks counts. */
const guesses = (data: Uint8Array): ReadonlyArray<Uint8Array> =>
  [1, 2, 3].map((distance) => {
    const guess = data.slice()
    for (let index = guess.length - 1, carry = distance; index >= 0 && carry > 0; index--) {
      carry += guess[index]
      guess[index] = carry
      carry >>= 8
    }
    return guess
  })

/** Answers until it is interrupted. */
export const run = (
  broker: MemoryBroker.MemoryBroker["Service"],
  observations: Observations,
  clock: Clock.Clock
): Effect.Effect<never> => {
  let count = 0
  const one = Effect.gen(function*() {
    const messages = yield* broker.awaitMessages("ask/+", ++count)
    const { properties: { correlationData, responseTopic }, qos, text, topic } = messages[count - 1]
    if (responseTopic === undefined || correlationData === undefined) return
    if (topic !== "ask/answers" && topic !== "ask/forges") return
    yield* Effect.sleep(delay)
    const id = idOf(text)
    observations.seen.answered.push({ id, at: Number(clock.monotonicTimeNanosUnsafe()) / 1e6 })
    if (topic === "ask/forges") {
      for (const guess of guesses(correlationData)) {
        yield* broker.publish(responseTopic, `${id} forged`, { qos, properties: { correlationData: guess } })
      }
    }
    yield* broker.publish(responseTopic, payloadOf(id, 10), { qos, properties: { correlationData } })
  })
  return Effect.forever(one)
}

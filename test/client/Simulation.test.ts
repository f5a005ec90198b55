import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { TestClock } from "effect/testing"
import type { QoS } from "../../src/protocol/Packet.ts"
import * as Random from "../protocol/Random.ts"
import { begin, clientId, complete, type Kit, record, roundTrip, scenario } from "../support/scenario.ts"

/** What goes wrong, drawn from a seed. All of it mends itself once the connection is replaced. */
const misfortunes = ({ broker, network }: Kit, random: Random.Random): ReadonlyArray<Effect.Effect<void>> => [
  network.reset,
  network.close,
  network.closed,
  network.drop,
  network.stallWrites,
  broker.kick(clientId),
  broker.restart({ keepSessions: true }),
  Effect.andThen(network.refuseConnect(random.integer(1, 2)), network.reset),
  network.cutAfter({ bytes: random.integer(1, 600), direction: "fromClient", how: "close" }, "next"),
  network.cutAfter({ bytes: random.integer(1, 600), direction: "toClient", how: "reset" }, "next"),
  network.split(random.integer(1, 7)),
  network.merge()
]

const topics = [{ topic: "t/1", qos: 1 }, { topic: "t/2", qos: 2 }] as const

const textsOf = <M extends { readonly topic: string; readonly payload: Uint8Array }>(
  messages: ReadonlyArray<M>,
  topic: string
) => messages.filter((message) => message.topic === topic).map(({ payload }) => new TextDecoder().decode(payload))

/** QoS 1 may bring a message again; QoS 2 may not. */
const expected = (qos: QoS, texts: ReadonlyArray<string>) => qos === 2 ? texts : Array.dedupe(texts)

const simulate = (kit: Kit, seed: number): Effect.Effect<void, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const random = Random.make(seed)
    const count = 40
    const numbers = Array.range(1, count).map(String)
    const mqtt = yield* kit.connect({
      session: "persistent",
      keepAlive: "1 second",
      // A broker whose CONNACK is lost counts the Keep Alive from then on.
      connectTimeout: "1 second",
      maxInflight: random.pick([1, 2, 7, 1000]),
      receiveMaximum: random.pick([1, 3, 1000]),
      outbox: { messages: random.pick([1, 5, 1000]) }
    })
    const buffer = { messages: random.pick([1, 3, 1000]) }
    const received = yield* record(yield* complete(mqtt.subscribe("t/#", { qos: 2, buffer })))
    const publishing = yield* begin(
      Effect.forEach(topics, ({ qos, topic }) =>
        Effect.forEach(numbers, (number) =>
          Effect.delay(Effect.void, Number(number) * 37).pipe(Effect.andThen(mqtt.publish(topic, number, { qos }))), {
          concurrency: "unbounded"
        }), { concurrency: "unbounded" })
    )
    for (let round = 0; round < 12; round++) {
      yield* TestClock.adjust(random.integer(1, 300))
      yield* random.pick(misfortunes(kit, random))
    }
    yield* complete(Fiber.join(publishing))
    yield* TestClock.adjust(200 * roundTrip)
    const atBroker = yield* kit.broker.messages
    for (const { qos, topic } of topics) {
      assert.deepStrictEqual(expected(qos, textsOf(atBroker, topic)), numbers, `${topic} at the broker`)
      assert.deepStrictEqual(
        expected(qos, textsOf(received.messages, topic)),
        numbers,
        `${topic} received`
      )
    }
  })

describe("whatever goes wrong, everything published arrives in order, and QoS 2 once", () => {
  for (let seed = 1; seed <= 40; seed++) {
    scenario(`seed ${seed}`, {}, (kit) => simulate(kit, seed))
  }
})

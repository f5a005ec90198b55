import { assert, describe } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { TestClock } from "effect/testing"
import { textOf } from "../support/packets.ts"
import { type Kit, scenario, sent, stateOf } from "../support/scenario.ts"
import { begin, complete } from "../support/time.ts"

const topic = "gateway/status"

/** The retained word; empty where the server has lost it. */
const word = ({ broker }: Kit) =>
  Effect.map(broker.retained, (retained) => retained.filter((message) => message.topic === topic).map(textOf).join())

/** Long enough for the server to have missed the Keep Alive, and for the client to have connected again. */
const settling = "6 seconds"

/** How a connection ends, and with it the CONNECT that must not come too early. */
const faults: ReadonlyArray<readonly [name: string, fault: (kit: Kit, round: number) => Effect.Effect<void>]> = [
  ["is reset", ({ network }) => network.reset],
  ["is closed by the server", ({ network }) => network.close],
  ["is half-open, and the client takes its own session over", ({ network }) => network.drop],
  ["does not let the client write", ({ network }) => network.stallWrites],
  ["is ended with a word", ({ broker }) => broker.disconnectClient("client", 0x8b)],
  ["is ended without a word", ({ broker }) => broker.kick("client")],
  ["ends with a restart of the server", ({ broker }) => broker.restart({ keepSessions: true })],
  ["ends with a server that lost all sessions and messages", ({ broker }) => broker.restart({ keepSessions: false })],
  [
    "goes with the acknowledgements",
    ({ broker }) =>
      Effect.andThen(broker.holdAcknowledgements(), Effect.delay(broker.releaseAcknowledgements(), "1 second"))
  ],
  // CONNECT has about 60 bytes and the birth 26: the connection ends before them, in them and behind them.
  [
    "ends again in the birth",
    ({ network }, round) =>
      Effect.andThen(network.reset, network.cutAfter({ bytes: 30 + round, direction: "fromClient", how: "reset" }))
  ],
  [
    "ends again in silence",
    ({ network }, round) =>
      Effect.andThen(network.reset, network.cutAfter({ bytes: 30 + round, direction: "fromClient", how: "silence" }))
  ],
  [
    "ends again with the answer",
    ({ network }, round) =>
      Effect.andThen(network.reset, network.cutAfter({ bytes: round % 9, direction: "toClient", how: "reset" }))
  ],
  ["stays away", ({ network }) => Effect.andThen(network.drop, network.refuseConnect(1000))]
]

describe("presence through 50 outages", () => {
  scenario(
    "a connection that the client gives up leaves the Will to the server",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ presence: { topic } })
        yield* TestClock.adjust("1 second")
        yield* kit.broker.holdAcknowledgements()
        yield* kit.network.refuseConnect(1000)
        yield* begin(Effect.exit(mqtt.publish("t", "x", { qos: 1 })))
        yield* TestClock.adjust("1 second")
        assert.notStrictEqual((yield* stateOf(mqtt))._tag, "Connected")
        assert.strictEqual(yield* word(kit), "offline")
        const reasonCodes = (yield* sent(kit, "Disconnect")).map(({ reasonCode }) => reasonCode)
        assert.deepStrictEqual(reasonCodes, kit.version === "5.0" ? [0x04] : [])
      })
  )

  for (const session of ["clean", "persistent"] as const) {
    for (const qos of [0, 1, 2] as const) {
      scenario(
        `the last retained word is true, QoS ${qos}, session ${session}`,
        { leavesUnfinished: true },
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect({
              presence: { topic, qos },
              session,
              keepAlive: "2 seconds",
              reconnect: Schedule.spaced("80 millis")
            })
            yield* TestClock.adjust("1 second")
            for (let outage = 0; outage < 50; outage++) {
              const [name, fault] = faults[outage % faults.length]
              const told = `outage ${outage + 1}: the connection ${name}`
              assert.strictEqual(yield* word(kit), "online", `before ${told}`)
              // Something is in flight, and waits.
              for (const level of [0, 1, 2] as const) yield* begin(Effect.exit(mqtt.publish("t", "x", { qos: level })))
              yield* complete(fault(kit, outage))
              yield* TestClock.adjust(settling)
              if ((yield* stateOf(mqtt))._tag !== "Connected") {
                assert.notStrictEqual(yield* word(kit), "online", `in ${told}`)
                yield* kit.network.allowConnect
                yield* TestClock.adjust(settling)
              }
              assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected", `after ${told}`)
            }
            assert.isAtLeast((yield* sent(kit, "Connect")).length, 51)
            assert.strictEqual(yield* word(kit), "online")
            yield* complete(mqtt.disconnect)
            yield* TestClock.adjust(settling)
            assert.strictEqual(yield* word(kit), "offline")
          })
      )
    }
  }
})

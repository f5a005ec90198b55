import { assert, describe } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type * as Packet from "../../src/protocol/Packet.ts"
import { accepted, begin, clientId, complete, connections, reconnected, roundTrip, scenario, sent } from "../support/scenario.ts"
const isDeadly = (packet: Packet.Packet) => packet._tag === "Publish" && packet.topic === "deadly"
describe("explore", () => {
  for (const count of [20, 100, 1000]) {
  scenario("reset at the culprit " + count, { versions: ["5.0"], leavesUnfinished: true }, (kit) => Effect.gen(function*() {
    const mqtt = yield* kit.connect({ session: "persistent", responseTimeout: 1000, keepAlive: "10 seconds" })
    let seen = 0
    yield* Effect.forkScoped(Effect.forever(Effect.suspend(() => Effect.andThen(kit.broker.awaitPacket(clientId, isDeadly, ++seen), kit.network.reset))), { startImmediately: true })
    const failed: Array<string> = []
    const publishing = yield* begin(Effect.forEach(Array.range(0, count-1), (i) => Effect.exit(mqtt.publish(i === count/2 ? "deadly" : "t", String(i), { qos: 1 })).pipe(Effect.tap((e) => Effect.sync(() => { if (Exit.isFailure(e)) failed.push(String(i)) }))), { concurrency: "unbounded" }))
    let t = 0
    while (publishing.pollUnsafe() === undefined && t < 2_000_000) { yield* TestClock.adjust(100); t += 100 }
    console.log("RESULT", count, "connections", yield* connections(kit), "virtual ms", t, "failed", failed, "done", publishing.pollUnsafe() !== undefined, "sent", (yield* sent(kit, "Publish")).length)
  }))
  }
})

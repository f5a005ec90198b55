/**
 * The ledger, the times to fail over and the witness of `npm run cluster` notice losses. No broker is started.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import { publish } from "../support/packets.ts"
import { Failover } from "./Failover.ts"
import { Ledger, ranges } from "./Ledger.ts"
import { Witness } from "./Witness.ts"

const all = { name: "consumer", expects: () => true }
const even = { name: "worker", expects: (sequence: number) => sequence % 2 === 0 }

describe("the ledger of a cluster", () => {
  it("a message is lost when it was acknowledged, and a consumer that expects it did not get it", () => {
    const ledger = new Ledger(1, [all, even])
    for (const now of [10, 20, 30, 40]) ledger.sent(0, now)
    for (const sequence of [0, 1, 2]) ledger.acknowledged(0, sequence, 100)
    for (const sequence of [0, 1]) assert.isTrue(ledger.delivered(0, 0, sequence))
    assert.isTrue(ledger.delivered(1, 0, 0))
    const loss = { publisher: 0, sequence: 2, sentAt: 30, acknowledgedAt: 100 }
    assert.deepStrictEqual(ledger.losses, [{ consumer: 0, ...loss }, { consumer: 1, ...loss }])
    ledger.delivered(0, 0, 2)
    ledger.delivered(1, 0, 2)
    assert.deepStrictEqual(ledger.losses, [])
  })

  it("counts what was acknowledged, failed, is open, and came again", () => {
    const ledger = new Ledger(2, [all])
    for (const publisher of [0, 0, 0, 1]) ledger.sent(publisher, 0)
    ledger.acknowledged(0, 0, 5)
    ledger.failed(0, 1)
    ledger.acknowledged(1, 0, 5)
    for (const publisher of [0, 0, 0, 1]) ledger.delivered(0, publisher, 0)
    assert.deepStrictEqual(ledger.totals, { sent: 4, acknowledged: 2, failed: 1, open: 1, delivered: 2, repeated: 2 })
  })

  it("writes down a message that was never sent, or that is for another worker", () => {
    const ledger = new Ledger(1, [all, even])
    ledger.sent(0, 0)
    ledger.sent(0, 0)
    assert.isFalse(ledger.delivered(0, 0, 2))
    assert.isFalse(ledger.delivered(0, NaN, NaN))
    assert.isFalse(ledger.delivered(1, 0, 1))
    assert.deepStrictEqual(ledger.strays, ["consumer got 0/2", "consumer got NaN/NaN", "worker got 0/1"])
    assert.strictEqual(ledger.totals.delivered, 0)
  })

  it("names many numbers as ranges", () => {
    assert.strictEqual(ranges([9, 3, 5, 4, 11, 12]), "3-5, 9, 11-12")
    assert.strictEqual(ranges([]), "")
  })
})

describe("the time to fail over", () => {
  const killed = { kind: "killed", node: "one", at: 1000 } as const
  const clients = [{ name: "near", isOfNode: true }, { name: "far", isOfNode: false }]

  it("ends with the first message that was sent after the fault", () => {
    const failover = new Failover()
    failover.struck(killed, clients)
    failover.wentOn("near", 999, 1500)
    assert.deepStrictEqual(failover.stuck, ["near, one killed", "far, one killed"])
    failover.wentOn("near", 1000, 3000)
    failover.wentOn("near", 3000, 3001)
    failover.wentOn("far", 1010, 1020)
    assert.deepStrictEqual(failover.stuck, [])
    assert.deepStrictEqual(failover.summary("killed", true), { count: 1, median: 2000, longest: 2000 })
    assert.deepStrictEqual(failover.summary("killed", false), { count: 1, median: 20, longest: 20 })
    assert.isUndefined(failover.summary("stopped", true))
  })

  it("a client that is still stuck when the next fault comes counts for both", () => {
    const failover = new Failover()
    failover.struck(killed, clients)
    failover.struck({ kind: "stopped", node: "two", at: 2000 }, clients)
    failover.wentOn("near", 2500, 4000)
    assert.strictEqual(failover.summary("killed", true)?.longest, 3000)
    assert.strictEqual(failover.summary("stopped", true)?.longest, 2000)
    assert.deepStrictEqual(failover.stuck, ["far, one killed", "far, two stopped"])
  })
})

describe("the witness of a consumer", () => {
  const options = { protocolVersion: "3.1.1" } as const

  const bytes = (sender: "client" | "server", packet: Packet.Packet): Uint8Array => {
    const written = Encoder.toBytes(packet, { ...options, sender })
    assert.instanceOf(written, Uint8Array)
    return written instanceof Uint8Array ? written : new Uint8Array(0)
  }

  const published = (packetIdentifier: number, text: string) =>
    bytes("server", publish("topic", { text, qos: 1, packetIdentifier }))

  const acknowledged = (packetIdentifier: number) =>
    bytes("client", { _tag: "Puback", packetIdentifier, reasonCode: 0, properties: none })

  it("knows how far a message got", () => {
    const witness = new Witness("3.1.1")
    const { fromBroker, fromClient } = witness.connection()
    fromBroker(published(1, "0 0"))
    fromBroker(published(2, "0 1"))
    fromClient(acknowledged(2))
    assert.deepStrictEqual(["0 0", "0 1", "0 2"].map((text) => witness.traceOf(text)), [
      "sent by the broker, not acknowledged",
      "acknowledged by the client",
      "never sent by the broker"
    ])
    assert.deepStrictEqual(witness.reused, [])
  })

  it("notices an identifier that stands for two messages at once, on one connection only", () => {
    const witness = new Witness("3.1.1")
    const first = witness.connection()
    first.fromBroker(published(1, "0 0"))
    first.fromBroker(published(1, "0 0"))
    witness.connection().fromBroker(published(1, "0 1"))
    assert.deepStrictEqual(witness.reused, [])
    first.fromBroker(published(1, "0 2"))
    assert.deepStrictEqual(witness.reused, ["1: 0 0, then 0 2"])
  })
})

/**
 * Only a message that the broker publishes after its own PUBREL is held against the broker.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { textOf, topicOf } from "./message.ts"
import { Witness } from "./Witness.ts"

const publish = (packetIdentifier: number, sequence: number, dup = false): Packet.ServerPacket => ({
  _tag: "Publish",
  topic: topicOf(1, 2),
  payload: new TextEncoder().encode(textOf({ publisher: 1, qos: 2, sequence })),
  qos: 2,
  retain: false,
  dup,
  packetIdentifier,
  properties: Properties.none
})

const pubrel = (packetIdentifier: number): Packet.ServerPacket => ({
  _tag: "Pubrel",
  packetIdentifier,
  reasonCode: 0,
  properties: Properties.none
})

/** Whether message 7 was repeated by a broker that sends these packets, each list on a connection of its own. */
const isBlamed = (...connections: ReadonlyArray<ReadonlyArray<Packet.ServerPacket>>): boolean => {
  const witness = new Witness("5.0")
  for (const packets of connections) {
    const encoder = Encoder.make({ protocolVersion: "5.0", sender: "server" })
    for (const packet of packets) encoder.encode(packet)
    const read = witness.connection()
    // Chunks end anywhere.
    for (const chunk of encoder.take()) for (const byte of chunk) read(Uint8Array.of(byte))
  }
  return witness.hasRepeated(1, 7)
}

describe("the witness of the soak", () => {
  it("blames a broker that publishes a message after its PUBREL", () => {
    assert.isTrue(isBlamed([publish(3, 7), pubrel(3)], [publish(3, 7, true)]))
  })

  it("does not blame one that repeats what it has not released", () => {
    assert.isFalse(isBlamed([publish(3, 7)], [publish(3, 7, true), pubrel(3)], [pubrel(3)]))
  })

  it("does not blame one that gives the identifier to another message", () => {
    assert.isFalse(isBlamed([publish(3, 6), pubrel(3), publish(3, 7)], [publish(3, 7, true)]))
  })
})

/**
 * Packets with as many properties as fit into them, and storms of acknowledgements. Whoever looks at each property once
 * for every other would need minutes for one such packet, so these tests would not end in time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { onTestFinished, vi } from "vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type { Publish } from "../../src/protocol/Packet.ts"
import * as VariableByteInteger from "../../src/protocol/VariableByteInteger.ts"
import { bytesOf, concat } from "../protocol/hex.ts"
import * as Session from "../protocol/support/session.ts"
import { reachableBytes } from "../support/memory.ts"
import { connectClient, leavesNothing } from "../support/peer.ts"
import { record, stateOf } from "../support/scenario.ts"
import { latency, settle } from "../support/time.ts"
import { versions } from "../support/versions.ts"

const maximumPacketSize = 1_048_576

const variableByteInteger = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  return bytes.subarray(0, VariableByteInteger.write(bytes, 0, value))
}

/** `property` over and over. */
const repeated = (property: string, count: number): Uint8Array => {
  const one = bytesOf(property)
  const all = new Uint8Array(one.length * count)
  for (let index = 0; index < count; index++) all.set(one, index * one.length)
  return all
}

/** A message to "t" with these properties. */
const publishOf = (properties: Uint8Array): Uint8Array => {
  const body = concat([bytesOf("0001 74"), variableByteInteger(properties.length), properties])
  return concat([bytesOf("30"), variableByteInteger(body.length), body])
}

const decode = (properties: Uint8Array): Publish => {
  const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize })
  const [packet] = decoder.push(publishOf(properties))
  assert.isUndefined(decoder.error)
  return packet._tag === "Publish" ? packet : assert.fail(packet._tag)
}

describe("security 7: a flood of properties", () => {
  it("a million User Properties in five packets, each as large as a packet may be", () => {
    // The shortest there is: an empty name and an empty value.
    const count = 209_000
    for (let packet = 0; packet < 5; packet++) {
      assert.lengthOf(decode(repeated("26 0000 0000", count)).properties.userProperties ?? [], count)
    }
  })

  it("65,000 User Properties, most of them ill-formed, without an exception for each", () => {
    const decoding = vi.spyOn(TextDecoder.prototype, "decode")
    onTestFinished(() => decoding.mockRestore())
    const count = 65_000
    const names = Array.from({ length: count }, (_, index) => Uint8Array.of(0x26, 0, 2, index >> 8, index & 255, 0, 0))
    // Two bytes as a name, and those that are no UTF-8 are left out: every pair is looked at, and no pair twice.
    const { malformedProperties, properties } = decode(concat(names))
    const kept = new Set((properties.userProperties ?? []).map(([name]) => name))
    assert.strictEqual(kept.size, properties.userProperties?.length)
    assert.isAbove(kept.size, 16_000)
    assert.lengthOf(malformedProperties ?? [], 1)
    // Each costs as much as a hundred names: a packet of a MiB would take more than a second.
    assert.isEmpty(decoding.mock.results.filter(({ type }) => type === "throw"))
  })

  it("10,000 Subscription Identifiers", () => {
    assert.lengthOf(decode(repeated("0b 01", 10_000)).properties.subscriptionIdentifiers ?? [], 10_000)
  })

  it.effect("a packet full of Subscription Identifiers, for a client with 200 subscriptions that match: it is handed over, and the client lives", () =>
    leavesNothing(Effect.gen(function*() {
      const { mqtt, peer } = yield* connectClient()
      const filters = ["t", ...Array.from({ length: 199 }, (_, index) => `$share/${index}/t`)]
      const received: Array<ReadonlyArray<unknown>> = []
      for (const filter of filters) {
        const { messages } = yield* record(mqtt.messages(filter))
        received.push(messages)
        yield* TestClock.adjust(latency)
        const { packetIdentifier } = yield* peer.expect("Subscribe")
        yield* peer.send({ _tag: "Suback", packetIdentifier, reasonCodes: [0] })
        yield* TestClock.adjust(latency)
      }
      // In the range of ours, and none of them is.
      yield* peer.sendBytes(publishOf(repeated("0b 80 80 80 40", 209_000)))
      yield* TestClock.adjust(latency)
      yield* settle
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
      assert.deepStrictEqual(received.map(({ length }) => length), filters.map(() => 1))
    })))
})

describe("security 9: a flood of acknowledgements", () => {
  for (const version of versions) {
    it(`of every identifier, for nothing that was sent, leaves nothing in the session (${version})`, () => {
      const table = Session.online(version)
      const storms = [Session.puback, Session.pubrec, Session.pubcomp, Session.pubrel].map((acknowledgement) =>
        Session.receive(...Session.range(65_535, 1).map((packetIdentifier) => acknowledgement(packetIdentifier)))
      )
      Session.play(table, Session.receive(Session.pubrec(1)))
      const before = reachableBytes()
      for (const storm of storms) Session.play(table, storm)
      // One byte kept of each would be more.
      assert.isBelow(reachableBytes() - before, 4 * 65_535)
      Session.assertEmpty(table)
    })
  }
})

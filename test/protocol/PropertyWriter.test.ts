/**
 * The properties of a PUBLISH, which are written before the fields in front of them: compared with bytes put together
 * here.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Publish } from "../../src/protocol/Packet.ts"
import { none, type Properties, type UserProperty } from "../../src/protocol/Properties.ts"
import { publish as publishTo } from "../support/packets.ts"
import { concat } from "./hex.ts"

const options = { protocolVersion: "5.0", sender: "client" } as const

const publish = (properties: Properties, fields: Partial<Publish> = {}): Publish =>
  publishTo("a/é", { payload: Uint8Array.of(1, 2, 3), qos: 1, packetIdentifier: 258, properties, ...fields })

const variableByteInteger = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [(value % 128) + 128, ...variableByteInteger(Math.floor(value / 128))]

const stringBytes = (text: string): Uint8Array => {
  const bytes = Buffer.from(text)
  return concat([Uint8Array.of(bytes.length >> 8, bytes.length), bytes])
}

const expected = ({ payload, properties, topic }: Publish): Uint8Array => {
  const pairs = (properties.userProperties ?? []).flatMap(([name, value]) => [
    Uint8Array.of(0x26),
    stringBytes(name),
    stringBytes(value)
  ])
  const all = concat(pairs)
  const propertyLength = Uint8Array.from(variableByteInteger(all.length))
  const body = concat([stringBytes(topic), Uint8Array.of(1, 2), propertyLength, all, payload])
  return concat([Uint8Array.of(0x32, ...variableByteInteger(body.length)), body])
}

/** User Properties of exactly `length` bytes, six at least, most of them characters of `unit`. */
const userPropertiesOf = (length: number, unit: string): ReadonlyArray<UserProperty> => {
  const pairs: Array<UserProperty> = []
  const largest = 60_000
  let rest = length
  while (rest > 0) {
    const size = rest <= largest ? rest : largest - 100
    const room = size - 6
    const count = Math.floor(room / Buffer.byteLength(unit))
    pairs.push(["n", unit.repeat(count) + "x".repeat(room - count * Buffer.byteLength(unit))])
    rest -= size
  }
  return pairs
}

const isSame = (written: ReadonlyArray<Uint8Array>, packets: ReadonlyArray<Publish>): boolean =>
  Buffer.compare(concat(written), concat(packets.map(expected))) === 0

describe("the properties of a PUBLISH", () => {
  const lengths = [127, 128, 16_383, 16_384, 2_097_151, 2_097_152]

  for (const unit of ["a", "é", "漢", "😀"]) {
    it(`R7 the Property Length has as many bytes as it needs, with ${unit}`, () => {
      for (const length of lengths.flatMap((length) => [length - 1, length, length + 1])) {
        const packet = publish({ userProperties: userPropertiesOf(length, unit) })
        const encoder = Encoder.make(options)
        // The second time they are as long as the last ones.
        for (let round = 0; round < 2; round++) assert.isUndefined(encoder.encode(packet))
        assert.isTrue(isSame(encoder.take(), [packet, packet]), `${length}`)
        const bytes = Encoder.toBytes(packet, options)
        assert.isTrue(bytes instanceof Uint8Array && isSame([bytes], [packet]), `${length}`)
      }
    })
  }

  it("S45 shorter and longer ones follow each other, whatever their sizes and the payload's", () => {
    const sizes = [6, 60, 90, 110, 117, 118, 119, 127, 128, 129, 200, 16_200, 16_370, 16_384]
    for (const payload of [new Uint8Array(0), new Uint8Array(100).fill(7), new Uint8Array(20_000).fill(8)]) {
      const packets = sizes.map((size) => publish({ userProperties: userPropertiesOf(size, "é") }, { payload }))
      for (const first of packets) {
        for (const second of packets) {
          const encoder = Encoder.make(options)
          for (const packet of [first, second, first]) assert.isUndefined(encoder.encode(packet))
          assert.isTrue(isSame(encoder.take(), [first, second, first]))
        }
      }
    }
  })

  it("S45 they are whole wherever in the buffer they come", () => {
    for (const size of [7, 130, 1_021, 30_011]) {
      const encoder = Encoder.make(options)
      const packets = Array.from(
        { length: 1_000 },
        (_, index) =>
          publish({ userProperties: userPropertiesOf(size + (index % 3) * 61, index % 2 === 0 ? "é" : "a") })
      )
      const written: Array<Uint8Array> = []
      for (const packet of packets.slice(0, Math.ceil(200_000 / size))) {
        assert.isUndefined(encoder.encode(packet))
        written.push(...encoder.take())
      }
      assert.isTrue(isSame(written, packets.slice(0, Math.ceil(200_000 / size))))
    }
  })

  it("R56 the Maximum Packet Size counts them, and what is refused leaves nothing", () => {
    const packet = publish({ userProperties: userPropertiesOf(200, "é") })
    const size = expected(packet).length
    const encoder = Encoder.make(options)
    assert.isUndefined(encoder.encode(packet))
    for (const maximum of [size - 1, 1]) {
      encoder.setMaximumPacketSize(maximum)
      assert.strictEqual(encoder.encode(packet)?.label.label, "3.2.2-15")
      assert.strictEqual(encoder.pendingBytes(), size)
    }
    encoder.setMaximumPacketSize(size)
    assert.isUndefined(encoder.encode(packet))
    assert.isTrue(isSame(encoder.take(), [packet, packet]))
  })

  it("the last of many values is checked as the first is, and what is refused leaves nothing", () => {
    const encoder = Encoder.make(options)
    const good = publish({ userProperties: [["a", "b"]] })
    for (
      const bad of ["\u0000", "\ud800", `${"x".repeat(200)}\u0000`, `${"x".repeat(200)}\udc00`, "x".repeat(65_536)]
    ) {
      const userProperties: ReadonlyArray<UserProperty> = [...userPropertiesOf(100, "a"), ["a", bad]]
      assert.strictEqual(encoder.encode(publish({ userProperties }))?.field, "properties.userProperties[1][1]")
      for (const packet of [publish(none), good]) assert.isUndefined(encoder.encode(packet))
      assert.isTrue(isSame(encoder.take(), [publish(none), good]))
    }
  })

  it("what is no object, no pair or no name of a property is refused, even when it says nothing", () => {
    const encoder = Encoder.make(options)
    const refused: ReadonlyArray<readonly [properties: unknown, field: string]> = [
      [5, "properties"],
      [true, "properties"],
      ["", "properties"],
      [() => undefined, "properties"],
      [{ userProperties: [["a", "b", "c"]] }, "properties.userProperties[0]"],
      [{ retained: undefined }, "properties.retained"],
      [{ contentType: "t", toString: [] }, "properties.toString"]
    ]
    for (const [properties, field] of refused) {
      assert.strictEqual(encoder.encode(publish(properties as Properties))?.field, field)
      assert.strictEqual(encoder.pendingBytes(), 0)
    }
    const sayingNothing = publish({ contentType: undefined, userProperties: [], sessionExpiryInterval: undefined })
    assert.isUndefined(encoder.encode(sayingNothing))
    assert.isTrue(isSame(encoder.take(), [publish(none)]))
  })

  it("R11 each side may send its own", () => {
    const fields = { sessionExpiryInterval: 1, subscriptionIdentifiers: [1, 2], contentType: "t" }
    const refusedFrom = {
      client: ["sessionExpiryInterval", "subscriptionIdentifiers"],
      server: ["sessionExpiryInterval"]
    }
    for (const sender of ["client", "server"] as const) {
      const encoder = Encoder.make({ protocolVersion: "5.0", sender })
      const refused = Object.entries(fields).filter(([name, value]) =>
        encoder.encode(publish({ [name]: value })) !== undefined
      )
      assert.deepStrictEqual(refused.map(([name]) => name), refusedFrom[sender])
    }
  })

  it("only what is their own is written", () => {
    const encoder = Encoder.make(options)
    const inherited: Properties = Object.create({ contentType: "t", anything: 1 })
    assert.isUndefined(encoder.encode(publish(inherited)))
    assert.isTrue(isSame(encoder.take(), [publish({})]))
  })
})

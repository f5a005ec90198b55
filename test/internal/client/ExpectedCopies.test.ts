import { assert, describe, it } from "@effect/vitest"
import { ExpectedCopies } from "../../../src/internal/client/incoming/expectedCopies.ts"
import type { Publish } from "../../../src/protocol/Packet.ts"

const publish = (payload: Uint8Array, topic = "t"): Publish => ({
  _tag: "Publish",
  topic,
  payload,
  qos: 0,
  retain: false,
  dup: false,
  packetIdentifier: 0,
  properties: {}
})

const payloadOf = (length: number, last: number): Uint8Array => {
  const payload = new Uint8Array(length)
  payload[length - 1] = last
  return payload
}

describe("security 22: expected copies", () => {
  it("knows the copy of a message by its topic and all of its payload", () => {
    const copies = new ExpectedCopies<string>()
    copies.expect(publish(payloadOf(1000, 1)), ["named"], ["other"], Infinity)
    assert.isFalse(copies.take(publish(payloadOf(1000, 2)), ["other"], 0))
    assert.isFalse(copies.take(publish(payloadOf(999, 1)), ["other"], 0))
    assert.isFalse(copies.take(publish(payloadOf(1000, 1), "u"), ["other"], 0))
    assert.isTrue(copies.hasOther(publish(payloadOf(1000, 1)), ["other"]))
    assert.isTrue(copies.take(publish(payloadOf(1000, 1)), ["other"], 0))
    assert.isTrue(copies.isEmpty)
  })

  it("reads a payload once, however many expected ones differ from it in their last byte alone", () => {
    const length = 10_000
    let read = 0
    const counted = (last: number): Uint8Array =>
      new Proxy(payloadOf(length, last), {
        get: (target, property) => {
          if (typeof property === "string" && /^\d+$/.test(property)) read++
          return Reflect.get(target, property, target)
        }
      })
    const copies = new ExpectedCopies<string>()
    const messages = 32
    for (let message = 0; message < messages; message++) {
      const next = publish(counted(message))
      copies.take(next, ["named"], 0)
      copies.hasOther(next, ["named"])
      copies.expect(next, ["named"], ["other"], Infinity)
    }
    // As one that comes, and as one that is expected.
    assert.isAtMost(read, 2 * messages * length)
  })
})

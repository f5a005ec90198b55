import { assert, describe, it } from "@effect/vitest"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { type InvalidPacket, invalidPacket } from "../../src/protocol/ProtocolError.ts"
import * as TopicAliases from "../../src/protocol/TopicAliases.ts"
import { publish } from "../support/packets.ts"

const refusal = invalidPacket("5.0", "3.2.2-15", "payload", "too large")

/** Aliases whose packets go to a list, and what a test wants refused does not. */
const make = (maximum: number, maximumPacketSize = 268_435_460) => {
  const aliases = TopicAliases.make({ maximum, maximumPacketSize })
  const written: Array<Packet.Publish> = []
  const encode = (packet: Packet.Publish, refuses = (_: Packet.Publish): boolean => false): InvalidPacket | undefined =>
    aliases.encode(packet, (each) => {
      if (refuses(each)) return refusal
      written.push(each)
      return undefined
    })
  return {
    written,
    encode,
    /** Topic and alias of what was written since the last time. */
    take: () => written.splice(0).map(({ properties, topic }) => [topic, properties.topicAlias])
  }
}

const own = (topic: string, topicAlias: number): Packet.Publish => publish(topic, { properties: { topicAlias } })

const always = () => true
const whenAliased = ({ properties }: Packet.Publish): boolean => properties.topicAlias !== undefined

describe("TopicAliases", () => {
  it("R57 a topic goes out with an alias the first time, and the alias stands for it from then on", () => {
    const { encode, take } = make(3)
    for (const topic of ["a", "a", "b", "a", "b"]) encode(publish(topic))
    assert.deepStrictEqual(take(), [["a", 1], ["", 1], ["b", 2], ["", 1], ["", 2]])
  })

  it("R57 R70 with more topics than aliases the least recently used gives its own away", () => {
    const { encode, take } = make(3)
    for (const topic of ["a", "b", "c", "a", "d", "a", "c", "b"]) encode(publish(topic))
    assert.deepStrictEqual(take(), [
      ["a", 1],
      ["b", 2],
      ["c", 3],
      ["", 1],
      // b is the oldest, then c.
      ["d", 2],
      ["", 1],
      ["", 3],
      ["b", 2]
    ])
  })

  it("R57 R70 none is 0, and none is above the maximum", () => {
    const { encode, take } = make(5)
    for (let index = 0; index < 200; index++) encode(publish(`t${(index * 7) % 23}`))
    for (const [, alias] of take()) assert.isTrue(typeof alias === "number" && alias >= 1 && alias <= 5, `${alias}`)
  })

  it("R57 a message that is sent again binds none and uses none", () => {
    const { encode, take } = make(3)
    const again = (topic: string) => ({ ...publish(topic), qos: 1, packetIdentifier: 1, dup: true }) as const
    for (const packet of [again("a"), publish("a"), again("a"), publish("a")]) encode(packet)
    assert.deepStrictEqual(take(), [["a", undefined], ["a", 1], ["a", undefined], ["", 1]])
  })

  it("R57 none where none is allowed: the packet goes out as it is", () => {
    const { encode, written } = make(0)
    const packet = publish("a")
    encode(packet)
    encode(packet)
    assert.strictEqual(written[0], packet)
    assert.strictEqual(written[1], packet)
  })

  it("R71 the packet that was given is not changed, and keeps its other properties", () => {
    const { encode, written } = make(1)
    const packet = publish("a", { properties: { contentType: "text" }, qos: 1, packetIdentifier: 7 })
    encode(packet)
    encode(packet)
    assert.deepStrictEqual(packet.properties, { contentType: "text" })
    assert.strictEqual(packet.topic, "a")
    assert.deepStrictEqual(written, [
      { ...packet, properties: { contentType: "text", topicAlias: 1 } },
      { ...packet, topic: "", properties: { contentType: "text", topicAlias: 1 } }
    ])
  })

  it("P23 without other properties it goes out with those shared by all that have this alias alone", () => {
    const { encode, written } = make(2)
    for (const topic of ["a", "a", "b"]) encode(publish(topic))
    for (const [index, alias] of [1, 1, 2].entries()) {
      assert.strictEqual(written[index].properties, Properties.onlyTopicAlias(alias))
    }
  })

  it("R69 what is refused binds nothing: the server has not seen it", () => {
    const { encode, take } = make(2)
    assert.strictEqual(encode(publish("a"), always), refusal)
    encode(publish("b"))
    encode(publish("a"))
    assert.deepStrictEqual(take(), [["b", 1], ["a", 2]])
    // Nor does it take an alias away.
    assert.strictEqual(encode(publish("c"), always), refusal)
    encode(publish("b"))
    encode(publish("a"))
    assert.deepStrictEqual(take(), [["", 1], ["", 2]])
  })

  it("R56 what has no room for an alias goes without, and then none is bound", () => {
    const { encode, take } = make(2)
    assert.isUndefined(encode(publish("a"), whenAliased))
    encode(publish("a"))
    assert.deepStrictEqual(take(), [["a", undefined], ["a", 1]])
  })

  describe("R56 a Maximum Packet Size", () => {
    const topic = "a/topic/of/thirty/bytes/just/so"
    // Fixed header 2, topic 2 + 31, properties 1: 60 bytes with 24 of payload.
    const setting = () => {
      const encoder = Encoder.make({ protocolVersion: "5.0", sender: "client" })
      encoder.setMaximumPacketSize(60)
      const aliases = TopicAliases.make({ maximum: 3, maximumPacketSize: 60 })
      const send = (payload: number, qos: Packet.Qos) => {
        const packet = publish(topic, { payload: new Uint8Array(payload), qos, packetIdentifier: qos === 0 ? 0 : 1 })
        const invalid = aliases.encode(packet, (each) => encoder.encode(each))
        const [bytes] = encoder.take()
        return invalid?.field ?? bytes.length
      }
      return { send }
    }

    it("is kept by what is really sent", () => {
      const { send } = setting()
      assert.strictEqual(send(25, 0), "payload")
      // Exactly as large as allowed, without an alias; then with one, three bytes more.
      assert.strictEqual(send(24, 0), 60)
      assert.strictEqual(send(21, 0), 60)
      // The alias is known: 30 bytes less than the topic.
      assert.strictEqual(send(21, 0), 29)
      assert.strictEqual(send(52, 0), 60)
      assert.strictEqual(send(53, 0), "payload")
    })

    it("counts the whole topic at QoS 1 and 2, which may be sent again where the alias is not known", () => {
      const { send } = setting()
      assert.strictEqual(send(10, 1), 51)
      assert.strictEqual(send(22, 1), 32)
      assert.strictEqual(send(23, 1), "payload")
      assert.strictEqual(send(23, 0), 31)
    })
  })

  describe("R69 a packet that brings an alias of its own", () => {
    it("keeps it, and says the topic before the alias alone", () => {
      const { encode, take } = make(0)
      assert.strictEqual(encode(publish("", { properties: { topicAlias: 3 } }))?.label.label, "3.3.2-7")
      encode(publish("a", { properties: { topicAlias: 3 } }))
      encode(publish("", { properties: { topicAlias: 3 } }))
      assert.deepStrictEqual(take(), [["a", 3], ["", 3]])
    })

    it("is told which alias stands for nothing, and what to do", () => {
      const { encode, take } = make(2)
      assert.deepStrictEqual(encode(own("", 7)), {
        _tag: "InvalidPacket",
        label: { version: "5.0", label: "3.3.2-7" },
        field: "topic",
        message: "The topic is empty and Topic Alias 7 is not bound on this connection; name the topic"
      })
      assert.deepStrictEqual(take(), [])
    })

    it("binds nothing when it is refused", () => {
      const { encode, take } = make(3)
      assert.strictEqual(encode(own("a", 3), always), refusal)
      assert.strictEqual(encode(own("", 3))?.label.label, "3.3.2-7")
      encode(publish("a"))
      assert.deepStrictEqual(take(), [["a", 1]])
    })

    const cases: ReadonlyArray<
      readonly [name: string, sent: ReadonlyArray<Packet.Publish>, last: readonly [topic: string, alias: number]]
    > = [
      ["the topic goes out under it", [own("a", 3)], ["", 3]],
      ["the alias alone leaves it to its topic", [own("a", 3), own("", 3)], ["", 3]],
      ["the same alias once more", [own("a", 1), own("a", 1)], ["", 1]],
      ["another alias for the same topic: the newer one is used", [own("a", 1), own("a", 2)], ["", 2]],
      [
        "another alias, and the former given to another topic: the newer one stays",
        [own("a", 1), own("a", 2), own("b", 1)],
        ["", 2]
      ],
      ["its alias given to another topic: the topic is named", [own("a", 1), own("b", 1)], ["a", 2]]
    ]
    it.each(cases)("then one without: %s", (_, sent, last) => {
      const { encode, take } = make(3)
      for (const packet of sent) encode(packet)
      take()
      encode(publish("a"))
      assert.deepStrictEqual(take(), [[...last]])
    })

    it("is minded by those that are assigned", () => {
      const { encode, take } = make(2)
      encode(publish("a"))
      encode(publish("b", { properties: { topicAlias: 1 } }))
      for (const topic of ["b", "a", "b"]) encode(publish(topic))
      assert.deepStrictEqual(take(), [["a", 1], ["b", 1], ["", 1], ["a", 2], ["", 1]])
    })
  })

  it("P23 the short way of the encoder writes the same bytes as the long one", () => {
    const options = { protocolVersion: "5.0", sender: "client" } as const
    const encoder = Encoder.make(options)
    encoder.encode(publish("a/b"))
    encoder.take()
    for (const topic of ["a/b", ""]) {
      for (const qos of [0, 1] as const) {
        for (const alias of [1, 255, 256, 65_535]) {
          const packet = publish(topic, { qos, packetIdentifier: qos, payload: Uint8Array.of(1, 2, 3) })
          assert.isUndefined(encoder.encode({ ...packet, properties: Properties.onlyTopicAlias(alias) }))
          const expected = Encoder.toBytes({ ...packet, properties: { topicAlias: alias } }, options)
          assert.deepStrictEqual(encoder.take(), [expected])
        }
      }
    }
    const old = Encoder.make({ protocolVersion: "3.1.1", sender: "client" })
    old.encode(publish("a/b"))
    assert.isDefined(old.encode(publish("a/b", { properties: Properties.onlyTopicAlias(1) })))
  })
})

/**
 * Records of a store whose bytes have changed, and records of another program.
 *
 * A record reads as it was written, or not at all: no byte changes unseen. If only its checksum is right, the record is
 * refused too, or MQTT can carry what it says.
 */
import * as Option from "effect/Option"
import { checksum } from "../../src/internal/store/checksum.ts"
import * as Records from "../../src/internal/store/records.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Packet, Publish } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { hexOf } from "../protocol/hex.ts"
import * as Packets from "../protocol/Packets.ts"
import type { Random } from "../protocol/Random.ts"
import { promise, type Target, type Verdict } from "./target.ts"

interface Kind<A> {
  readonly name: string
  readonly draw: (random: Random) => A
  readonly write: (value: A) => Uint8Array
  readonly read: (bytes: Uint8Array) => Option.Option<A>
  /** The packet that the client makes of it, if it makes one. */
  readonly packet: (value: A) => Packet | undefined
}

/** Hides the type of a kind's values, so that kinds of different values stand in one table. */
interface AnyKind {
  readonly name: string
  readonly write: (random: Random) => { readonly bytes: Uint8Array; readonly isSame: (bytes: Uint8Array) => boolean }
  readonly read: (
    bytes: Uint8Array
  ) => Option.Option<{ readonly again: Uint8Array; readonly packet: Packet | undefined }>
}

const anyKind = <A>({ draw, name, packet, read, write }: Kind<A>): AnyKind => ({
  name,
  write: (random) => {
    const value = draw(random)
    return { bytes: write(value), isSame: (bytes) => Packets.isSame(Option.getOrUndefined(read(bytes)), value) }
  },
  read: (bytes) => Option.map(read(bytes), (value) => ({ again: write(value), packet: packet(value) }))
})

// -- Kinds of records -------------------------------------------------------------------------------------------------

const publishes = Packets.cases.filter(({ sender, type, version }) =>
  type === "Publish" && sender === "client" && version === "5.0"
)

/** What a message may have that is meant for one connection alone is not stored. */
const kept = [
  "payloadFormatIndicator",
  "messageExpiryInterval",
  "contentType",
  "responseTopic",
  "correlationData",
  "userProperties"
]

const keptProperties = (properties: Properties.Properties): Properties.Properties => {
  const entries = Object.entries(properties).filter(([name]) => kept.includes(name))
  return entries.length === 0 ? Properties.none : Object.fromEntries(entries) as Properties.Properties
}

const drawMessage = (random: Random): Records.StoredMessage => {
  const { payload, properties, qos, retain, topic } = Packets.packet(random, publishes[0]) as Publish
  return {
    message: {
      topic: topic === "" ? "a" : topic,
      payload,
      qos: qos === 0 ? 1 : qos,
      retain,
      properties: keptProperties(properties)
    },
    storedAt: random.integer(0, 4_102_444_800_000),
    expiresAt: random.chance(0.5) ? undefined : random.integer(0, 4_102_444_800_000)
  }
}

const whole = (random: Random): number => random.pick([0, 1, 255, 65_535, random.integer(0, 2 ** 40)])
const reasonCode = (random: Random): number => random.pick([0x00, 0x10, 0x80, 0x97, random.integer(0, 255)])

const drawExchange = (random: Random): Records.Exchange => {
  switch (random.integer(0, 2)) {
    case 0:
      return { _tag: "Sent", message: whole(random), order: whole(random) }
    case 1:
      return { _tag: "Reserved" }
    default: {
      const { reasonString, userProperties } = Packets.properties(random, "Pubrec", "server")
      return {
        _tag: "Released",
        order: whole(random),
        reasonCode: reasonCode(random),
        ...(reasonString === undefined ? {} : { reasonString }),
        ...(userProperties === undefined ? {} : { userProperties })
      }
    }
  }
}

const answering = (packetIdentifier: number, reasonCode: number): Packet => ({
  _tag: "Pubrec",
  packetIdentifier,
  reasonCode,
  properties: Properties.none
})

const kinds: ReadonlyArray<AnyKind> = [
  anyKind({
    name: "message",
    draw: drawMessage,
    write: Records.encodeMessage,
    read: Records.decodeMessage,
    packet: ({ message }) => ({ _tag: "Publish", dup: false, packetIdentifier: 1, ...message })
  }),
  anyKind({
    name: "exchange",
    draw: drawExchange,
    write: Records.exchange.encode,
    read: Records.exchange.decode,
    packet: () => undefined
  }),
  anyKind({
    name: "received",
    draw: (random) => ({ answer: random.pick(Packets.reasonCodes("Pubrec", "client")) }),
    write: Records.received.encode,
    read: Records.received.decode,
    packet: ({ answer }) => answering(1, answer)
  }),
  anyKind({
    name: "totals",
    draw: (random) => ({ messages: whole(random), bytes: whole(random), next: whole(random) }),
    write: Records.totals.encode,
    read: Records.totals.decode,
    packet: () => undefined
  })
]

// -- Inputs -----------------------------------------------------------------------------------------------------------

/** Where the header begins: behind the checksum and the length. */
const headerAt = 8

/** Pieces of headers, right ones and wrong ones. */
const pieces = [
  "\"",
  "{",
  "}",
  "null",
  "-1",
  "1.5",
  "1e999",
  "true",
  "[]",
  "\"a/#\"",
  "\"\\ud800\"",
  "\"\\u0000\"",
  ",",
  ":",
  "2"
]
  .map((text) => new TextEncoder().encode(text))

const changed = (random: Random, original: Uint8Array): Uint8Array => {
  const bytes = original.slice()
  const at = random.integer(0, bytes.length - 1)
  switch (random.integer(0, 4)) {
    case 0:
      bytes[at] ^= 1 << random.integer(0, 7)
      return bytes
    case 1:
      return bytes.slice(0, at)
    case 2:
      bytes.set(random.bytes(Math.min(4, bytes.length - at)), at)
      return bytes
    case 3:
      return Buffer.concat([bytes, random.bytes(random.integer(1, 8))])
    default:
      bytes.set(random.pick(pieces).subarray(0, bytes.length - at), at)
      return bytes
  }
}

/** The bytes of another program: what is in them is anything, and their checksum is right. */
const sealed = (random: Random, bytes: Uint8Array): Uint8Array => {
  if (bytes.length < headerAt) return bytes
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (random.chance(0.5)) view.setUint32(4, random.integer(0, bytes.length - headerAt))
  view.setUint32(0, checksum(bytes, 4))
  return bytes
}

export const store: Target = {
  draw: (random) => {
    const kind = random.pick(kinds)
    const written = kind.write(random)
    const bytes = random.chance(0.2) ? written.bytes : changed(random, written.bytes)
    const isSealed = random.chance(0.5)
    const input = isSealed ? sealed(random, bytes.slice()) : bytes
    return {
      describe: () => `${kind.name}: ${hexOf(input)}`,
      use: () => void kind.read(input),
      check: () => {
        promise(written.isSame(written.bytes), () => "it does not read as it was written")
        const isChanged = Buffer.compare(input, written.bytes) !== 0
        return isSealed ? checkSealed(kind, input) : checkDamaged(kind, input, isChanged)
      }
    }
  }
}

const checkDamaged = (kind: AnyKind, bytes: Uint8Array, isChanged: boolean): Verdict => {
  const isRead = Option.isSome(kind.read(bytes))
  promise(isRead !== isChanged, () => isChanged ? "a change was not noticed" : "it was refused")
  return { rule: isRead ? undefined : `${kind.name}: damaged`, results: isRead ? 1 : 0 }
}

const checkSealed = (kind: AnyKind, bytes: Uint8Array): Verdict => {
  const read = kind.read(bytes)
  if (Option.isNone(read)) return { rule: `${kind.name}: not of this program`, results: 0 }
  const { again, packet } = read.value
  const sent = packet && Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
  promise(sent === undefined || sent instanceof Uint8Array, () => `read, and cannot be sent: ${JSON.stringify(sent)}`)
  const second = kind.read(again)
  promise(Option.isSome(second) && Packets.isSame(second.value.packet, packet), () => "read, written, and then another")
  return { rule: undefined, results: 1 }
}

/**
 * Mutated and random bytes against the decoder, and packets with one wrong value against the encoder.
 *
 * Nothing but typed errors comes out, terminal after the first one, the same packets and the same error however the
 * bytes are cut; what was decoded can be written and read again. The first inputs are those of the corpus as they are,
 * and the others are made from them and from random ones.
 */
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { Packet, Sender } from "../../src/protocol/Packet.ts"
import { acceptedForms, vectors } from "../protocol/golden.ts"
import { bytesOf, concat, hexOf } from "../protocol/hex.ts"
import { malformed } from "../protocol/malformed.ts"
import * as Packets from "../protocol/Packets.ts"
import type * as Random from "../protocol/Random.ts"
import { type Input, inputs as found, type Outcome } from "./corpus.ts"
import type { Target } from "./target.ts"

const maximumPacketSize = 100_000

/** Bytes against the decoder. `onOutcome` gets each input and what came of it. */
export const decoder = (onOutcome?: (input: Input, outcome: Outcome) => void): Target => ({
  draw: (random, index) => {
    const input = corpus[index] ?? makeInput(random)
    return {
      describe: () => `${input.version ?? "unknown version"} from a ${input.sender}: ${hexOf(input.bytes)}`,
      use: () => void decode(input, [input.bytes]),
      check: () => {
        const whole = decode(input, [input.bytes])
        checkOutcome(input, whole)
        checkChunks(random, input, whole)
        checkAgain(input, whole)
        if (index % 4 === 0) checkEncoder(random)
        onOutcome?.(input, whole)
        const { error, packets } = whole
        return { rule: error && `${error.label.version} ${error.label.label}`, results: packets.length }
      }
    }
  }
})

// -- Inputs -----------------------------------------------------------------------------------------------------------

const inputsOf = (rows: ReadonlyArray<Omit<Input, "bytes"> & { readonly hex: string }>): ReadonlyArray<Input> =>
  rows.map(({ hex, sender, version }) => ({ version, sender, bytes: bytesOf(hex) }))

const valid = inputsOf([...vectors, ...acceptedForms])
const invalid = inputsOf(malformed)

/** What every run begins with. */
export const corpus: ReadonlyArray<Input> = [...valid, ...invalid, ...found]

/** What is mutated, by the kind of input that is drawn. */
const sources = [[], valid, valid, valid, found, invalid, found].map((inputs) => inputs.length === 0 ? valid : inputs)

const makeInput = (random: Random.Random): Input => {
  const kind = random.integer(0, 9)
  if (kind === 0) {
    return {
      version: random.pick(["3.1.1", "5.0", undefined]),
      sender: random.pick(["client", "server"]),
      bytes: random.bytes(random.integer(1, 60))
    }
  }
  if (kind < 7) {
    const { bytes, sender, version } = random.pick(sources[kind])
    return { version, sender, bytes: mutate(random, bytes) }
  }
  const chosen = random.pick(Packets.cases)
  const { sender, version } = chosen
  const written = Array.from(
    { length: random.integer(1, 3) },
    () => Encoder.toBytes(Packets.packet(random, chosen), { protocolVersion: version, sender })
  )
  const bytes = concat(written.filter((each) => each instanceof Uint8Array))
  return { version: random.chance(0.1) ? undefined : version, sender, bytes: mutate(random, bytes) }
}

const mutate = (random: Random.Random, original: Uint8Array): Uint8Array => {
  let bytes: Uint8Array = original.slice()
  for (let count = random.integer(0, 3); count > 0; count--) bytes = mutateOnce(random, bytes)
  return bytes
}

const interesting = [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xff, 0x26, 0x0b, 0x23, 0x10, 0x20, 0x30, 0x32, 0xe0, 0xf0]

const mutateOnce = (random: Random.Random, bytes: Uint8Array): Uint8Array => {
  if (bytes.length === 0) return random.bytes(2)
  const at = random.integer(0, Math.min(bytes.length - 1, random.chance(0.5) ? 12 : bytes.length - 1))
  switch (random.integer(0, 7)) {
    case 0:
      bytes[at] ^= 1 << random.integer(0, 7)
      return bytes
    case 1:
      bytes[at] = random.pick(interesting)
      return bytes
    case 2:
      bytes[at] += random.pick([1, -1])
      return bytes
    case 3:
      return bytes.slice(0, at)
    case 4:
      return concat([bytes.subarray(0, at), random.bytes(random.integer(1, 4)), bytes.subarray(at)])
    case 5:
      return concat([bytes.subarray(0, at), bytes.subarray(at + random.integer(1, 4))])
    case 6:
      return concat([bytes, random.pick(valid).bytes])
    default:
      return withRemainingLength(bytes)
  }
}

/** The Remaining Length made to fit what comes after it, so that more mutations reach the fields. */
const withRemainingLength = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < 2 || bytes.length > 129) return bytes
  bytes[1] = bytes.length - 2
  return bytes
}

// -- Decoding ---------------------------------------------------------------------------------------------------------

const decode = ({ sender, version }: Input, chunks: ReadonlyArray<Uint8Array>): Outcome => {
  const decoder = Decoder.make({ protocolVersion: version, sender, maximumPacketSize })
  const packets: Array<Packet> = []
  for (const chunk of chunks) for (const packet of decoder.push(chunk)) packets.push(packet)
  const { error } = decoder
  if (error !== undefined) {
    const after = decoder.push(Uint8Array.of(0xd0, 0x00, 0xc0, 0x00))
    if (after.length > 0 || decoder.error !== error) throw new Error("not terminal after its first error")
  }
  return { packets, error }
}

const knownReasonCodes = new Set([0x81, 0x82, 0x84, 0x85, 0x94, 0x95])

const checkOutcome = (input: Input, { error }: Outcome): void => {
  if (error === undefined) return
  const isTyped = error._tag === "ProtocolViolation" && /^\d[\d.-]*$/.test(error.label.label) &&
    knownReasonCodes.has(error.reasonCode) && error.message.length > 10 &&
    (input.version === undefined || error.label.version === input.version)
  if (!isTyped) throw new Error(`not a typed error: ${JSON.stringify(error)}`)
}

const checkChunks = (random: Random.Random, input: Input, whole: Outcome): void => {
  const chunks: Array<Uint8Array> = []
  const largest = random.pick([1, 3, 20, 1_000])
  for (let at = 0; at < input.bytes.length;) {
    const end = Math.min(input.bytes.length, at + random.integer(1, largest))
    chunks.push(input.bytes.slice(at, end))
    at = end
  }
  const outcome = decode(input, chunks)
  if (!Packets.isSame(outcome, whole)) throw new Error(`in pieces: ${JSON.stringify(outcome)}`)
}

/** AUTH is judged by the connection: the decoder takes every code of its table, the encoder the sender's own. */
const isOtherSendersAuth = (packet: Packet, sender: Sender): boolean =>
  packet._tag === "Auth" && packet.reasonCode === (sender === "client" ? 0x00 : 0x19)

const isOversized = (packet: Packet): boolean => packet._tag === "Publish" && packet.tooLarge !== undefined

/** What was left out is not written again. */
const withoutFlaws = (packet: Packet): Packet => {
  if (packet._tag !== "Publish" || packet.malformedProperties === undefined) return packet
  const { malformedProperties: _, ...publish } = packet
  return publish
}

const checkAgain = (input: Input, { packets }: Outcome): void => {
  let version = input.version
  for (const packet of packets) {
    if (packet._tag === "Connect") version = packet.protocolVersion
    if (version === undefined || isOtherSendersAuth(packet, input.sender) || isOversized(packet)) continue
    const bytes = Encoder.toBytes(packet, { protocolVersion: version, sender: input.sender })
    if (!(bytes instanceof Uint8Array)) throw new Error(`decoded and not encoded: ${bytes.message}`)
    const again = decode({ ...input, version }, [bytes])
    if (!Packets.isSame(again.packets, [withoutFlaws(packet)])) throw new Error(`again: ${JSON.stringify(again)}`)
  }
}

// -- Encoding ---------------------------------------------------------------------------------------------------------

const wrongValues: ReadonlyArray<unknown> = [
  -1,
  0,
  1.5,
  3,
  256,
  65_536,
  4_294_967_296,
  Number.NaN,
  Infinity,
  "",
  "a\u0000",
  "\ud800",
  "a/#",
  "é".repeat(32_768),
  new Uint8Array(65_536)
]

/** One value of a packet replaced by one that its type or its rule may forbid. */
const spoil = (random: Random.Random, value: unknown): unknown => {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return random.pick(wrongValues)
  const keys = Object.keys(value).filter((key) => !["_tag", "properties", "0"].includes(key) || random.chance(0.5))
  if (keys.length === 0) return value
  const key = random.pick(keys)
  const copy: Record<string, unknown> = Array.isArray(value) ? value.slice() as never : { ...value }
  copy[key] = spoil(random, copy[key])
  return copy
}

const checkEncoder = (random: Random.Random): void => {
  const chosen = random.pick(Packets.cases)
  const { sender, version } = chosen
  const options = { protocolVersion: version, sender }
  const packet = spoil(random, Packets.packet(random, chosen)) as Packet
  const encoder = Encoder.make(options)
  const invalid = encoder.encode(packet)
  if (invalid !== undefined) {
    if (invalid._tag !== "InvalidPacket" || encoder.pendingBytes() !== 0) throw new Error("refused and written")
    return
  }
  const { error, packets } = decode({ version, sender, bytes: new Uint8Array(0) }, encoder.take())
  if (error?.reasonCode === 0x95) return
  if (error !== undefined || packets.length !== 1) {
    throw new Error(`encoded and not decoded: ${error?.message} in ${JSON.stringify(packet)?.slice(0, 2_000)}`)
  }
}

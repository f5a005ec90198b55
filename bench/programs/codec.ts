/**
 * Bytes and packets alone, without a network: ours against `mqtt-packet`, the codec of MQTT.js.
 *
 * Both encode what a client would write in one turn: ours into its pooled buffer, `mqtt-packet` to a stream as MQTT.js
 * has it do. Both decode the same chunk of 64 KiB.
 */
import mqttPacket, { type IPublishPacket } from "mqtt-packet"
import { Writable } from "node:stream"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { type Assignment, type Experiment, payloadOf, type Task, topic } from "../Benchmark.ts"

const chunkBytes = 65_536
const packetsPerTurn = 500

const properties = {
  payloadFormatIndicator: 1,
  messageExpiryInterval: 60,
  contentType: "text/plain",
  responseTopic: "bench/response",
  correlationData: Buffer.from("0123456789abcdef"),
  userProperties: [["site", "1"], ["line", "2"]]
} as const satisfies Packet.Publish["properties"]

interface Kind {
  readonly version: Packet.ProtocolVersion
  readonly hasProperties: boolean
}

const kinds: Readonly<Record<string, Kind>> = {
  "3.1.1": { version: "3.1.1", hasProperties: false },
  "5.0": { version: "5.0", hasProperties: false },
  "5.0 with properties": { version: "5.0", hasProperties: true }
}

/** Does its work once and says how many packets that was. */
type Turn = () => number

const ourPacket = ({ hasProperties }: Kind, payload: Buffer): Packet.Publish => ({
  _tag: "Publish",
  topic,
  payload,
  qos: 1,
  retain: false,
  dup: false,
  packetIdentifier: 1,
  properties: hasProperties ? properties : Properties.none
})

const chunkOf = (kind: Kind, payload: Buffer): { readonly chunk: Buffer; readonly packets: number } => {
  const encoded = Encoder.toBytes(ourPacket(kind, payload), { protocolVersion: kind.version, sender: "server" })
  if (!(encoded instanceof Uint8Array)) throw new Error(encoded.message)
  const packets = Math.floor(chunkBytes / encoded.length)
  return { chunk: Buffer.concat(Array.from({ length: packets }, () => encoded)), packets }
}

const ours: Record<string, (kind: Kind, payload: Buffer) => Turn> = {
  encode: (kind, payload) => {
    const encoder = Encoder.make({ protocolVersion: kind.version, sender: "client" })
    const packet = ourPacket(kind, payload)
    return () => {
      for (let index = 0; index < packetsPerTurn; index++) {
        const invalid = encoder.encode({ ...packet, packetIdentifier: index + 1 })
        if (invalid !== undefined) throw new Error(invalid.message)
      }
      encoder.take()
      return packetsPerTurn
    }
  },
  decode: (kind, payload) => {
    const decoder = Decoder.make({ protocolVersion: kind.version, sender: "server", maximumPacketSize: 1_048_576 })
    const { chunk } = chunkOf(kind, payload)
    return () => decoder.push(chunk).length
  }
}

/** Takes everything and does nothing. */
class Nowhere extends Writable {
  override _writev(_chunks: unknown, done: () => void): void {
    done()
  }
  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done()
  }
}

const peerPacket = ({ hasProperties }: Kind, payload: Buffer): IPublishPacket => ({
  cmd: "publish",
  topic,
  payload,
  qos: 1,
  retain: false,
  dup: false,
  messageId: 1,
  ...(hasProperties
    ? {
      properties: {
        payloadFormatIndicator: true,
        messageExpiryInterval: properties.messageExpiryInterval,
        contentType: properties.contentType,
        responseTopic: properties.responseTopic,
        correlationData: properties.correlationData,
        userProperties: Object.fromEntries(properties.userProperties)
      }
    }
    : {})
})

const peer: typeof ours = {
  encode: (kind, payload) => {
    const stream = new Nowhere()
    const packet = peerPacket(kind, payload)
    const options = { protocolVersion: kind.version === "5.0" ? 5 : 4 }
    return () => {
      for (let index = 0; index < packetsPerTurn; index++) {
        mqttPacket.writeToStream({ ...packet, messageId: index + 1 }, stream, options)
      }
      return packetsPerTurn
    }
  },
  decode: (kind, payload) => {
    const parser = mqttPacket.parser({ protocolVersion: kind.version === "5.0" ? 5 : 4 })
    const { chunk } = chunkOf(kind, payload)
    let packets = 0
    parser.on("packet", () => {
      packets++
    })
    return () => {
      packets = 0
      parser.parse(chunk)
      return packets
    }
  }
}

/** Packets a second. A turn of the event loop for each of the program's: streams do their work there. */
const run = async (turn: Turn, seconds: number): Promise<number> => {
  const started = performance.now()
  let packets = 0
  let elapsed = 0
  while (elapsed < seconds * 1000) {
    packets += turn()
    await new Promise(setImmediate)
    elapsed = performance.now() - started
  }
  return packets / elapsed * 1000
}

export const start = ({ seconds, side }: Assignment, { detail = "", traffic }: Experiment): Promise<Task> => {
  const [direction, name] = detail.split("/")
  const kind = kinds[name]
  const payload = payloadOf(traffic)
  const turn = (side === "ours" ? ours : peer)[direction](kind, payload)
  if (direction === "decode" && turn() !== chunkOf(kind, payload).packets) throw new Error("not all were decoded")
  return Promise.resolve({
    warmUp: async (warmUpSeconds) => {
      await run(turn, warmUpSeconds)
    },
    sample: async () => ({ rate: await run(turn, seconds) }),
    end: () => Promise.resolve(0)
  })
}

/**
 * A server on loopback that floods every subscriber, as fast as the network allows.
 */
import { Effect } from "effect"
import * as Net from "node:net"
import type { Packet } from "../../src/protocol/index.ts"
import { Decoder, Encoder, Properties } from "../../src/protocol/index.ts"
import * as port from "../brokers/port.ts"

export interface Flood {
  readonly port: number
  /** Messages handed to the network so far. */
  readonly written: () => number
  /** Whether the network takes no more, because nobody reads. */
  readonly isStalled: () => boolean
  readonly pings: () => number
  readonly acknowledged: () => number
}

const batch = 500

export const serve = Effect.fnUntraced(function*(options: {
  readonly protocolVersion: Packet.ProtocolVersion
  readonly qos: 0 | 1
  readonly messages: number
  readonly payload: Uint8Array
}) {
  const { protocolVersion } = options
  let written = 0
  let pings = 0
  let acknowledged = 0
  let isStalled = false

  const flood = (socket: Net.Socket) => {
    const encoder = Encoder.make({ protocolVersion, sender: "server" })
    while (written < options.messages) {
      for (let count = 0; count < batch; count++) {
        encoder.encode({
          _tag: "Publish",
          topic: "flood",
          payload: options.payload,
          qos: options.qos,
          retain: false,
          dup: false,
          packetIdentifier: options.qos === 0 ? 0 : 1 + written % 65_535,
          properties: Properties.none
        })
        written++
      }
      let takesMore = true
      for (const chunk of encoder.take()) takesMore = socket.write(chunk)
      if (takesMore) continue
      isStalled = true
      socket.once("drain", () => {
        isStalled = false
        setImmediate(flood, socket)
      })
      return
    }
  }

  const answer = (packet: Packet.ClientPacket): Packet.ServerPacket | undefined => {
    const properties = Properties.none
    switch (packet._tag) {
      case "Connect":
        return { _tag: "Connack", sessionPresent: false, reasonCode: 0, properties }
      case "Subscribe":
        return { _tag: "Suback", packetIdentifier: packet.packetIdentifier, reasonCodes: [options.qos], properties }
      case "Unsubscribe":
        return {
          _tag: "Unsuback",
          packetIdentifier: packet.packetIdentifier,
          reasonCodes: protocolVersion === "5.0" ? [0] : [],
          properties
        }
      case "Pingreq":
        pings++
        return { _tag: "Pingresp" }
      case "Puback":
        acknowledged++
        return undefined
      default:
        return undefined
    }
  }

  const server = Net.createServer({ noDelay: true }, (socket) => {
    const decoder = Decoder.make({ protocolVersion, sender: "client", maximumPacketSize: 1_000_000 })
    const encoder = Encoder.make({ protocolVersion, sender: "server" })
    socket.on("error", () => {})
    socket.on("data", (chunk) => {
      for (const packet of decoder.push(chunk) as ReadonlyArray<Packet.ClientPacket>) {
        const answered = answer(packet)
        if (answered !== undefined) encoder.encode(answered)
        if (packet._tag === "Subscribe") setImmediate(flood, socket)
      }
      for (const bytes of encoder.take()) socket.write(bytes)
    })
  })
  const listening = yield* port.listen(server)
  return {
    port: listening,
    written: () => written,
    isStalled: () => isStalled,
    pings: () => pings,
    acknowledged: () => acknowledged
  } satisfies Flood
})

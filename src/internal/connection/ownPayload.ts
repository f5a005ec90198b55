/**
 * A message whose payload belongs to nobody else.
 */
import * as Encoder from "../../protocol/Encoder.ts"
import type * as Packet from "../../protocol/Packet.ts"
import { isBytes } from "../../protocol/Validity.ts"

/** The caller may reuse the payload once the network took it. The encoder copies smaller payloads itself. */
export const withOwnPayload = (packet: Packet.ClientPacket): Packet.ClientPacket =>
  packet._tag === "Publish" && isBytes(packet.payload) && packet.payload.length >= Encoder.ownChunkFrom
    ? { ...packet, payload: new Uint8Array(packet.payload) }
    : packet

/**
 * Packets in the short form in which tests write and show them.
 */
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"

export const connectPacket = (
  protocolVersion: Packet.ProtocolVersion,
  fields: Partial<Packet.Connect> = {}
): Packet.Connect => ({
  _tag: "Connect",
  protocolVersion,
  cleanStart: true,
  keepAlive: 0,
  clientId: "client",
  will: undefined,
  username: undefined,
  password: undefined,
  properties: none,
  ...fields
})

export const connack = (fields: Partial<Packet.Connack> = {}): Packet.Connack => ({
  _tag: "Connack",
  sessionPresent: false,
  reasonCode: 0x00,
  properties: none,
  ...fields
})

/** PUBLISH at QoS 0 unless the fields say otherwise; `text` becomes the payload. */
export const publish = (
  topic: string,
  { text = "payload", ...fields }: Partial<Packet.Publish> & { readonly text?: string } = {}
): Packet.Publish => ({
  _tag: "Publish",
  topic,
  payload: new TextEncoder().encode(text),
  qos: 0,
  retain: false,
  dup: false,
  packetIdentifier: 0,
  properties: none,
  ...fields
})

export const textOf = ({ payload }: { readonly payload: Uint8Array }): string => new TextDecoder().decode(payload)

/** PUBLISH by its topic, an acknowledgement by its identifier, DISCONNECT by its reason, others by their names. */
export const show = (packets: ReadonlyArray<Packet.Packet>): ReadonlyArray<string> =>
  packets.map((packet) => {
    if (packet._tag === "Publish") return `Publish ${packet.topic}`
    if (packet._tag === "Disconnect") return `Disconnect 0x${packet.reasonCode.toString(16).padStart(2, "0")}`
    return "packetIdentifier" in packet ? `${packet._tag} ${packet.packetIdentifier}` : packet._tag
  })

/** The codec and the rules, used alone. */
import {
  Connection,
  Decoder,
  Encoder,
  KeepAlive,
  PacketIdentifiers,
  Session,
  Snapshot,
  TopicTree
} from "effect-mqtt/protocol"

export const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 1_048_576 })
export const packets = decoder.push(new Uint8Array())
export const encoder = Encoder.make({ protocolVersion: "5.0", sender: "client" })
export const invalid = encoder.encode({ _tag: "Pingreq" })
export const bytes = Encoder.toBytes({ _tag: "Pingreq" }, { protocolVersion: "5.0", sender: "client" })
export const session = Session.make<string>({ protocolVersion: "5.0", maximumInFlight: 10, receiveMaximum: 10 })
export const step = Session.receive(session, [], 0)
export const snapshot = Snapshot.take(session)
export const identifiers = PacketIdentifiers.allocate(PacketIdentifiers.empty<string>(), "one")
export const tree = TopicTree.make<string>()
export const rules = { ...Connection, ...KeepAlive, ...Session }

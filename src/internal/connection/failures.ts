/**
 * From what the protocol says went wrong to the `MqttError` a user sees. Decides nothing.
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as MqttError from "../../MqttError.ts"
import * as Encoder from "../../protocol/Encoder.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type { InvalidPacket } from "../../protocol/ProtocolError.ts"
import * as ServerLimits from "../../protocol/ServerLimits.ts"

export const closed = MqttError.fromReason(new MqttError.Closed())

/** The server goes on sending, and nothing bounds the answers that it does not read. */
export const answersUnread = MqttError.fromReason(
  new MqttError.ConnectionLost({ cause: "the server does not read the answers to what it sends" })
)

/** What ended a part of the connection: its error, our own interruption, or a defect, which nothing has a name for. */
export const fromCause = (cause: Cause.Cause<MqttError.MqttError>): MqttError.MqttError => {
  if (Cause.hasInterruptsOnly(cause)) return closed
  return Option.getOrElse(
    Cause.findErrorOption(cause),
    () => MqttError.fromReason(new MqttError.ConnectionLost({ cause: Cause.squash(cause) }))
  )
}

const fromLimit = (exceeded: ServerLimits.LimitExceeded | undefined): MqttError.MqttError | undefined =>
  exceeded === undefined ? undefined : MqttError.fromReason(
    new MqttError.ServerLimit({ limit: exceeded.limit, allowed: exceeded.allowed, requested: exceeded.requested })
  )

/** What the server's announcements forbid of a message. */
export const limitExceeded = (
  limits: ServerLimits.ServerLimits,
  message: Pick<Packet.Publish, "qos" | "retain" | "properties">
): MqttError.MqttError | undefined => fromLimit(ServerLimits.checkPublish(limits, message))

/** What the server's announcements forbid of a SUBSCRIBE. */
export const checkSubscribe = (
  limits: ServerLimits.ServerLimits,
  subscribe: Pick<Packet.Subscribe, "subscriptions" | "properties">
): MqttError.MqttError | undefined => fromLimit(ServerLimits.checkSubscribe(limits, subscribe))

/** What the server's announcements forbid of any packet. */
export const checkLimits = (
  limits: ServerLimits.ServerLimits,
  packet: Packet.ClientPacket
): MqttError.MqttError | undefined => {
  if (packet._tag === "Publish") return limitExceeded(limits, packet)
  return packet._tag === "Subscribe" ? checkSubscribe(limits, packet) : undefined
}

/** What the encoder refused to write. */
export const fromInvalid = (
  invalid: InvalidPacket,
  packet: Packet.ClientPacket,
  connection: { readonly limits: ServerLimits.ServerLimits; readonly protocolVersion: Packet.ProtocolVersion }
): MqttError.MqttError => {
  if (invalid.label.label !== "3.2.2-15") return MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
  return MqttError.fromReason(
    new MqttError.ServerLimit({
      limit: "Maximum Packet Size",
      allowed: connection.limits.maximumPacketSize,
      requested: Encoder.sizeOf(packet, connection.protocolVersion)
    })
  )
}

export const fromRefusal = (
  { properties, reasonCode }: Packet.Connack,
  protocolVersion: Packet.ProtocolVersion
): MqttError.MqttError =>
  MqttError.fromReason(
    reasonCode === 0x84
      ? new MqttError.UnsupportedProtocolVersion({ protocolVersion })
      : new MqttError.ConnectionRefused({
        reasonCode,
        reasonString: properties.reasonString,
        serverReference: properties.serverReference,
        userProperties: properties.userProperties
      })
  )

export const fromDisconnect = (
  { properties, reasonCode }: Packet.Disconnect,
  clientId: string
): MqttError.MqttError =>
  MqttError.fromReason(
    reasonCode === 0x8e
      ? new MqttError.SessionTakenOver({ clientId, reasonString: properties.reasonString })
      : new MqttError.ServerDisconnected({
        reasonCode,
        reasonString: properties.reasonString,
        serverReference: properties.serverReference,
        userProperties: properties.userProperties
      })
  )

/**
 * Turns faults that the protocol reports into the `MqttError` a user sees. Decides nothing.
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as MqttError from "../../MqttError.ts"
import * as Encoder from "../../protocol/Encoder.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type { InvalidPacket } from "../../protocol/ProtocolError.ts"
import * as ServerLimits from "../../protocol/ServerLimits.ts"

export const closed = MqttError.fromReason(new MqttError.Closed())

/** The server goes on sending, and nothing bounds the answers it does not read. */
export const answersUnread = MqttError.fromReason(
  new MqttError.ConnectionLost({ cause: "the server does not read the client's answers" })
)

/** The error for a cause that ended part of the connection: a failure, our own interruption, or an unnamed defect. */
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

/** The error if the server's limits forbid a message. */
export const limitExceeded = (
  limits: ServerLimits.ServerLimits,
  message: Pick<Packet.Publish, "qos" | "retain" | "properties">
): MqttError.MqttError | undefined => fromLimit(ServerLimits.checkPublish(limits, message))

/** The error if the server's limits forbid a SUBSCRIBE. */
export const checkSubscribe = (
  limits: ServerLimits.ServerLimits,
  subscribe: Pick<Packet.Subscribe, "subscriptions" | "properties">
): MqttError.MqttError | undefined => fromLimit(ServerLimits.checkSubscribe(limits, subscribe))

/** The error if the server's limits forbid a packet of any kind. */
export const checkLimits = (
  limits: ServerLimits.ServerLimits,
  packet: Packet.ClientPacket
): MqttError.MqttError | undefined => {
  if (packet._tag === "Publish") return limitExceeded(limits, packet)
  return packet._tag === "Subscribe" ? checkSubscribe(limits, packet) : undefined
}

/** The error for a packet that the encoder refused to write. */
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

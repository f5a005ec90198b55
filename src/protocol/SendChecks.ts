/**
 * Checks of AUTH and DISCONNECT before they are sent, against the state of their connection.
 *
 * `Connection` gives access to both. Whether a packet is well formed is checked in `Validity`.
 * MQTT 5.0 sections 3.14.2.2.2 and 4.12.
 *
 * @since 0.2.0
 */
import type { Auth, Connect, Disconnect } from "./Packet.ts"
import * as ProtocolError from "./ProtocolError.ts"

/**
 * The state of a connection that decides about AUTH.
 *
 * @since 0.2.0
 * @category models
 */
export interface Authenticating {
  readonly phase: "Connecting" | "Connected" | "Ended"
  readonly connect: Pick<Connect, "protocolVersion" | "properties">
  readonly isReauthenticating: boolean
  readonly challenges: number
}

/**
 * Checks an AUTH of ours. It needs the method of CONNECT, which must have named one; 0x18 to answer the server; 0x19 to
 * begin, after CONNACK. `[MQTT-4.12.0-3]`, `[MQTT-4.12.0-5]`, `[MQTT-4.12.0-7]`, `[MQTT-4.12.1-1]`.
 *
 * @since 0.1.0
 * @category guards
 */
export const checkAuth = (self: Authenticating, auth: Auth): ProtocolError.InvalidPacket | undefined => {
  // 3.1.1 has no AUTH at all, as the encoder says.
  if (self.connect.protocolVersion === "3.1.1") return undefined
  const method = self.connect.properties.authenticationMethod
  if (method === undefined) {
    return invalidAuth("4.12.0-7", "_tag", "AUTH cannot be sent when CONNECT named no Authentication Method")
  }
  if (auth.properties.authenticationMethod !== method) {
    const message = "AUTH names another Authentication Method than CONNECT; it stays the same for the connection"
    return invalidAuth("4.12.0-5", "properties.authenticationMethod", message)
  }
  if (auth.reasonCode === 0x19) {
    const message = "AUTH 0x19 begins a re-authentication; send it after CONNACK, and not during another one"
    return self.phase === "Connected" && !self.isReauthenticating
      ? undefined
      : invalidAuth("4.12.1-1", "reasonCode", message)
  }
  const message = "AUTH 0x18 answers an AUTH of the server, and there is none to answer"
  return self.challenges > 0 ? undefined : invalidAuth("4.12.0-3", "reasonCode", message)
}

const invalidAuth = (label: string, field: string, message: string): ProtocolError.InvalidPacket =>
  ProtocolError.invalidPacket("5.0", label, field, message)

/**
 * Checks a DISCONNECT of ours: no Session Expiry above zero if CONNECT asked for none (section 3.14.2.2.2).
 *
 * @since 0.1.0
 * @category guards
 */
export const checkDisconnect = (
  self: { readonly connect: Pick<Connect, "properties"> },
  disconnect: Disconnect
): ProtocolError.InvalidPacket | undefined => {
  const expiry = disconnect.properties.sessionExpiryInterval ?? 0
  if (expiry === 0 || (self.connect.properties.sessionExpiryInterval ?? 0) > 0) return undefined
  return ProtocolError.invalidPacket(
    "5.0",
    "3.14.2.2.2",
    "properties.sessionExpiryInterval",
    "DISCONNECT cannot set a Session Expiry Interval when CONNECT set none; give `session` an expiry"
  )
}

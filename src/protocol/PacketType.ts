/**
 * The names of the Control Packet types and of the versions, which packets, properties and Reason Codes share.
 *
 * The tables of `Properties` and `ReasonCode` name packets, and packets carry both, so the names stand below all three.
 * `Packet` exports them again. MQTT 5.0 section 2.1.2, MQTT 3.1.1 section 2.2.1.
 *
 * @since 0.2.0
 */

/**
 * The `_tag` of every Control Packet.
 *
 * @since 0.1.0
 * @category models
 */
export type PacketType =
  | "Connect"
  | "Connack"
  | "Publish"
  | "Puback"
  | "Pubrec"
  | "Pubrel"
  | "Pubcomp"
  | "Subscribe"
  | "Suback"
  | "Unsubscribe"
  | "Unsuback"
  | "Pingreq"
  | "Pingresp"
  | "Disconnect"
  | "Auth"

/**
 * The two versions, by the specification's own numbers: protocol level 4 and 5.
 *
 * @since 0.1.0
 * @category models
 */
export type ProtocolVersion = "3.1.1" | "5.0"

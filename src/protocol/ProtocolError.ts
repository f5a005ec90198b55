/**
 * The two ways a packet can be wrong: ours, which is never sent, and the peer's, which ends the connection.
 *
 * Plain tagged values: the pure core returns them and throws nothing. What users see is `MqttError`.
 * MQTT 5.0 section 4.13, MQTT 3.1.1 section 4.8.
 *
 * @since 0.1.0
 */
import type { ProtocolVersion } from "./Packet.ts"
import type { ReasonCode } from "./ReasonCode.ts"

/**
 * The specification's own name of a rule without its brackets and prefix, `4.4.0-1` for `[MQTT-4.4.0-1]`, with the
 * version it is read in: most labels say different things in the two documents. A rule in plain prose has its section.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConformanceLabel {
  readonly version: ProtocolVersion
  readonly label: string
}

/**
 * The peer broke a rule. The connection ends; in 5.0 with a DISCONNECT that carries `reasonCode`.
 *
 * @since 0.1.0
 * @category errors
 */
export interface ProtocolViolation {
  readonly _tag: "ProtocolViolation"
  readonly label: ConformanceLabel
  /** 0x81 Malformed Packet, 0x82 Protocol Error, or a more specific one. */
  readonly reasonCode: ReasonCode
  /** What was wrong, for a person. Holds no payload and no secret. */
  readonly message: string
}

/**
 * We were asked to send what no packet can say. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export interface InvalidPacket {
  readonly _tag: "InvalidPacket"
  readonly label: ConformanceLabel
  /** The field that is wrong, by its name in the packet. */
  readonly field: string
  /** What was wrong and what to do instead, for a person. Holds no payload and no secret. */
  readonly message: string
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const violation = (
  version: ProtocolVersion,
  label: string,
  reasonCode: ReasonCode,
  message: string
): ProtocolViolation => ({ _tag: "ProtocolViolation", label: { version, label }, reasonCode, message })

/**
 * @since 0.1.0
 * @category constructors
 */
export const invalidPacket = (
  version: ProtocolVersion,
  label: string,
  field: string,
  message: string
): InvalidPacket => ({ _tag: "InvalidPacket", label: { version, label }, field, message })

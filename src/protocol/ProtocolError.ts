/**
 * The two ways a packet can be wrong: a packet of ours is never sent, and a packet of the peer ends the connection.
 *
 * Plain tagged values: the pure core returns them and throws nothing. Users see `MqttError` instead. MQTT 5.0 section
 * 4.13, MQTT 3.1.1 section 4.8.
 *
 * @since 0.1.0
 */
import type { ProtocolVersion } from "./Packet.ts"
import type { ReasonCode } from "./ReasonCode.ts"

/**
 * The specification's own name of a rule without its brackets and prefix, `4.4.0-1` for `[MQTT-4.4.0-1]`, with the
 * version that defines it: most labels say different things in the two documents. A rule in plain prose has its
 * section.
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
  /** A description of the fault for a person. Holds no payload and no secret. */
  readonly message: string
}

/**
 * We were asked to send something that no packet can express. Nothing was written.
 *
 * @since 0.1.0
 * @category errors
 */
export interface InvalidPacket {
  readonly _tag: "InvalidPacket"
  readonly label: ConformanceLabel
  /** The wrong field, by its name in the packet. */
  readonly field: string
  /** A description of the fault and of the remedy, for a person. Holds no payload and no secret. */
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

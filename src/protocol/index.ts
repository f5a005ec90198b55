/**
 * The pure protocol core: packets, their codec, and the rules of a session and of a connection.
 *
 * No clock, no socket, no Effect: it suits other clients, servers and tools as well as this client.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Connection from "./Connection.ts"

/** @since 0.2.0 */
export * as Deadlines from "./Deadlines.ts"

/** @since 0.1.0 */
export * as Decoder from "./Decoder.ts"

/** @since 0.1.0 */
export * as Encoder from "./Encoder.ts"

/** @since 0.1.0 */
export * as KeepAlive from "./KeepAlive.ts"

/** @since 0.1.0 */
export * as Packet from "./Packet.ts"

/** @since 0.1.0 */
export * as PacketDeadline from "./PacketDeadline.ts"

/** @since 0.1.0 */
export * as PacketIdentifiers from "./PacketIdentifiers.ts"

/** @since 0.1.0 */
export * as Properties from "./Properties.ts"

/** @since 0.1.0 */
export * as ProtocolError from "./ProtocolError.ts"

/** @since 0.1.0 */
export * as ReasonCode from "./ReasonCode.ts"

/** @since 0.2.0 */
export * as ResponseDeadline from "./ResponseDeadline.ts"

/** @since 0.1.0 */
export * as ServerLimits from "./ServerLimits.ts"

/** @since 0.1.0 */
export * as Session from "./Session.ts"

/** @since 0.1.0 */
export * as Snapshot from "./Snapshot.ts"

/** @since 0.1.0 */
export * as Topic from "./Topic.ts"

/** @since 0.1.0 */
export * as TopicAliases from "./TopicAliases.ts"

/** @since 0.1.0 */
export * as TopicTree from "./TopicTree.ts"

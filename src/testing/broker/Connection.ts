/**
 * The state of one network connection, as the broker knows it.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import type { Appointment } from "../network/Timeline.ts"
import type { Conduct } from "./Conduct.ts"
import type { Outgoing, Session } from "./Session.ts"
import type { Wire } from "./Wire.ts"

/**
 * - `new`: CONNECT has not come
 * - `silent`: CONNECT came and is never answered, because the test wants it so
 * - `authenticating`: CONNECT came and the exchange of AUTH goes on
 * - `open`: CONNACK was sent
 * - `disconnected`: DISCONNECT came
 * - `ended`: nothing more is read or sent
 *
 * @since 0.1.0
 * @category models
 */
export type Phase = "new" | "silent" | "authenticating" | "open" | "disconnected" | "ended"

/**
 * An answer that waits until the test lets it go.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer =
  | Packet.Connack
  | Packet.Puback
  | Packet.Pubrec
  | Packet.Pubcomp
  | Packet.Suback
  | Packet.Unsuback
  | Packet.Pingresp

/**
 * @since 0.1.0
 * @category models
 */
export interface Established {
  readonly session: Session
  readonly conduct: Conduct
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** Counts the connections of the broker. Sessions name their connection by it. */
  readonly ordinal: number
  /** Counts the connections of the network: two networks of one broker both have a connection 1. */
  readonly number: number
  readonly wire: Wire
  phase: Phase
  clientId: string
  version: Packet.ProtocolVersion
  connect: Packet.Connect | undefined
  established: Established | undefined
  /** Whether CONNACK has gone out; `whenWelcome` runs as soon as it has. */
  isWelcome: boolean
  whenWelcome: (() => void) | undefined
  /** Client data of the exchange of AUTH so far; 0 when none goes on. */
  authenticationRound: number
  /** Seconds; 0 for none. */
  keepAlive: number
  lastReceived: number
  keepAliveAppointment: Appointment | undefined
  /** Receive Maximum of the client, and how many messages of this connection it has not acknowledged. */
  receiveMaximum: number
  outstanding: number
  /** Unfinished messages of the session that did not fit into the window yet. */
  readonly toResend: Array<Outgoing>
  readonly aliasesFromClient: Map<number, string>
  readonly aliasesToClient: Map<string, number>
  /** Topic Alias Maximum of the client. */
  aliasMaximum: number
  readonly held: Array<Answer>
  /** When the last delayed answer goes out: no other answer overtakes it. */
  lastAnswer: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (wire: Wire, ordinal: number, now: number): Connection => ({
  ordinal,
  number: wire.peer.connection,
  wire,
  phase: "new",
  clientId: "",
  version: "5.0",
  connect: undefined,
  established: undefined,
  isWelcome: false,
  whenWelcome: undefined,
  authenticationRound: 0,
  keepAlive: 0,
  lastReceived: now,
  keepAliveAppointment: undefined,
  receiveMaximum: 65_535,
  outstanding: 0,
  toResend: [],
  aliasesFromClient: new Map(),
  aliasesToClient: new Map(),
  aliasMaximum: 0,
  held: [],
  lastAnswer: 0
})

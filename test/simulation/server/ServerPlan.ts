/**
 * The part of a plan about the server's habits, the owner of a payload, and small bounds in bytes.
 *
 * Every field is optional: a plan without them has a server that follows the specification.
 */
import type { Qos } from "../../../src/protocol/Packet.ts"

/** Properties that another client put into its message and that the server passes on as they are. */
export type Oddity = "emptyResponseTopic" | "wildcardResponseTopic" | "payloadFormat2"

/** The packets a server may hang up on. */
export type DeadlyPacket = "Publish" | "Pubrel" | "Subscribe" | "Unsubscribe"

export interface ServerPlan {
  /** Nothing goes wrong but for what the theme itself brings: then stricter rules hold. */
  readonly isCalm?: boolean
  readonly redelivery?: { readonly after: number; readonly dup: boolean }
  readonly receiveMaximumExcess?: number
  readonly maximumInflightMessages?: number
  readonly minimumConnectInterval?: number
  readonly reportsIdentifierInUse?: boolean
  /** A program with the same client identifier that died before, with so many QoS 2 messages unfinished. */
  readonly unfinishedBefore?: number
  /** Which packet the server hangs up on, each time it sees it. */
  readonly poison?: { readonly packet: DeadlyPacket; readonly topic: string }
  /** All buffers are bounded in bytes, and messages to the client are of QoS 0. */
  readonly isBoundedInBytes?: boolean
}

export type ServerAction =
  /** The server reads and writes nothing for so long. */
  | { readonly _tag: "Stall"; readonly duration: number }
  | { readonly _tag: "HangUpOn"; readonly packet: DeadlyPacket; readonly topic: string }
  /** A message that no subscription asks for, perhaps with a Subscription Identifier the client never gave. */
  | {
    readonly _tag: "Stray"
    readonly topic: string
    readonly qos: Qos
    readonly size: number
    readonly count: number
    readonly identifier?: number
  }

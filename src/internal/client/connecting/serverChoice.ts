/**
 * Which server the next attempt goes to: the transport's servers, several of them in turn, or the target of a Server
 * Reference.
 *
 * The transport knows how to reach a server. MQTT 5.0 section 4.11.
 */
import type { MqttErrorReason } from "../../../MqttError.ts"

/** 0x9C Use another server applies once, 0x9D Server moved applies for good. */
const temporarily = 0x9c
const permanently = 0x9d

/** A reason to go to another server, and the server's reference. */
export interface Referral {
  readonly reasonCode: number
  readonly serverReference: string
}

/** At most this many servers of one reference are tried. */
const mostReferences = 16

/** `undefined` means the transport's own server. */
type Destination = string | undefined

export class ServerChoice {
  readonly #maximumHops: number
  #home: ReadonlyArray<Destination>
  #homeIndex = 0
  /** Attempts at home since a server accepted the client, or since all home servers were tried. */
  #homeAttempts = 0
  /** Servers to try before going home. */
  #detour: ReadonlyArray<Destination> = []
  #hops = 0
  #isAccepted = false

  /** With 0 hops no reference is followed. The transport has this many `servers`, and each attempt goes to the next. */
  constructor({ maximumHops, servers }: { readonly maximumHops: number; readonly servers: number }) {
    this.#maximumHops = maximumHops
    this.#home = Array.from({ length: servers }, () => undefined)
  }

  get next(): Destination {
    return this.#detour.length > 0 ? this.#detour[0] : this.#home[this.#homeIndex]
  }

  /** The server accepted the client. A detour applies once: the next attempt goes home. */
  accepted(): void {
    this.#isAccepted = true
    this.#homeAttempts = 0
    this.#detour = []
  }

  /** A server has kept the client for a while, so the references form no loop. */
  stable(): void {
    this.#hops = 0
  }

  /** An attempt or a connection ended. Returns whether to go to another server at once. */
  failed(reason: MqttErrorReason): boolean {
    const wasAccepted = this.#isAccepted
    this.#isAccepted = false
    const referral = this.referralOf(reason)
    if (referral !== undefined) return this.#follow(referral)
    return !wasAccepted && this.#tryNext()
  }

  /** The server's referral, if it should be followed. */
  referralOf(reason: MqttErrorReason): Referral | undefined {
    if (reason._tag !== "ConnectionRefused" && reason._tag !== "ServerDisconnected") return undefined
    const { reasonCode, serverReference = "" } = reason
    const isReferral = reasonCode === temporarily || reasonCode === permanently
    if (!isReferral || this.#hops >= this.#maximumHops || serverReference.trim() === "") return undefined
    return { reasonCode, serverReference }
  }

  #follow({ reasonCode, serverReference }: Referral): boolean {
    const references = serverReference.trim().split(/\s+/).slice(0, mostReferences)
    this.#hops++
    if (reasonCode === permanently) {
      this.#home = references
      this.#homeIndex = 0
      this.#homeAttempts = 0
      this.#detour = []
    } else {
      this.#detour = references
    }
    return true
  }

  #tryNext(): boolean {
    if (this.#detour.length > 0) {
      this.#detour = this.#detour.slice(1)
      return this.#detour.length > 0
    }
    this.#homeIndex = (this.#homeIndex + 1) % this.#home.length
    this.#homeAttempts = (this.#homeAttempts + 1) % this.#home.length
    return this.#homeAttempts > 0
  }
}

/**
 * Which server the next attempt goes to: where the transport leads, which may be several in turn, or where a Server
 * Reference does.
 *
 * How to get there is the transport's. MQTT 5.0 section 4.11.
 */
import type { MqttErrorReason } from "../../../MqttError.ts"

/** 0x9C Use another server is for once, 0x9D Server moved for good. */
const temporarily = 0x9c
const permanently = 0x9d

/** A reason to go elsewhere, and where to. */
export interface Referral {
  readonly reasonCode: number
  readonly serverReference: string
}

/** More than these in one reference are not tried. */
const mostReferences = 16

/** `undefined` is where the transport leads. */
type Destination = string | undefined

export class ServerChoice {
  readonly #maximumHops: number
  #home: ReadonlyArray<Destination>
  #homeIndex = 0
  /** Attempts at home since a server took the client, or since all of them were tried. */
  #homeAttempts = 0
  /** To be tried before going home. */
  #detour: ReadonlyArray<Destination> = []
  #hops = 0
  #isAccepted = false

  /** With 0 hops nobody is followed. The transport goes through so many `servers`, one for each attempt. */
  constructor({ maximumHops, servers }: { readonly maximumHops: number; readonly servers: number }) {
    this.#maximumHops = maximumHops
    this.#home = Array.from({ length: servers }, () => undefined)
  }

  get next(): Destination {
    return this.#detour.length > 0 ? this.#detour[0] : this.#home[this.#homeIndex]
  }

  /** The server took the client. A detour is for this once: from here the way leads home. */
  accepted(): void {
    this.#isAccepted = true
    this.#homeAttempts = 0
    this.#detour = []
  }

  /** A server has kept the client for a while: this is no loop. */
  stable(): void {
    this.#hops = 0
  }

  /** An attempt or a connection ended. Says whether there is another server to go to at once. */
  failed(reason: MqttErrorReason): boolean {
    const wasAccepted = this.#isAccepted
    this.#isAccepted = false
    const referral = this.referralOf(reason)
    if (referral !== undefined) return this.#follow(referral)
    return !wasAccepted && this.#tryNext()
  }

  /** Where the server sends the client, if that is to be followed. */
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

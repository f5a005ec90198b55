/**
 * Messages that match more filters than they named, and whose other copies may still come.
 *
 * A server may send a message once, naming all matching subscriptions, or once for each of them. The client learns
 * which only when a second copy comes. `routes.ts` decides which filters a copy is for. Each payload is read once or
 * twice, however many similar ones are expected. MQTT 5.0 section 3.3.4.
 */
import type * as Packet from "../../../protocol/Packet.ts"

interface Expected<Route> {
  readonly topic: string
  readonly payload: Uint8Array
  /** The filters that the first copy named; `undefined` once other filters have come, which tell nothing about copies. */
  named: ReadonlyArray<Route> | undefined
  /** The filters that have the message already, but whose own copy has not come. */
  readonly missing: Set<Route>
  /** Milliseconds. After that, a message that looks the same is another message. */
  readonly until: number
  /** The fingerprint of the payload, once it was needed. */
  fingerprint: number | undefined
}

/** Copies come close together: with more than this many missing, none will come. */
const maximum = 32

export class ExpectedCopies<Route> {
  #expected: Array<Expected<Route>> = []
  /** The payload last looked at, and its fingerprint. */
  #payload: Uint8Array | undefined
  #fingerprint = 0

  get isEmpty(): boolean {
    return this.#expected.length === 0
  }

  /** A copy named some filters. The filters that are `missing` their own copy have the message too. */
  expect(
    { payload, topic }: Packet.Publish,
    named: ReadonlyArray<Route>,
    missing: ReadonlyArray<Route>,
    until: number
  ): void {
    this.#expected = this.#expected.filter((expected) => !this.#isSame(expected, topic, payload)).slice(1 - maximum)
    this.#expected.push({ topic, payload, named, missing: new Set(missing), until, fingerprint: undefined })
  }

  /** Whether a copy has come that named none of these filters: then this is another copy of the same message. */
  hasOther({ payload, topic }: Packet.Publish, named: ReadonlyArray<Route>): boolean {
    const expected = this.#expected.find((expected) => this.#isSame(expected, topic, payload))
    const first = expected?.named
    return first !== undefined && !named.some((route) => first.includes(route))
  }

  /** Whether this is the expected copy for all of these filters. They then expect it no more. */
  take({ payload, topic }: Packet.Publish, named: ReadonlyArray<Route>, now: number): boolean {
    if (this.isEmpty) return false
    this.#expected = this.#expected.filter(({ until }) => until >= now)
    const expected = this.#expected.find((expected) => this.#isSame(expected, topic, payload))
    if (expected === undefined || !named.every((route) => expected.missing.has(route))) return false
    for (const route of named) expected.missing.delete(route)
    this.settle()
    return true
  }

  /** The server sends a copy for each filter: only filters that got the message before their own copy matter now. */
  settle(): void {
    this.#expected = this.#expected.filter(({ missing }) => missing.size > 0)
    if (this.isEmpty) this.#payload = undefined
  }

  /** A filter came. Copies of messages from before it are still no news for the others. */
  added(): void {
    for (const expected of this.#expected) expected.named = undefined
    this.settle()
  }

  /** A filter left, and expects nothing any more. */
  removed(route: Route): void {
    for (const { missing } of this.#expected) missing.delete(route)
    this.added()
  }

  clear(): void {
    this.#expected = []
    this.#payload = undefined
  }

  /** Bytes are compared only if the fingerprints are equal: payloads may differ in their last byte alone. */
  #isSame(expected: Expected<unknown>, topic: string, payload: Uint8Array): boolean {
    if (expected.topic !== topic || expected.payload.length !== payload.length) return false
    if (expected.payload === payload) return true
    if (payload !== this.#payload) {
      this.#payload = payload
      this.#fingerprint = fingerprintOf(payload)
    }
    expected.fingerprint ??= fingerprintOf(expected.payload)
    return expected.fingerprint === this.#fingerprint && areEqual(expected.payload, payload)
  }
}

/** Random in each process: nobody outside can make two different payloads with the same fingerprint. */
const [seed] = crypto.getRandomValues(new Uint32Array(1))

/** Different payloads have different fingerprints, except for one pair in four thousand million. */
const fingerprintOf = (payload: Uint8Array): number => {
  let hash = seed
  for (let index = 0; index < payload.length; index++) {
    hash = Math.imul(hash ^ payload[index], 0x0100_0193)
    hash ^= hash >>> 15
  }
  return hash
}

const areEqual = (one: Uint8Array, other: Uint8Array): boolean => {
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false
  return true
}

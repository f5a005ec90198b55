/**
 * Messages that match more filters than they named, and whose other copies may still come.
 *
 * A server may send a message once, naming all subscriptions that match, or once for each of them. What it does shows
 * only when a second copy comes; which filters a copy is for is the routes' business. Each payload is read once or twice,
 * however many like it are expected. MQTT 5.0 section 3.3.4.
 */
import type * as Packet from "../../../protocol/Packet.ts"

interface Expected<Route> {
  readonly topic: string
  readonly payload: Uint8Array
  /** Those the first copy named. */
  readonly named: ReadonlyArray<Route>
  /** Those that have it already and whose own copy has not come. */
  readonly missing: Set<Route>
  /** Milliseconds; then another message like it is another message. */
  readonly until: number
  /** Of the payload, once it was asked for. */
  fingerprint: number | undefined
}

/** Copies come close together; more than so many that have not come say that none will. */
const maximum = 32

export class ExpectedCopies<Route> {
  #expected: Array<Expected<Route>> = []
  /** The payload that was looked at last, and its fingerprint. */
  #payload: Uint8Array | undefined
  #fingerprint = 0

  get isEmpty(): boolean {
    return this.#expected.length === 0
  }

  /** A copy named some, and those who are `missing` their own have the message too. */
  expect(
    { payload, topic }: Packet.Publish,
    named: ReadonlyArray<Route>,
    missing: ReadonlyArray<Route>,
    until: number
  ): void {
    this.#expected = this.#expected.filter((expected) => !this.#isSame(expected, topic, payload)).slice(1 - maximum)
    this.#expected.push({ topic, payload, named, missing: new Set(missing), until, fingerprint: undefined })
  }

  /** Whether a copy that named none of these has come: then this is another one of the same message. */
  hasOther({ payload, topic }: Packet.Publish, named: ReadonlyArray<Route>): boolean {
    const expected = this.#expected.find((expected) => this.#isSame(expected, topic, payload))
    return expected !== undefined && !named.some((route) => expected.named.includes(route))
  }

  /** Whether it is the expected copy for all of these; it is expected no more. */
  take({ payload, topic }: Packet.Publish, named: ReadonlyArray<Route>, now: number): boolean {
    if (this.isEmpty) return false
    this.#expected = this.#expected.filter(({ until }) => until >= now)
    const expected = this.#expected.find((expected) => this.#isSame(expected, topic, payload))
    if (expected === undefined || !named.every((route) => expected.missing.has(route))) return false
    for (const route of named) expected.missing.delete(route)
    this.settle()
    return true
  }

  /** The server is known to send a copy for each: only those who have a message before their own came matter now. */
  settle(): void {
    this.#expected = this.#expected.filter(({ missing }) => missing.size > 0)
    if (this.isEmpty) this.#payload = undefined
  }

  clear(): void {
    this.#expected = []
    this.#payload = undefined
  }

  /** Bytes are compared only where the fingerprints are equal: payloads may differ in their last byte alone. */
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

/** Of this process: nobody outside can make two payloads that differ and look alike. */
const [seed] = crypto.getRandomValues(new Uint32Array(1))

/** Payloads that differ have different ones, but for one in four thousand million. */
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

/**
 * Messages that were given out to more filters than they named, and whose other copies are expected.
 *
 * A server may send a message once, naming all subscriptions that match, or once for each of them. What it does shows
 * only when a second copy comes; which filters a copy is for is the routes' business. MQTT 5.0 section 3.3.4.
 */
import type * as Packet from "../../protocol/Packet.ts"

interface Expected<Route> {
  readonly topic: string
  readonly payload: Uint8Array
  /** Those that have it already and whose own copy has not come. */
  readonly missing: Set<Route>
  /** Milliseconds; then another message like it is another message. */
  readonly until: number
}

/** Copies come close together; more than so many that have not come say that none will. */
const maximum = 32

export class Copies<Route> {
  #expected: Array<Expected<Route>> = []

  get isEmpty(): boolean {
    return this.#expected.length === 0
  }

  /** These have the message, without being named by it. */
  expect({ payload, topic }: Packet.Publish, missing: ReadonlyArray<Route>, until: number): void {
    this.#expected = this.#expected.filter((expected) => !isSame(expected, topic, payload)).slice(1 - maximum)
    this.#expected.push({ topic, payload, missing: new Set(missing), until })
  }

  /** Whether it is the expected copy for all of these; it is expected no more. */
  take({ payload, topic }: Packet.Publish, named: ReadonlyArray<Route>, now: number): boolean {
    if (this.isEmpty) return false
    this.#expected = this.#expected.filter(({ missing, until }) => missing.size > 0 && until >= now)
    const expected = this.#expected.find((expected) => isSame(expected, topic, payload))
    if (expected === undefined || !named.every((route) => expected.missing.has(route))) return false
    for (const route of named) expected.missing.delete(route)
    return true
  }

  clear(): void {
    this.#expected = []
  }
}

const isSame = (expected: Expected<unknown>, topic: string, payload: Uint8Array): boolean =>
  expected.topic === topic && expected.payload.length === payload.length &&
  expected.payload.every((byte, index) => byte === payload[index])

/**
 * Received messages that break a rule, by the bytes of their Topic Names. Each ends its connection, and a server that
 * keeps such a message sends it again on the next. A message that has ended several connections is refused from then
 * on.
 *
 * The decoder finds broken rules; `deliveries.ts` refuses messages.
 */

/** How many connections a message may end. */
const mostConnections = 3

/** At most this many topics are remembered, the oldest forgotten first. */
const mostTopics = 100

/** Bytes. Longer names that begin alike and have the same length are not distinguished. */
const longestKey = 256

export class OffendingTopics {
  readonly #connections = new Map<string, number>()
  #hasOffended = false

  /** Whether such a message has ended a connection since the last call. */
  takeOffence(): boolean {
    const hasOffended = this.#hasOffended
    this.#hasOffended = false
    return hasOffended
  }

  /** A message with this topic is wrong. Returns whether it is refused; otherwise it ends the connection. */
  readonly refuses = (topic: Uint8Array): boolean => {
    const key = `${topic.length} ${String.fromCharCode(...topic.subarray(0, longestKey))}`
    const connections = this.#connections.get(key) ?? 0
    if (connections >= mostConnections) return true
    this.#hasOffended = true
    this.#connections.delete(key)
    this.#connections.set(key, connections + 1)
    for (const oldest of this.#connections.keys()) {
      if (this.#connections.size > mostTopics) this.#connections.delete(oldest)
      else break
    }
    return false
  }
}

/**
 * Received messages that break a rule, by the bytes of their Topic Names: each ends its connection, and a server that keeps
 * one sends it again on the next. One that has ended several is refused from then on.
 *
 * What breaks a rule is the decoder's, and how a message is refused the deliveries'.
 */

/** Connections that a message may end. */
const mostConnections = 3

/** So many are remembered, the oldest forgotten first. */
const mostTopics = 100

/** Bytes; names that begin alike and are as long are not told apart. */
const longestKey = 256

export class OffendingTopics {
  readonly #connections = new Map<string, number>()
  #hasOffended = false

  /** Whether one has ended a connection since the last call. */
  takeOffence(): boolean {
    const hasOffended = this.#hasOffended
    this.#hasOffended = false
    return hasOffended
  }

  /** A message with this topic is wrong: says whether it is refused. Otherwise it ends the connection. */
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

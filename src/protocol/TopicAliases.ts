/**
 * Topic Aliases for sent messages: short numbers for the topics this connection has named before. When all are taken,
 * the least recently used one gets a new topic.
 *
 * They belong to one connection: a message is stored and sent again with its whole topic (`[MQTT-3.3.2-7]`).
 * `Connection` keeps the aliases of received messages. MQTT 5.0 section 3.3.2.3.4.
 *
 * @since 0.1.0
 */
import * as Encoder from "./Encoder.ts"
import type { Publish } from "./Packet.ts"
import * as Properties from "./Properties.ts"
import { type InvalidPacket, invalidPacket } from "./ProtocolError.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface TopicAliases {
  /**
   * Writes a PUBLISH under an alias of its topic: the topic and the alias if the server has not seen the alias,
   * otherwise the alias alone. `write` encodes the packet, or says why it cannot be encoded; then no alias was bound. A
   * packet that already has an alias keeps it. A message that is sent again (DUP) gets none: a server that already has
   * the message may ignore all of the packet, the alias too.
   */
  readonly encode: (
    publish: Publish,
    write: (publish: Publish) => InvalidPacket | undefined
  ) => InvalidPacket | undefined
}

/**
 * No aliases are bound yet. At most `maximum` aliases are assigned: no more than the server's Topic Alias Maximum, 0
 * for none. `maximumPacketSize` is the server's limit in bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly maximum: number
  readonly maximumPacketSize: number
}): TopicAliases => {
  const { maximum, maximumPacketSize } = options
  /** Least recently used first. */
  const aliases = new Map<string, number>()
  const topics = new Map<number, string>()
  let lastTopic: string | undefined
  let unused = 1

  const bind = (topic: string, alias: number): void => {
    const before = topics.get(alias)
    if (before !== undefined && aliases.get(before) === alias) aliases.delete(before)
    topics.set(alias, topic)
    touch(topic, alias)
  }

  const touch = (topic: string, alias: number): void => {
    if (topic === lastTopic && aliases.get(topic) === alias) return
    aliases.delete(topic)
    aliases.set(topic, alias)
    lastTopic = topic
  }

  /** An alias that was never used, or else the least recently used one. */
  const next = (): number => {
    while (topics.has(unused)) unused++
    if (unused <= maximum) return unused
    const [oldest] = aliases.values()
    return oldest
  }

  const withAlias = (publish: Publish, topic: string, topicAlias: number): Publish => ({
    ...publish,
    topic,
    properties: publish.properties === Properties.none
      ? Properties.onlyTopicAlias(topicAlias)
      : { ...publish.properties, topicAlias }
  })

  /** A message of QoS 1 or 2 may have to be sent again, on a connection where the server has not seen the alias. */
  const fitsInFull = (publish: Publish): boolean =>
    publish.qos === 0 || maximumPacketSize >= largestPacket || Encoder.sizeOf(publish, "5.0") <= maximumPacketSize

  const encodeAssigned = (
    publish: Publish,
    write: (publish: Publish) => InvalidPacket | undefined
  ): InvalidPacket | undefined => {
    const { topic } = publish
    const known = aliases.get(topic)
    if (known !== undefined && !fitsInFull(publish)) return write(publish)
    const alias = known ?? next()
    // A packet that is too large with an alias may fit without it. If it cannot be sent at all, the error is about the
    // packet as requested.
    if (write(withAlias(publish, known === undefined ? topic : "", alias)) !== undefined) return write(publish)
    if (known === undefined) bind(topic, alias)
    else touch(topic, alias)
    return undefined
  }

  const encodeOwn = (
    publish: Publish,
    alias: number,
    write: (publish: Publish) => InvalidPacket | undefined
  ): InvalidPacket | undefined => {
    if (publish.topic === "" && !topics.has(alias)) return unknownAlias(alias)
    const invalid = write(publish)
    if (invalid === undefined && publish.topic !== "") bind(publish.topic, alias)
    return invalid
  }

  return {
    encode: (publish, write) => {
      const own = publish.properties.topicAlias
      if (own !== undefined) return encodeOwn(publish, own, write)
      return maximum === 0 || publish.dup ? write(publish) : encodeAssigned(publish, write)
    }
  }
}

/** A server that announces no Maximum Packet Size accepts every packet the protocol allows. */
const largestPacket = 268_435_460

const unknownAlias = (alias: number): InvalidPacket => {
  const message = `The topic is empty and Topic Alias ${alias} is not bound on this connection; name the topic`
  return invalidPacket("5.0", "3.3.2-7", "topic", message)
}

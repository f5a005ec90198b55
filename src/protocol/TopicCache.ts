/**
 * Topic Names of PUBLISH packets: read and checked. A name seen before is recognised by its bytes alone.
 *
 * `Topic` has the rules of names. MQTT 5.0 and 3.1.1, section 3.3.2.1.
 *
 * @since 0.1.0
 */
import { labels } from "./Labels.ts"
import { type Reader, viewOf } from "./Reader.ts"
import * as Topic from "./Topic.ts"

interface CachedTopic {
  readonly bytes: Uint8Array
  readonly topic: string
}

/** A power of two: the slot is taken from the low bits of the hash. */
const cachedTopics = 256

/** Longer names are decoded anew each time. So the cache stays small however long they are. */
const longestCached = 256

/**
 * Most subscribers receive few topics again and again: each is checked and made a string once.
 *
 * @since 0.1.0
 * @category models
 */
export class TopicCache {
  /** Made for the first PUBLISH: 2 KiB, which a client that only publishes would hold for nothing. */
  #slots: Array<CachedTopic | undefined> | undefined
  /** Compared before anything is hashed: mostly several messages of one topic follow each other. */
  #last: CachedTopic | undefined

  /** The Topic Name of a PUBLISH: the same bytes give the same string. May be empty. */
  read(reader: Reader): string {
    const { bytes, end, offset } = reader
    if (end - offset < 2) return readTopic(reader)
    const length = (bytes[offset] << 8) | bytes[offset + 1]
    const start = offset + 2
    if (length > longestCached || end - start < length) return readTopic(reader)
    const last = this.#last
    if (last === undefined || !isSame(last.bytes, bytes, start, length)) return this.#find(reader, start, length)
    reader.offset = start + length
    return last.topic
  }

  #find(reader: Reader, start: number, length: number): string {
    const { bytes } = reader
    const slots = this.#slots ??= Array.from<CachedTopic | undefined>({ length: cachedTopics })
    const slot = hashOf(bytes, start, length) & (cachedTopics - 1)
    const cached = slots[slot]
    if (cached !== undefined && isSame(cached.bytes, bytes, start, length)) {
      reader.offset = start + length
      this.#last = cached
      return cached.topic
    }
    const topic = readTopic(reader)
    if (reader.failure === undefined) {
      this.#last = slots[slot] = { bytes: viewOf(bytes, start, start + length).slice(), topic }
    }
    return topic
  }
}

/** Four bytes at a time: hashing byte by byte took longer than all the rest of reading a short PUBLISH. */
const hashOf = (bytes: Uint8Array, start: number, length: number): number => {
  const end = start + length
  let hash = length
  let index = start
  for (; index + 4 <= end; index += 4) {
    const word = bytes[index] | (bytes[index + 1] << 8) | (bytes[index + 2] << 16) | (bytes[index + 3] << 24)
    hash = Math.imul(hash ^ word, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  for (; index < end; index++) hash = Math.imul(hash ^ bytes[index], 0x9e3779b1)
  return hash ^ (hash >>> 16)
}

const isSame = (cached: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean => {
  if (cached.length !== length) return false
  for (let index = 0; index < length; index++) {
    if (cached[index] !== bytes[start + index]) return false
  }
  return true
}

const readTopic = (reader: Reader): string => {
  const topic = reader.string("the Topic Name")
  if (Topic.hasWildcard(topic)) reader.fail(labels.topicWildcard, 0x81, "The Topic Name contains a wildcard")
  return topic
}

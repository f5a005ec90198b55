/**
 * The Subscription Identifier of a Topic Filter: a function of the filter alone, so it is the same on every connection
 * and in every process, and messages of a resumed session say what they are for.
 *
 * It is that of the filter's shape: its share, and where its wildcards stand. Two filters of one shape differ in a level
 * that both spell out, so no topic matches both: the identifier and the topic together name the filter. Filters of one
 * shape share a SUBSCRIBE, which has one identifier for all of its filters; all without wildcards are of one shape.
 * MQTT 5.0 sections 3.3.4 and 3.8.2.1.2.
 */
import * as Topic from "../../../protocol/Topic.ts"

/** Ours are in the upper half of 1 to 268,435,455: whoever numbers from 1 and had the session before is told apart. */
const first = 0x800_0000

/** What is alike in filters that cannot match the same topic: levels count from the front, literal ones are left out. */
const shapeOf = (filter: string): string => filter.replace(/[^+#/]+/g, "").replace(/\/+$/, "")

/**
 * Two shapes with one identifier would be no mistake, only less to tell apart by: about one pair in a hundred million.
 */
export const make = (topicFilter: string): number => {
  const shared = Topic.parseSharedFilter(topicFilter)
  const shape = shared === undefined
    ? shapeOf(topicFilter)
    : `$share/${shared.shareName}/${shapeOf(shared.topicFilter)}`
  // FNV-1a, of which 27 bits are kept.
  let hash = 0x811c_9dc5
  for (let index = 0; index < shape.length; index++) hash = Math.imul(hash ^ shape.charCodeAt(index), 0x0100_0193)
  return first + (hash >>> 5)
}

export const isOurs = (identifier: number): boolean => identifier >= first

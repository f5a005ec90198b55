/**
 * The Subscription Identifier of a Topic Filter. It depends on the filter alone, so it is the same on every connection
 * and in every process, and messages of a resumed session show which filter they are for.
 *
 * The identifier stands for the filter's shape: its share, and the positions of its wildcards. Two filters of one shape
 * differ in a level that both spell out, so no topic matches both: the identifier and the topic together name the
 * filter. Filters of one shape share a SUBSCRIBE, which has one identifier for all of its filters. All filters without
 * wildcards have one shape. MQTT 5.0 sections 3.3.4 and 3.8.2.1.2.
 */
import * as Topic from "../../../protocol/Topic.ts"

/** Ours are in the upper half of 1 to 268,435,455, above the numbers of an earlier client that counted from 1. */
const first = 0x800_0000

/** The shape. Filters of one shape match no common topic: levels count from the front, literal ones are left out. */
const shapeOf = (filter: string): string => withoutEmptyEnd(filter.replace(/[^+#/]+/g, ""))

/** Not by a regular expression: it would try each "/" for every other, and a filter may have 65,535 of them. */
const withoutEmptyEnd = (shape: string): string => {
  let end = shape.length
  while (end > 0 && shape[end - 1] === "/") end--
  return shape.slice(0, end)
}

/**
 * Two shapes with one identifier would do no harm: filters would only be harder to distinguish. It happens to about one
 * pair in a hundred million.
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

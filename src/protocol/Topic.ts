/**
 * Topic Names and Topic Filters: which are valid, and which filter matches which name.
 *
 * Not for dispatching to many filters: see `TopicTree`. Everything compares exact characters: no case folding and no
 * Unicode normalisation. MQTT 5.0 sections 4.7 and 4.8.2, MQTT 3.1.1 section 4.7.
 *
 * @since 0.1.0
 */
import type { Label } from "./Labels.ts"
import type { ProtocolVersion } from "./Packet.ts"
import { type InvalidPacket, invalidPacket } from "./ProtocolError.ts"
import * as Utf8 from "./Utf8.ts"

/** A fault of a Topic Name or a Topic Filter, and its remedy. */
interface Fault {
  /** Shared Subscriptions exist only in 5.0. */
  readonly label: Label
  readonly message: string
}

const faults = {
  empty: {
    label: { "3.1.1": "4.7.3-1", "5.0": "4.7.3-1" },
    message: "is empty; it needs at least one character"
  },
  tooLong: {
    label: { "3.1.1": "4.7.3-3", "5.0": "4.7.3-3" },
    message: `is longer than ${Utf8.maximumLength} bytes in UTF-8; use a shorter one`
  },
  loneSurrogate: {
    label: { "3.1.1": "1.5.3-1", "5.0": "1.5.4-1" },
    message: "holds a lone surrogate, which has no UTF-8 form; do not cut a string inside a surrogate pair"
  },
  nul: {
    label: { "3.1.1": "4.7.3-2", "5.0": "4.7.3-2" },
    message: "holds the character U+0000; remove it"
  },
  wildcardInName: {
    label: { "3.1.1": "4.7.1-1", "5.0": "4.7.0-1" },
    message:
      `holds a wildcard ("+" or "#"), which only a Topic Filter may; replace the character or publish to each topic`
  },
  multiLevel: {
    label: { "3.1.1": "4.7.1-2", "5.0": "4.7.1-1" },
    message: `has a "#" that is not the last level on its own; write "#" or "<levels>/#"`
  },
  singleLevel: {
    label: { "3.1.1": "4.7.1-3", "5.0": "4.7.1-2" },
    message: `has a "+" that is not a level on its own; write it between slashes, as in "a/+/b"`
  },
  shareName: {
    label: { "3.1.1": "4.8.2-1", "5.0": "4.8.2-1" },
    message: `is a Shared Subscription with an empty ShareName; write "$share/<name>/<filter>"`
  },
  separatorInLevel: {
    label: { "3.1.1": "4.7.1.1", "5.0": "4.7.1.1" },
    message: `holds a "/", which would make two levels of it; replace the character or give the levels one by one`
  },
  wildcardInLevel: {
    label: { "3.1.1": "4.7.1-1", "5.0": "4.7.0-1" },
    message: `holds a wildcard ("+" or "#"), which a Topic Name must not; replace the character`
  },
  reservedLevel: {
    label: { "3.1.1": "4.7.2", "5.0": "4.7.2" },
    message: `is the first and begins with "$", which names the server's own topics; begin with another level`
  },
  sharedFilter: {
    label: { "3.1.1": "4.8.2-2", "5.0": "4.8.2-2" },
    message:
      `is a Shared Subscription without a Topic Filter or with a wildcard in its ShareName; write "$share/<name>/<filter>"`
  }
} as const satisfies Record<string, Fault>

/** Enough to recognise a topic in a log; quoting escapes what cannot be printed. */
const quote = (text: string): string =>
  text.length <= 100 ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, 100))}...`

const invalid = (version: ProtocolVersion, field: string, what: string, text: string, fault: Fault): InvalidPacket =>
  invalidPacket(version, fault.label[version], field, `The ${what} ${quote(text)} ${fault.message}.`)

/** Rules that names and filters share: section 4.7.3. */
const textFault = (text: string): Fault | undefined => {
  if (text.length === 0) return faults.empty
  const defect = Utf8.defectOf(text)
  return defect === undefined ? undefined : faults[defect]
}

/** Each wildcard must fill its level, and "#" must fill the last: section 4.7.1. */
const wildcardFault = (filter: string): Fault | undefined => {
  for (let index = filter.indexOf("#"); index >= 0; index = filter.indexOf("#", index + 1)) {
    if (index !== filter.length - 1 || !startsLevel(filter, index)) return faults.multiLevel
  }
  for (let index = filter.indexOf("+"); index >= 0; index = filter.indexOf("+", index + 1)) {
    if (!startsLevel(filter, index) || !endsLevel(filter, index)) return faults.singleLevel
  }
  return undefined
}

const startsLevel = (filter: string, index: number): boolean => index === 0 || filter[index - 1] === "/"

const endsLevel = (filter: string, index: number): boolean => index === filter.length - 1 || filter[index + 1] === "/"

const sharePrefix = "$share/"

/** Section 4.8.2 of 5.0. */
const shareFault = (filter: string): Fault | undefined => {
  if (!filter.startsWith(sharePrefix)) return undefined
  if (filter.length === sharePrefix.length || filter[sharePrefix.length] === "/") return faults.shareName
  return parseSharedFilter(filter) === undefined ? faults.sharedFilter : undefined
}

/**
 * Why a Topic Name cannot be published to, or `undefined` when it can. 5.0 allows an empty name beside a Topic Alias.
 * The caller handles that case: here an empty name is invalid.
 *
 * @since 0.1.0
 * @category validation
 */
export const validateTopicName = (topic: string, version: ProtocolVersion): InvalidPacket | undefined => {
  const fault = textFault(topic) ?? (hasWildcard(topic) ? faults.wildcardInName : undefined)
  return fault === undefined ? undefined : invalid(version, "topic", "Topic Name", topic, fault)
}

/** Why this text cannot be a level of a Topic Name, if it cannot. */
const levelFault = (level: string, index: number): Fault | undefined => {
  if (level.includes("/")) return faults.separatorInLevel
  if (hasWildcard(level)) return faults.wildcardInLevel
  return index === 0 && level.startsWith("$") ? faults.reservedLevel : undefined
}

/**
 * A Topic Name built from levels that somebody else wrote: a user, a device, a file name. No level can lead to another
 * topic than the intended one.
 *
 * Refused are a level with "/", "+" or "#" in it, a first level that begins with "$" (`$SYS`, `$share`), characters
 * that no MQTT string may hold, no levels at all, and more than 65,535 bytes. An empty level is a level like any other.
 *
 * **Example** (A topic with a user's name in it)
 *
 * ```ts
 * import { Topic } from "effect-mqtt/protocol"
 *
 * Topic.join(["user", "alice", "inbox"]) // "user/alice/inbox"
 * Topic.join(["user", "#", "inbox"]) // InvalidPacket
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const join = (levels: ReadonlyArray<string>, version: ProtocolVersion = "5.0"): string | InvalidPacket => {
  for (const [index, level] of levels.entries()) {
    const fault = levelFault(level, index)
    if (fault !== undefined) return invalid(version, `levels[${index}]`, "level", level, fault)
  }
  const topic = levels.join("/")
  return validateTopicName(topic, version) ?? topic
}

/**
 * Why a Topic Filter cannot be subscribed to, or `undefined` when it can.
 *
 * In 5.0 a filter that begins with `$share/` is a Shared Subscription and must be a complete one (`[MQTT-4.8.2-1]`,
 * `[MQTT-4.8.2-2]`). 3.1.1 does not know Shared Subscriptions, so there it is a filter like any other; many brokers
 * share it all the same.
 *
 * @since 0.1.0
 * @category validation
 */
export const validateTopicFilter = (filter: string, version: ProtocolVersion): InvalidPacket | undefined => {
  const fault = textFault(filter) ?? (version === "5.0" ? shareFault(filter) : undefined) ?? wildcardFault(filter)
  return fault === undefined ? undefined : invalid(version, "topicFilter", "Topic Filter", filter, fault)
}

/**
 * A Shared Subscription: the sessions that name the same share take turns in receiving the messages that match the
 * filter.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharedFilter {
  readonly shareName: string
  readonly topicFilter: string
}

/**
 * The parts of `$share/<shareName>/<topicFilter>`, or `undefined` when the filter is not of that form.
 *
 * @since 0.1.0
 * @category shared subscriptions
 */
export const parseSharedFilter = (filter: string): SharedFilter | undefined => {
  const at = innerFilterAt(filter)
  return at === 0 ? undefined : {
    shareName: filter.slice(sharePrefix.length, at - 1),
    topicFilter: filter.slice(at)
  }
}

/**
 * Whether the filter has the form of a Shared Subscription.
 *
 * @since 0.1.0
 * @category shared subscriptions
 */
export const isSharedFilter = (filter: string): boolean => innerFilterAt(filter) !== 0

/** Where the Topic Filter inside a Shared Subscription begins. 0 if the filter is not shared. */
const innerFilterAt = (filter: string): number => {
  if (!filter.startsWith(sharePrefix)) return 0
  const end = filter.indexOf("/", sharePrefix.length)
  const hasBoth = end > sharePrefix.length && end < filter.length - 1
  return hasBoth && !hasWildcard(filter.slice(sharePrefix.length, end)) ? end + 1 : 0
}

/**
 * Whether the filter contains a wildcard character.
 *
 * @since 0.1.0
 * @category guards
 */
export const hasWildcard = (filter: string): boolean => filter.includes("+") || filter.includes("#")

const slash = 0x2f
const plus = 0x2b
const hash = 0x23
const dollar = 0x24

/**
 * Whether a valid filter matches a valid Topic Name. A shared filter matches by the filter inside it.
 *
 * Walks both once, character by character, and allocates nothing.
 *
 * @since 0.1.0
 * @category matching
 */
export const matches = (filter: string, topic: string): boolean => {
  let at = innerFilterAt(filter)
  // [MQTT-4.7.2-1]: a leading wildcard does not match a topic that begins with "$".
  const first = filter.charCodeAt(at)
  if (topic.charCodeAt(0) === dollar && (first === plus || first === hash)) return false

  let index = 0
  while (at < filter.length) {
    const character = filter.charCodeAt(at)
    if (character === hash) return true
    if (character === plus) {
      const end = topic.indexOf("/", index)
      index = end < 0 ? topic.length : end
    } else if (index < topic.length && topic.charCodeAt(index) === character) index++
    // "a/#" matches "a" too: the filter's "/" has no counterpart when only "#" follows it.
    else return index === topic.length && character === slash && at === filter.length - 2 && filter.endsWith("#")
    at++
  }
  return index === topic.length
}

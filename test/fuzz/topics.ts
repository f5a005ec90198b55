/**
 * Names and filters, against the specification read a second time: level by level, slow and plain.
 *
 * `Topic` and the codec agree with it about what is valid, `Topic.matches` and `TopicTree` about what matches. Section 4.7,
 * and 4.8.2 of 5.0.
 */
import * as Encoder from "../../src/protocol/Encoder.ts"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import type { InvalidPacket } from "../../src/protocol/ProtocolError.ts"
import * as Topic from "../../src/protocol/Topic.ts"
import * as TopicTree from "../../src/protocol/TopicTree.ts"
import type { Random } from "../protocol/Random.ts"
import { promise, ruleOf, type Target, type Verdict } from "./target.ts"

interface Input {
  readonly version: ProtocolVersion
  readonly name: string
  readonly filters: ReadonlyArray<string>
}

export const topics: Target = {
  draw: (random) => {
    const input: Input = {
      version: random.pick(["3.1.1", "5.0"]),
      name: textOf(random, nameLevels),
      filters: Array.from({ length: random.integer(1, 6) }, () => textOf(random, filterLevels))
    }
    return {
      describe: () => JSON.stringify(input),
      use: () => use(input),
      check: () => check(input)
    }
  }
}

// -- Inputs -----------------------------------------------------------------------------------------------------------

const nameLevels = ["a", "b", "", "$SYS"]
const filterLevels = ["a", "b", "", "+", "+", "#"]
const anyLevels = ["a", "b", "", "+", "#", "$SYS", "$share", "__proto__", "é", "😀", "a+", "#b", "\ufeff", " "]
const spoiled = ["\0", "\ud800", "\udc00a", "\u0001", "\uffff", "x".repeat(65_533), "é".repeat(32_767)]

/** Mostly of the usual levels, few of them, so that names and filters meet. */
const textOf = (random: Random, usual: ReadonlyArray<string>): string => {
  const levels = random.chance(0.8) ? usual : random.chance(0.9) ? anyLevels : spoiled
  const text = Array.from({ length: random.integer(1, 4) }, () => random.pick(levels)).join("/")
  return random.chance(0.1) ? `$share/${text}` : text
}

// -- The specification, read a second time ----------------------------------------------------------------------------

const encoder = new TextEncoder()

/** 1.5.4 and 4.7.3 of 5.0, 1.5.3 and 4.7.3 of 3.1.1. */
const isText = (text: string): boolean => {
  const size = encoder.encode(text).length
  return size >= 1 && size <= 65_535 && !/[\0\p{Surrogate}]/u.test(text)
}

const isName = (text: string): boolean => isText(text) && !/[+#]/.test(text)

const hasPlainWildcards = (filter: string): boolean =>
  filter.split("/").every((level, index, all) =>
    level === "+" || (level === "#" && index === all.length - 1) || !/[+#]/.test(level)
  )

/** The filter inside a Shared Subscription, if it is one. */
const innerOf = (filter: string): string | undefined => /^\$share\/[^/+#]+\/([^]+)$/.exec(filter)?.[1]

const isFilter = (text: string, version: ProtocolVersion): boolean =>
  isText(text) && hasPlainWildcards(text) &&
  (version === "3.1.1" || !text.startsWith("$share/") || innerOf(text) !== undefined)

const levelsMatch = (filter: ReadonlyArray<string>, name: ReadonlyArray<string>): boolean => {
  const [first, ...others] = filter
  if (first === "#") return true
  if (first === undefined || name.length === 0) return first === undefined && name.length === 0
  return (first === "+" || first === name[0]) && levelsMatch(others, name.slice(1))
}

const isMatch = (filter: string, name: string): boolean => {
  const inner = innerOf(filter) ?? filter
  if (name.startsWith("$") && /^[+#]/.test(inner)) return false
  return levelsMatch(inner.split("/"), name.split("/"))
}

// -- Judging ----------------------------------------------------------------------------------------------------------

const use = ({ filters, name, version }: Input): void => {
  Topic.validateTopicName(name, version)
  const tree = TopicTree.make<string>()
  for (const filter of filters) {
    if (Topic.validateTopicFilter(filter, version) === undefined) tree.add(filter, filter)
  }
  tree.match(name, [])
}

const check = ({ filters, name, version }: Input): Verdict => {
  const nameFault = Topic.validateTopicName(name, version)
  checkFault(nameFault, isName(name), name)
  const written = Encoder.toBytes({
    _tag: "Publish",
    topic: name,
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties: Properties.none
  }, { protocolVersion: version, sender: "client" })
  promise((written instanceof Uint8Array) === (nameFault === undefined), () => "the encoder disagrees about the name")
  checkJoined(name, version)

  const faults = filters.map((filter) => Topic.validateTopicFilter(filter, version))
  for (const [index, fault] of faults.entries()) checkFault(fault, isFilter(filters[index], version), filters[index])
  const valid = filters.filter((_, index) => faults[index] === undefined)
  const matched = nameFault === undefined ? checkMatches(valid, name) : 0
  const rules = [nameFault, ...faults].flatMap((fault) => fault === undefined ? [] : [ruleOf(fault.message)])
  return { rule: rules[0], results: matched }
}

const longestMessage = 1_000

const checkFault = (fault: InvalidPacket | undefined, isValid: boolean, text: string): void => {
  const words = () => `${JSON.stringify(text)} is ${isValid ? "valid" : "invalid"}, and: ${fault?.message}`
  promise((fault === undefined) === isValid, words)
  if (fault === undefined) return
  const isTyped = fault._tag === "InvalidPacket" && fault.message.length > 10 &&
    fault.message.length < longestMessage &&
    !/[\p{Cc}\p{Surrogate}]/u.test(fault.message)
  promise(isTyped, words)
}

/** The levels of a name make that name again, or are refused. */
const checkJoined = (name: string, version: ProtocolVersion): void => {
  const isExpected = isName(name) && !name.startsWith("$")
  const joined = Topic.join(name.split("/"), version)
  promise(isExpected ? joined === name : typeof joined !== "string", () => `joined: ${JSON.stringify(joined)}`)
}

const checkMatches = (filters: ReadonlyArray<string>, name: string): number => {
  const expected = filters.filter((filter) => isMatch(filter, name))
  promise(
    filters.every((filter) => Topic.matches(filter, name) === isMatch(filter, name)),
    () => "matches: another result"
  )
  const tree = TopicTree.make<string>()
  for (const filter of filters) tree.add(filter, filter)
  const found: Array<string> = []
  tree.match(name, found)
  promise(
    found.toSorted().join("\n") === expected.toSorted().join("\n"),
    () => `the tree found ${JSON.stringify(found)}`
  )
  for (const filter of filters) tree.remove(filter, filter)
  promise(tree.size === 0 && tree.levels === 0, () => "the tree is not empty after all filters have left")
  return found.length
}

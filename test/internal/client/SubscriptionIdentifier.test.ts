import { assert, describe, it } from "@effect/vitest"
import * as SubscriptionIdentifier from "../../../src/internal/client/incoming/subscriptionIdentifier.ts"
import * as Topic from "../../../src/protocol/Topic.ts"

const { make } = SubscriptionIdentifier

/** Every sequence of one to `length` levels. */
const sequences = (levels: ReadonlyArray<string>, length: number): ReadonlyArray<string> =>
  length === 1
    ? levels
    : [...levels, ...levels.flatMap((level) => sequences(levels, length - 1).map((rest) => `${level}/${rest}`))]

const isValid = (filter: string) => Topic.validateTopicFilter(filter, "5.0") === undefined

describe("subscription identifiers", () => {
  const filters = sequences(["a", "b", "", "+", "#"], 4).filter(isValid)
  const topics = sequences(["a", "b", ""], 5).filter((topic) => topic !== "")

  it("R112 are from 1 to 268,435,455, and of ours", () => {
    for (const filter of [...filters, "$share/x/a", "+/".repeat(10_000) + "#"]) {
      const identifier = make(filter)
      assert.isTrue(Number.isInteger(identifier) && identifier >= 1 && identifier <= 268_435_455, filter)
      assert.isTrue(SubscriptionIdentifier.isOurs(identifier))
    }
    assert.isFalse([1, 2, 1000, 65_536].some(SubscriptionIdentifier.isOurs))
  })

  it("name one filter of those that match a topic", () => {
    for (const topic of topics) {
      const matching = filters.filter((filter) => Topic.matches(filter, topic))
      assert.strictEqual(new Set(matching.map(make)).size, matching.length, topic)
    }
  })

  it("security 11: of the deepest filters take one pass over them", () => {
    // With as many steps as the square of their levels, each of them would take seconds.
    const deepest = "/".repeat(65_500)
    const identifiers = ["+", "a/+", "#", "a"].flatMap((end) => {
      const filters = [`${deepest}${end}`, `+${deepest}${end}`, `$share/g/${deepest}${end}`]
      return filters.flatMap((filter) => Array.from({ length: 10 }, () => make(filter)))
    })
    // Their shapes: ending in "+", in "/+", in "#", and nothing or "+" alone, each of them beginning in three ways.
    assert.strictEqual(new Set(identifiers).size, 12)
    assert.strictEqual(make(`${deepest}a`), make("a"))
  })

  it("are shared by what cannot overlap, so that it goes into one SUBSCRIBE", () => {
    for (
      const [one, other] of [
        ["a", "a/b/c"],
        ["a/+", "b/+/c"],
        ["site/1/#", "site/2/#"],
        ["$share/x/a", "$share/x/b/c"]
      ]
    ) assert.strictEqual(make(one), make(other), `${one} ${other}`)
  })

  it("differ where one topic is for both", () => {
    for (
      const [one, other] of [
        ["a", "+"],
        ["a", "#"],
        ["a", "a/#"],
        ["a/+", "+/a"],
        ["+/+", "+"],
        ["#", "+"],
        ["a", "$share/x/a"],
        ["$share/x/a", "$share/y/a"],
        ["$share/x/#", "$share/x/a"]
      ]
    ) assert.notStrictEqual(make(one), make(other), `${one} ${other}`)
  })

  it("stay what they are: servers keep them longer than a program runs, or a release lasts", () => {
    assert.deepStrictEqual(["a", "#", "+/a", "$share/group/a/#"].map(make), [
      201_909_486,
      154_166_408,
      158_360_813,
      222_320_752
    ])
  })
})

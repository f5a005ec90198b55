import { assert, describe, it, vi } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Topic from "../../src/protocol/Topic.ts"
import * as TopicTree from "../../src/protocol/TopicTree.ts"
import * as Random from "./Random.ts"

const treeOf = (...filters: ReadonlyArray<string>): TopicTree.TopicTree<string> => {
  const tree = TopicTree.make<string>()
  for (const filter of filters) tree.add(filter, filter)
  return tree
}

const matched = <A>(tree: TopicTree.TopicTree<A>, topic: string): Array<A> => {
  const into: Array<A> = []
  tree.match(topic, into)
  return into.toSorted()
}

const joined = (levels: ReadonlyArray<string>, maxLength: number) =>
  Arbitrary.array(Arbitrary.schema(Schema.Literals(levels)), { minLength: 1, maxLength }).pipe(
    Arbitrary.map((parts) => parts.join("/"))
  )

const filterArbitrary = joined(["", "a", "b", "$SYS", "+", "#", "$share/g/a", "$share/g/+", "$share/h/a"], 4).pipe(
  Arbitrary.filter((filter) => Topic.validateTopicFilter(filter, "5.0") === undefined)
)

const topicArbitrary = joined(["", "a", "b", "$SYS"], 5).pipe(Arbitrary.filter((topic) => topic !== ""))

describe("TopicTree", () => {
  it("R121 R122 finds the values of every filter that matches and of no other", () => {
    const tree = treeOf("a/b", "a/+", "a/#", "+/b", "#", "+/+", "a", "A/b", "a/b/", "a/b/#", "+", "$SYS/#")
    assert.deepStrictEqual(matched(tree, "a/b"), ["#", "+/+", "+/b", "a/#", "a/+", "a/b", "a/b/#"])
    assert.deepStrictEqual(matched(tree, "a"), ["#", "+", "a", "a/#"])
    assert.deepStrictEqual(matched(tree, "a/b/"), ["#", "a/#", "a/b/", "a/b/#"])
    assert.deepStrictEqual(matched(tree, "$SYS/b"), ["$SYS/#"])
    assert.deepStrictEqual(matched(tree, "$SYS"), ["$SYS/#"])
    assert.deepStrictEqual(matched(treeOf("$SYS/+", "$SYS/+/b", "+/a", "+/+"), "$SYS/a"), ["$SYS/+"])
    // An empty level at the end is a level.
    assert.deepStrictEqual(matched(treeOf("+", "+/", "+//", "/+/"), "a/"), ["+/"])
    assert.deepStrictEqual(matched(treeOf("+", "+/", "+//"), "a"), ["+"])
  })

  it.prop(
    "R111 R121 R122 matches what Topic.matches matches, after any additions and removals",
    {
      filters: Arbitrary.array(filterArbitrary, { maxLength: 12 }),
      removed: Arbitrary.array(Arbitrary.schema(Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])), {
        maxLength: 8
      }),
      topic: topicArbitrary
    },
    ({ filters, removed, topic }) => {
      const tree = TopicTree.make<number>()
      filters.forEach((filter, value) => tree.add(filter, value))
      const held = new Map(filters.map((filter, value) => [value, filter]))
      for (const value of removed) {
        const filter = held.get(value)
        if (filter === undefined) continue
        held.delete(value)
        tree.remove(filter, value)
      }
      const expected = [...held].filter(([, filter]) => Topic.matches(filter, topic)).map(([value]) => value)
      assert.deepStrictEqual(matched(tree, topic), expected.toSorted())
      assert.deepStrictEqual(new Set(tree.filters()), new Set(held.values()))
      assert.strictEqual(tree.size, new Set(held.values()).size)
      for (const [value, filter] of held) tree.remove(filter, value)
      assert.strictEqual(tree.size + tree.levels, 0)
      assert.deepStrictEqual(matched(tree, topic), [])
    },
    { arbitrary: { runs: Random.rounds(3_000) } }
  )

  it("says when a filter comes and when it goes", () => {
    const tree = TopicTree.make<number>()
    assert.isTrue(tree.add("a/+", 1))
    assert.isFalse(tree.add("a/+", 2))
    assert.isFalse(tree.add("a/+", 2))
    assert.strictEqual(tree.size, 1)
    assert.deepStrictEqual(tree.values("a/+"), [1, 2, 2])
    assert.deepStrictEqual(matched(tree, "a/b"), [1, 2, 2])
    assert.isFalse(tree.remove("a/+", 3))
    assert.isFalse(tree.remove("a/b", 1))
    assert.isFalse(tree.remove("a/+", 2))
    assert.isFalse(tree.remove("a/+", 1))
    assert.isTrue(tree.remove("a/+", 2))
    assert.isFalse(tree.remove("a/+", 2))
    assert.deepStrictEqual(tree.values("a/+"), [])
    assert.deepStrictEqual([...tree.filters()], [])
  })

  it("R111 shares of one filter stay apart from each other and from the filter itself", () => {
    const tree = treeOf("a/+", "$share/g/a/+", "$share/h/a/+", "b", "$share/g/b")
    assert.deepStrictEqual(matched(tree, "a/x"), ["$share/g/a/+", "$share/h/a/+", "a/+"])
    assert.deepStrictEqual(matched(tree, "b"), ["$share/g/b", "b"])
    assert.isFalse(tree.remove("$share/x/a/+", "a/+"))
    assert.isFalse(tree.remove("$share/h/a/+", "$share/g/a/+"))
    assert.isTrue(tree.remove("$share/g/a/+", "$share/g/a/+"))
    assert.isTrue(tree.remove("b", "b"))
    assert.deepStrictEqual(matched(tree, "a/x"), ["$share/h/a/+", "a/+"])
    assert.deepStrictEqual(matched(tree, "b"), ["$share/g/b"])
  })

  it("appends to what is there already", () => {
    const into = ["before"]
    treeOf("a", "+").match("a", into)
    assert.deepStrictEqual(into, ["before", "a", "+"])
  })

  it("levels named like what every object has are ordinary", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
    const tree = treeOf(...names, ...names.map((name) => `${name}/+`))
    for (const name of names) {
      assert.deepStrictEqual(matched(tree, name), [name])
      assert.deepStrictEqual(matched(tree, `${name}/x`), [`${name}/+`])
      assert.deepStrictEqual(matched(treeOf("a", "a/+"), name), [])
      assert.deepStrictEqual(matched(treeOf("a", "a/+"), `a/${name}`), ["a/+"])
    }
    assert.isUndefined(Reflect.get({}, "x"))
  })

  it("is as small as at the start once everything is removed", () => {
    const tree = TopicTree.make<number>()
    tree.add("a/+/c", -1)
    const start = tree.levels
    const filters = Array.from({ length: 2_000 }, (_, index) => [
      `a/+/c/${index}/#`,
      `+/${index % 7}/+/${index}`,
      `exact/${index}`,
      `$share/g/a/${index}/+`,
      `${"x/".repeat(index % 40)}+`
    ]).flat()
    filters.forEach((filter, value) => tree.add(filter, value))
    assert.isAbove(tree.levels, 2_000)
    filters.forEach((filter, value) => tree.remove(filter, value))
    assert.strictEqual(tree.levels, start)
    assert.deepStrictEqual([...tree.filters()], ["a/+/c"])
    assert.deepStrictEqual(matched(tree, "a/b/c"), [-1])
    tree.remove("a/+/c", -1)
    assert.strictEqual(tree.levels, 0)
  })

  it("filters without wildcards take no level, and nothing is kept of them", () => {
    const made: Array<Map<unknown, unknown>> = []
    const Original = Map
    vi.stubGlobal(
      "Map",
      class<K, V> extends Original<K, V> {
        constructor() {
          super()
          made.push(this)
        }
      }
    )
    const tree = TopicTree.make<string>()
    vi.unstubAllGlobals()
    const filters = ["a", "a/b", "a/b/c", "$share/g/a/b", "$share/h/a/b"]
    for (const filter of filters) assert.isTrue(tree.add(filter, filter))
    assert.strictEqual(tree.levels, 0)
    for (const filter of filters) assert.isTrue(tree.remove(filter, filter))
    assert.deepStrictEqual(made.map(({ size }) => size), made.map(() => 0))
  })

  it("the values of a filter, once asked for, are not those that come later", () => {
    const tree = TopicTree.make<number>()
    tree.add("a/+", 1)
    const values = tree.values("a/+")
    tree.add("a/+", 2)
    assert.deepStrictEqual([values, tree.values("a/+")], [[1], [1, 2]])
    tree.remove("a/+", 1)
    tree.remove("a/+", 2)
    assert.deepStrictEqual(values, [1])
  })

  it("a filter that is the beginning of another goes alone", () => {
    const tree = treeOf("a/+", "a/+/b", "a/+/#")
    tree.remove("a/+/b", "a/+/b")
    assert.deepStrictEqual(matched(tree, "a/x/b"), ["a/+/#"])
    tree.remove("a/+", "a/+")
    assert.deepStrictEqual(matched(tree, "a/x"), ["a/+/#"])
    tree.remove("a/+/#", "a/+/#")
    assert.deepStrictEqual(matched(tree, "a/x"), [])
  })

  it("the deepest topic there is meets the deepest filters there are, among 10,000", () => {
    const topic = "/".repeat(65_535)
    const deepest = [`${"/+".repeat(32_000)}/#`, `${"/".repeat(65_533)}/#`, topic, "#"]
    const tree = treeOf(...deepest, `${"+/".repeat(32_767)}+`)
    for (let index = 0; index < 10_000; index++) tree.add(`${"/".repeat(index % 50)}${index}/+`, "no")
    assert.deepStrictEqual(matched(tree, topic), [...deepest].toSorted())
  })

  it("a deep topic is read no further than a filter reaches", () => {
    const tree = treeOf("a/+", "+/b/#")
    /** Counts how often the topic is looked at. */
    let searches = 0
    const topic = new Proxy(Object("/x/" + "/".repeat(60_000)), {
      get: (target: object, key) => {
        if (key === "indexOf") searches++
        const value = Reflect.get(target, key)
        return typeof value === "function" ? value.bind(target) : value
      }
    })
    tree.match(topic, [])
    assert.strictEqual(searches, 2)
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Topic from "../../src/protocol/Topic.ts"
import { versions } from "../support/versions.ts"
import * as Random from "./Random.ts"

const longest = "é".repeat(32_767) + "a"

/** What a topic and a filter share: text, label in 3.1.1, label in 5.0, a word of the message. */
const badText: ReadonlyArray<readonly [name: string, text: string, v311: string, v50: string, says: RegExp]> = [
  ["R69 R110 an empty one", "", "4.7.3-1", "4.7.3-1", /is empty; .* at least one character/],
  ["R2 R105 a high surrogate alone", "a/\ud83d/b", "1.5.3-1", "1.5.4-1", /lone surrogate/],
  ["R2 R105 a high surrogate at the end", "a/\ud83d", "1.5.3-1", "1.5.4-1", /lone surrogate/],
  ["R2 R105 a low surrogate alone", "\ude00", "1.5.3-1", "1.5.4-1", /lone surrogate/],
  ["R2 R105 surrogates in the wrong order", "\ude00\ud83d", "1.5.3-1", "1.5.4-1", /lone surrogate/],
  ["R4 U+0000", "a/\u0000", "4.7.3-2", "4.7.3-2", /U\+0000/],
  ["R9 65,536 bytes of one-byte characters", "a".repeat(65_536), "4.7.3-3", "4.7.3-3", /65535 bytes/],
  ["R9 65,536 bytes of two-byte characters", "é".repeat(32_768), "4.7.3-3", "4.7.3-3", /65535 bytes/],
  ["R9 65,537 bytes of three-byte characters", "€".repeat(21_845) + "aa", "4.7.3-3", "4.7.3-3", /65535 bytes/],
  ["R9 65,536 bytes of surrogate pairs", "😀".repeat(16_384), "4.7.3-3", "4.7.3-3", /65535 bytes/]
]

const goodText: ReadonlyArray<readonly [name: string, text: string]> = [
  ["R69 R110 one character", "a"],
  ["R122 empty levels", "/"],
  ["R122 empty levels between others", "a//b/"],
  ["R4 control characters other than U+0000", "\u0001\u007f"],
  ["R2 R105 surrogate pairs", "a/😀"],
  ["R9 65,535 bytes of one-byte characters", "a".repeat(65_535)],
  ["R9 65,535 bytes with two-byte characters", longest],
  ["R9 65,535 bytes of three-byte characters", "€".repeat(21_845)],
  ["a byte order mark, non-characters, spaces", "\ufeff/\uffff/ "],
  ["names every object has", "__proto__/constructor"],
  ["a system topic", "$SYS/broker/load"]
]

describe("what is wrong", () => {
  it("names the topic or the filter, up to a hundred characters of it", () => {
    const messageOf = (length: number) => Topic.validateTopicName("+".repeat(length), "5.0")?.message ?? ""
    assert.include(messageOf(100), `The Topic Name "${"+".repeat(100)}" holds`)
    assert.include(messageOf(101), `The Topic Name "${"+".repeat(100)}"... holds`)
    assert.include(Topic.validateTopicFilter("a\u0000\n", "5.0")?.message, `The Topic Filter "a\\u0000\\n" holds`)
  })
})

describe("validateTopicName", () => {
  for (const version of versions) {
    for (const [name, topic, v311, v50, says] of badText) {
      it(`${name} is refused in ${version}`, () => {
        const error = Topic.validateTopicName(topic, version)
        assert.strictEqual(error?._tag, "InvalidPacket")
        assert.strictEqual(error?.field, "topic")
        assert.deepStrictEqual(error?.label, { version, label: version === "5.0" ? v50 : v311 })
        assert.match(error?.message ?? "", says)
        assert.isBelow(error?.message.length ?? 0, 300)
      })
    }

    for (const [name, topic] of goodText) {
      it(`${name} is allowed in ${version}`, () => {
        assert.isUndefined(Topic.validateTopicName(topic, version))
      })
    }

    for (const topic of ["+", "#", "a/+/b", "a/#", "a+", "a#b", "$share/g/+"]) {
      it(`R43 R68 the wildcard in "${topic}" is refused in ${version}`, () => {
        const error = Topic.validateTopicName(topic, version)
        assert.deepStrictEqual(error?.label, { version, label: version === "5.0" ? "4.7.0-1" : "4.7.1-1" })
        assert.match(error?.message ?? "", /^The Topic Name ".*" holds a wildcard .* replace the character/)
      })
    }
  }
})

describe("validateTopicFilter", () => {
  for (const version of versions) {
    for (const [name, filter, v311, v50, says] of badText) {
      it(`${name} is refused in ${version}`, () => {
        const error = Topic.validateTopicFilter(filter, version)
        assert.strictEqual(error?._tag, "InvalidPacket")
        assert.strictEqual(error?.field, "topicFilter")
        assert.deepStrictEqual(error?.label, { version, label: version === "5.0" ? v50 : v311 })
        assert.match(error?.message ?? "", says)
        assert.isBelow(error?.message.length ?? 0, 300)
      })
    }

    describe(`join in ${version}`, () => {
      it("security 6: levels that others wrote make one topic, level for level", () => {
        const levels = ["user", "alice", "$share", "", "a b", "\ufeff", "__proto__", "ä\u{1f600}", ".."]
        assert.strictEqual(Topic.join(levels, version), levels.join("/"))
        assert.strictEqual(Topic.join(["a"], version), "a")
        assert.strictEqual(Topic.join(["", ""], version), "/")
      })

      const refused: ReadonlyArray<readonly [level: string, label: string]> = [
        ["a/b", "4.7.1.1"],
        ["/", "4.7.1.1"],
        ["+", version === "5.0" ? "4.7.0-1" : "4.7.1-1"],
        ["a#", version === "5.0" ? "4.7.0-1" : "4.7.1-1"],
        ["a\u0000", "4.7.3-2"],
        ["\ud800", version === "5.0" ? "1.5.4-1" : "1.5.3-1"],
        ["a".repeat(65_536), "4.7.3-3"]
      ]
      for (const [level, label] of refused) {
        it(`security 6: ${JSON.stringify(level.slice(0, 10))} is no level`, () => {
          for (const levels of [[level], ["user", level], ["user", level, "inbox"]]) {
            const error = Topic.join(levels, version)
            assert.deepInclude(error, { _tag: "InvalidPacket", label: { version, label } })
          }
        })
      }

      it("security 6: the error names the level, and the wrong one only", () => {
        const error = Topic.join(["user", "a/b", "inbox"], version)
        assert.deepInclude(error, { field: "levels[1]" })
        assert.include(typeof error === "string" ? "" : error.message, `The level "a/b" holds a "/"`)
      })

      it("security 6: no first level reaches the topics of the server, or a share", () => {
        for (const level of ["$", "$SYS", "$share"]) {
          assert.deepInclude(Topic.join([level, "g", "t"], version), { label: { version, label: "4.7.2" } })
        }
      })

      it("security 6: no levels, and a single empty one, are no topic", () => {
        for (const levels of [[], [""]]) {
          assert.deepInclude(Topic.join(levels, version), { label: { version, label: "4.7.3-1" } })
        }
      })
    })

    for (const [name, filter] of goodText) {
      it(`${name} is allowed in ${version}`, () => {
        assert.isUndefined(Topic.validateTopicFilter(filter, version))
      })
    }

    for (
      const filter of ["+", "#", "/#", "+/+", "a/+/b", "+/a/#", "/+", "+/", "a//+/#", "$SYS/#", "$share", "$shared/+"]
    ) {
      it(`R109 "${filter}" is allowed in ${version}`, () => {
        assert.isUndefined(Topic.validateTopicFilter(filter, version))
      })
    }

    for (const filter of ["a#", "#/", "#/a", "a/#/b", "##", "a/b#", "#a", "#/#", "+#", "#+"]) {
      it(`R109 the "#" in "${filter}" is refused in ${version}`, () => {
        const error = Topic.validateTopicFilter(filter, version)
        assert.deepStrictEqual(error?.label, { version, label: version === "5.0" ? "4.7.1-1" : "4.7.1-2" })
        assert.include(error?.message, `"<levels>/#"`)
      })
    }

    for (const filter of ["a+", "+a", "a/b+/c", "a/+b", "++", "+/a+", "a/++/#"]) {
      it(`R109 the "+" in "${filter}" is refused in ${version}`, () => {
        const error = Topic.validateTopicFilter(filter, version)
        assert.deepStrictEqual(error?.label, { version, label: version === "5.0" ? "4.7.1-2" : "4.7.1-3" })
        assert.include(error?.message, `"a/+/b"`)
      })
    }
  }

  const malformedShares: ReadonlyArray<readonly [filter: string, label: string]> = [
    ["$share/", "4.8.2-1"],
    ["$share//a", "4.8.2-1"],
    ["$share/g", "4.8.2-2"],
    ["$share/g/", "4.8.2-2"],
    ["$share/+/a", "4.8.2-2"],
    ["$share/g+/a", "4.8.2-2"],
    ["$share/#", "4.8.2-2"],
    ["$share/#/a", "4.8.2-2"]
  ]
  for (const [filter, label] of malformedShares) {
    it(`R111 "${filter}" is no whole Shared Subscription`, () => {
      const error = Topic.validateTopicFilter(filter, "5.0")
      assert.deepStrictEqual(error?.label, { version: "5.0", label })
      assert.include(error?.message, `"$share/<name>/<filter>"`)
    })
  }

  it("R109 R111 the filter inside a Shared Subscription follows the rules of filters", () => {
    assert.strictEqual(Topic.validateTopicFilter("$share/g/a+", "5.0")?.label.label, "4.7.1-2")
    assert.strictEqual(Topic.validateTopicFilter("$share/g/#/a", "5.0")?.label.label, "4.7.1-1")
  })

  for (const filter of ["$share/g/a", "$share/g//", "$share/g/+/#", "$share/g/#", "$share/g/$SYS/#", "$share/é/a"]) {
    it(`R111 "${filter}" is allowed`, () => {
      assert.isUndefined(Topic.validateTopicFilter(filter, "5.0"))
      assert.isUndefined(Topic.validateTopicFilter(filter, "3.1.1"))
    })
  }

  it("R111 3.1.1 has no Shared Subscriptions: a filter that begins like one follows the rules of all filters", () => {
    for (const filter of ["$share/", "$share//a", "$share/g", "$share/+/a", "$share/#"]) {
      assert.isUndefined(Topic.validateTopicFilter(filter, "3.1.1"))
    }
    assert.strictEqual(Topic.validateTopicFilter("$share/g/a#", "3.1.1")?.label.label, "4.7.1-2")
  })
})

describe("shared filters", () => {
  it("R111 are taken apart at the first slash after the name", () => {
    assert.deepStrictEqual(Topic.parseSharedFilter("$share/g/a/+/#"), { shareName: "g", topicFilter: "a/+/#" })
    assert.deepStrictEqual(Topic.parseSharedFilter("$share/g//"), { shareName: "g", topicFilter: "/" })
    assert.isTrue(Topic.isSharedFilter("$share/g/a"))
  })

  it("R111 R122 are nothing else", () => {
    for (
      const filter of [
        "a",
        "$share",
        "$share/",
        "$share/g",
        "$share/g/",
        "$share//a",
        "$share/+/a",
        "$Share/g/a",
        "/$share/g/a"
      ]
    ) {
      assert.isUndefined(Topic.parseSharedFilter(filter), filter)
      assert.isFalse(Topic.isSharedFilter(filter), filter)
    }
  })
})

const matching: ReadonlyArray<readonly [rows: string, filter: string, topic: string, expected: boolean]> = [
  ["R122", "a/b", "a/b", true],
  ["R122", "a/b", "a/B", false],
  ["R122", "a/b", "a/b/", false],
  ["R122", "a/b", "/a/b", false],
  ["R122", "a/b", "a", false],
  ["R122", "a", "a/b", false],
  ["R122", "\u00e9", "e\u0301", false],
  ["R122", "\u212b", "\u00c5", false],
  ["R122", "+", "a", true],
  ["R122", "+", "/a", false],
  ["R122", "+", "a/", false],
  ["R122", "/+", "/a", true],
  ["R122", "+/+", "/a", true],
  ["R122", "+/+", "/", true],
  ["R122", "+/+", "a", false],
  ["R122", "a/+", "a", false],
  ["R122", "a/+", "a/", true],
  ["R122", "a/+", "a/b", true],
  ["R122", "a/+", "a/b/c", false],
  ["R122", "a/+/c", "a/b/c", true],
  ["R122", "a/+/c", "a//c", true],
  ["R122", "a/+/c", "a/b/d", false],
  ["R122", "#", "a", true],
  ["R122", "#", "/", true],
  ["R122", "#", "a/b/c", true],
  ["R122", "a/#", "a", true],
  ["R122", "a/#", "a/", true],
  ["R122", "a/#", "a/b/c", true],
  ["R122", "a/#", "ab", false],
  ["R122", "a/#", "b", false],
  ["R122", "ab/#", "a", false],
  ["R122", "a/b/#", "a", false],
  ["R122", "a//#", "a", false],
  ["R122", "a//#", "a/", true],
  ["R122", "+/#", "a", true],
  ["R122", "+/+/#", "a", false],
  ["R122", "a/+/#", "a/b", true],
  ["R122", "a/+/#", "a", false],
  ["R121", "#", "$SYS/a", false],
  ["R121", "+/a", "$SYS/a", false],
  ["R121", "+/#", "$SYS", false],
  ["R121", "#", "$", false],
  ["R121", "$SYS/#", "$SYS/a", true],
  ["R121", "$SYS/#", "$SYS", true],
  ["R121", "$SYS/+", "$SYS/a", true],
  ["R121", "a/+", "a/$SYS", true],
  ["R121", "+/$SYS", "a/$SYS", true],
  ["R111", "$share/g/a", "a", true],
  ["R111", "$share/g/a", "$share/g/a", false],
  ["R111", "$share/g/+/b", "a/b", true],
  ["R111", "$share/g/a/#", "a", true],
  ["R111 R121", "$share/g/#", "$SYS/a", false],
  ["R111 R121", "$share/g/$SYS/#", "$SYS/a", true],
  ["R111", "$share/g", "$share/g", true],
  ["R122", "__proto__/+", "__proto__/constructor", true]
]

/** Section 4.7 once more, by lists of levels. */
const matchesByLevels = (filter: string, topic: string): boolean => {
  const wanted = filter.split("/")
  const levels = topic.split("/")
  if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false
  if (wanted.at(-1) === "#") {
    const above = wanted.slice(0, -1)
    return above.length <= levels.length && above.every((level, index) => level === "+" || level === levels[index])
  }
  return wanted.length === levels.length && wanted.every((level, index) => level === "+" || level === levels[index])
}

const joined = (levels: ReadonlyArray<string>) =>
  Arbitrary.array(Arbitrary.schema(Schema.Literals(levels)), { minLength: 1, maxLength: 5 }).pipe(
    Arbitrary.map((parts) => parts.join("/"))
  )

describe("matches", () => {
  for (const [rows, filter, topic, expected] of matching) {
    it(`${rows} "${filter}" ${expected ? "matches" : "does not match"} "${topic}"`, () => {
      assert.strictEqual(Topic.matches(filter, topic), expected)
    })
  }

  it.prop(
    "R121 R122 is what the levels say, for any filter and topic",
    { filter: joined(["", "a", "b", "$SYS", "+", "#"]), topic: joined(["", "a", "b", "$SYS"]) },
    ({ filter, topic }) => {
      if (topic === "" || Topic.validateTopicFilter(filter, "5.0") !== undefined) return
      assert.strictEqual(Topic.matches(filter, topic), matchesByLevels(filter, topic))
    },
    { arbitrary: { runs: Random.rounds(5_000) } }
  )

  it("the deepest topic there is matches without recursion", () => {
    const topic = "/".repeat(65_535)
    assert.isTrue(Topic.matches("#", topic))
    assert.isTrue(Topic.matches("/".repeat(65_533) + "/#", topic))
    assert.isTrue(Topic.matches(`${"/+".repeat(32_000)}/#`, topic))
    assert.isFalse(Topic.matches(`${"+/".repeat(32_767)}+`, topic))
  })
})

describe("hasWildcard", () => {
  it("sees both wildcards anywhere", () => {
    for (const text of ["+", "#", "a/+/b", "a+", "a/#"]) assert.isTrue(Topic.hasWildcard(text))
    for (const text of ["", "a", "/", "$share/g/a", "＋/＃"]) assert.isFalse(Topic.hasWildcard(text))
  })
})

/**
 * The defaults stand in one object, and the documentation repeats them: the tables of options and the docstrings.
 */
import { assert, describe, it } from "@effect/vitest"
import { defaults } from "../../src/internal/defaults.ts"
import { client } from "../../src/internal/optionTypes.ts"
import { read, rows, section } from "./pages.ts"

const mebibyte = 1_048_576

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** As the documentation writes a default; `undefined` for a schedule or a function, which has words of its own. */
const written = (option: string, value: unknown): string | undefined => {
  if (typeof value === "string") return /^\d+ \w+$/.test(value) ? value : `\`"${value}"\``
  if (typeof value === "boolean") return `\`${value}\``
  if (typeof value === "number") {
    return option === "maximumPacketSize" || option === "bytes"
      ? `${value / mebibyte} MiB`
      : value < 10_000
      ? `${value}`
      : value.toLocaleString("en")
  }
  if (!isObject(value) || !("policy" in value)) return undefined
  return `${written("messages", value.messages)} messages, ${written("bytes", value.bytes)}, \`${value.policy}\``
}

const isWritten = ([option, value]: readonly [string, unknown]): boolean => written(option, value) !== undefined

/** Options of the client, and of the objects that options hold. */
const ofClient = Object.entries<unknown>(defaults).filter((entry) =>
  Object.hasOwn(client, entry[0]) && isWritten(entry)
)
const ofInterface = {
  OutboxBounds: { atCleanStart: defaults.outboxAtCleanStart },
  FollowServerReference: defaults.followServerReference,
  Escalation: defaults.escalate
}
const ofPresence = { Will: defaults.will, Birth: defaults.will, Presence: defaults.presence }

const tableOf = (page: string): ReadonlyMap<string, string> =>
  new Map(
    rows(section("## Options", read(page)) ?? "").flatMap(([first = "", value = ""]) =>
      [...first.matchAll(/`(\w+)`/g)].map(([, option]) => [option, value] as const)
    )
  )

/** The text after "Default:" in the docstring of a field. */
const stated = (file: string, name: string, field: string): string | undefined => {
  const [, body = ""] = new RegExp(`^export interface ${name} .*?\\{\\n(.*?)^\\}`, "ms").exec(read(file)) ?? []
  const [before = ""] = body.split(new RegExp(`^ {2}readonly ${field}\\?`, "m"))
  const docstring = before.slice(before.lastIndexOf("/**")).replace(/\s*\n\s*\* ?/g, " ")
  return /Default: (.*)/.exec(docstring)?.[1]
}

const assertStates = (text: string | undefined, option: string, value: unknown): void => {
  const expected = written(option, value) ?? ""
  assert.isTrue(text?.startsWith(expected), `${option}: "${text}" does not begin with ${expected}`)
}

const options = "src/internal/clientOptions.ts"
const presence = "src/internal/presenceOptions.ts"

describe("the documentation has the defaults that are in force", () => {
  it.each(["docs/connecting.md", "README.md"])("%s", (page) => {
    const table = tableOf(page)
    assert.isNotEmpty([...table])
    for (const [option, value] of ofClient) {
      const cell = table.get(option)
      if (page === "README.md" && cell === undefined) continue
      assert.strictEqual(cell, written(option, value), option)
    }
  })

  it("the docstrings of the options", () => {
    assert.isAbove(ofClient.length, 15)
    for (const [option, value] of ofClient) assertStates(stated(options, "Options", option), option, value)
  })

  it("the docstrings of the objects that options hold", () => {
    for (const [file, interfaces] of [[options, ofInterface], [presence, ofPresence]] as const) {
      for (const [name, fields] of Object.entries(interfaces)) {
        for (const [field, value] of Object.entries(fields)) assertStates(stated(file, name, field), field, value)
      }
    }
    for (const [field, value] of Object.entries(defaults.tracing)) {
      assertStates(stated("src/MqttTracing.ts", "TracingOptions", field), field, value)
    }
  })

  it("the outbox of a client with a store", () => {
    const { bytes, messages, policy } = defaults.storedOutbox
    const words = [messages.toLocaleString("en"), `${bytes / mebibyte / 1024} GiB`, `\`"${policy}"\``]
    const table = new Map(
      rows(section("## Bounds", read("docs/durable.md")) ?? "").map(([option, value]) => [option, value])
    )
    const cells = ["messages", "bytes", "policy"].map((field) => table.get(`\`outbox.${field}\``))
    assert.deepStrictEqual(cells, words)
    assert.strictEqual(table.get("`outbox.atCleanStart`"), `\`"${defaults.outboxAtCleanStart}"\``)
    for (const text of [stated(options, "Options", "outbox"), read("docs/connecting.md")]) {
      assert.include(text, words[0])
      assert.include(text, words[1])
    }
    assert.strictEqual(defaults.outboxAge, "Infinity")
    assert.strictEqual(table.get("`outbox.age`"), "for ever")
    assert.match(stated(options, "OutboxBounds", "age") ?? "", /^for ever/)
  })

  it("a schedule or a function has words of its own", () => {
    for (const option of ["reconnect", "retransmit", "isRetryable"]) {
      assert.isDefined(stated(options, "Options", option), option)
      assert.isNotEmpty(tableOf("docs/connecting.md").get(option), option)
    }
  })
})

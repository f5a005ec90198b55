/**
 * The known behaviour of brokers fits the page about it. No broker is started.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as document from "./document.ts"
import { expectations } from "./expectations.ts"
import { subjects } from "./subjects.ts"
import { checks } from "./Suite.ts"

const page = Fs.readFileSync(Path.join(import.meta.dirname, "../../docs/brokers.md"), "utf8")

describe("what is known of brokers", () => {
  it("names brokers and checks that there are", () => {
    const names = subjects.map(({ name }) => name)
    assert.includeMembers(names, Object.keys(expectations))
    const named = Object.values(expectations).flat().flatMap((difference) => difference.checks)
    assert.includeMembers(checks.map(({ name }) => name), named)
  })

  it("docs/brokers.md has every check, every peculiarity, and a row for every broker", () => {
    assert.strictEqual(document.update(page, subjects, [], checks), page)
    for (const { title } of subjects) assert.include(page, `\n| [${title}](`)
  })

  it("a row says yes, no, or that it differs; what is not tried stays open", () => {
    const [subject] = subjects
    const [connect, password] = checks
    const authentication = checks.find(({ name }) => name === "authentication")
    const takeover = checks.find(({ name }) => name === "takeover")
    assert.isDefined(authentication)
    assert.isDefined(takeover)
    if (authentication === undefined || takeover === undefined) return
    const outcomes = [
      { check: connect, seen: new Map([["5.0", "yes"], ["3.1.1", "yes"]] as const) },
      { check: authentication, seen: new Map([["5.0", "ConnectionRefused (0x8c)"]] as const) },
      { check: takeover, seen: new Map([["5.0", "hangs up without a word"], ["3.1.1", "yes"]] as const) }
    ]
    const row = document.rowOf({ subject, version: "1.2", outcomes }, [connect, password, authentication, takeover])
    assert.strictEqual(row, "| [mosquitto](#mosquitto) 1.2 | 3.1.1, 5.0 | yes | – | no | differs |")
    assert.isTrue(document.isSame(row, row.replace("1.2", "1.3")))
    assert.isFalse(document.isSame(row, row.replace("differs", "yes")))
  })
})

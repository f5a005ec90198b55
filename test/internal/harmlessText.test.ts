import { assert, describe, it } from "@effect/vitest"
import { MqttError } from "../../src/index.ts"
import { harmless } from "../../src/internal/harmlessText.ts"

describe("security 21: text of a server or another client", () => {
  for (
    const [what, text, shown] of [
      ["plain text", "not authorized, ça va, 日本, 🙂", "not authorized, ça va, 日本, 🙂"],
      ["escape sequences of a terminal", "\u001b[2J\u001b]0;x\u0007", "\\x1b[2J\\x1b]0;x\\x07"],
      ["a line of its own", "no\nERROR: all is lost\r", "no\\x0aERROR: all is lost\\x0d"],
      ["control characters above ASCII", "\u009b31m", "\\x9b31m"],
      ["what turns text around", "a\u202eb\u2066c\u200f", "a\\u202eb\\u2066c\\u200f"],
      ["half a character", "\ud800", "\\ud800"],
      ["what is too long", "x".repeat(60_000), `${"x".repeat(200)}…`]
    ] as const
  ) {
    it(`is shown harmless: ${what}`, () => {
      assert.strictEqual(harmless(text), shown)
    })
  }

  it("stands so in the messages of errors, and as it came in their data", () => {
    const reasonString = `\u001b[2J${"x".repeat(60_000)}`
    const reasons = [
      new MqttError.ConnectionRefused({ reasonCode: 0x87, reasonString, serverReference: reasonString }),
      new MqttError.PublishRefused({ topic: reasonString, reasonCode: 0x87, reasonString }),
      new MqttError.SubscribeRefused({ topicFilter: reasonString, reasonCode: 0x87, reasonString }),
      new MqttError.ConnectionLost({ cause: reasonString })
    ]
    for (const reason of reasons) {
      const { message } = MqttError.fromReason(reason)
      assert.isBelow(message.length, 1_500)
      assert.notMatch(message, /\p{Control}/u)
      assert.include(message, "\\x1b[2J")
    }
    assert.strictEqual(reasons[0]._tag === "ConnectionRefused" && reasons[0].reasonString, reasonString)
  })
})

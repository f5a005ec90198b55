import { assert, describe, it } from "@effect/vitest"
import { sizeOf } from "../../../src/internal/client/messageSize.ts"
import type { Properties } from "../../../src/protocol/Properties.ts"

const rows: ReadonlyArray<readonly [what: string, properties: Properties, costs: number]> = [
  ["nothing", {}, 0],
  ["numbers", { messageExpiryInterval: 1, payloadFormatIndicator: 1, topicAlias: 1 }, 0],
  ["a Content Type", { contentType: "text/plain" }, 10],
  ["a Response Topic", { responseTopic: "a/b" }, 3],
  ["Correlation Data", { correlationData: new Uint8Array(7) }, 7],
  ["User Properties, empty ones too", { userProperties: [["", ""], ["name", "value"]] }, 64 + 64 + 9],
  ["its Subscription Identifier", { subscriptionIdentifiers: [1] }, 0],
  ["three Subscription Identifiers", { subscriptionIdentifiers: [1, 2, 3] }, 16]
]

describe("what a message costs", () => {
  for (const [what, properties, costs] of rows) {
    it(`topic and payload, and ${what}`, () => {
      assert.strictEqual(sizeOf({ topic: "a/b/c", payload: new Uint8Array(100), properties }), 5 + 100 + costs)
    })
  }
})

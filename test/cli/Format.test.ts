/**
 * How `sub` prints messages that another client made to do harm.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Format from "../../src/cli/format.ts"
import { MqttMessage } from "../../src/MqttMessage.ts"
import type { UserProperty } from "../../src/protocol/Properties.ts"

const json = (userProperties: ReadonlyArray<UserProperty>): string => {
  const message = new MqttMessage({
    _tag: "Publish",
    topic: "t",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties: { userProperties }
  })
  const format = Format.parse("%j")
  if (format._tag === "Failure") return assert.fail(format.failure)
  return new TextDecoder().decode(format.success(message, 0))
}

describe("JSON of a message", () => {
  it("security 7: a MiB of User Properties of one name is gathered in one pass", () => {
    // As many as fit. If each one copied those before it, this would take minutes.
    const count = 209_000
    const { properties } = JSON.parse(json(Array.from({ length: count }, () => ["", ""])))
    assert.lengthOf(properties["user-properties"][""], count)
  })

  it("security 10: names that every object has are names like others", () => {
    const names = ["__proto__", "constructor", "toString"]
    const text = json([...names, "__proto__"].map((name) => [name, "polluted"]))
    assert.include(text, `"user-properties":{"__proto__":["polluted","polluted"],"constructor":"polluted"`)
    assert.isUndefined(Reflect.get({}, "polluted"))
    assert.strictEqual(Object.keys(Object.prototype).length, 0)
  })
})

/**
 * The Reason Codes of MQTT 5.0, written down here a second time: the names of table 2-6, the packets that may carry each
 * by the table of that packet, and whether trying again may help.
 */
import { assert, describe, it } from "@effect/vitest"
import type { PacketType } from "../../src/protocol/Packet.ts"
import * as ReasonCode from "../../src/protocol/ReasonCode.ts"

/** Tables 2-6 of 5.0; `+` for a failure that may pass by itself. */
const names: ReadonlyArray<readonly [code: number, name: string, isRetryable?: "+"]> = [
  [0x00, "Success"],
  [0x01, "Granted QoS 1"],
  [0x02, "Granted QoS 2"],
  [0x04, "Disconnect with Will Message"],
  [0x10, "No matching subscribers"],
  [0x11, "No subscription existed"],
  [0x18, "Continue authentication"],
  [0x19, "Re-authenticate"],
  [0x80, "Unspecified error", "+"],
  [0x81, "Malformed Packet"],
  [0x82, "Protocol Error"],
  [0x83, "Implementation specific error", "+"],
  [0x84, "Unsupported Protocol Version"],
  [0x85, "Client Identifier not valid"],
  [0x86, "Bad User Name or Password"],
  [0x87, "Not authorized"],
  [0x88, "Server unavailable", "+"],
  [0x89, "Server busy", "+"],
  [0x8a, "Banned"],
  [0x8b, "Server shutting down", "+"],
  [0x8c, "Bad authentication method"],
  [0x8d, "Keep Alive timeout", "+"],
  [0x8e, "Session taken over"],
  [0x8f, "Topic Filter invalid"],
  [0x90, "Topic Name invalid"],
  [0x91, "Packet Identifier in use", "+"],
  [0x92, "Packet Identifier not found"],
  [0x93, "Receive Maximum exceeded", "+"],
  [0x94, "Topic Alias invalid", "+"],
  [0x95, "Packet too large"],
  [0x96, "Message rate too high", "+"],
  [0x97, "Quota exceeded", "+"],
  [0x98, "Administrative action", "+"],
  [0x99, "Payload format invalid"],
  [0x9a, "Retain not supported"],
  [0x9b, "QoS not supported"],
  [0x9c, "Use another server"],
  [0x9d, "Server moved"],
  [0x9e, "Shared Subscriptions not supported"],
  [0x9f, "Connection rate exceeded", "+"],
  [0xa0, "Maximum connect time", "+"],
  [0xa1, "Subscription Identifiers not supported"],
  [0xa2, "Wildcard Subscriptions not supported"]
]

/** Tables 3-1, 3-4 to 3-10 and 3-11, and sections 3.9.3 and 3.11.3. */
const carried: { readonly [Type in PacketType]?: string } = {
  Connack: "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f",
  Puback: "00 10 80 83 87 90 91 97 99",
  Pubrec: "00 10 80 83 87 90 91 97 99",
  Pubrel: "00 92",
  Pubcomp: "00 92",
  Suback: "00 01 02 80 83 87 8f 91 97 9e a1 a2",
  Unsuback: "00 11 80 83 87 8f 91",
  // With 0x8c, which table 2-6 gives to DISCONNECT and table 3-10 does not: brokers send it.
  Disconnect: "00 04 80 81 82 83 87 89 8b 8c 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2",
  Auth: "00 18 19"
}

const everyCode = Array.from({ length: 256 }, (_, code) => code)

const list = (codes: ReadonlyArray<number>): string => codes.map((code) => code.toString(16).padStart(2, "0")).join(" ")

const where = (condition: (code: number) => boolean): string => list(everyCode.filter(condition))

describe("Reason Codes", () => {
  for (const [code, name, isRetryable] of names) {
    it(`R51 0x${list([code])} is called ${name} and ${isRetryable === "+" ? "may pass" : "does not pass"} by itself`, () => {
      assert.strictEqual(ReasonCode.nameOf(code), name)
      assert.strictEqual(ReasonCode.isRetryable(code), isRetryable === "+")
    })
  }

  it("R51 0x00 has another name in SUBACK and in DISCONNECT", () => {
    assert.strictEqual(ReasonCode.nameOf(0x00, "Suback"), "Granted QoS 0")
    assert.strictEqual(ReasonCode.nameOf(0x00, "Disconnect"), "Normal disconnection")
    assert.strictEqual(ReasonCode.nameOf(0x00, "Connack"), "Success")
    assert.strictEqual(ReasonCode.nameOf(0x80, "Suback"), "Unspecified error")
    assert.strictEqual(ReasonCode.nameOf(0x98, "Disconnect"), "Administrative action")
  })

  it("R52 one that no table has is called by its number and does not pass by itself", () => {
    assert.strictEqual(ReasonCode.nameOf(0x03), "Reason Code 0x03")
    assert.strictEqual(ReasonCode.nameOf(0xff, "Connack"), "Reason Code 0xff")
    const known = new Set(names.map(([code]) => code))
    for (const code of everyCode.filter((code) => !known.has(code))) assert.isFalse(ReasonCode.isRetryable(code))
  })

  for (const [type, codes] of Object.entries(carried) as ReadonlyArray<[PacketType, string]>) {
    it(`R52 R94 R114 in ${type} those of its table and no others, 5.0`, () => {
      assert.strictEqual(where((code) => ReasonCode.isAllowedIn(code, type, "5.0")), codes)
    })
  }

  it("a packet without a Reason Code carries none", () => {
    assert.strictEqual(where((code) => ReasonCode.isAllowedIn(code, "Publish", "5.0")), "")
    assert.strictEqual(where((code) => ReasonCode.isAllowedIn(code, "Pingresp", "3.1.1")), "")
  })

  it("R114 in SUBACK the four of 3.1.1", () => {
    assert.strictEqual(where((code) => ReasonCode.isAllowedIn(code, "Suback", "3.1.1")), "00 01 02 80")
  })

  it("R52 in CONNACK of 3.1.1 the return codes in the words of 5.0", () => {
    const refusals = [0x84, 0x85, 0x88, 0x86, 0x87]
    assert.deepStrictEqual(
      refusals.map((code) => ReasonCode.isAllowedIn(code, "Connack", "3.1.1")),
      refusals.map(() => true)
    )
    assert.isTrue(ReasonCode.isAllowedIn(0x00, "Connack", "3.1.1"))
    assert.isFalse(ReasonCode.isAllowedIn(0x01, "Connack", "3.1.1"))
  })

  it("table 3-10: in DISCONNECT a client says less than a server, and only a client asks for its Will", () => {
    assert.strictEqual(
      where(ReasonCode.isAllowedInDisconnectFromClient),
      "00 04 80 81 82 83 90 93 94 95 96 97 98 99"
    )
    assert.strictEqual(
      where(ReasonCode.isAllowedInDisconnectFromServer),
      "00 80 81 82 83 87 89 8b 8c 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2"
    )
  })

  it("section 2.4: from 0x80 on it says that something failed", () => {
    assert.deepStrictEqual(everyCode.filter(ReasonCode.isError), everyCode.slice(0x80))
  })

  it("R51 the Connect Return Codes of 3.1.1 and back, table 3.1", () => {
    const meanings = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87]
    assert.deepStrictEqual(meanings.map((_, returnCode) => ReasonCode.fromConnectReturnCode(returnCode)), meanings)
    assert.deepStrictEqual(meanings.map(ReasonCode.toConnectReturnCode), [0, 1, 2, 3, 4, 5])
    assert.isUndefined(ReasonCode.fromConnectReturnCode(6))
    assert.isUndefined(ReasonCode.fromConnectReturnCode(255))
  })

  it("what 3.1.1 has no word for is said as Server unavailable", () => {
    assert.strictEqual(ReasonCode.toConnectReturnCode(0x97), 3)
    assert.strictEqual(ReasonCode.toConnectReturnCode(0x9c), 3)
  })
})

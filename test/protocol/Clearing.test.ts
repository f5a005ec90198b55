import { assert, describe, it } from "@effect/vitest"
import * as Snapshot from "../../src/protocol/Snapshot.ts"
import { versions } from "../support/versions.ts"
import {
  assertEmpty,
  begin,
  check,
  connected,
  disconnected,
  giveUp,
  online,
  outgoing,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  receive,
  type Table,
  withdraw
} from "./support/session.ts"

describe.each(versions)("Clearing %s: a session that the client knows nothing of", (version) => {
  const unknown = (receiveMaximum = 10): Table =>
    check(begin(version, { isUnknown: true }), [[connected({ receiveMaximum }), []]])

  it("S54 an identifier is completed with PUBREL before its first message of QoS 2", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [receive(pubcomp(1)), []],
      [receive(pingresp), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [receive(pubcomp(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("S54 messages of QoS 1 overtake none that waits", () => {
    check(unknown(), [
      [publish(outgoing(2, "a"), outgoing(1, "b")), ["PUBREL #1", "PUBREL #2", "PINGREQ"]],
      [publish(outgoing(1, "c")), ["PUBREL #3", "PINGREQ"]],
      [receive(pubcomp(1), pubcomp(2), pingresp), ["PUBLISH2 #1 a", "PUBLISH1 #2 b"]],
      [receive(pingresp), ["PUBLISH1 #3 c"]],
      [publish(outgoing(1, "d")), ["PUBLISH1 #4 d"]]
    ])
  })

  it("S54 messages of QoS 1 go out at once", () => {
    const table = check(unknown(), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBREL #2", "PINGREQ"]],
      [receive(puback(1), pubcomp(2), pingresp), ["complete a", "PUBLISH2 #2 b"]],
      [receive(pubrec(2), pubcomp(2)), ["PUBREL #2", "complete b"]]
    ])
    assertEmpty(table)
  })

  it("S54 a server that does not answer such a PUBREL, or late, holds nothing up", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #1 a"]],
      [receive(pubcomp(1)), []],
      [receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete a"]]
    ])
    assertEmpty(table)
  })

  it("S54 messages leave in the order of their calls, in whichever order the server answers", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a"), outgoing(2, "b")), ["PUBREL #1", "PUBREL #2", "PINGREQ"]],
      [publish(outgoing(2, "c")), ["PUBREL #3", "PINGREQ"]],
      [receive(pubcomp(3), pubcomp(2)), []],
      [receive(pingresp), ["PUBLISH2 #1 a", "PUBLISH2 #2 b"]],
      [receive(pingresp), ["PUBLISH2 #3 c"]]
    ])
    assert.strictEqual(table.session.outstanding, 3)
  })

  it("S54 each identifier once", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp, pubrec(1), pubcomp(1)), ["PUBLISH2 #1 a", "PUBREL #1", "complete a"]]
    ])
    // As if the numbers had gone round.
    table.session = { ...table.session, outgoing: { ...table.session.outgoing, last: 65_535 } }
    check(table, [
      [publish(outgoing(2, "b")), ["PUBLISH2 #1 b"]],
      [receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete b"]]
    ])
    assertEmpty(table)
  })

  it("S54 a message whose identifier is clear waits for those before it", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp, pubrec(1), pubcomp(1)), ["PUBLISH2 #1 a", "PUBREL #1", "complete a"]]
    ])
    table.session = { ...table.session, outgoing: { ...table.session.outgoing, last: 65_534 } }
    check(table, [
      [publish(outgoing(2, "b"), outgoing(2, "c")), ["PUBREL #65535", "PUBREL #1", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #65535 b", "PUBLISH2 #1 c"]]
    ])
  })

  it("S54 it has its place in the window, once", () => {
    const table = check(unknown(1), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #1 a"]]
    ])
    assert.strictEqual(table.session.outstanding, 1)
    assert.strictEqual(table.session.owed, 1)
    check(table, [[receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete a"]]])
    assertEmpty(table)
  })

  it("S54 on another connection of the session PUBREL is sent again, and the message is not sent twice", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected(), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #1 a"]],
      [disconnected, []],
      [connected(), ["PUBLISH2 #1 a DUP"]],
      [receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete a"]]
    ])
    assertEmpty(table)
  })

  it("S54 also where the server says that it has no session: there are servers that keep identifiers all the same", () => {
    const table = check(begin(version, { isUnknown: true }), [
      [connected({ sessionPresent: false }), []],
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected({ sessionPresent: false }), ["PUBREL #1", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete a"]]
    ])
    assertEmpty(table)
  })

  it("S54 where connections end with it twice, the message goes out without", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a")), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected(), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected(), ["PUBLISH2 #1 a"]],
      [publish(outgoing(2, "b")), ["PUBLISH2 #2 b"]],
      [receive(pubrec(1), pubcomp(1)), ["PUBREL #1", "complete a"]],
      [receive(pubrec(2), pubcomp(2)), ["PUBREL #2", "complete b"]]
    ])
    assertEmpty(table)
  })

  it("S54 of a session that was restored, the identifiers are known that stand for something", () => {
    const before = check(online(version), [[publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]]])
    const table = begin(version, { isUnknown: true })
    table.session = Snapshot.restore(table.session, Snapshot.take(before.session), "nobody")
    check(table, [
      [connected(), ["PUBLISH2 #1 a DUP"]],
      [publish(outgoing(2, "b")), ["PUBREL #2", "PINGREQ"]],
      [receive(pingresp), ["PUBLISH2 #2 b"]]
    ])
  })

  it("S54 PUBACK and PUBREC do not answer it, and it can be withdrawn or given up", () => {
    const table = check(unknown(), [
      [publish(outgoing(2, "a"), outgoing(2, "b")), ["PUBREL #1", "PUBREL #2", "PINGREQ"]],
      [receive(puback(1), pubrec(1)), []],
      [withdraw(1), []],
      [giveUp(2), []],
      [receive(pingresp), []],
      [receive(pubcomp(2)), []]
    ])
    assertEmpty(table)
  })
})

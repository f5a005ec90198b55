import { assert, describe, it } from "@effect/vitest"
import * as PacketIdentifiers from "../../src/protocol/PacketIdentifiers.ts"
import * as Session from "../../src/protocol/Session.ts"
import * as Snapshot from "../../src/protocol/Snapshot.ts"
import { versions } from "../support/versions.ts"
import {
  announce,
  assertEmpty,
  begin,
  check,
  connected,
  disconnected,
  online,
  outgoing,
  pingresp,
  play,
  puback,
  pubcomp,
  publish,
  pubrec,
  range,
  receive
} from "./support/session.ts"

describe.each(versions)("Announcing %s: the birth of a connection", (version) => {
  const birth = outgoing(1, "birth")

  it("goes before everything that is sent again", () => {
    check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [disconnected, []],
      [connected({ birth }), ["PUBLISH1 #3 birth", "PUBLISH1 #1 a DUP", "PUBLISH2 #2 b DUP"]],
      [receive(puback(3), puback(1)), ["complete birth", "complete a"]]
    ])
  })

  it("goes behind PUBREL, which may let out an older one", () => {
    check(online(version), [
      [announce(outgoing(2, "old")), ["PUBLISH2 #1 old"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [disconnected, []],
      [connected({ birth }), ["PUBREL #1", "PUBLISH1 #2 birth"]],
      [receive(pubcomp(1), puback(2)), ["complete old", "complete birth"]]
    ])
  })

  it("takes its place in the window, and all others wait for it", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a"), outgoing(1, "b")), ["PUBLISH2 #1 a", "PUBLISH1 #2 b"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [disconnected, []],
      [connected({ birth, receiveMaximum: 1 }), ["PUBREL #1"]]
    ])
    assert.isTrue(Session.isBeginning(table.session))
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [
      [receive(pubcomp(1)), ["complete a", "PUBLISH1 #3 birth"]]
    ])
    assert.isFalse(Session.isBeginning(table.session))
    check(table, [
      [receive(puback(3)), ["complete birth", "PUBLISH1 #2 b DUP"]]
    ])
  })

  it("is not sent again on the next connection, and its identifier is free (QoS 1)", () => {
    const table = check(online(version), [
      [disconnected, []],
      [connected({ birth }), ["PUBLISH1 #1 birth"]],
      [disconnected, ["abandon birth"]]
    ])
    assertEmpty(table)
    for (let outage = 0; outage < 50; outage++) {
      check(table, [
        [connected({ birth: outgoing(1, `birth ${outage}`) }), [`PUBLISH1 #${outage + 2} birth ${outage}`]],
        [disconnected, [`abandon birth ${outage}`]]
      ])
    }
    assertEmpty(table)
  })

  it("is not sent again on the next connection, and its identifier is free once PUBREL has been read (QoS 2)", () => {
    const table = check(online(version), [
      [disconnected, []],
      [connected({ birth: outgoing(2, "old") }), ["PUBLISH2 #1 old"]],
      [disconnected, ["abandon old"]]
    ])
    assert.strictEqual(Session.reserved(table.session), 1)
    check(table, [
      [connected({ birth: outgoing(2, "new") }), ["PUBREL #1", "PUBLISH2 #2 new", "PINGREQ"]],
      [receive(pingresp), []]
    ])
    assert.strictEqual(Session.reserved(table.session), 0)
    check(table, [
      [receive(pubrec(2), pubcomp(2)), ["PUBREL #2", "complete new"]]
    ])
    assertEmpty(table)
  })

  it("an answer to such a PUBREL frees the identifier, too", () => {
    const table = check(online(version), [
      [announce(outgoing(2, "old")), ["PUBLISH2 #1 old"]],
      [disconnected, ["abandon old"]],
      [connected(), ["PUBREL #1", "PINGREQ"]],
      [receive(pubcomp(1)), []]
    ])
    assert.strictEqual(Session.reserved(table.session), 0)
    check(table, [[receive(pingresp), []]])
    assertEmpty(table)
  })

  it("with a server that hangs up on such a PUBREL, the identifier stays reserved", () => {
    const table = check(online(version), [
      [announce(outgoing(2, "old")), ["PUBLISH2 #1 old"]],
      [disconnected, ["abandon old"]],
      [connected(), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected(), ["PUBREL #1", "PINGREQ"]],
      [disconnected, []],
      [connected(), []],
      [disconnected, []]
    ])
    assert.strictEqual(Session.reserved(table.session), 1)
    // A server that has lost the session has lost the message as well.
    check(table, [[connected({ sessionPresent: false }), []]])
    assertEmpty(table)
  })

  it("in a session of an earlier program, waits until its identifier is cleared, and all others wait for it", () => {
    const table = check(begin(version, { isUnknown: true }), [
      [connected(), []],
      [publish(outgoing(1, "a")), ["PUBLISH1 #1 a"]],
      [disconnected, []],
      [connected({ birth: outgoing(2, "birth") }), ["PUBREL #2", "PINGREQ"]]
    ])
    assert.isTrue(Session.isBeginning(table.session))
    check(table, [
      [receive(pubcomp(2), pingresp), ["PUBLISH2 #2 birth", "PUBLISH1 #1 a DUP"]],
      [receive(pubrec(2), puback(1), pubcomp(2)), ["PUBREL #2", "complete a", "complete birth"]]
    ])
    assertEmpty(table)
  })

  it("that has not been sent by then leaves nothing", () => {
    const table = check(begin(version, { isUnknown: true }), [
      [connected({ birth: outgoing(2, "birth") }), ["PUBREL #1", "PINGREQ"]],
      [disconnected, ["abandon birth"]]
    ])
    assertEmpty(table)
  })

  it("is no part of what is kept, but for the identifier that the server may know", () => {
    const table = check(begin(version), [
      [connected({ birth }), ["PUBLISH1 #1 birth"]],
      [announce(outgoing(2, "goodbye")), ["PUBLISH2 #2 goodbye"]]
    ])
    assert.deepStrictEqual(Snapshot.take(table.session), { ...Snapshot.empty, reserved: [2] })
    assert.isTrue(PacketIdentifiers.has(table.session.outgoing, 1))
  })

  it("without a free identifier, is abandoned at once, and everything else goes on", () => {
    const table = online(version)
    const all = range(65_535).map((index) => outgoing(1, String(index)))
    play(table, publish(...all))
    check(table, [
      [announce(birth), ["abandon birth"]],
      [receive(puback(7)), ["complete 6"]],
      [announce(birth), ["PUBLISH1 #7 birth"]]
    ])
  })
})

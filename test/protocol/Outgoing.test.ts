import { assert, describe, it } from "@effect/vitest"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import * as PacketIdentifiers from "../../src/protocol/PacketIdentifiers.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as Session from "../../src/protocol/Session.ts"
import * as Snapshot from "../../src/protocol/Snapshot.ts"
import { versions } from "../support/versions.ts"
import {
  acknowledge,
  assertEmpty,
  at,
  begin,
  check,
  connected,
  disconnected,
  giveUp,
  incoming,
  type Input,
  message,
  online,
  outgoing,
  play,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  range,
  receive,
  suback,
  subscribe,
  type Table,
  unsuback,
  unsubscribe,
  withdraw
} from "./support/session.ts"

describe.each(versions)("Outgoing %s: publishing", (version) => {
  it("R18 R65 QoS 0 has no identifier, no DUP and no room", () => {
    const table = check(online(version, { window: 1 }), [
      [publish(outgoing(1, "a"), outgoing(0, "b"), outgoing(0, "c")), ["PUBLISH1 #1 a", "PUBLISH0 b", "PUBLISH0 c"]]
    ])
    assert.strictEqual(table.session.owed, 1)
  })

  it("R16 R66 a first transmission has an identifier of its own and no DUP", () => {
    check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b"), outgoing(1, "c")), [
        "PUBLISH1 #1 a",
        "PUBLISH2 #2 b",
        "PUBLISH1 #3 c"
      ]]
    ])
  })

  it("R67 the packet is the message as it was given", () => {
    const properties = { contentType: "text", userProperties: [["a", "b"], ["a", "c"]] } as const
    const request = { message: message(1, "a/b", { retain: true, properties }), request: "r" }
    const [action] = play(online(version), publish(request))
    assert.deepStrictEqual(action, { _tag: "Publish", ...request.message, dup: false, packetIdentifier: 1 })
  })

  it("R19 R76 QoS 1 is unacknowledged until its PUBACK", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [receive(puback(2)), ["complete b"]],
      [receive(puback(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("R17 R19 R77 R78 QoS 2 is unacknowledged until PUBREC, and its PUBREL until PUBCOMP", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [receive(pubcomp(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("R16 R17 one pool for the three, and an identifier is free only after its last acknowledgement", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [subscribe("s", "f"), ["SUBSCRIBE #2 f"]],
      [unsubscribe("u", "f", "g"), ["UNSUBSCRIBE #3 f g"]],
      [publish(outgoing(1, "b")), ["PUBLISH1 #4 b"]],
      [receive(pubrec(1)), ["PUBREL #1"]]
    ])
    const inUse = () => range(4, 1).filter((identifier) => PacketIdentifiers.has(table.session.outgoing, identifier))
    assert.deepStrictEqual(inUse(), [1, 2, 3, 4])
    check(table, [[receive(pubcomp(1)), ["complete a"]]])
    assert.deepStrictEqual(inUse(), [2, 3, 4])
    check(table, [[receive(suback(2, [0])), ["complete s 0x00"]]])
    assert.deepStrictEqual(inUse(), [3, 4])
    const codes = version === "5.0" ? [0x00, 0x11] : []
    check(table, [[receive(unsuback(3, codes)), [version === "5.0" ? "complete u 0x00 0x11" : "complete u"]]])
    assert.deepStrictEqual(inUse(), [4])
    check(table, [[receive(puback(4)), ["complete b"]]])
    assertEmpty(table)
  })

  it("R16 S35 the numbers wrap around and skip those in use; with all of them in use there is no room", () => {
    const everything = PacketIdentifiers.maximum
    const table = online(version, { maximumInFlight: everything })
    play(table, publish(...range(everything, 1).map((number) => outgoing(1, `${number}`))))
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [
      [subscribe("s", "f"), []],
      [unsubscribe("u", "f"), []],
      [receive(puback(7)), ["complete 7"]]
    ])
    assert.strictEqual(Session.room(table.session), 1)
    check(table, [
      [publish(outgoing(1, "again")), ["PUBLISH1 #7 again"]],
      [receive(puback(9), puback(8)), ["complete 9", "complete 8"]],
      [subscribe("s", "f"), ["SUBSCRIBE #8 f"]]
    ])
    // The window is wider than what SUBSCRIBE left of the identifiers.
    assert.strictEqual(table.session.window - table.session.outstanding, 2)
    assert.strictEqual(Session.room(table.session), 1)
  })

  it("R23 S34 unknown and late acknowledgements complete nothing, and nothing twice", () => {
    const unknown = version === "5.0" ? "PUBREL #9 0x92" : "PUBREL #9"
    const table = check(online(version), [
      [receive(puback(9), pubcomp(9), pubrec(9)), [unknown]],
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [receive(pubcomp(1), pubcomp(2), pubrec(1)), []],
      [receive(puback(1), puback(1), pubcomp(1)), ["complete a"]],
      [receive(pubrec(2), puback(2)), ["PUBREL #2"]],
      [receive(pubcomp(2), pubcomp(2)), ["complete b"]]
    ])
    assertEmpty(table)
    assert.strictEqual(table.session.ignored, 10)
  })

  it("R23 R77 a PUBREC that comes again is answered by PUBREL again", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1), pubrec(1)), ["PUBREL #1", "PUBREL #1"]],
      [receive(pubcomp(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("R23 a PUBACK that answers a QoS 2 PUBLISH ends it", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(puback(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("R20 R22 R23 R113 an acknowledgement of another kind settles nothing", () => {
    const table = check(online(version), [
      [subscribe("s", "f"), ["SUBSCRIBE #1 f"]],
      [unsubscribe("u", "f"), ["UNSUBSCRIBE #2 f"]],
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #3 a", "PUBLISH2 #4 b"]],
      [receive(puback(1), pubrec(1), pubcomp(1), unsuback(1, [0]), pubrel(77)), [
        version === "5.0" ? "PUBCOMP #77 0x92" : "PUBCOMP #77"
      ]],
      [receive(puback(2), pubrec(2), pubcomp(2), suback(2, [0])), []],
      [receive(suback(3, [0]), unsuback(3, [0]), suback(4, [0]), unsuback(4, [0])), []]
    ])
    assert.strictEqual(table.session.outgoing.size, 4)
    assert.strictEqual(table.session.owed, 4)
  })

  it("R20 the server's identifiers are a pool of their own", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "ours")), ["PUBLISH2 #1 ours"]],
      [receive(incoming(2, 1, "theirs")), ["deliver theirs"]],
      [acknowledge(["theirs"]), ["PUBREC #1"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [receive(pubrel(1)), ["PUBCOMP #1"]],
      [receive(pubcomp(1)), ["complete ours"]]
    ])
    assertEmpty(table)
  })

  it("R146 nothing is forgotten while the connection is open, however long it takes", () => {
    const year = 365 * 24 * 3_600_000
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [receive(incoming(2, 5, "c")), ["deliver c"]],
      [at(year, receive(pubrec(2))), ["PUBREL #2"]],
      [at(2 * year, receive(puback(1), pubcomp(2))), ["complete a", "complete b"]],
      [acknowledge(["c"]), ["PUBREC #5"]],
      [at(3 * year, receive(pubrel(5))), ["PUBCOMP #5"]]
    ])
    assertEmpty(table)
  })

  it("a packet that could not be written gives its identifier back, and its place in the window", () => {
    const table = check(online(version, { window: 2 }), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [withdraw(1), []]
    ])
    assert.strictEqual(Session.room(table.session), 1)
    assert.strictEqual(table.session.owed, 1)
    check(table, [
      [withdraw(1), []],
      [withdraw(0), []],
      [subscribe("s", "f"), ["SUBSCRIBE #3 f"]],
      [withdraw(3), []],
      [receive(puback(1), suback(3, [0]), puback(2)), ["complete b"]]
    ])
    assertEmpty(table)
  })

  it("what was released is not withdrawn", () => {
    check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [withdraw(1), []],
      [receive(pubcomp(1)), ["complete a"]]
    ])
  })
})

describe.each(versions)("Outgoing %s: a message that is given up", (version) => {
  /** `a` and `b` were sent on a connection that has ended, and `a` is given up. */
  const givenUp = (qos: 1 | 2) =>
    check(online(version), [
      [publish(outgoing(qos, "a"), outgoing(1, "b")), [`PUBLISH${qos} #1 a`, "PUBLISH1 #2 b"]],
      [disconnected, []],
      [giveUp(1), []]
    ])
  const isReserved = (table: ReturnType<typeof givenUp>) => PacketIdentifiers.has(table.session.outgoing, 1)

  it.each([1, 2] as const)("R17 S53 is not sent again, and its identifier is not given again (QoS %d)", (qos) => {
    const table = check(givenUp(qos), [
      [connected(), ["PUBLISH1 #2 b DUP"]],
      [receive(puback(2)), ["complete b"]]
    ])
    assert.isTrue(isReserved(table))
    assert.strictEqual(table.session.owed, 0)
    assert.strictEqual(Session.room(table.session), 1000)
    // The numbers go all the way round.
    for (let round = 0; round < PacketIdentifiers.maximum - 1; round++) {
      const [action] = play(table, publish(outgoing(1, "c")))
      const identifier = action._tag === "Publish" ? action.packetIdentifier : assert.fail("no PUBLISH")
      assert.notStrictEqual(identifier, 1)
      play(table, receive(puback(identifier)))
    }
    check(table, [[disconnected, []], [connected(), []]])
    assert.isTrue(isReserved(table))
  })

  it.each(
    [[1, puback(1)], [2, puback(1)], [2, pubcomp(1)]] as const
  )("R17 is over when the server answers it, which nobody hears (QoS %d, %j)", (qos, answer) => {
    const table = check(givenUp(qos), [
      [connected(), ["PUBLISH1 #2 b DUP"]],
      [receive(answer, puback(2)), ["complete b"]]
    ])
    assert.strictEqual(table.session.ignored, 0)
    assertEmpty(table)
  })

  it("R77 R78 a PUBREC for it is answered: the server has the message, and the exchange goes on to its end", () => {
    const table = check(givenUp(2), [
      [connected({ receiveMaximum: 2 }), ["PUBLISH1 #2 b DUP"]],
      [receive(puback(2)), ["complete b"]],
      [receive(pubrec(1)), ["PUBREL #1"]]
    ])
    // It takes its place in the window, as the server counts it.
    assert.strictEqual(Session.room(table.session), 1)
    check(table, [
      [disconnected, []],
      [connected(), ["PUBREL #1"]],
      [receive(pubcomp(1)), ["complete nobody"]]
    ])
    assertEmpty(table)
  })

  it("R27 is over with the session", () => {
    const table = check(givenUp(2), [
      [connected({ sessionPresent: false }), ["PUBLISH1 #2 b"]],
      [receive(puback(2)), ["complete b"]]
    ])
    assertEmpty(table)
  })

  it("R27 outlives the process with the session", () => {
    const { session } = givenUp(1)
    const snapshot = Snapshot.take(session)
    assert.deepStrictEqual(snapshot.reserved, [1])
    const table = begin(version)
    table.session = Snapshot.restore(table.session, snapshot, "nobody")
    check(table, [[connected(), ["PUBLISH1 #2 b DUP"]], [receive(puback(2)), ["complete b"]]])
    assert.isTrue(isReserved(table))
  })

  it("on the connection it is in flight on: its place in the window returns, its identifier does not", () => {
    const table = check(online(version, { window: 2 }), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [giveUp(1), []],
      // Once, and only a message.
      [giveUp(1), []],
      [giveUp(3), []],
      [withdraw(1), []]
    ])
    assert.strictEqual(Session.room(table.session), 1)
    assert.strictEqual(table.session.owed, 1)
    assert.isTrue(isReserved(table))
  })

  it("what was released: its PUBREL is not sent again, and its identifier is free with PUBCOMP", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [disconnected, []],
      [giveUp(1), []],
      [connected(), []]
    ])
    assert.isTrue(isReserved(table))
    check(table, [[receive(pubcomp(1)), []]])
    assertEmpty(table)
  })
})

describe("Outgoing 5.0: a message that is given up", () => {
  it("R17 R80 is over with a PUBREC of an error, which is not answered", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [disconnected, []],
      [giveUp(1), []],
      [connected(), []],
      [receive(pubrec(1, 0x97)), []]
    ])
    assertEmpty(table)
  })
})

describe("Outgoing 5.0: reason codes", () => {
  it("R17 R80 an error in PUBACK or PUBREC settles the publish: its identifier is free, no PUBREL, no resend", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [receive(puback(1, 0x87), pubrec(2, 0x97)), ["complete a 0x87", "complete b 0x97"]]
    ])
    assertEmpty(table)
    check(table, [[disconnected, []], [connected(), []]])
  })

  it("R78 R80 Packet Identifier in use, to a message that was sent before: the server has it, the exchange goes on", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [disconnected, []],
      [connected(), ["PUBLISH2 #1 a DUP"]],
      [receive(pubrec(1, 0x91)), ["PUBREL #1"]],
      [disconnected, []],
      [connected(), ["PUBREL #1"]],
      [receive(pubcomp(1)), ["complete a"]]
    ])
    assertEmpty(table)
  })

  it("R80 Packet Identifier in use, to a message that is new to the server: it is refused", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [disconnected, []],
      [connected({ sessionPresent: false }), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1, 0x91)), ["complete a 0x91"]]
    ])
    assertEmpty(table)
  })

  it("R78 R80 Packet Identifier in use, for a message that was given up: the exchange goes on to its end", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [giveUp(1), []],
      [receive(pubrec(1, 0x91)), ["PUBREL #1"]],
      [receive(pubcomp(1)), ["complete nobody"]]
    ])
    assertEmpty(table)
  })

  it("R23 a PUBREC of an error for an unknown identifier is not answered", () => {
    check(online("5.0"), [[receive(pubrec(9, 0x80)), []]])
  })

  it("R80 the outcome is what the server said, with its properties", () => {
    const properties = { reasonString: "nobody listens", userProperties: [["a", "b"]] } as const
    const table = check(online("5.0"), [[publish(outgoing(1, "a"), outgoing(2, "b"), outgoing(2, "c")), [
      "PUBLISH1 #1 a",
      "PUBLISH2 #2 b",
      "PUBLISH2 #3 c"
    ]]])
    assert.deepStrictEqual(play(table, receive(puback(1, 0x10, properties), pubrec(2, 0x99, properties))), [
      { _tag: "Complete", request: "a", outcome: { reasonCode: 0x10, reasonCodes: [], properties } },
      { _tag: "Complete", request: "b", outcome: { reasonCode: 0x99, reasonCodes: [], properties } }
    ])
    check(table, [[receive(pubrec(3, 0x10, properties)), ["PUBREL #3"]]])
    assert.deepStrictEqual(play(table, receive(pubcomp(3))), [
      { _tag: "Complete", request: "c", outcome: { reasonCode: 0x10, reasonCodes: [], properties } }
    ])
  })

  it("a success has properties as well", () => {
    const properties = { reasonString: "stored" }
    const table = check(online("5.0"), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]]
    ])
    assert.deepStrictEqual(play(table, receive(puback(1, 0x00, properties))), [
      { _tag: "Complete", request: "a", outcome: { reasonCode: 0x00, reasonCodes: [], properties } }
    ])
    check(table, [[receive(pubrec(2, 0x00, properties)), ["PUBREL #2"]]])
    assert.deepStrictEqual(play(table, receive(pubcomp(2))), [
      { _tag: "Complete", request: "b", outcome: { reasonCode: 0x00, reasonCodes: [], properties } }
    ])
  })

  it("R78 a released message that the server does not remember is delivered, not failed", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [disconnected, []],
      [connected(), ["PUBREL #1"]],
      [receive(pubcomp(1, 0x92)), ["complete a"]]
    ])
    assertEmpty(table)
  })
})

describe.each(versions)("Outgoing %s: the window", (version) => {
  it("R74 no more than the Receive Maximum at once, nor more than asked for", () => {
    const room = (window: number, maximumInFlight: number) =>
      Session.room(online(version, { maximumInFlight, window }).session)
    assert.strictEqual(room(3, 1000), 3)
    assert.strictEqual(room(65_535, 1000), 1000)
    assert.strictEqual(Session.room(begin(version).session), 0)
  })

  it("R74 the quota comes back on PUBACK, PUBCOMP and a PUBREC of an error", () => {
    const table = online(version, { window: 3 })
    const roomAfter = (...packets: ReadonlyArray<SessionPacket>) => {
      play(table, receive(...packets))
      return Session.room(table.session)
    }
    play(table, publish(outgoing(1, "a"), outgoing(2, "b"), outgoing(2, "c")))
    assert.strictEqual(Session.room(table.session), 0)
    assert.strictEqual(roomAfter(puback(1)), 1)
    assert.strictEqual(roomAfter(pubrec(2)), 1)
    assert.strictEqual(roomAfter(pubcomp(2)), 2)
    if (version === "5.0") assert.strictEqual(roomAfter(pubrec(3, 0x80)), 3)
    assert.strictEqual(roomAfter(puback(1), pubcomp(2), puback(9)), version === "5.0" ? 3 : 2)
  })

  it("R75 with the quota at zero everything else goes on", () => {
    check(online(version, { window: 1 }), [
      [publish(outgoing(1, "a")), ["PUBLISH1 #1 a"]],
      [publish(outgoing(0, "b")), ["PUBLISH0 b"]],
      [subscribe("s", "f"), ["SUBSCRIBE #2 f"]],
      [unsubscribe("u", "g"), ["UNSUBSCRIBE #3 g"]],
      [receive(incoming(1, 1, "c"), incoming(2, 2, "d")), ["deliver c", "deliver d"]],
      [acknowledge(["c", "d"]), ["PUBACK #1", "PUBREC #2"]],
      [receive(pubrel(2), suback(2, [0])), ["PUBCOMP #2", "complete s 0x00"]]
    ])
  })

  it("R74 starts anew on each connection, with the Receive Maximum of that one", () => {
    const table = check(online(version, { window: 3 }), [
      [publish(outgoing(1, "a"), outgoing(1, "b"), outgoing(1, "c")), [
        "PUBLISH1 #1 a",
        "PUBLISH1 #2 b",
        "PUBLISH1 #3 c"
      ]],
      [disconnected, []]
    ])
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [
      [connected({ receiveMaximum: 2 }), ["PUBLISH1 #1 a DUP", "PUBLISH1 #2 b DUP"]],
      [receive(puback(1)), ["complete a", "PUBLISH1 #3 c DUP"]],
      [receive(puback(2)), ["complete b"]]
    ])
    assert.strictEqual(Session.room(table.session), 1)
  })

  it("R74 a message released on an earlier connection counts until its PUBCOMP", () => {
    const table = check(online(version, { window: 2 }), [
      [publish(outgoing(2, "a"), outgoing(1, "b")), ["PUBLISH2 #1 a", "PUBLISH1 #2 b"]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [disconnected, []],
      [connected({ receiveMaximum: 1 }), ["PUBREL #1"]]
    ])
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [[receive(pubcomp(1)), ["complete a", "PUBLISH1 #2 b DUP"]]])
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [[receive(puback(2)), ["complete b"]]])
    assert.strictEqual(Session.room(table.session), 1)
    assertEmpty(table)
  })

  it("R76 a PUBACK for a message that waits to be sent again says nothing of it", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [disconnected, []],
      [connected({ receiveMaximum: 1 }), ["PUBLISH1 #1 a DUP"]],
      [receive(puback(2)), []],
      [receive(puback(1)), ["complete a", "PUBLISH1 #2 b DUP"]],
      [receive(puback(2)), ["complete b"]]
    ])
    assertEmpty(table)
  })

  it("R82 there is no room for new messages while older ones wait to be sent again", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [disconnected, []],
      [connected({ receiveMaximum: 1 }), ["PUBLISH1 #1 a DUP"]],
      [withdraw(1), ["PUBLISH1 #2 b DUP"]]
    ])
    assert.strictEqual(Session.room(table.session), 0)
  })

  it("R74 what waits to be sent again and is withdrawn frees nobody else's place", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(1, "b"), outgoing(1, "c")), [
        "PUBLISH1 #1 a",
        "PUBLISH1 #2 b",
        "PUBLISH1 #3 c"
      ]],
      [disconnected, []],
      [connected({ receiveMaximum: 1 }), ["PUBLISH1 #1 a DUP"]],
      [withdraw(2), []]
    ])
    assert.strictEqual(table.session.owed, 1)
    check(table, [
      [receive(puback(1)), ["complete a", "PUBLISH1 #3 c DUP"]],
      [receive(puback(3)), ["complete c"]]
    ])
    assertEmpty(table)
  })
})

describe.each(versions)("Outgoing %s: subscribing", (version) => {
  it("R116 every code is reported, one for each filter, and a failed one fails no other", () => {
    const failure = version === "5.0" ? 0x87 : 0x80
    const properties = version === "5.0" ? { reasonString: "why" } : Properties.none
    const table = check(online(version), [[subscribe("s", "a", "b", "c"), ["SUBSCRIBE #1 a b c"]]])
    assert.deepStrictEqual(play(table, receive(suback(1, [0x01, failure, 0x02], properties))), [{
      _tag: "Complete",
      request: "s",
      outcome: { reasonCode: 0x00, reasonCodes: [0x01, failure, 0x02], properties }
    }])
    assertEmpty(table)
  })

  it.each([[[]], [[0]], [[0, 0, 0]]])("R114 SUBACK with the codes %j for two filters is a violation", (codes) => {
    const label = version === "5.0" ? "3.8.4-6" : "3.8.4-5"
    check(online(version), [
      [subscribe("s", "a", "b"), ["SUBSCRIBE #1 a b"]],
      [receive(suback(1, codes), incoming(0, 0, "m")), [`violation ${label} 0x82`]]
    ])
  })

  it("R117 UNSUBACK is awaited, and its codes are reported", () => {
    const table = check(online(version), [[unsubscribe("u", "a", "b"), ["UNSUBSCRIBE #1 a b"]]])
    if (version === "5.0") {
      check(table, [[receive(unsuback(1, [0x11, 0x87])), ["complete u 0x11 0x87"]]])
    } else {
      check(table, [[receive(unsuback(1)), ["complete u"]]])
    }
    assertEmpty(table)
  })

  it("R22 S34 a SUBACK that nobody waits for completes nothing", () => {
    const table = check(online(version), [
      [subscribe("s", "a"), ["SUBSCRIBE #1 a"]],
      [receive(suback(2, [0]), unsuback(1, [0]), suback(1, [0]), suback(1, [0])), ["complete s 0x00"]]
    ])
    assert.strictEqual(table.session.ignored, 3)
  })
})

describe("Outgoing: what the server got wrong", () => {
  const messageOf = (table: Table, input: Input) => {
    const [action] = play(table, input)
    return action._tag === "Violation" ? action.violation.message : ""
  }

  it("R114 R143 a violation says how many codes came for how many filters", () => {
    const asked = () =>
      check(online("5.0"), [
        [subscribe("s", "a", "b"), ["SUBSCRIBE #1 a b"]],
        [unsubscribe("u", "a"), ["UNSUBSCRIBE #2 a"]]
      ])
    assert.strictEqual(messageOf(asked(), receive(suback(1, [0]))), "SUBACK with 1 codes for 2 filters")
    assert.strictEqual(messageOf(asked(), receive(unsuback(2, [0, 0]))), "UNSUBACK with 2 codes for 1 filters")
  })
})

describe.each(versions)("Outgoing %s: without a free identifier", (version) => {
  it("S35 nothing is asked and nothing is owed", () => {
    const table = online(version)
    table.session = {
      ...table.session,
      outgoing: PacketIdentifiers.mutate(table.session.outgoing, (batch) => {
        const request = { _tag: "Subscribe", request: "", topicFilters: 1, sequence: 0, isAhead: false } as const
        for (let count = 0; count < PacketIdentifiers.maximum; count++) batch.allocate(request)
      })
    }
    check(table, [[subscribe("s", "f"), []], [unsubscribe("u", "f"), []]])
    assert.strictEqual(table.session.owed, 0)
    assert.strictEqual(Session.responseDeadline(table.session, 10), Infinity)
  })
})

describe("Outgoing 5.0: unsubscribing", () => {
  it.each([[[]], [[0]], [[0, 0, 0]]])("R114 UNSUBACK with the codes %j for two filters is a violation", (codes) => {
    check(online("5.0"), [
      [unsubscribe("u", "a", "b"), ["UNSUBSCRIBE #1 a b"]],
      [receive(unsuback(1, codes)), ["violation 3.11.3-1 0x82"]]
    ])
  })
})

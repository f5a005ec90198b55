import { assert, describe, it } from "@effect/vitest"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import * as PacketIdentifiers from "../../src/protocol/PacketIdentifiers.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as Session from "../../src/protocol/Session.ts"
import {
  acknowledge,
  at,
  begin,
  check,
  connected,
  disconnected,
  incoming,
  message,
  online,
  outgoing,
  play,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  receive,
  show,
  suback,
  subscribe,
  type Table,
  unsuback,
  unsubscribe,
  versions,
  withdraw
} from "./support/session.ts"

const lost = connected({ sessionPresent: false })

/** Nothing of the session is unfinished and nothing is owed: no identifier is kept. */
const assertEmpty = ({ session }: Table) => {
  assert.strictEqual(session.outgoing.size, 0)
  assert.strictEqual(session.received.size, 0)
  assert.strictEqual(session.outstanding, 0)
  assert.strictEqual(session.owed, 0)
  assert.strictEqual(session.unacknowledged, 0)
  assert.strictEqual(Session.responseDeadline(session, 10), Infinity)
}

const range = (length: number, first = 0): ReadonlyArray<number> => Array.from({ length }, (_, index) => first + index)

describe.each(versions)("Session %s: publishing", (version) => {
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
    assert.deepStrictEqual(action, {
      _tag: "Send",
      packet: { _tag: "Publish", ...request.message, dup: false, packetIdentifier: 1 }
    })
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

describe("Session 5.0: reason codes", () => {
  it("R17 R80 an error in PUBACK or PUBREC settles the publish: its identifier is free, no PUBREL, no resend", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [receive(puback(1, 0x87), pubrec(2, 0x97)), ["complete a 0x87", "complete b 0x97"]]
    ])
    assertEmpty(table)
    check(table, [[disconnected, []], [connected(), []]])
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

describe.each(versions)("Session %s: the window", (version) => {
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

describe.each(versions)("Session %s: another connection", (version) => {
  it("R17 R64 R81 S30 what is unacknowledged is sent again with DUP and its identifier, once per connection", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a")), ["PUBLISH1 #1 a"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #1 a DUP"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #1 a DUP"]],
      [receive(puback(1)), ["complete a"]],
      [disconnected, []],
      [connected(), []]
    ])
    assertEmpty(table)
    assert.strictEqual(table.session.republications, 2)
  })

  it("R47 R78 R81 R82 R83 first PUBREL in the order of PUBREC, then PUBLISH in the order first sent", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a"), outgoing(1, "b"), outgoing(2, "c"), outgoing(2, "d"), outgoing(1, "e")), [
        "PUBLISH2 #1 a",
        "PUBLISH1 #2 b",
        "PUBLISH2 #3 c",
        "PUBLISH2 #4 d",
        "PUBLISH1 #5 e"
      ]],
      [receive(pubrec(4), pubrec(1)), ["PUBREL #4", "PUBREL #1"]],
      [disconnected, []],
      [connected(), ["PUBREL #4", "PUBREL #1", "PUBLISH1 #2 b DUP", "PUBLISH2 #3 c DUP", "PUBLISH1 #5 e DUP"]],
      [publish(outgoing(1, "f")), ["PUBLISH1 #6 f"]],
      [receive(pubcomp(1), pubcomp(4)), ["complete a", "complete d"]],
      [receive(puback(2), pubrec(3), puback(5), puback(6), pubcomp(3)), [
        "complete b",
        "PUBREL #3",
        "complete e",
        "complete f",
        "complete c"
      ]]
    ])
    assertEmpty(table)
  })

  it("R82 in the order first sent also when the identifiers have wrapped", () => {
    const table = online(version)
    table.session = {
      ...table.session,
      outgoing: PacketIdentifiers.mutate(table.session.outgoing, (batch) => {
        for (let count = 0; count < PacketIdentifiers.maximum - 1; count++) {
          batch.release(batch.allocate({
            _tag: "Subscribe",
            request: "",
            topicFilters: 1
          }))
        }
      })
    }
    check(table, [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #65535 a", "PUBLISH1 #1 b"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #65535 a DUP", "PUBLISH1 #1 b DUP"]]
    ])
  })

  it("R81 S33 never on a live connection, however late the acknowledgement is", () => {
    const hour = 3_600_000
    check(online(version), [
      [publish(outgoing(1, "a")), ["PUBLISH1 #1 a"]],
      [at(hour, publish(outgoing(1, "b"))), ["PUBLISH1 #2 b"]],
      [at(2 * hour, receive(puback(2))), ["complete b"]],
      [at(3 * hour, receive(puback(1))), ["complete a"]]
    ])
  })

  it("R71 R79 a resend carries the whole message, although its expiry has passed", () => {
    const properties = { messageExpiryInterval: 1, contentType: "text" }
    const request = outgoing(1, "a", { properties, retain: true })
    const table = online(version)
    play(table, publish(request))
    play(table, at(3_600_000, disconnected))
    assert.deepStrictEqual(play(table, connected()), [
      { _tag: "Send", packet: { _tag: "Publish", ...request.message, dup: true, packetIdentifier: 1 } }
    ])
  })

  it("R76 an acknowledgement that is looked at after the end still counts", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [disconnected, []],
      [receive(puback(1), pubrec(2)), ["complete a", "PUBREL #2"]],
      [connected(), ["PUBREL #2"]],
      [receive(pubcomp(2)), ["complete b"]]
    ])
    assertEmpty(table)
  })

  it("S29 the order holds across a lost connection: m1, m2, then m3", () => {
    check(online(version), [
      [publish(outgoing(1, "m1"), outgoing(1, "m2")), ["PUBLISH1 #1 m1", "PUBLISH1 #2 m2"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #1 m1 DUP", "PUBLISH1 #2 m2 DUP"]],
      [receive(puback(1)), ["complete m1"]],
      [publish(outgoing(1, "m3")), ["PUBLISH1 #3 m3"]],
      [receive(puback(2), puback(3)), ["complete m2", "complete m3"]]
    ])
  })

  it("S31 a QoS 1 in flight goes once more, a QoS 0 after it once, and neither again", () => {
    check(online(version), [
      [publish(outgoing(1, "a")), ["PUBLISH1 #1 a"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #1 a DUP"]],
      [publish(outgoing(0, "b")), ["PUBLISH0 b"]],
      [receive(puback(1)), ["complete a"]],
      [disconnected, []],
      [connected(), []]
    ])
  })

  it("S34 an acknowledgement of the connection before says nothing of what is not sent again yet", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [disconnected, []],
      [connected({ receiveMaximum: 1 }), ["PUBLISH1 #1 a DUP"]],
      [receive(pubrec(2), puback(2), pubcomp(2)), []],
      [receive(puback(1)), ["complete a", "PUBLISH2 #2 b DUP"]]
    ])
    assert.strictEqual(table.session.ignored, 3)
  })

  it("R49 S43 with the session lost, unfinished messages are new ones, and a released one was delivered", () => {
    const table = check(online(version), [
      [publish(outgoing(2, "a"), outgoing(1, "b"), outgoing(2, "c")), [
        "PUBLISH2 #1 a",
        "PUBLISH1 #2 b",
        "PUBLISH2 #3 c"
      ]],
      [receive(pubrec(1)), ["PUBREL #1"]],
      [receive(incoming(2, 9, "theirs")), ["deliver theirs"]],
      [disconnected, []],
      [lost, ["complete a", "PUBLISH1 #2 b", "PUBLISH2 #3 c"]]
    ])
    assert.strictEqual(table.session.received.size, 0)
    assert.strictEqual(table.session.republications, 0)
    check(table, [
      // The same identifier is another message of the server's, and the old acknowledgement is nobody's.
      [acknowledge(["theirs"]), []],
      [receive(incoming(2, 9, "new")), ["deliver new"]],
      [acknowledge(["theirs"]), []],
      [acknowledge(["new"]), ["PUBREC #9"]],
      [receive(pubrel(9)), ["PUBCOMP #9"]],
      // From here on they are the new session's, and have been sent.
      [disconnected, []],
      [connected(), ["PUBLISH1 #2 b DUP", "PUBLISH2 #3 c DUP"]],
      [receive(puback(2), puback(3)), ["complete b", "complete c"]]
    ])
    assertEmpty(table)
  })

  it("R49 R64 with the session lost and a small window, each is a new one until it is sent", () => {
    check(online(version), [
      [publish(outgoing(1, "a"), outgoing(1, "b")), ["PUBLISH1 #1 a", "PUBLISH1 #2 b"]],
      [disconnected, []],
      [connected({ sessionPresent: false, receiveMaximum: 1 }), ["PUBLISH1 #1 a"]],
      [disconnected, []],
      [connected(), ["PUBLISH1 #1 a DUP", "PUBLISH1 #2 b"]]
    ])
  })

  it("S32 SUBSCRIBE and UNSUBSCRIBE are abandoned at once, and their identifiers are free", () => {
    const table = check(online(version), [
      [subscribe("s", "f"), ["SUBSCRIBE #1 f"]],
      [publish(outgoing(1, "a")), ["PUBLISH1 #2 a"]],
      [unsubscribe("u", "g"), ["UNSUBSCRIBE #3 g"]],
      [disconnected, ["abandon s", "abandon u"]]
    ])
    assert.strictEqual(table.session.outgoing.size, 1)
    check(table, [
      [subscribe("s", "f"), []],
      [unsubscribe("u", "g"), []],
      [connected(), ["PUBLISH1 #2 a DUP"]],
      [receive(suback(1, [0]), unsuback(3, [0])), []],
      [subscribe("s", "f"), ["SUBSCRIBE #4 f"]]
    ])
  })

  it.each([10_000, 1_000])(
    "S56 ten thousand in flight: a window of %i goes out at once, subscriptions beside it",
    (window) => {
      const table = online(version, { maximumInFlight: 10_000 })
      play(table, publish(...range(10_000, 1).map((number) => outgoing(1, `m${number}`))))
      play(table, disconnected)
      const resent = play(table, connected({ receiveMaximum: window })).map(show)
      assert.deepStrictEqual(resent, range(window, 1).map((number) => `PUBLISH1 #${number} m${number} DUP`))
      check(table, [[subscribe("s", "f"), ["SUBSCRIBE #10001 f"]]])
      // A chunk of acknowledgements opens the window as far as it acknowledges.
      const acknowledged = range(500, 1)
      const after = play(table, receive(...acknowledged.map((number) => puback(number)))).map(show)
      assert.strictEqual(after.filter((line) => line.startsWith("complete")).length, 500)
      assert.deepStrictEqual(
        after.filter((line) => line.startsWith("PUBLISH")),
        window === 10_000 ? [] : acknowledged.map((number) => `PUBLISH1 #${window + number} m${window + number} DUP`)
      )
    }
  )
})

describe.each(versions)("Session %s: what is owed", (version) => {
  const deadline = ({ session }: Table) => Session.responseDeadline(session, 10_000)

  it("S10 counts from the sending of the first, and from the last acknowledgement of any kind", () => {
    const table = online(version)
    assert.strictEqual(deadline(table), Infinity)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    play(table, at(5_000, publish(outgoing(2, "b"))))
    assert.strictEqual(deadline(table), 11_000)
    play(table, at(9_000, receive(pubrec(2))))
    assert.strictEqual(deadline(table), 19_000)
    play(table, at(10_000, receive(pubcomp(2))))
    assert.strictEqual(deadline(table), 20_000)
    play(table, at(15_000, receive(puback(1))))
    assert.strictEqual(deadline(table), Infinity)
    play(table, at(60_000, subscribe("s", "f")))
    assert.strictEqual(deadline(table), 70_000)
    play(table, at(61_000, receive(suback(1, [0]))))
    play(table, at(62_000, receive(suback(3, [0]))))
    assert.strictEqual(deadline(table), Infinity)
  })

  it("S10 S34 what arrives otherwise is no acknowledgement", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    play(table, at(9_000, receive(incoming(0, 0, "m"), incoming(2, 1, "n"), puback(7), pubcomp(1), pubrel(5))))
    assert.strictEqual(deadline(table), 11_000)
    assert.strictEqual(table.session.owed, 1)
  })

  it("S10 a pause in our reading is not the server's silence", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    table.session = Session.resumed(table.session, 60_000)
    assert.strictEqual(deadline(table), 70_000)
  })

  it("S10 nothing is owed without a connection, and what is sent again is owed from then on", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"), outgoing(1, "b"), outgoing(2, "c"))))
    play(table, at(2_000, receive(pubrec(3))))
    play(table, at(3_000, disconnected))
    assert.strictEqual(deadline(table), Infinity)
    play(table, at(60_000, connected({ receiveMaximum: 2 })))
    // PUBREL, and the one PUBLISH for which the window has room.
    assert.strictEqual(table.session.owed, 2)
    assert.strictEqual(deadline(table), 70_000)
  })
})

describe.each(versions)("Session %s: receiving", (version) => {
  it("R86 R87 R88 R89 every message gets the answer of its QoS", () => {
    const table = check(online(version), [
      [receive(incoming(0, 0, "a"), incoming(1, 1, "b"), incoming(2, 2, "c")), ["deliver a", "deliver b", "deliver c"]],
      [acknowledge(["b", "c"]), ["PUBACK #1", "PUBREC #2"]],
      [acknowledge(["b", "c"]), []],
      [receive(pubrel(2)), ["PUBCOMP #2"]]
    ])
    assertEmpty(table)
  })

  it("R86 the message is delivered as it came", () => {
    const publish = incoming(1, 7, "a", { dup: true, retain: true, properties: { subscriptionIdentifiers: [3] } })
    const [action] = play(online(version), receive(publish))
    assert.strictEqual(action._tag === "Deliver" && action.publish, publish)
  })

  it("R87 after PUBACK the same identifier is a new message, whatever DUP says", () => {
    const table = check(online(version), [
      [receive(incoming(1, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBACK #1"]],
      [receive(incoming(1, 1, "b", { dup: true })), ["deliver b"]],
      [acknowledge(["a"]), []],
      [acknowledge(["b"]), ["PUBACK #1"]]
    ])
    assertEmpty(table)
  })

  it("R92 DUP never drops a message", () => {
    check(online(version), [
      [receive(incoming(1, 1, "a", { dup: true }), incoming(2, 2, "b", { dup: true })), ["deliver a", "deliver b"]],
      [receive(incoming(1, 3, "a", { dup: true })), ["deliver a"]]
    ])
  })

  it("R88 the same identifier before PUBREL is the same message: PUBREC again, not delivered twice", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [receive(incoming(2, 1, "a", { dup: true })), ["PUBREC #1"]],
      [receive(incoming(2, 1, "a")), ["PUBREC #1"]],
      [receive(pubrel(1)), ["PUBCOMP #1"]]
    ])
    assertEmpty(table)
  })

  it("R88 R93 sent again before its PUBREC has left, it holds up nobody", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [receive(incoming(2, 1, "a", { dup: true })), []],
      [acknowledge(["b"]), []],
      [receive(incoming(2, 2, "b", { dup: true }), incoming(2, 3, "c")), ["deliver c"]],
      [acknowledge(["a"]), ["PUBREC #1", "PUBREC #2"]],
      [acknowledge(["c"]), ["PUBREC #3"]],
      [receive(pubrel(1), pubrel(2), pubrel(3)), ["PUBCOMP #1", "PUBCOMP #2", "PUBCOMP #3"]]
    ])
    assertEmpty(table)
  })

  it("R88 across connections of one session: delivered once, answered on each", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b"), incoming(2, 3, "c")), ["deliver a", "deliver b", "deliver c"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [disconnected, []],
      // Decided while there is no connection.
      [acknowledge(["b"]), []],
      [connected(), []],
      [receive(incoming(2, 1, "a", { dup: true }), incoming(2, 2, "b", { dup: true })), ["PUBREC #1", "PUBREC #2"]],
      // Not decided before it came again.
      [receive(incoming(2, 3, "c", { dup: true })), []],
      [acknowledge(["c"]), ["PUBREC #3"]],
      [receive(pubrel(1), pubrel(2), pubrel(3)), ["PUBCOMP #1", "PUBCOMP #2", "PUBCOMP #3"]]
    ])
    assertEmpty(table)
  })

  it("R87 a QoS 1 message of an earlier connection is not acknowledged on this one, but delivered again", () => {
    check(online(version), [
      [receive(incoming(1, 1, "a"), incoming(1, 2, "old")), ["deliver a", "deliver old"]],
      [disconnected, []],
      [acknowledge(["a"]), []],
      [connected(), []],
      [receive(incoming(1, 1, "a", { dup: true }), incoming(1, 2, "b")), ["deliver a", "deliver b"]],
      [acknowledge(["old"]), []],
      [acknowledge(["a", "b"]), ["PUBACK #1", "PUBACK #2"]]
    ])
  })

  it("R89 an unknown PUBREL is answered, and a second one too", () => {
    const unknown = version === "5.0" ? "PUBCOMP #1 0x92" : "PUBCOMP #1"
    check(online(version), [
      [receive(pubrel(1)), [unknown]],
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [receive(pubrel(1), pubrel(1)), ["PUBCOMP #1", unknown]],
      [receive(incoming(2, 1, "b", { dup: true })), ["deliver b"]]
    ])
  })

  it("R89 a PUBREL after a reconnect finishes what was received before it", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [disconnected, []],
      [connected(), []],
      [receive(pubrel(1)), ["PUBCOMP #1"]]
    ])
    assertEmpty(table)
  })

  it("R89 a PUBREL that comes before our PUBREC is answered and changes nothing", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [acknowledge(["b"]), []],
      [receive(pubrel(1), pubrel(2)), ["PUBCOMP #1", "PUBCOMP #2"]],
      [acknowledge(["a"]), ["PUBREC #1", "PUBREC #2"]],
      [receive(pubrel(1), pubrel(2)), ["PUBCOMP #1", "PUBCOMP #2"]]
    ])
    assertEmpty(table)
  })

  it("R91 the exchange is finished although the message has expired with us", () => {
    const properties = { messageExpiryInterval: 1 }
    const table = check(online(version), [
      [receive(incoming(2, 1, "a", { properties })), ["deliver a"]],
      [at(3_600_000, acknowledge(["a"])), ["PUBREC #1"]],
      [receive(pubrel(1)), ["PUBCOMP #1"]]
    ])
    assertEmpty(table)
  })

  it("R93 PUBACK and PUBREC leave in the order of their messages, each kind on its own", () => {
    const table = check(online(version), [
      [
        receive(
          incoming(1, 1, "a"),
          incoming(2, 2, "b"),
          incoming(1, 3, "c"),
          incoming(2, 4, "d"),
          incoming(1, 5, "e")
        ),
        [
          "deliver a",
          "deliver b",
          "deliver c",
          "deliver d",
          "deliver e"
        ]
      ],
      [acknowledge(["e"]), []],
      [acknowledge(["d", "c"]), []],
      [acknowledge(["b"]), ["PUBREC #2", "PUBREC #4"]],
      [acknowledge(["a"]), ["PUBACK #1", "PUBACK #3", "PUBACK #5"]]
    ])
    assert.strictEqual(table.session.unacknowledged, 2)
  })

  it("R93 on the next connection the order is that of the new arrivals", () => {
    const again = { dup: true }
    check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [disconnected, []],
      [connected(), []],
      [receive(incoming(2, 2, "b", again), incoming(2, 3, "c"), incoming(2, 1, "a", again)), ["deliver c"]],
      [acknowledge(["a", "c"]), []],
      [acknowledge(["b"]), ["PUBREC #2", "PUBREC #3", "PUBREC #1"]]
    ])
  })

  it("R118 R147 messages may come before SUBACK, and after UNSUBACK", () => {
    check(begin(version), [
      [connected(), []],
      [receive(incoming(1, 1, "queued"), incoming(0, 0, "also")), ["deliver queued", "deliver also"]],
      [subscribe("s", "f"), ["SUBSCRIBE #1 f"]],
      [receive(incoming(1, 2, "early"), suback(1, [1])), ["deliver early", "complete s 0x01"]],
      [unsubscribe("u", "f"), ["UNSUBSCRIBE #2 f"]],
      [receive(unsuback(2, version === "5.0" ? [0] : []), incoming(1, 3, "late")), [
        version === "5.0" ? "complete u 0x00" : "complete u",
        "deliver late"
      ]],
      [acknowledge(["queued", "early", "late"]), ["PUBACK #1", "PUBACK #2", "PUBACK #3"]]
    ])
  })
})

describe("Session 5.0: receiving", () => {
  it("R90 after a PUBREC of an error the same identifier is a new message", () => {
    const table = check(online("5.0"), [
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"], 0x83), ["PUBREC #1 0x83"]],
      [receive(incoming(2, 1, "b", { dup: true })), ["deliver b"]],
      [acknowledge(["a"]), []],
      [acknowledge(["b"]), ["PUBREC #1"]],
      [receive(pubrel(1)), ["PUBCOMP #1"]]
    ])
    assertEmpty(table)
  })

  it("R87 R90 the first decision counts, also when it has to wait", () => {
    const table = check(online("5.0"), [
      [receive(incoming(1, 1, "a"), incoming(1, 2, "b"), incoming(2, 3, "c"), incoming(2, 4, "d")), [
        "deliver a",
        "deliver b",
        "deliver c",
        "deliver d"
      ]],
      [acknowledge(["b", "d"], 0x87), []],
      [acknowledge(["b", "d"]), []],
      [acknowledge(["a", "c"]), ["PUBACK #1", "PUBACK #2 0x87", "PUBREC #3", "PUBREC #4 0x87"]],
      [receive(pubrel(3)), ["PUBCOMP #3"]]
    ])
    assertEmpty(table)
  })

  it("R88 R90 a refusal decided without a connection is said on the next", () => {
    const table = check(online("5.0"), [
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [disconnected, []],
      [acknowledge(["a"], 0x83), []],
      [connected(), []],
      [receive(incoming(2, 1, "a", { dup: true })), ["PUBREC #1 0x83"]]
    ])
    assertEmpty(table)
  })

  it("R90 R98 a refused message that comes again before its PUBREC counts once", () => {
    const table = check(online("5.0", { receiveMaximum: 3 }), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [acknowledge(["b"], 0x83), []],
      [receive(incoming(2, 2, "b", { dup: true })), []],
      [acknowledge(["a"]), ["PUBREC #1", "PUBREC #2 0x83"]]
    ])
    assert.strictEqual(table.session.unacknowledged, 1)
  })

  it("R98 R143 one more than our Receive Maximum is a violation, and nothing after it is looked at", () => {
    const table = online("5.0", { receiveMaximum: 2 })
    play(table, publish(outgoing(1, "ours")))
    const packets = [incoming(1, 1, "a"), incoming(2, 2, "b"), incoming(0, 0, "c"), incoming(1, 3, "d"), puback(1)]
    check(table, [[receive(...packets), ["deliver a", "deliver b", "deliver c", "violation 3.3.4-9 0x93"]]])
    assert.strictEqual(table.session.outgoing.size, 1)
  })

  it("R98 the quota comes back with PUBACK, PUBCOMP and a PUBREC of an error, and anew on each connection", () => {
    const table = check(online("5.0", { receiveMaximum: 1 }), [
      [receive(incoming(1, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBACK #1"]],
      [receive(incoming(2, 1, "b")), ["deliver b"]],
      [acknowledge(["b"], 0x83), ["PUBREC #1 0x83"]],
      [receive(incoming(2, 1, "c")), ["deliver c"]],
      [acknowledge(["c"]), ["PUBREC #1"]],
      // Not another message, so not one too many.
      [receive(incoming(2, 1, "c", { dup: true })), ["PUBREC #1"]],
      [receive(pubrel(1), incoming(2, 2, "d")), ["PUBCOMP #1", "deliver d"]],
      [acknowledge(["d"]), ["PUBREC #2"]],
      [disconnected, []],
      [connected(), []],
      [receive(incoming(1, 3, "e")), ["deliver e"]],
      // Belongs to the connection before.
      [receive(pubrel(2)), ["PUBCOMP #2"]]
    ])
    assert.strictEqual(table.session.unacknowledged, 1)
    check(table, [[receive(incoming(1, 4, "f")), ["violation 3.3.4-9 0x93"]]])
  })

  it("R143 a violation is the last thing that is said", () => {
    const table = check(online("5.0"), [
      [subscribe("s", "f"), ["SUBSCRIBE #1 f"]],
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]]
    ])
    const packets = [incoming(2, 1, "a", { dup: true }), suback(1, []), incoming(2, 1, "a", { dup: true }), pubrel(1)]
    check(table, [[receive(...packets), ["PUBREC #1", "violation 3.8.4-6 0x82"]]])
  })
})

describe("Session 3.1.1: receiving", () => {
  it("R98 there is no Receive Maximum", () => {
    const packets = range(5, 1).map((identifier) => incoming(1, identifier, `m${identifier}`))
    const actions = play(online("3.1.1", { receiveMaximum: 1 }), receive(...packets)).map(show)
    assert.deepStrictEqual(actions, packets.map(({ topic }) => `deliver ${topic}`))
  })
})

describe.each(versions)("Session %s: subscribing", (version) => {
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

describe("Session 5.0: unsubscribing", () => {
  it.each([[[]], [[0]], [[0, 0, 0]]])("R114 UNSUBACK with the codes %j for two filters is a violation", (codes) => {
    check(online("5.0"), [
      [unsubscribe("u", "a", "b"), ["UNSUBSCRIBE #1 a b"]],
      [receive(unsuback(1, codes)), ["violation 3.11.3-1 0x82"]]
    ])
  })
})

describe("Session: who waits", () => {
  it("R19 is found by identifier, until the outcome", () => {
    const table = check(online("5.0"), [
      [publish(outgoing(2, "a")), ["PUBLISH2 #1 a"]],
      [subscribe("s", "f"), ["SUBSCRIBE #2 f"]],
      [receive(pubrec(1)), ["PUBREL #1"]]
    ])
    assert.deepStrictEqual(Session.requests(table.session), ["a", "s"])
    const requestsOf = () => range(3, 1).map((identifier) => Session.requestOf(table.session, identifier))
    assert.deepStrictEqual(requestsOf(), ["a", "s", undefined])
    check(table, [[receive(pubcomp(1)), ["complete a"]]])
    assert.deepStrictEqual(requestsOf(), [undefined, "s", undefined])
    assert.deepStrictEqual(Session.requests(table.session), ["s"])
  })
})

describe("Session: a value", () => {
  it("a step leaves its input as it was", () => {
    const table = online("5.0")
    play(table, publish(outgoing(1, "a"), outgoing(2, "b")))
    play(table, receive(incoming(2, 1, "m"), incoming(1, 2, "n")))
    const before = table.session
    const copy = structuredClone({ ...before, outgoing: 0, received: 0 })
    const inputs = [
      receive(puback(1), pubrec(2), incoming(1, 3, "o")),
      acknowledge(["m", "n"]),
      disconnected,
      publish(outgoing(1, "c")),
      lost
    ]
    const outcomes = inputs.map((input) => play({ ...table, arrivals: new Map(table.arrivals) }, input).map(show))
    assert.deepStrictEqual({ ...before, outgoing: 0, received: 0 }, copy)
    assert.deepStrictEqual([before.outgoing.size, before.received.size], [2, 1])
    for (const [index, input] of inputs.entries()) {
      const again = play({ ...table, session: before, arrivals: new Map(table.arrivals) }, input).map(show)
      assert.deepStrictEqual(again, outcomes[index])
    }
  })
})

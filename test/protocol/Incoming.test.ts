import { assert, describe, it } from "@effect/vitest"
import { versions } from "../support/versions.ts"
import {
  acknowledge,
  assertEmpty,
  at,
  begin,
  check,
  connected,
  disconnected,
  incoming,
  online,
  outgoing,
  play,
  puback,
  publish,
  pubrel,
  range,
  receive,
  show,
  suback,
  subscribe,
  unsuback,
  unsubscribe
} from "./support/session.ts"

describe.each(versions)("Incoming %s", (version) => {
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

  it("R87 R93 before PUBACK the same identifier is the same message, with DUP or without: one place, one PUBACK", () => {
    const table = check(online(version, { receiveMaximum: 2 }), [
      [receive(incoming(1, 1, "a"), incoming(1, 2, "b")), ["deliver a", "deliver b"]],
      [receive(incoming(1, 1, "a", { dup: true }), incoming(1, 2, "b"), incoming(1, 1, "a")), []],
      [acknowledge(["b"]), []],
      [receive(incoming(1, 2, "b", { dup: true })), []],
      [acknowledge(["a"]), ["PUBACK #1", "PUBACK #2"]],
      [receive(incoming(1, 1, "c"), incoming(1, 2, "d", { dup: true })), ["deliver c", "deliver d"]],
      [acknowledge(["c", "d"]), ["PUBACK #1", "PUBACK #2"]]
    ])
    assertEmpty(table)
  })

  it("R87 on the next connection the same identifier is delivered again: its PUBACK was never sent", () => {
    const table = check(online(version), [
      [receive(incoming(1, 1, "a")), ["deliver a"]],
      [disconnected, []],
      [connected({ sessionPresent: true }), []],
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

  it("R88 in a session that may be a new one, what comes for the first time is a new message", () => {
    check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [acknowledge(["a", "b"]), ["PUBREC #1", "PUBREC #2"]],
      [disconnected, []],
      [connected({ isInDoubt: true }), []],
      [receive(incoming(2, 1, "c"), incoming(2, 2, "b", { dup: true })), ["deliver c"]],
      [acknowledge(["c"]), ["PUBREC #1", "PUBREC #2"]]
    ])
  })

  it("R88 the doubt about an identifier lasts until it comes again, on however many connections", () => {
    check(online(version), [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b"), incoming(2, 3, "c")), ["deliver a", "deliver b", "deliver c"]],
      [acknowledge(["a", "b", "c"]), ["PUBREC #1", "PUBREC #2", "PUBREC #3"]],
      [disconnected, []],
      [connected({ isInDoubt: true }), []],
      // The session is the old one as far as this message says.
      [receive(incoming(2, 3, "c", { dup: true })), ["PUBREC #3"]],
      [disconnected, []],
      [connected(), []],
      [receive(incoming(2, 1, "new"), incoming(2, 2, "b", { dup: true })), ["deliver new"]],
      [acknowledge(["new"]), ["PUBREC #1", "PUBREC #2"]],
      // Of a server that leaves DUP out, where nothing is in doubt.
      [receive(incoming(2, 3, "c")), ["PUBREC #3"]],
      [disconnected, []],
      [connected(), []],
      [receive(incoming(2, 1, "new")), ["PUBREC #1"]]
    ])
  })

  it("R88 a server that says that the session is a new one ends the doubt", () => {
    const table = check(online(version), [
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [disconnected, []],
      [connected({ isInDoubt: true }), []],
      [disconnected, []],
      [connected({ sessionPresent: false }), []],
      [receive(incoming(2, 1, "b")), ["deliver b"]],
      [acknowledge(["b"]), ["PUBREC #1"]],
      [disconnected, []],
      [connected(), []],
      [receive(incoming(2, 1, "b")), ["PUBREC #1"]]
    ])
    assert.strictEqual(table.session.doubtedOn, 0)
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

describe("Incoming 5.0", () => {
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

  it("R98 R143 a violation names the Receive Maximum that was passed", () => {
    const table = online("5.0", { receiveMaximum: 2 })
    const [, , action] = play(table, receive(...range(3, 1).map((identifier) => incoming(1, identifier, "a"))))
    const message = action._tag === "Violation" ? action.violation.message : ""
    assert.strictEqual(message, "more than 2 messages unacknowledged, our Receive Maximum")
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

describe.each(versions)("Incoming %s: a session in doubt", (version) => {
  it("R88 a message of this connection that comes again is the same one, DUP or not", () => {
    const table = check(begin(version), [
      [connected({ isInDoubt: true }), []],
      [receive(incoming(2, 1, "a")), ["deliver a"]],
      [acknowledge(["a"]), ["PUBREC #1"]],
      [receive(incoming(2, 1, "a")), ["PUBREC #1"]],
      [receive(incoming(2, 1, "a", { dup: true })), ["PUBREC #1"]],
      [receive(pubrel(1)), ["PUBCOMP #1"]]
    ])
    assertEmpty(table)
  })
})

describe("Incoming 3.1.1", () => {
  it("R98 there is no Receive Maximum", () => {
    const packets = range(5, 1).map((identifier) => incoming(1, identifier, `m${identifier}`))
    const actions = play(online("3.1.1", { receiveMaximum: 1 }), receive(...packets)).map(show)
    assert.deepStrictEqual(actions, packets.map(({ topic }) => `deliver ${topic}`))
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as PacketIdentifiers from "../../src/protocol/PacketIdentifiers.ts"
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
  show,
  suback,
  subscribe,
  type Table,
  unsuback,
  unsubscribe
} from "./support/session.ts"

const lost = connected({ sessionPresent: false })

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
            topicFilters: 1,
            sequence: 0,
            isAhead: false
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
      { _tag: "Publish", ...request.message, dup: true, packetIdentifier: 1 }
    ])
  })

  it("R76 an acknowledgement that is looked at after the end still counts", () => {
    const table = check(online(version), [
      [publish(outgoing(1, "a"), outgoing(2, "b")), ["PUBLISH1 #1 a", "PUBLISH2 #2 b"]],
      [disconnected, []],
      [receive(puback(1)), ["complete a"]]
    ])
    assert.strictEqual(table.session.owed, 0)
    check(table, [
      [receive(pubrec(2)), ["PUBREL #2"]],
      [connected(), ["PUBREL #2"]],
      [receive(pubcomp(2)), ["complete b"]]
    ])
    assertEmpty(table)
  })

  it("R93 a message that is looked at after the end holds up nobody on the next connection", () => {
    check(online(version), [
      [disconnected, []],
      [receive(incoming(1, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [connected(), []],
      [receive(incoming(1, 3, "c"), incoming(2, 4, "d")), ["deliver c", "deliver d"]],
      [acknowledge(["c", "d"]), ["PUBACK #3", "PUBREC #4"]]
    ])
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
    assert.strictEqual(table.session.republications, 2)
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

  it("SUBSCRIBE and UNSUBSCRIBE are abandoned at once, and their identifiers are free", () => {
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

  it("counts from the sending of the first, and from the last acknowledgement of any kind", () => {
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

  it("S34 what arrives otherwise is no acknowledgement", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    play(table, at(9_000, receive(incoming(0, 0, "m"), incoming(2, 1, "n"), puback(7), pubcomp(1), pubrel(5))))
    assert.strictEqual(deadline(table), 11_000)
    assert.strictEqual(table.session.owed, 1)
  })

  it("a pause in our reading is not the server's silence", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    table.session = Session.resumed(table.session, 60_000)
    assert.strictEqual(deadline(table), 70_000)
  })

  it("nothing is owed without a connection, and what is sent again is owed from then on", () => {
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

describe.each(versions)("Session %s: patience", (version) => {
  const deadline = ({ session }: Table) => Session.responseDeadline(session, 10_000)

  it("one message may be left out ten times as long while others are acknowledged, and no longer", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    for (const [index, now] of [20_000, 40_000, 60_000, 80_000, 90_000].entries()) {
      play(table, at(now, publish(outgoing(1, "b"))))
      play(table, at(now + 1, receive(puback(index + 2))))
      assert.strictEqual(deadline(table), now + 1 + 10_000)
    }
    play(table, at(95_000, publish(outgoing(1, "c"))))
    play(table, at(96_000, receive(puback(7))))
    assert.strictEqual(deadline(table), 101_000)
  })

  it("it is counted from the last time it was sent", () => {
    const table = online(version)
    play(table, at(1_000, publish(outgoing(1, "a"))))
    play(table, at(2_000, disconnected))
    play(table, at(500_000, connected()))
    assert.strictEqual(deadline(table), 510_000)
  })

  it("the oldest is the first that was sent of those unacknowledged on this connection", () => {
    const table = online(version)
    const oldest = () => Session.oldest(table.session)
    assert.isUndefined(oldest())
    play(table, subscribe("s", "f"))
    assert.isUndefined(oldest())
    // The numbers after the last one given are next, so that the oldest has the highest.
    table.session = { ...table.session, outgoing: { ...table.session.outgoing, last: 65_533 } }
    play(table, at(1_000, publish(outgoing(2, "a"))))
    play(table, at(2_000, publish(outgoing(1, "b"), outgoing(1, "c"), outgoing(1, "d"))))
    const shown = () => {
      const { packetIdentifier, request, sentAt } = oldest() ?? assert.fail("none")
      return [packetIdentifier, request, sentAt]
    }
    assert.deepStrictEqual(shown(), [65_534, "a", 1_000])
    // A released message is the server's.
    play(table, receive(pubrec(65_534)))
    assert.deepStrictEqual(shown(), [65_535, "b", 2_000])
    play(table, receive(puback(65_535)))
    assert.deepStrictEqual(shown(), [2, "c", 2_000])
    // What waits to be sent again is not under suspicion.
    play(table, at(3_000, disconnected))
    play(table, at(9_000, connected({ receiveMaximum: 2 })))
    assert.deepStrictEqual(shown(), [2, "c", 9_000])
    play(table, receive(puback(2)))
    assert.deepStrictEqual(shown(), [3, "d", 9_000])
    play(table, receive(puback(3)))
    assert.isUndefined(oldest())
  })

  it("the first to be suspected is what was sent first of all that is unanswered, whatever it is", () => {
    const table = online(version)
    const first = () => {
      const unanswered = Session.unanswered(table.session)
      return unanswered && `${unanswered.packet} ${unanswered.request}`
    }
    assert.isUndefined(first())
    play(table, publish(outgoing(2, "a"), outgoing(1, "b")))
    play(table, subscribe("s", "f"))
    play(table, unsubscribe("u", "g"))
    assert.strictEqual(first(), "PUBLISH a")
    play(table, receive(pubrec(1)))
    assert.strictEqual(first(), "PUBLISH b")
    play(table, receive(puback(2)))
    assert.strictEqual(first(), "SUBSCRIBE s")
    play(table, receive(suback(3, [0])))
    assert.strictEqual(first(), "UNSUBSCRIBE u")
    play(table, receive(unsuback(4, version === "5.0" ? [0] : [])))
    assert.strictEqual(first(), "PUBREL a")
    play(table, publish(outgoing(1, "c")))
    play(table, disconnected)
    play(table, connected())
    // PUBREL are sent again first.
    assert.strictEqual(first(), "PUBREL a")
    play(table, receive(pubcomp(1)))
    assert.strictEqual(first(), "PUBLISH c")
    play(table, giveUp(Session.unanswered(table.session)?.packetIdentifier ?? 0))
    assert.isUndefined(first())
  })

  it("what waits to be sent again, because a released message has the window, is not the oldest", () => {
    const table = online(version)
    play(table, publish(outgoing(2, "a"), outgoing(1, "b")))
    play(table, receive(pubrec(1)))
    play(table, disconnected)
    check(table, [[connected({ receiveMaximum: 1 }), ["PUBREL #1"]]])
    assert.isUndefined(Session.oldest(table.session))
    play(table, receive(pubcomp(1)))
    assert.strictEqual(Session.oldest(table.session)?.request, "b")
  })
})

describe.each(versions)("Session %s: wary of what is sent again", (version) => {
  const five = range(5, 1)
  const before = () =>
    check(online(version), [
      [
        publish(...five.map((number) => outgoing(1, `m${number}`))),
        five.map((number) => `PUBLISH1 #${number} m${number}`)
      ],
      [disconnected, []]
    ])

  it("one goes first, and with each that is acknowledged one more may be in flight", () => {
    const table = check(before(), [
      [connected({ isWary: true }), ["PUBLISH1 #1 m1 DUP"]],
      [receive(puback(1)), ["complete m1", "PUBLISH1 #2 m2 DUP", "PUBLISH1 #3 m3 DUP"]],
      [receive(puback(2)), ["complete m2", "PUBLISH1 #4 m4 DUP", "PUBLISH1 #5 m5 DUP"]]
    ])
    assert.strictEqual(Session.room(table.session), 0)
    check(table, [[receive(puback(3), puback(4), puback(5)), ["complete m3", "complete m4", "complete m5"]]])
    assert.strictEqual(Session.room(table.session), 6)
  })

  it("R74 the window grows to the server's Receive Maximum and no further", () => {
    const table = check(before(), [
      [connected({ isWary: true, receiveMaximum: 2 }), ["PUBLISH1 #1 m1 DUP"]],
      [receive(puback(1)), ["complete m1", "PUBLISH1 #2 m2 DUP", "PUBLISH1 #3 m3 DUP"]],
      [receive(puback(2)), ["complete m2", "PUBLISH1 #4 m4 DUP"]],
      [receive(puback(3)), ["complete m3", "PUBLISH1 #5 m5 DUP"]],
      [receive(puback(4), puback(5)), ["complete m4", "complete m5"]]
    ])
    assert.strictEqual(Session.room(table.session), 2)
  })

  it("the next connection is not wary unless it is told to be", () => {
    check(before(), [
      [connected({ isWary: true }), ["PUBLISH1 #1 m1 DUP"]],
      [disconnected, []],
      [connected(), five.map((number) => `PUBLISH1 #${number} m${number} DUP`)]
    ])
  })
})

describe("Session: with nothing in it", () => {
  it("is not connected, in no doubt, and has nothing to send again, before the first connection and after one", () => {
    const table = begin("5.0")
    const assertIdle = () => {
      assert.isFalse(table.session.isConnected)
      assert.deepStrictEqual([table.session.replay, table.session.replayed], [[], 0])
      assert.strictEqual(Session.room(table.session), 0)
      assertEmpty(table)
    }
    assertIdle()
    assert.strictEqual(table.session.doubtedOn, 0)
    check(table, [[connected(), []], [disconnected, []]])
    assertIdle()
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

describe.each(versions)("Session %s: how many identifiers are reserved", (version) => {
  /** One of each: released, in flight at QoS 1 and 2, and a subscription, #1 to #4. */
  const inFlight = () => {
    const table = online(version)
    play(table, publish(outgoing(2, "a"), outgoing(1, "b"), outgoing(2, "c")))
    play(table, receive(pubrec(1)))
    play(table, subscribe("s", "f"))
    return table
  }

  const cases: ReadonlyArray<readonly [name: string, happened: ReadonlyArray<Input>, reserved: number]> = [
    ["nothing was given up", [], 0],
    ["one message was", [giveUp(2)], 1],
    ["the same one twice", [giveUp(2), giveUp(2)], 1],
    ["two were", [giveUp(2), giveUp(3)], 2],
    ["what is released was", [giveUp(1)], 1],
    ["a subscription and nothing cannot be", [giveUp(4), giveUp(9)], 0],
    ["one of two is answered after all", [giveUp(2), giveUp(3), receive(puback(2))], 1],
    ["two were, and another connection goes on with the session", [giveUp(2), giveUp(3), disconnected, connected()], 2],
    ["two were, and the session is lost", [giveUp(2), giveUp(3), disconnected, lost], 0]
  ]

  it.each(cases)("S53 %s", (_, happened, reserved) => {
    const table = inFlight()
    for (const input of happened) play(table, input)
    assert.strictEqual(Session.reserved(table.session), reserved)
    // As many outlive the process.
    const restored = Snapshot.restore(begin(version).session, Snapshot.take(table.session), "nobody")
    assert.strictEqual(Session.reserved(restored), reserved)
  })

  it("S53 in a session without anything", () => {
    assert.strictEqual(Session.reserved(begin(version).session), 0)
  })
})

describe("Session: a server that sent more than our Receive Maximum", () => {
  it.each([[1, 4], [2, 8], [20, 80], [16_383, 65_532], [16_384, 65_535], [65_535, 65_535]])(
    "R98 %i becomes %i",
    (before, after) => {
      const { session } = online("5.0", { receiveMaximum: before })
      assert.deepStrictEqual(Session.overrun(session), { ...session, receiveMaximum: after })
    }
  )

  it("R98 may send four times as much on the next connection, and no more", () => {
    const table = check(online("5.0", { receiveMaximum: 1 }), [[disconnected, []]])
    table.session = Session.overrun(table.session)
    const messages = range(5, 1).map((number) => incoming(1, number, `m${number}`))
    const delivered = range(4, 1).map((number) => `deliver m${number}`)
    check(table, [[connected(), []], [receive(...messages.slice(0, 4)), delivered]])
    assert.deepStrictEqual(play(table, receive(messages[4])).map(({ _tag }) => _tag), ["Violation"])
  })
})

describe("Session: a value", () => {
  it("a step leaves its input as it was", () => {
    const table = online("5.0")
    play(table, publish(outgoing(1, "a"), outgoing(2, "b")))
    play(table, receive(incoming(2, 1, "m"), incoming(1, 2, "n")))
    const before = table.session
    // Tables of identifiers hold symbols, which have no copies: their sizes are compared.
    const withoutTables = ({ arrivals: { 1: first, 2: second }, ...session }: typeof before) => ({
      ...session,
      outgoing: 0,
      received: 0,
      arrivals: { 1: { ...first, identifiers: 0 }, 2: { ...second, identifiers: 0 } }
    })
    const copy = structuredClone(withoutTables(before))
    const inputs = [
      receive(puback(1), pubrec(2), incoming(1, 3, "o")),
      acknowledge(["m", "n"]),
      disconnected,
      publish(outgoing(1, "c")),
      lost
    ]
    const outcomes = inputs.map((input) => play({ ...table, arrivals: new Map(table.arrivals) }, input).map(show))
    assert.deepStrictEqual(withoutTables(before), copy)
    const { arrivals, outgoing: sent, received } = before
    assert.deepStrictEqual([sent.size, received.size, arrivals[1].waiting.length], [2, 1, 1])
    for (const [index, input] of inputs.entries()) {
      const again = play({ ...table, session: before, arrivals: new Map(table.arrivals) }, input).map(show)
      assert.deepStrictEqual(again, outcomes[index])
    }
  })
})

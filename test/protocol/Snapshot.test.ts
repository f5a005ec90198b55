import { assert, describe, it } from "@effect/vitest"
import * as Properties from "../../src/protocol/Properties.ts"
import * as Session from "../../src/protocol/Session.ts"
import * as Snapshot from "../../src/protocol/Snapshot.ts"
import { versions } from "../support/versions.ts"
import {
  acknowledge,
  assertEmpty,
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
  subscribe,
  type Table,
  unsubscribe
} from "./support/session.ts"

/** What was kept, in a program started anew: nobody waits for an outcome any more. */
const restarted = (snapshot: Snapshot.Snapshot<string>, version: "3.1.1" | "5.0" = "5.0"): Table => {
  const table = begin(version)
  const nobodys = <A>(all: ReadonlyArray<A>) => all.map((one) => ({ ...one, request: "kept" }))
  const { messages, releases } = snapshot
  const kept = { ...snapshot, messages: nobodys(messages), releases: nobodys(releases) }
  table.session = Snapshot.restore(table.session, kept, "kept")
  return table
}

const success = { reasonCode: 0x00, reasonCodes: [], properties: Properties.none }

/** The exchanges that are not finished. */
const exchangesOf = ({ messages, received, releases }: Snapshot.Snapshot<string>) => ({
  messages: messages.map(({ message, packetIdentifier }) => ({ packetIdentifier, message })),
  releases: releases.map(({ outcome, packetIdentifier }) => ({ packetIdentifier, outcome })),
  received
})

/** One of everything that can be unfinished. */
const busy = (version: "3.1.1" | "5.0"): Table =>
  check(online(version), [
    [subscribe("s", "f"), ["SUBSCRIBE #1 f"]],
    [publish(outgoing(1, "a"), outgoing(2, "b"), outgoing(2, "c"), outgoing(1, "d"), outgoing(2, "e")), [
      "PUBLISH1 #2 a",
      "PUBLISH2 #3 b",
      "PUBLISH2 #4 c",
      "PUBLISH1 #5 d",
      "PUBLISH2 #6 e"
    ]],
    [unsubscribe("u", "g"), ["UNSUBSCRIBE #7 g"]],
    // The later identifier is released first.
    [receive(pubrec(4), pubrec(3)), ["PUBREL #4", "PUBREL #3"]],
    [receive(incoming(2, 11, "m"), incoming(2, 12, "n"), incoming(2, 13, "o")), [
      "deliver m",
      "deliver n",
      "deliver o"
    ]],
    [acknowledge(["m"]), ["PUBREC #11"]],
    [acknowledge(["o"]), []]
  ])

describe.each(versions)("Snapshot %s", (version) => {
  it("a session with nothing unfinished leaves nothing to keep", () => {
    assert.deepStrictEqual(Snapshot.take(online(version).session), Snapshot.empty)
    assert.deepStrictEqual(exchangesOf(Snapshot.empty), { messages: [], releases: [], received: [] })
  })

  it("R47 keeps what was published, what was released and what was answered, each in its order", () => {
    assert.deepStrictEqual(exchangesOf(Snapshot.take(busy(version).session)), {
      messages: [
        { packetIdentifier: 2, message: message(1, "a") },
        { packetIdentifier: 5, message: message(1, "d") },
        { packetIdentifier: 6, message: message(2, "e") }
      ],
      releases: [{ packetIdentifier: 4, outcome: success }, { packetIdentifier: 3, outcome: success }],
      // 12 is not decided about, so the server sends it again; 13 waits for it, but is decided.
      received: [{ packetIdentifier: 11, answer: 0x00 }, { packetIdentifier: 13, answer: 0x00 }]
    })
  })

  it("R82 keeps the order messages were sent in, also when the identifiers have wrapped", () => {
    const table = online(version)
    // The numbers after the last one given are next.
    table.session = { ...table.session, outgoing: { ...table.session.outgoing, last: 65_533 } }
    check(table, [
      [publish(outgoing(2, "r"), outgoing(2, "s"), outgoing(2, "t"), outgoing(1, "a"), outgoing(1, "b")), [
        "PUBLISH2 #65534 r",
        "PUBLISH2 #65535 s",
        "PUBLISH2 #1 t",
        "PUBLISH1 #2 a",
        "PUBLISH1 #3 b"
      ]],
      [receive(puback(3)), ["complete b"]],
      [receive(pubrec(65_535)), ["PUBREL #65535"]],
      [receive(pubrec(1)), ["PUBREL #1"]]
    ])
    const { messages, releases } = Snapshot.take(table.session)
    assert.deepStrictEqual(messages.map(({ packetIdentifier }) => packetIdentifier), [65_534, 2])
    assert.deepStrictEqual(releases.map(({ packetIdentifier }) => packetIdentifier), [65_535, 1])
  })

  it("R47 R64 R81 R82 R83 a program started anew goes on as a connection would have", () => {
    const table = check(restarted(Snapshot.take(busy(version).session), version), [
      [connected(), ["PUBREL #4", "PUBREL #3", "PUBLISH1 #2 a DUP", "PUBLISH1 #5 d DUP", "PUBLISH2 #6 e DUP"]],
      [receive(pubcomp(3), pubcomp(4), puback(2), puback(5), pubrec(6), pubcomp(6)), [
        "complete kept",
        "complete kept",
        "complete kept",
        "complete kept",
        "PUBREL #6",
        "complete kept"
      ]],
      // What was answered is not delivered again, and the answer stays.
      [receive(incoming(2, 11, "m", { dup: true })), ["PUBREC #11"]],
      [receive(pubrel(11), pubrel(13)), ["PUBCOMP #11", "PUBCOMP #13"]],
      // What was not is a message like any other.
      [receive(incoming(2, 12, "n", { dup: true })), ["deliver n"]],
      [acknowledge(["n"]), ["PUBREC #12"]],
      [receive(pubrel(12)), ["PUBCOMP #12"]]
    ])
    assertEmpty(table)
  })

  it("R49 S43 with the session lost, what was kept is sent as new, and what was released counts as delivered", () => {
    const table = restarted(Snapshot.take(busy(version).session), version)
    check(table, [
      [connected({ sessionPresent: false }), [
        "complete kept",
        "complete kept",
        "PUBLISH1 #2 a",
        "PUBLISH1 #5 d",
        "PUBLISH2 #6 e"
      ]],
      [receive(incoming(2, 11, "other")), ["deliver other"]]
    ])
  })

  it("what is published after a restart comes after what was kept, on every connection to come", () => {
    check(restarted(Snapshot.take(busy(version).session), version), [
      [connected(), ["PUBREL #4", "PUBREL #3", "PUBLISH1 #2 a DUP", "PUBLISH1 #5 d DUP", "PUBLISH2 #6 e DUP"]],
      // Identifiers that are taken are left out.
      [publish(outgoing(1, "x"), outgoing(1, "y")), ["PUBLISH1 #1 x", "PUBLISH1 #7 y"]],
      [receive(pubrec(6)), ["PUBREL #6"]],
      [disconnected, []],
      [connected(), [
        "PUBREL #4",
        "PUBREL #3",
        "PUBREL #6",
        "PUBLISH1 #2 a DUP",
        "PUBLISH1 #5 d DUP",
        "PUBLISH1 #1 x DUP",
        "PUBLISH1 #7 y DUP"
      ]]
    ])
  })

  it("taken again at once it is the same", () => {
    const snapshot = Snapshot.take(busy(version).session)
    const again = Snapshot.take(restarted(snapshot, version).session)
    assert.deepStrictEqual(exchangesOf(again), exchangesOf(snapshot))
    assert.deepStrictEqual(again.messages.map(({ order }) => order), snapshot.messages.map(({ order }) => order))
  })

  it("before a connection everything kept is unfinished, nothing is owed and there is no room", () => {
    const { session } = restarted(Snapshot.take(busy(version).session), version)
    assert.isFalse(session.isConnected)
    assert.strictEqual(session.outgoing.size, 5)
    assert.strictEqual(session.received.size, 2)
    assert.deepStrictEqual([session.owed, session.outstanding, session.unacknowledged], [0, 0, 0])
    assert.strictEqual(Session.room(session), 0)
    assert.deepStrictEqual(Session.requests(session), ["kept", "kept", "kept", "kept", "kept"])
  })
})

describe("Snapshot: what the server said", () => {
  it("R90 a refusal of ours is repeated, and ends the exchange, after a restart", () => {
    const table = online("5.0")
    check(table, [
      [receive(incoming(2, 1, "first"), incoming(2, 2, "second")), ["deliver first", "deliver second"]],
      [acknowledge(["second"], 0x83), []]
    ])
    check(restarted(Snapshot.take(table.session)), [
      [connected(), []],
      [receive(incoming(2, 2, "second", { dup: true })), ["PUBREC #2 0x83"]],
      // From here on the identifier is free.
      [receive(incoming(2, 2, "third")), ["deliver third"]]
    ])
  })

  it("R78 what PUBREC said is the outcome, whenever PUBCOMP comes", () => {
    const properties = { reasonString: "nobody listens" }
    const table = online("5.0")
    play(table, publish(outgoing(2, "a")))
    play(table, receive(pubrec(1, 0x10, properties)))
    const outcome = { reasonCode: 0x10, reasonCodes: [], properties }
    const snapshot = Snapshot.take(table.session)
    assert.deepStrictEqual(exchangesOf(snapshot).releases, [{ packetIdentifier: 1, outcome }])
    const later = restarted(snapshot)
    play(later, connected())
    assert.deepStrictEqual(play(later, receive(pubcomp(1))), [{ _tag: "Complete", request: "kept", outcome }])
  })

  it("a message that came before the restart and one that comes after it are different ones", () => {
    const table = online("5.0")
    check(table, [
      [receive(incoming(2, 1, "a"), incoming(2, 2, "b")), ["deliver a", "deliver b"]],
      [acknowledge(["a", "b"]), ["PUBREC #1", "PUBREC #2"]]
    ])
    const later = check(restarted(Snapshot.take(table.session)), [
      [connected(), []],
      [receive(pubrel(1), pubrel(2)), ["PUBCOMP #1", "PUBCOMP #2"]],
      [receive(incoming(2, 1, "c"), incoming(2, 2, "d")), ["deliver c", "deliver d"]]
    ])
    // One that was handed over by the program before has no say.
    later.arrivals.set("old", { ...table.arrivals.get("a") ?? assert.fail("a is not delivered") })
    assert.deepStrictEqual(play(later, acknowledge(["old"], 0x83)).map(show), [])
    check(later, [[acknowledge(["c", "d"]), ["PUBREC #1", "PUBREC #2"]]])
  })

  it("a session that is restored keeps its own limits", () => {
    const before = begin("3.1.1", { maximumInFlight: 7, receiveMaximum: 3 }).session
    const after = Snapshot.restore(before, Snapshot.take(busy("5.0").session), "kept")
    assert.deepStrictEqual([after.protocolVersion, after.maximumInFlight, after.receiveMaximum], ["3.1.1", 7, 3])
    assert.strictEqual(before.outgoing.size + before.received.size, 0)
  })
})

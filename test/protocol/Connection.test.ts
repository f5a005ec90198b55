import { assert, describe, it } from "@effect/vitest"
import * as Connection from "../../src/protocol/Connection.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as KeepAlive from "../../src/protocol/KeepAlive.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as ProtocolError from "../../src/protocol/ProtocolError.ts"
import { connack, connectPacket } from "../support/packets.ts"
import { only50, versions } from "../support/versions.ts"
import { bytesOf } from "./hex.ts"
import { incoming, puback, pubrel, suback } from "./support/session.ts"

const connect = (protocolVersion: Packet.ProtocolVersion, more?: Partial<Packet.Connect>): Packet.Connect =>
  connectPacket(protocolVersion, { cleanStart: false, keepAlive: 60, clientId: "me", ...more })

const disconnect = (reasonCode: number, properties = Properties.none): Packet.Disconnect => ({
  _tag: "Disconnect",
  reasonCode,
  properties
})

const auth = (reasonCode: number, authenticationMethod?: string): Packet.Auth => ({
  _tag: "Auth",
  reasonCode,
  properties: { authenticationMethod }
})

const pingresp: Packet.Pingresp = { _tag: "Pingresp" }

const connecting = (protocolVersion: Packet.ProtocolVersion, more?: Partial<Packet.Connect>) =>
  Connection.make({ connect: connect(protocolVersion, more), now: 0 })

const receive = (self: Connection.Connection, ...packets: ReadonlyArray<Packet.ServerPacket>) =>
  Connection.receive(self, packets, 1_000)

const connected = (protocolVersion: Packet.ProtocolVersion, more?: Partial<Packet.Connect>) =>
  receive(connecting(protocolVersion, more), connack()).connection

const showEvent = (event: Connection.Event): string =>
  event._tag === "Violated"
    ? `Violated ${event.violation.label.label} 0x${event.violation.reasonCode.toString(16)}`
    : event._tag

/** What came out, as text: the session's packets, what happened, and whether the connection goes on. */
const show = ({ connection, events, packets }: Connection.Received) => [
  ...packets.map((packet) => packet._tag === "Publish" ? `Publish ${packet.topic}` : packet._tag),
  ...events.map(showEvent),
  connection.phase
]

const method = { properties: { authenticationMethod: "SCRAM" } }

interface Row {
  readonly name: string
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  readonly connect?: Partial<Packet.Connect>
  /** Whether AUTH 0x19 was sent, once CONNACK was there. */
  readonly reauthenticates?: boolean
  /** From the first on. */
  readonly packets: ReadonlyArray<Packet.ServerPacket>
  /** A pair when the versions differ: 3.1.1, 5.0. */
  readonly shows: ReadonlyArray<string> | { readonly [Version in Packet.ProtocolVersion]: ReadonlyArray<string> }
}

const rows: ReadonlyArray<Row> = [
  { name: "R44 CONNACK first", packets: [connack()], shows: ["Accepted", "Connected"] },
  ...[incoming(0, 0, "m"), puback(1), pubrel(1), suback(1, [0]), pingresp].map((packet): Row => ({
    name: `R44 ${packet._tag} first`,
    packets: [packet, connack()],
    shows: ["Violated 3.2.0-1 0x82", "Ended"]
  })),
  {
    name: "R44 DISCONNECT first",
    versions: only50,
    packets: [disconnect(0x89)],
    shows: ["Violated 3.14.0-1 0x82", "Ended"]
  },
  {
    name: "R44 a second CONNACK",
    packets: [connack(), connack(), puback(1)],
    shows: {
      "3.1.1": ["Accepted", "Violated 3.2.0-1 0x82", "Ended"],
      "5.0": ["Accepted", "Violated 3.2.0-2 0x82", "Ended"]
    }
  },
  {
    name: "R44 a second CONNACK that refuses",
    versions: only50,
    packets: [connack(), connack({ reasonCode: 0x87 })],
    shows: ["Accepted", "Violated 3.2.0-2 0x82", "Ended"]
  },
  {
    name: "R44 R142 a second CONNACK that refuses a re-authentication",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), puback(1), connack({ reasonCode: 0x87 }), puback(2)],
    shows: ["Puback", "Accepted", "Refused", "Ended"]
  },
  {
    name: "R44 a second CONNACK that accepts a re-authentication",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), connack(method)],
    shows: ["Accepted", "Violated 3.2.0-2 0x82", "Ended"]
  },
  {
    name: "R46 Session Present 1 after a clean start",
    connect: { cleanStart: true },
    packets: [connack({ sessionPresent: true }), puback(1)],
    shows: { "3.1.1": ["Violated 3.2.2-1 0x82", "Ended"], "5.0": ["Violated 3.2.2-2 0x82", "Ended"] }
  },
  {
    name: "R47 Session Present 1 after none",
    packets: [connack({ sessionPresent: true })],
    shows: ["Accepted", "Connected"]
  },
  {
    name: "R51 a refusal, and nothing after it",
    packets: [connack({ reasonCode: 0x87 }), connack(), incoming(0, 0, "m")],
    shows: ["Refused", "Ended"]
  },
  {
    name: "R50 a refusal with Session Present 1 is still a refusal",
    connect: { cleanStart: true },
    packets: [connack({ reasonCode: 0x88, sessionPresent: true })],
    shows: ["Refused", "Ended"]
  },
  {
    name: "R147 packets of a resumed session in the same bytes as CONNACK",
    packets: [connack({ sessionPresent: true }), incoming(1, 1, "m"), pubrel(2)],
    shows: ["Publish m", "Pubrel", "Accepted", "Connected"]
  },
  {
    name: "R20 R113 what belongs to the session, in order",
    packets: [connack(), incoming(2, 1, "m"), puback(1), pingresp, suback(2, [0]), incoming(0, 0, "n")],
    shows: ["Publish m", "Puback", "Suback", "Publish n", "Accepted", "Connected"]
  },
  {
    name: "R134 R143 DISCONNECT of the server, and nothing after it",
    versions: only50,
    packets: [connack(), puback(1), disconnect(0x8b), puback(2)],
    shows: ["Puback", "Accepted", "Disconnected", "Ended"]
  },
  {
    name: "R138 AUTH that continues, then CONNACK",
    versions: only50,
    connect: method,
    packets: [auth(0x18, "SCRAM"), auth(0x18, "SCRAM"), connack(method)],
    shows: ["Authenticating", "Authenticating", "Accepted", "Connected"]
  },
  ...[0x00, 0x19].map((reasonCode): Row => ({
    name: `R138 AUTH ${reasonCode} before CONNACK`,
    versions: only50,
    connect: method,
    packets: [auth(reasonCode, "SCRAM")],
    shows: ["Violated 4.12.0-2 0x82", "Ended"]
  })),
  ...["OTHER", undefined].map((other): Row => ({
    name: `R138 AUTH with the method ${other}`,
    versions: only50,
    connect: method,
    packets: [auth(0x18, other)],
    shows: ["Violated 4.12.0-5 0x82", "Ended"]
  })),
  ...["OTHER", undefined].map((other): Row => ({
    name: `R138 CONNACK with the method ${other}`,
    versions: only50,
    connect: method,
    packets: [connack({ properties: { authenticationMethod: other } })],
    shows: ["Violated 4.12.0-5 0x82", "Ended"]
  })),
  {
    name: "R138 a refusal need not name the method",
    versions: only50,
    connect: method,
    packets: [connack({ reasonCode: 0x8c })],
    shows: ["Refused", "Ended"]
  },
  {
    name: "R139 AUTH before CONNACK that nobody asked for",
    versions: only50,
    packets: [auth(0x18, "SCRAM")],
    shows: ["Violated 4.12.0-6 0x82", "Ended"]
  },
  {
    name: "R139 AUTH after CONNACK that nobody asked for",
    versions: only50,
    packets: [connack(), auth(0x18, "SCRAM")],
    shows: ["Accepted", "Violated 4.12.0-6 0x82", "Ended"]
  },
  {
    name: "R139 a method in CONNACK that nobody asked for",
    versions: only50,
    packets: [connack(method)],
    shows: ["Violated 4.12.0-6 0x82", "Ended"]
  },
  {
    name: "R141 re-authentication goes on between other packets, and ends with success",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), puback(1), auth(0x00, "SCRAM")],
    shows: ["Puback", "Accepted", "Authenticating", "Connected"]
  },
  {
    name: "R141 a second challenge before the first is answered",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), auth(0x18, "SCRAM"), auth(0x18, "SCRAM")],
    shows: ["Accepted", "Authenticating", "Violated 4.12.0-3 0x82", "Ended"]
  },
  ...[0x18, 0x00].map((reasonCode): Row => ({
    name: `R141 AUTH ${reasonCode} of the server although nobody re-authenticates`,
    versions: only50,
    connect: method,
    packets: [connack(method), auth(reasonCode, "SCRAM")],
    shows: ["Accepted", "Violated 4.12.1-1 0x82", "Ended"]
  })),
  {
    name: "R141 AUTH of the server after it has accepted a re-authentication",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), auth(0x00, "SCRAM"), auth(0x18, "SCRAM")],
    shows: ["Accepted", "Authenticating", "Violated 4.12.1-1 0x82", "Ended"]
  },
  ...["OTHER", undefined].map((other): Row => ({
    name: `R138 AUTH of a re-authentication with the method ${other}`,
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), auth(0x18, other)],
    shows: ["Accepted", "Violated 4.12.0-5 0x82", "Ended"]
  })),
  {
    name: "R132 R142 DISCONNECT during a re-authentication",
    versions: only50,
    connect: method,
    reauthenticates: true,
    packets: [connack(method), auth(0x18, "SCRAM"), disconnect(0x87)],
    shows: ["Accepted", "Authenticating", "Disconnected", "Ended"]
  },
  {
    name: "R141 AUTH 0x19 from the server",
    versions: only50,
    connect: method,
    packets: [connack(method), auth(0x19, "SCRAM")],
    shows: ["Accepted", "Violated 3.15.2-1 0x82", "Ended"]
  }
]

describe("Connection: what may arrive when", () => {
  for (const row of rows) {
    it.each(row.versions ?? versions)(`${row.name}, %s`, (version) => {
      const expected = "5.0" in row.shows ? row.shows[version] : row.shows
      const start = connecting(version, row.connect)
      const goOn = (self: Connection.Connection) =>
        row.reauthenticates === true ? Connection.authSent(self, auth(0x19)) : self
      const [first, ...others] = row.packets
      const begun = receive(start, first)
      const rest = receive(goOn(begun.connection), ...others)
      assert.deepStrictEqual(
        show({
          connection: rest.connection,
          events: [...begun.events, ...rest.events],
          packets: [...begun.packets, ...rest.packets]
        }),
        [...expected]
      )
      if (row.reauthenticates !== true) {
        assert.deepStrictEqual(show(receive(start, ...row.packets)), [...expected])
      }

      // The same packets one by one.
      let connection = start
      const events: Array<Connection.Event> = []
      const packets: Array<Connection.SessionPacket> = []
      for (const packet of row.packets) {
        const received = receive(connection, packet)
        connection = packet === first ? goOn(received.connection) : received.connection
        events.push(...received.events)
        packets.push(...received.packets)
      }
      assert.deepStrictEqual(show({ connection, events, packets }), [...expected])
      // A violation says in a few words what was wrong.
      for (const event of events) {
        if (event._tag === "Violated") assert.match(event.violation.message, /^\S+( \S+){2,}/)
      }
    })
  }

  it.each(versions)("R44 a violation names the version it is read in, %s", (version) => {
    const [event] = receive(connecting(version), pingresp).events
    assert.deepInclude(event, {
      violation: ProtocolError.violation(version, "3.2.0-1", 0x82, "PINGRESP before CONNACK")
    })
  })

  it.each(versions)("R143 what the decoder found ends it, and nothing is looked at any more, %s", (version) => {
    const violation = ProtocolError.violation(version, "4.8.0-1", 0x81, "malformed")
    const ended = Connection.violate(connected(version), violation)
    assert.deepStrictEqual(ended.events, [{ _tag: "Violated", violation }])
    assert.deepStrictEqual(show(receive(ended.connection, puback(1), connack())), ["Ended"])
  })
})

describe("Connection: what is surfaced", () => {
  it("R51 a refusal with all it says", () => {
    const refusal = connack({ reasonCode: 0x9c, properties: { reasonString: "full", serverReference: "other" } })
    assert.deepStrictEqual(receive(connecting("5.0"), refusal).events, [{ _tag: "Refused", connack: refusal }])
  })

  it("R134 DISCONNECT of the server with all it says", () => {
    const moved = disconnect(0x9d, { reasonString: "gone", serverReference: "other", userProperties: [["a", "b"]] })
    assert.deepStrictEqual(receive(connected("5.0"), moved).events, [{ _tag: "Disconnected", disconnect: moved }])
  })

  it("R132 Session Expiry in a DISCONNECT of the server: a violation, and the end", () => {
    const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 1_000 })
    assert.deepStrictEqual(decoder.push(bytesOf("e0 07 00 05 11 00 00 00 05")), [])
    if (decoder.error === undefined) return assert.fail("expected an error")
    const ended = Connection.violate(connected("5.0"), decoder.error)
    assert.deepStrictEqual(show(ended), ["Violated 3.14.2-2 0x82", "Ended"])
  })

  it("R55 R57 the limits that CONNACK announces", () => {
    const announced = connack({ properties: { retainAvailable: 0, topicAliasMaximum: 3, maximumQos: 1 } })
    const { limits } = receive(connecting("5.0"), announced).connection
    assert.deepInclude(limits, { retainAvailable: false, topicAliasMaximum: 3, maximumQos: 1, receiveMaximum: 65_535 })
  })
})

describe("Connection: Topic Aliases", () => {
  const withAliases = (topicAliasMaximum?: number) => connected("5.0", { properties: { topicAliasMaximum } })
  const aliased = (topic: string, topicAlias: number) => incoming(1, 1, topic, { properties: { topicAlias } })

  const table: ReadonlyArray<
    readonly [name: string, maximum: number | undefined, packets: ReadonlyArray<Packet.Publish>, shows: Array<string>]
  > = [
    ["R96 a topic binds an alias", 3, [aliased("a", 1), aliased("", 1)], ["Publish a", "Publish a", "Connected"]],
    ["R96 every alias up to the maximum", 3, [1, 2, 3].map((alias) => aliased(`t${alias}`, alias)), [
      "Publish t1",
      "Publish t2",
      "Publish t3",
      "Connected"
    ]],
    ["R96 a new topic binds it anew", 3, [aliased("a", 1), aliased("b", 1), aliased("", 1)], [
      "Publish a",
      "Publish b",
      "Publish b",
      "Connected"
    ]],
    ["R96 one alias leaves the others alone", 3, [aliased("a", 1), aliased("b", 2), aliased("", 1)], [
      "Publish a",
      "Publish b",
      "Publish a",
      "Connected"
    ]],
    ["R97 R143 one above the maximum, and nothing after it", 3, [aliased("a", 1), aliased("b", 4), aliased("", 1)], [
      "Publish a",
      "Violated 3.1.2-26 0x94",
      "Ended"
    ]],
    ["R97 one where none was announced", undefined, [aliased("a", 1)], ["Violated 3.1.2-27 0x94", "Ended"]],
    ["R97 one where 0 was announced", 0, [aliased("a", 1)], ["Violated 3.1.2-27 0x94", "Ended"]],
    ["R97 an alias that is not bound", 3, [aliased("", 2)], ["Violated 3.3.2-7 0x82", "Ended"]]
  ]

  it("R96 a message without an alias is passed on as it is, and binds none", () => {
    const { connection, packets } = receive(withAliases(3), incoming(1, 1, "a"))
    assert.strictEqual("properties" in packets[0] ? packets[0].properties : undefined, Properties.none)
    assert.strictEqual(connection.topicAliases.size, 0)
  })

  it("R97 R143 a violation names the alias, and how many were announced", () => {
    const messageOf = (packet: Packet.Publish) => {
      const [event] = receive(withAliases(3), packet).events
      return event._tag === "Violated" ? event.violation.message : ""
    }
    assert.strictEqual(messageOf(aliased("a", 4)), "Topic Alias 4, above the announced maximum of 3")
    assert.strictEqual(messageOf(aliased("", 2)), "PUBLISH without a topic and with Topic Alias 2, not yet bound")
  })

  it.each(table)("%s", (_, maximum, packets, shows) => {
    assert.deepStrictEqual(show(receive(withAliases(maximum), ...packets)), shows)
    let connection = withAliases(maximum)
    const shown: Array<string> = []
    for (const packet of packets) {
      const received = receive(connection, packet)
      connection = received.connection
      shown.push(...show(received).slice(0, -1))
    }
    assert.deepStrictEqual([...shown, connection.phase], shows)
  })

  it("R71 the session sees the whole topic, every other property, and no alias", () => {
    const properties = { topicAlias: 1, contentType: "text" }
    const { packets } = receive(withAliases(3), aliased("a", 1), incoming(2, 7, "", { properties }))
    assert.deepStrictEqual(packets[1], incoming(2, 7, "a", { properties: { contentType: "text" } }))
  })

  it("R71 aliases do not outlive the connection, and a step leaves its input as it was", () => {
    const before = withAliases(3)
    const bound = receive(before, aliased("a", 1)).connection
    assert.deepStrictEqual(show(receive(bound, aliased("", 1))), ["Publish a", "Connected"])
    assert.deepStrictEqual(show(receive(before, aliased("", 1))), ["Violated 3.3.2-7 0x82", "Ended"])
    assert.deepStrictEqual(show(receive(withAliases(3), aliased("", 1))), ["Violated 3.3.2-7 0x82", "Ended"])
  })
})

describe("Connection: Keep Alive", () => {
  const intervalOf = (asked: number, serverKeepAlive?: number) =>
    receive(connecting("5.0", { keepAlive: asked }), connack({ properties: { serverKeepAlive } }))
      .connection.keepAlive.interval

  it("R58 the server's replaces ours, longer or shorter, and also when ours was off", () => {
    assert.strictEqual(intervalOf(60, 20), 20_000)
    assert.strictEqual(intervalOf(60, 600), 600_000)
    assert.strictEqual(intervalOf(0, 20), 20_000)
    assert.strictEqual(intervalOf(60, 0), 0)
  })

  it("R59 without one our own stands", () => {
    assert.strictEqual(intervalOf(60), 60_000)
    assert.strictEqual(intervalOf(0), 0)
  })

  it("R58 R124 keeps the ping interval that was asked for, as far as the server's allows", () => {
    const pingIntervalWith = (serverKeepAlive: number) => {
      const self = Connection.make({ connect: connect("5.0"), pingInterval: 10_000, now: 0 })
      return receive(self, connack({ properties: { serverKeepAlive } })).connection.keepAlive.pingInterval
    }
    assert.strictEqual(pingIntervalWith(60), 10_000)
    assert.strictEqual(pingIntervalWith(20), 5_000)
  })

  it("R124 until CONNACK our own Keep Alive is in force, from CONNECT on", () => {
    const { keepAlive } = Connection.make({ connect: connect("5.0"), now: 500 })
    assert.deepStrictEqual(keepAlive, KeepAlive.make({ interval: 60_000, now: 500 }))
  })

  it("R124 R125 counts what is sent, pinged and heard", () => {
    const start = connected("3.1.1")
    assert.strictEqual(KeepAlive.deadline(start.keepAlive), 16_000)
    const sent = Connection.sent(start, 5_000)
    assert.strictEqual(sent.keepAlive.lastSent, 5_000)
    const pinged = Connection.pinged(sent, 16_000)
    assert.strictEqual(KeepAlive.deadline(pinged.keepAlive), 61_000)
    const heard = Connection.receive(pinged, [pingresp], 17_000).connection
    assert.strictEqual(KeepAlive.deadline(heard.keepAlive), 31_000)
    // Part of a packet is a sign of life too.
    assert.strictEqual(Connection.receive(pinged, [], 18_000).connection.keepAlive.lastHeard, 18_000)
  })
})

describe("Connection: AUTH of ours", () => {
  const withMethod = receive(connecting("5.0", method), connack(method)).connection
  const again = Connection.authSent(withMethod, auth(0x19))
  const challenged = (self: Connection.Connection) => receive(self, auth(0x18, "SCRAM")).connection
  const table: ReadonlyArray<
    readonly [name: string, self: Connection.Connection, auth: Packet.Auth, label: string | undefined]
  > = [
    ["R140 without a method in CONNECT", connected("5.0"), auth(0x19, "SCRAM"), "4.12.0-7"],
    ["R137 another method", connecting("5.0", method), auth(0x18, "OTHER"), "4.12.0-5"],
    ["R137 no method", connecting("5.0", method), auth(0x18), "4.12.0-5"],
    ["R137 an answer before CONNACK", challenged(connecting("5.0", method)), auth(0x18, "SCRAM"), undefined],
    ["R137 an answer before CONNACK to nothing", connecting("5.0", method), auth(0x18, "SCRAM"), "4.12.0-3"],
    [
      "R137 a second answer",
      Connection.authSent(challenged(connecting("5.0", method)), auth(0x18)),
      auth(0x18, "SCRAM"),
      "4.12.0-3"
    ],
    ["R141 0x19 before CONNACK", connecting("5.0", method), auth(0x19, "SCRAM"), "4.12.1-1"],
    ["R141 0x19 after CONNACK", withMethod, auth(0x19, "SCRAM"), undefined],
    ["R141 0x19 with another method", withMethod, auth(0x19, "OTHER"), "4.12.0-5"],
    ["R137 an answer to nothing", withMethod, auth(0x18, "SCRAM"), "4.12.0-3"],
    ["R137 an answer in a re-authentication", challenged(again), auth(0x18, "SCRAM"), undefined],
    ["R141 0x19 in a re-authentication", again, auth(0x19, "SCRAM"), "4.12.1-1"],
    [
      "R141 0x19 after a re-authentication",
      receive(again, auth(0x00, "SCRAM")).connection,
      auth(0x19, "SCRAM"),
      undefined
    ]
  ]
  it.each(table)("%s", (_, self, packet, label) => {
    assert.strictEqual(Connection.checkAuth(self, packet)?.label.label, label)
  })
})

describe("Connection: DISCONNECT of ours", () => {
  const table: ReadonlyArray<
    readonly [name: string, connect: number | undefined, disconnect: number | undefined, isRefused: boolean]
  > = [
    ["R131 an expiry when CONNECT had none", undefined, 10, true],
    ["R131 an expiry when CONNECT had 0", 0, 10, true],
    ["R131 none when CONNECT had none", undefined, undefined, false],
    ["R131 0 when CONNECT had none", undefined, 0, false],
    ["R131 another expiry than CONNECT's", 5, 10, false],
    ["R131 0 when CONNECT had one", 5, 0, false]
  ]
  it.each(table)("%s", (_, inConnect, inDisconnect, isRefused) => {
    const self = connected("5.0", { properties: { sessionExpiryInterval: inConnect } })
    const refusal = Connection.checkDisconnect(self, disconnect(0x00, { sessionExpiryInterval: inDisconnect }))
    assert.strictEqual(refusal?._tag, isRefused ? "InvalidPacket" : undefined)
    if (refusal === undefined) return
    assert.deepStrictEqual(refusal.label, { version: "5.0", label: "3.14.2.2.2" })
    assert.strictEqual(refusal.field, "properties.sessionExpiryInterval")
    assert.match(refusal.message, /DISCONNECT cannot set .* give `session` an expiry/)
  })
})

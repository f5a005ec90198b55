/**
 * Packets and their bytes, written by hand from the specification: one side never made the other.
 */
import type { Packet, ProtocolVersion, Publish, Sender } from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { publish as publishTo } from "../support/packets.ts"
import { bytesOf } from "./hex.ts"

export interface Golden {
  readonly name: string
  readonly version: ProtocolVersion
  readonly sender: Sender
  readonly hex: string
  readonly packet: Packet
}

const { none } = Properties

const golden = (
  version: ProtocolVersion,
  sender: Sender,
  name: string,
  hex: string,
  packet: Packet
): Golden => ({ name: `${version} ${name}`, version, sender, hex, packet })

const publish = (fields: Partial<Publish>): Publish => publishTo("a/b", { text: "", ...fields })

const acknowledgements = [
  { _tag: "Puback", byte: "40", error: 0x80 },
  { _tag: "Pubrec", byte: "50", error: 0x97 },
  { _tag: "Pubrel", byte: "62", error: 0x92 },
  { _tag: "Pubcomp", byte: "70", error: 0x92 }
] as const

/** What both directions agree on: encoding gives the bytes, decoding gives the packet. */
export const vectors: ReadonlyArray<Golden> = [
  // -- 3.1.1 ----------------------------------------------------------------------------------------------------------
  golden("3.1.1", "client", "R25 R26 R30 CONNECT, the least", "10 0d 0004 4d515454 04 02 003c 0001 61", {
    _tag: "Connect",
    protocolVersion: "3.1.1",
    cleanStart: true,
    keepAlive: 60,
    clientId: "a",
    will: undefined,
    username: undefined,
    password: undefined,
    properties: none
  }),
  golden(
    "3.1.1",
    "client",
    "R29 R31 R32 R33 R35 CONNECT with everything, the flags of figure 3.6",
    "10 1d 0004 4d515454 04 ce 000a 0001 63 0003 772f74 0003 627965 0001 75 0001 70",
    {
      _tag: "Connect",
      protocolVersion: "3.1.1",
      cleanStart: true,
      keepAlive: 10,
      clientId: "c",
      will: { topic: "w/t", payload: bytesOf("627965"), qos: 1, retain: false, properties: none },
      username: "u",
      password: bytesOf("70"),
      properties: none
    }
  ),
  golden("3.1.1", "client", "R32 CONNECT with an empty user name", "10 0f 0004 4d515454 04 80 0000 0001 61 0000", {
    _tag: "Connect",
    protocolVersion: "3.1.1",
    cleanStart: false,
    keepAlive: 0,
    clientId: "a",
    will: undefined,
    username: "",
    password: undefined,
    properties: none
  }),
  golden("3.1.1", "client", "R39 CONNECT without a client id", "10 0c 0004 4d515454 04 02 ffff 0000", {
    _tag: "Connect",
    protocolVersion: "3.1.1",
    cleanStart: true,
    keepAlive: 65_535,
    clientId: "",
    will: undefined,
    username: undefined,
    password: undefined,
    properties: none
  }),
  ...[0x00, 0x84, 0x85, 0x88, 0x86, 0x87].map((reasonCode, code) =>
    golden("3.1.1", "server", `R51 CONNACK ${code}`, `20 02 00 0${code}`, {
      _tag: "Connack",
      sessionPresent: false,
      reasonCode,
      properties: none
    })
  ),
  golden("3.1.1", "server", "CONNACK with Session Present", "20 02 01 00", {
    _tag: "Connack",
    sessionPresent: true,
    reasonCode: 0,
    properties: none
  }),
  golden("3.1.1", "client", "R18 PUBLISH of QoS 0 without a payload", "30 05 0003 612f62", publish({})),
  golden(
    "3.1.1",
    "client",
    "R67 PUBLISH of QoS 1, figure 3.11",
    "32 07 0003 612f62 000a",
    publish({ qos: 1, packetIdentifier: 10 })
  ),
  golden(
    "3.1.1",
    "server",
    "PUBLISH of QoS 2 with DUP and RETAIN",
    "3d 09 0003 612f62 ffff 6869",
    publish({ qos: 2, dup: true, retain: true, packetIdentifier: 65_535, payload: bytesOf("6869") })
  ),
  ...acknowledgements.map(({ _tag, byte }) =>
    golden("3.1.1", "client", `R12 ${_tag.toUpperCase()}`, `${byte} 02 1234`, {
      _tag,
      packetIdentifier: 0x1234,
      reasonCode: 0,
      properties: none
    })
  ),
  golden(
    "3.1.1",
    "client",
    "R12 R105 R107 SUBSCRIBE, figure 3.23",
    "82 0e 000a 0003 612f62 01 0003 632f64 02",
    {
      _tag: "Subscribe",
      packetIdentifier: 10,
      subscriptions: [
        { topicFilter: "a/b", qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
        { topicFilter: "c/d", qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 }
      ],
      properties: none
    }
  ),
  golden("3.1.1", "server", "R114 SUBACK, figure 3.26", "90 05 000a 00 02 80", {
    _tag: "Suback",
    packetIdentifier: 10,
    reasonCodes: [0x00, 0x02, 0x80],
    properties: none
  }),
  golden("3.1.1", "client", "R12 UNSUBSCRIBE, figure 3.30", "a2 0c 000a 0003 612f62 0003 632f64", {
    _tag: "Unsubscribe",
    packetIdentifier: 10,
    topicFilters: ["a/b", "c/d"],
    properties: none
  }),
  golden("3.1.1", "server", "UNSUBACK", "b0 02 000a", {
    _tag: "Unsuback",
    packetIdentifier: 10,
    reasonCodes: [],
    properties: none
  }),
  golden("3.1.1", "client", "PINGREQ", "c0 00", { _tag: "Pingreq" }),
  golden("3.1.1", "server", "PINGRESP", "d0 00", { _tag: "Pingresp" }),
  golden("3.1.1", "client", "R12 DISCONNECT", "e0 00", { _tag: "Disconnect", reasonCode: 0, properties: none }),

  // -- 5.0 ------------------------------------------------------------------------------------------------------------
  golden("5.0", "client", "R10 R25 R26 R30 CONNECT, the least", "10 0e 0004 4d515454 05 02 003c 00 0001 61", {
    _tag: "Connect",
    protocolVersion: "5.0",
    cleanStart: true,
    keepAlive: 60,
    clientId: "a",
    will: undefined,
    username: undefined,
    password: undefined,
    properties: none
  }),
  golden(
    "5.0",
    "client",
    "R29 R31 R32 R33 R35 R101 CONNECT with everything",
    `10 60 0004 4d515454 05 f6 000a
     24 11 0000000a 21 0014 27 00001000 22 000a 19 01 17 00 26 0001 61 0001 62 15 0001 6d 16 0002 0102
     0001 63
     1f 18 00000005 01 01 02 0000003c 03 0001 74 08 0001 72 09 0001 ff 26 0001 6b 0001 76
     0003 772f74 0001 78 0001 75 0001 70`,
    {
      _tag: "Connect",
      protocolVersion: "5.0",
      cleanStart: true,
      keepAlive: 10,
      clientId: "c",
      will: {
        topic: "w/t",
        payload: bytesOf("78"),
        qos: 2,
        retain: true,
        properties: {
          willDelayInterval: 5,
          payloadFormatIndicator: 1,
          messageExpiryInterval: 60,
          contentType: "t",
          responseTopic: "r",
          correlationData: bytesOf("ff"),
          userProperties: [["k", "v"]]
        }
      },
      username: "u",
      password: bytesOf("70"),
      properties: {
        sessionExpiryInterval: 10,
        receiveMaximum: 20,
        maximumPacketSize: 4_096,
        topicAliasMaximum: 10,
        requestResponseInformation: 1,
        requestProblemInformation: 0,
        userProperties: [["a", "b"]],
        authenticationMethod: "m",
        authenticationData: bytesOf("0102")
      }
    }
  ),
  golden(
    "5.0",
    "client",
    "R34 CONNECT with a password and no user name",
    "10 10 0004 4d515454 05 40 0000 00 0000 0001 70",
    {
      _tag: "Connect",
      protocolVersion: "5.0",
      cleanStart: false,
      keepAlive: 0,
      clientId: "",
      will: undefined,
      username: undefined,
      password: bytesOf("70"),
      properties: none
    }
  ),
  golden("5.0", "server", "R10 CONNACK, the least", "20 03 01 00 00", {
    _tag: "Connack",
    sessionPresent: true,
    reasonCode: 0,
    properties: none
  }),
  golden(
    "5.0",
    "server",
    "CONNACK with everything",
    `20 40 00 00
     3d 11 00000e10 21 0064 24 01 25 00 27 00100000 12 0001 69 22 000a 1f 0002 6f6b 26 0001 61 0001 62
     28 00 29 01 2a 00 13 001e 1a 0001 72 1c 0001 73 15 0001 6d 16 0001 01`,
    {
      _tag: "Connack",
      sessionPresent: false,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 3_600,
        receiveMaximum: 100,
        maximumQos: 1,
        retainAvailable: 0,
        maximumPacketSize: 1_048_576,
        assignedClientIdentifier: "i",
        topicAliasMaximum: 10,
        reasonString: "ok",
        userProperties: [["a", "b"]],
        wildcardSubscriptionAvailable: 0,
        subscriptionIdentifierAvailable: 1,
        sharedSubscriptionAvailable: 0,
        serverKeepAlive: 30,
        responseInformation: "r",
        serverReference: "s",
        authenticationMethod: "m",
        authenticationData: bytesOf("01")
      }
    }
  ),
  golden("5.0", "server", "R51 CONNACK that refuses", "20 0a 00 87 07 1f 0004 6e6f7065", {
    _tag: "Connack",
    sessionPresent: false,
    reasonCode: 0x87,
    properties: { reasonString: "nope" }
  }),
  golden(
    "5.0",
    "client",
    "R10 R18 PUBLISH of QoS 0",
    "30 08 0003 612f62 00 6869",
    publish({ payload: bytesOf("6869") })
  ),
  golden(
    "5.0",
    "server",
    "R100 R101 PUBLISH of QoS 1 with everything",
    `32 33 0003 612f62 000a
     29 01 01 02 0000003c 23 0005 08 0001 72 09 0001 ff 26 0001 61 0001 62 26 0001 61 0001 63 0b 01 0b 8001 03 0001 74
     6869`,
    publish({
      qos: 1,
      packetIdentifier: 10,
      payload: bytesOf("6869"),
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        topicAlias: 5,
        responseTopic: "r",
        correlationData: bytesOf("ff"),
        userProperties: [["a", "b"], ["a", "c"]],
        subscriptionIdentifiers: [1, 128],
        contentType: "t"
      }
    })
  ),
  golden(
    "5.0",
    "client",
    "R69 PUBLISH whose topic is an alias",
    "30 06 0000 03 23 0001",
    publish({ topic: "", properties: { topicAlias: 1 } })
  ),
  ...acknowledgements.flatMap(({ _tag, byte, error }) => [
    golden("5.0", "client", `R10 R12 ${_tag.toUpperCase()}, short`, `${byte} 02 000a`, {
      _tag,
      packetIdentifier: 10,
      reasonCode: 0,
      properties: none
    }),
    golden("5.0", "client", `R94 ${_tag.toUpperCase()} with a reason`, `${byte} 03 000a ${error.toString(16)}`, {
      _tag,
      packetIdentifier: 10,
      reasonCode: error,
      properties: none
    }),
    golden("5.0", "server", `R94 ${_tag.toUpperCase()} with properties`, `${byte} 0a 000a 00 06 1f 0003 626164`, {
      _tag,
      packetIdentifier: 10,
      reasonCode: 0,
      properties: { reasonString: "bad" }
    })
  ]),
  golden(
    "5.0",
    "client",
    "R6 R12 R105 R107 R111 R112 SUBSCRIBE",
    `82 1b 000a 05 0b ffffff7f 0003 612f62 2d 000a 2473686172652f672f74 10`,
    {
      _tag: "Subscribe",
      packetIdentifier: 10,
      subscriptions: [
        { topicFilter: "a/b", qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 },
        { topicFilter: "$share/g/t", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 1 }
      ],
      properties: { subscriptionIdentifiers: [268_435_455] }
    }
  ),
  golden("5.0", "server", "R114 SUBACK", "90 0f 000a 00 00 01 02 80 83 87 8f 91 97 9e a1 a2", {
    _tag: "Suback",
    packetIdentifier: 10,
    reasonCodes: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
    properties: none
  }),
  golden("5.0", "client", "R12 R105 UNSUBSCRIBE", "a2 0f 000a 07 26 0001 61 0001 62 0003 612f62", {
    _tag: "Unsubscribe",
    packetIdentifier: 10,
    topicFilters: ["a/b"],
    properties: { userProperties: [["a", "b"]] }
  }),
  golden("5.0", "server", "R114 UNSUBACK", "b0 05 000a 00 00 11", {
    _tag: "Unsuback",
    packetIdentifier: 10,
    reasonCodes: [0x00, 0x11],
    properties: none
  }),
  golden("5.0", "client", "PINGREQ", "c0 00", { _tag: "Pingreq" }),
  golden("5.0", "server", "PINGRESP", "d0 00", { _tag: "Pingresp" }),
  golden("5.0", "client", "R10 DISCONNECT, short", "e0 00", { _tag: "Disconnect", reasonCode: 0, properties: none }),
  golden("5.0", "client", "DISCONNECT with the Will", "e0 01 04", {
    _tag: "Disconnect",
    reasonCode: 0x04,
    properties: none
  }),
  golden("5.0", "client", "DISCONNECT with a Session Expiry Interval", "e0 07 00 05 11 00000000", {
    _tag: "Disconnect",
    reasonCode: 0,
    properties: { sessionExpiryInterval: 0 }
  }),
  golden("5.0", "server", "DISCONNECT with a Server Reference", "e0 0a 9d 08 1c 0001 73 1f 0001 72", {
    _tag: "Disconnect",
    reasonCode: 0x9d,
    properties: { serverReference: "s", reasonString: "r" }
  }),
  golden("5.0", "server", "DISCONNECT 0x8c, of table 2-6 alone", "e0 01 8c", {
    _tag: "Disconnect",
    reasonCode: 0x8c,
    properties: none
  }),
  golden("5.0", "server", "AUTH, short", "f0 00", { _tag: "Auth", reasonCode: 0, properties: none }),
  golden("5.0", "server", "AUTH that goes on", "f0 0b 18 09 15 0001 6d 16 0002 0102", {
    _tag: "Auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "m", authenticationData: bytesOf("0102") }
  }),
  golden("5.0", "client", "R136 AUTH again", "f0 06 19 04 15 0001 6d", {
    _tag: "Auth",
    reasonCode: 0x19,
    properties: { authenticationMethod: "m" }
  })
]

/** What is accepted besides, and not written so by us. */
export const acceptedForms: ReadonlyArray<Golden> = [
  ...acknowledgements.flatMap(({ _tag, byte }) => [
    golden("5.0", "server", `${_tag.toUpperCase()} with reason 0x00 and no Property Length`, `${byte} 03 000a 00`, {
      _tag,
      packetIdentifier: 10,
      reasonCode: 0,
      properties: none
    }),
    golden("5.0", "server", `${_tag.toUpperCase()} with reason 0x00 and Property Length 0`, `${byte} 04 000a 00 00`, {
      _tag,
      packetIdentifier: 10,
      reasonCode: 0,
      properties: none
    })
  ]),
  golden("5.0", "server", "DISCONNECT with reason 0x00 and no Property Length", "e0 01 00", {
    _tag: "Disconnect",
    reasonCode: 0,
    properties: none
  }),
  golden("5.0", "server", "DISCONNECT with Property Length 0", "e0 02 8b 00", {
    _tag: "Disconnect",
    reasonCode: 0x8b,
    properties: none
  }),
  golden("5.0", "server", "AUTH with reason 0x00 and Property Length 0", "f0 02 00 00", {
    _tag: "Auth",
    reasonCode: 0,
    properties: none
  }),
  ...[0x84, 0x85, 0x88, 0x86, 0x87].map((reasonCode, index) =>
    golden(
      "5.0",
      "server",
      `R51 CONNACK ${index + 1} in the form of 3.1.1, from a broker without 5.0`,
      `20 02 00 0${index + 1}`,
      {
        _tag: "Connack",
        sessionPresent: false,
        reasonCode,
        properties: none
      }
    )
  ),
  golden("5.0", "server", "R50 CONNACK that refuses with Session Present", "20 03 01 87 00", {
    _tag: "Connack",
    sessionPresent: true,
    reasonCode: 0x87,
    properties: none
  }),
  golden("3.1.1", "server", "R50 CONNACK that refuses with Session Present", "20 02 01 05", {
    _tag: "Connack",
    sessionPresent: true,
    reasonCode: 0x87,
    properties: none
  }),
  golden(
    "3.1.1",
    "server",
    "R7 PUBLISH with a longer Remaining Length than needed",
    "30 85 80 00 0003 612f62",
    publish({})
  ),
  golden(
    "5.0",
    "server",
    "R100 PUBLISH with its properties in turns",
    "30 15 0003 612f62 0f 0b 02 26 0001 61 0001 62 0b 01 03 0001 74",
    publish({
      properties: { subscriptionIdentifiers: [2, 1], userProperties: [["a", "b"]], contentType: "t" }
    })
  ),
  golden(
    "5.0",
    "server",
    "R5 PUBLISH with U+FEFF and a noncharacter",
    "30 0e 000a efbbbf 61 efbbbf efbfbf 00 21",
    publish({ topic: "\uFEFFa\uFEFF\uFFFF", payload: bytesOf("21") })
  )
]

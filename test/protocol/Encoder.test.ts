import { assert, describe, it, vi } from "@effect/vitest"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type {
  Auth,
  Connect,
  Packet,
  ProtocolVersion,
  Publish,
  Sender,
  Subscribe,
  Subscription,
  Unsubscribe,
  Will
} from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import { connectPacket, publish as publishTo } from "../support/packets.ts"
import { bytesOf, concat, hexOf } from "./hex.ts"
import * as Packets from "./Packets.ts"
import * as Random from "./Random.ts"

const { none } = Properties

const publish = (fields: Partial<Publish> = {}): Publish => publishTo("a", { text: "", ...fields })
const connect = (fields: Partial<Connect> = {}): Connect =>
  connectPacket("5.0", { keepAlive: 60, clientId: "a", ...fields })
const connectWithWill = (fields: Partial<Will>): Connect =>
  connect({ will: { topic: "a", payload: new Uint8Array(0), qos: 0, retain: false, properties: none, ...fields } })
const subscribe = (fields: Partial<Subscription>, packet: Partial<Subscribe> = {}): Subscribe => ({
  _tag: "Subscribe",
  packetIdentifier: 1,
  subscriptions: [{
    topicFilter: "a",
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    ...fields
  }],
  properties: none,
  ...packet
})
const unsubscribe = (fields: Partial<Unsubscribe>): Unsubscribe => ({
  _tag: "Unsubscribe",
  packetIdentifier: 1,
  topicFilters: ["a"],
  properties: none,
  ...fields
})
const auth = (fields: Partial<Auth>): Auth => ({
  _tag: "Auth",
  reasonCode: 0x18,
  properties: { authenticationMethod: "m" },
  ...fields
})
const in311 = (packet: Connect): Connect => ({ ...packet, protocolVersion: "3.1.1" })

/** A value that the types forbid and a program in JavaScript, or a number from outside, brings all the same. */
const wrong = <A>(value: unknown): A => value as A

const tooLong = "a".repeat(65_536)
const longest = "é".repeat(32_767) + "a"

interface Refusal {
  readonly name: string
  readonly packet: Packet
  readonly label: string
  readonly field: string
  readonly version: ProtocolVersion
  readonly sender: Sender
}

type Row = readonly [name: string, packet: Packet, label: string, field: string]

const refusals = (version: ProtocolVersion, sender: Sender, rows: ReadonlyArray<Row>): ReadonlyArray<Refusal> =>
  rows.map(([name, packet, label, field]) => ({ name, packet, label, field, version, sender }))

/** Strings that no field may carry. */
const badStrings = (rows: string, make: (text: string) => Packet, field: string, version: ProtocolVersion) => {
  const is311 = version === "3.1.1"
  return [
    [`R2 ${rows} a lone high surrogate in ${field}`, make("a\ud800"), is311 ? "1.5.3-1" : "1.5.4-1", field],
    [`R2 ${rows} a lone low surrogate in ${field}`, make("\udc00b"), is311 ? "1.5.3-1" : "1.5.4-1", field],
    [
      `R2 ${rows} surrogates the wrong way round in ${field}`,
      make("\udc00\ud800"),
      is311 ? "1.5.3-1" : "1.5.4-1",
      field
    ],
    [`R9 ${rows} 65,536 bytes in ${field}`, make(tooLong), "4.7.3-3", field],
    [`R9 ${rows} 65,536 bytes of two-byte characters in ${field}`, make("é".repeat(32_768)), "4.7.3-3", field]
  ] as const
}
const nul = (make: (text: string) => Packet, field: string, label: string): Row => [
  `R4 U+0000 in ${field}`,
  make("a\u0000b"),
  label,
  field
]

/** Each property's value that is no value, in a packet that may carry the property. */
const badProperties: ReadonlyArray<readonly [name: Properties.PropertyName, value: unknown, label?: string]> = [
  ["payloadFormatIndicator", 2],
  ["payloadFormatIndicator", true],
  ["messageExpiryInterval", -1],
  ["messageExpiryInterval", 4_294_967_296],
  ["messageExpiryInterval", 1.5],
  ["messageExpiryInterval", Number.NaN],
  ["contentType", "\ud800", "1.5.4-1"],
  ["contentType", 1, "1.5.4-1"],
  ["responseTopic", "a/+", "3.3.2-14"],
  ["responseTopic", "#", "3.3.2-14"],
  ["responseTopic", "", "4.7.3-1"],
  ["responseTopic", "\u0000", "4.7.3-2"],
  ["correlationData", new Uint8Array(65_536), "4.7.3-3"],
  ["correlationData", "text", "4.13.1-1"],
  ["topicAlias", 0, "3.3.2-8"],
  ["topicAlias", 65_536, "3.3.2-8"],
  ["topicAlias", 1.5, "3.3.2-8"]
]

const table: ReadonlyArray<Refusal> = [
  // -- What is no value of its type -----------------------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ["a topic that is a number", publish({ topic: wrong(5) }), "1.5.4-1", "topic"],
    ["a Will topic that is a number", connectWithWill({ topic: wrong(5) }), "1.5.4-1", "will.topic"],
    ["a Client Identifier that is a number", connect({ clientId: wrong(5) }), "1.5.4-1", "clientId"],
    ["a user name that is a number", connect({ username: wrong(5) }), "1.5.4-1", "username"],
    ["a filter that is a number", subscribe({ topicFilter: wrong(5) }), "1.5.4-1", "subscriptions[0].topicFilter"],
    ["a filter to give up that is a number", unsubscribe({ topicFilters: [wrong(5)] }), "1.5.4-1", "topicFilters[0]"],
    [
      "a Response Topic that is a number",
      publish({ properties: { responseTopic: wrong(5) } }),
      "1.5.4-1",
      "properties.responseTopic"
    ],
    ["properties that are text", publish({ properties: wrong("text") }), "2.2.2.2", "properties"],
    [
      "a payload that is a DataView",
      publish({ payload: wrong(new DataView(new ArrayBuffer(2))) }),
      "4.13.1-1",
      "payload"
    ],
    ["a payload of wider elements", publish({ payload: wrong(new Uint16Array(2)) }), "4.13.1-1", "payload"],
    ["a payload that is a list", publish({ payload: wrong([1, 2]) }), "4.13.1-1", "payload"],
    [
      "a payload that only looks like bytes",
      publish({ payload: wrong({ BYTES_PER_ELEMENT: 1 }) }),
      "4.13.1-1",
      "payload"
    ],
    [
      "a long password that is text",
      connect({ username: "", password: wrong("a".repeat(65_536)) }),
      "4.13.1-1",
      "password"
    ]
  ]),

  // -- One thing that is right excuses no other -----------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ["R68 a wildcard at QoS 1", publish({ topic: "a/+", qos: 1, packetIdentifier: 1 }), "4.7.0-1", "topic"],
    [
      "a payload that is text at QoS 2",
      publish({ payload: wrong("text"), qos: 2, packetIdentifier: 1 }),
      "4.13.1-1",
      "payload"
    ],
    ["R16 the identifier 0 on UNSUBSCRIBE", unsubscribe({ packetIdentifier: 0 }), "2.2.1-3", "packetIdentifier"],
    [
      "a Subscription Identifier in CONNECT",
      connect({ properties: { subscriptionIdentifiers: [1] } }),
      "2.2.2.2",
      "properties.subscriptionIdentifiers"
    ],
    [
      "Session Expiry Interval in PUBLISH",
      publish({ properties: { sessionExpiryInterval: 1 } }),
      "2.2.2.2",
      "properties.sessionExpiryInterval"
    ],
    [
      "Message Expiry Interval in DISCONNECT",
      { _tag: "Disconnect", reasonCode: 0, properties: { messageExpiryInterval: 1 } },
      "2.2.2.2",
      "properties.messageExpiryInterval"
    ]
  ]),
  ...refusals("5.0", "server", [
    [
      "AUTH of success with properties and without a method",
      { _tag: "Auth", reasonCode: 0x00, properties: { reasonString: "done" } },
      "4.12",
      "properties.authenticationMethod"
    ]
  ]),

  // -- Strings and binary fields --------------------------------------------------------------------------------------
  ...(["3.1.1", "5.0"] as const).flatMap((version) => {
    const versioned = (fields: Partial<Connect>) => connect({ protocolVersion: version, ...fields })
    const withWill = (fields: Partial<Will>) => ({ ...connectWithWill(fields), protocolVersion: version })
    const label = version === "3.1.1" ? "1.5.3-2" : "1.5.4-2"
    return refusals(version, "client", [
      ...badStrings("R67", (topic) => publish({ topic }), "topic", version),
      ...badStrings("R37", (clientId) => versioned({ clientId }), "clientId", version),
      ...badStrings("R37", (username) => versioned({ username }), "username", version),
      ...badStrings("R37", (topic) => withWill({ topic }), "will.topic", version),
      ...badStrings("R105", (topicFilter) => subscribe({ topicFilter }), "subscriptions[0].topicFilter", version),
      nul((topic) => publish({ topic }), "topic", "4.7.3-2"),
      nul((topic) => withWill({ topic }), "will.topic", "4.7.3-2"),
      nul((topicFilter) => subscribe({ topicFilter }), "subscriptions[0].topicFilter", "4.7.3-2"),
      nul((clientId) => versioned({ clientId }), "clientId", label),
      nul((username) => versioned({ username }), "username", label),
      [
        "R9 a password of 65,536 bytes",
        versioned({ username: "", password: new Uint8Array(65_536) }),
        "4.7.3-3",
        "password"
      ],
      ["R9 a Will payload of 65,536 bytes", withWill({ payload: new Uint8Array(65_536) }), "4.7.3-3", "will.payload"],
      [
        "a payload that is a string",
        publish({ payload: wrong("text") }),
        version === "3.1.1" ? "4.8.0-1" : "4.13.1-1",
        "payload"
      ]
    ])
  }),
  ...refusals("5.0", "client", [
    ...badStrings(
      "R8",
      (text) => publish({ properties: { userProperties: [["a", "b"], [text, "b"]] } }),
      "properties.userProperties[1][0]",
      "5.0"
    ),
    ...badStrings(
      "R8",
      (text) => publish({ properties: { userProperties: [["a", text]] } }),
      "properties.userProperties[0][1]",
      "5.0"
    ),
    ...badStrings("R72", (contentType) => publish({ properties: { contentType } }), "properties.contentType", "5.0"),
    ...badStrings(
      "R72",
      (responseTopic) => publish({ properties: { responseTopic } }),
      "properties.responseTopic",
      "5.0"
    ),
    nul((contentType) => publish({ properties: { contentType } }), "properties.contentType", "1.5.4-2")
  ]),

  // -- Properties -----------------------------------------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ...badProperties.map(([name, value, label]): Row => [
      `R70 R72 ${name} with a value it cannot have: ${String(value).slice(0, 20)}`,
      publish({ properties: { [name]: value } }),
      label ?? "2.2.2.2",
      `properties.${name}`
    ]),
    [
      "a property of no name we know",
      publish({ properties: wrong({ retained: 1 }) }),
      "2.2.2.2",
      "properties.retained"
    ],
    ["an inherited property name", publish({ properties: wrong({ toString: 1 }) }), "2.2.2.2", "properties.toString"],
    ["properties that are not an object", publish({ properties: wrong(null) }), "2.2.2.2", "properties"],
    [
      "user properties that are not an array",
      publish({ properties: { userProperties: wrong("a") } }),
      "2.2.2.2",
      "properties.userProperties"
    ],
    [
      "a user property that is not a pair",
      publish({ properties: { userProperties: wrong([["a"]]) } }),
      "2.2.2.2",
      "properties.userProperties[0]"
    ],
    [
      "R73 a Subscription Identifier in PUBLISH",
      publish({ properties: { subscriptionIdentifiers: [1] } }),
      "3.3.4-6",
      "properties.subscriptionIdentifiers"
    ],
    [
      "R11 Reason String in SUBSCRIBE",
      subscribe({}, { properties: { reasonString: "a" } }),
      "2.2.2.2",
      "properties.reasonString"
    ],
    [
      "R11 Topic Alias in the Will",
      connectWithWill({ properties: { topicAlias: 1 } }),
      "2.2.2.2",
      "will.properties.topicAlias"
    ],
    [
      "R11 Will Delay Interval in CONNECT",
      connect({ properties: { willDelayInterval: 1 } }),
      "2.2.2.2",
      "properties.willDelayInterval"
    ],
    [
      "R112 Subscription Identifier 0",
      subscribe({}, { properties: { subscriptionIdentifiers: [0] } }),
      "2.2.2.2",
      "properties.subscriptionIdentifiers[0]"
    ],
    [
      "R112 Subscription Identifier 268,435,456",
      subscribe({}, { properties: { subscriptionIdentifiers: [268_435_456] } }),
      "2.2.2.2",
      "properties.subscriptionIdentifiers[0]"
    ],
    [
      "R112 two Subscription Identifiers",
      subscribe({}, { properties: { subscriptionIdentifiers: [1, 2] } }),
      "2.2.2.2",
      "properties.subscriptionIdentifiers"
    ],
    ["R61 Receive Maximum 0", connect({ properties: { receiveMaximum: 0 } }), "2.2.2.2", "properties.receiveMaximum"],
    [
      "R61 Maximum Packet Size 0",
      connect({ properties: { maximumPacketSize: 0 } }),
      "2.2.2.2",
      "properties.maximumPacketSize"
    ],
    [
      "Authentication Data without a method",
      connect({ properties: { authenticationData: new Uint8Array(1) } }),
      "4.12",
      "properties.authenticationMethod"
    ]
  ]),
  ...refusals("5.0", "server", [
    [
      "R132 Session Expiry Interval in DISCONNECT",
      { _tag: "Disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 1 } },
      "3.14.2-2",
      "properties.sessionExpiryInterval"
    ],
    [
      "R61 Maximum QoS 2",
      { _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: { maximumQos: wrong(2) } },
      "2.2.2.2",
      "properties.maximumQos"
    ]
  ]),
  ...refusals("3.1.1", "client", [
    ["a property", publish({ properties: { contentType: "a" } }), "2.3", "properties.contentType"],
    [
      "a Will property",
      in311(connectWithWill({ properties: { willDelayInterval: 1 } })),
      "2.3",
      "will.properties.willDelayInterval"
    ]
  ]),

  // -- Packet Identifiers, flags, QoS ---------------------------------------------------------------------------------
  ...[0, 65_536, 1.5, -1, Number.NaN].flatMap((packetIdentifier) => [
    ...refusals("3.1.1", "client", [
      [
        `R16 the identifier ${packetIdentifier} on QoS 1`,
        publish({ qos: 1, packetIdentifier }),
        "2.3.1-1",
        "packetIdentifier"
      ],
      [
        `R16 the identifier ${packetIdentifier} on PUBACK`,
        { _tag: "Puback", packetIdentifier, reasonCode: 0, properties: none },
        "2.3.1-1",
        "packetIdentifier"
      ]
    ]),
    ...refusals("5.0", "client", [
      [
        `R16 the identifier ${packetIdentifier} on SUBSCRIBE`,
        subscribe({}, { packetIdentifier }),
        "2.2.1-3",
        "packetIdentifier"
      ]
    ]),
    ...refusals("5.0", "server", [
      [
        `R21 the identifier ${packetIdentifier} on QoS 2`,
        publish({ qos: 2, packetIdentifier }),
        "2.2.1-4",
        "packetIdentifier"
      ]
    ])
  ]),
  ...refusals("3.1.1", "client", [[
    "R18 an identifier on QoS 0",
    publish({ packetIdentifier: 1 }),
    "2.3.1-5",
    "packetIdentifier"
  ]]),
  ...refusals("5.0", "client", [
    ["R18 an identifier on QoS 0", publish({ packetIdentifier: 1 }), "2.2.1-2", "packetIdentifier"],
    ["R65 DUP on QoS 0", publish({ dup: true }), "3.3.1-2", "dup"],
    ["R15 QoS 3", publish({ qos: wrong(3), packetIdentifier: 1 }), "3.3.1-4", "qos"],
    ["R15 QoS as text", publish({ qos: wrong("1"), packetIdentifier: 1 }), "3.3.1-4", "qos"],
    ["R31 Will QoS 3", connectWithWill({ qos: wrong(3) }), "3.1.2-12", "will.qos"],
    ["R107 QoS 3 of a subscription", subscribe({ qos: wrong(3) }), "3.8.3-5", "subscriptions[0].qos"],
    ["R107 Retain Handling 3", subscribe({ retainHandling: wrong(3) }), "3.8.3.1", "subscriptions[0].retainHandling"],
    [
      "R108 No Local on a Shared Subscription",
      subscribe({ topicFilter: "$share/g/t", noLocal: true }),
      "3.8.3-4",
      "subscriptions[0].noLocal"
    ],
    ["R106 SUBSCRIBE without filters", subscribe({}, { subscriptions: [] }), "3.8.3-2", "subscriptions"],
    [
      "R106 UNSUBSCRIBE without filters",
      { _tag: "Unsubscribe", packetIdentifier: 1, topicFilters: [], properties: none },
      "3.10.3-2",
      "topicFilters"
    ]
  ]),
  ...refusals("3.1.1", "client", [
    ["R31 Will QoS 3", in311(connectWithWill({ qos: wrong(3) })), "3.1.2-14", "will.qos"],
    ["R107 No Local", subscribe({ noLocal: true }), "3-8.3-4", "subscriptions[0]"],
    ["R107 Retain As Published", subscribe({ retainAsPublished: true }), "3-8.3-4", "subscriptions[0]"],
    ["R107 Retain Handling", subscribe({ retainHandling: 1 }), "3-8.3-4", "subscriptions[0]"],
    ["R106 SUBSCRIBE without filters", subscribe({}, { subscriptions: [] }), "3.8.3-3", "subscriptions"]
  ]),

  // -- Topics ---------------------------------------------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ...["+", "#", "a/+", "a/#", "a+b"].map((
      topic
    ): Row => [`R68 publish to ${topic}`, publish({ topic }), "4.7.0-1", "topic"]),
    ["R69 an empty topic without an alias", publish({ topic: "" }), "4.7.3-1", "topic"],
    ["R43 a Will Topic with a wildcard", connectWithWill({ topic: "a/#" }), "4.7.0-1", "will.topic"],
    ["R43 an empty Will Topic", connectWithWill({ topic: "" }), "4.7.3-1", "will.topic"],
    ...["a#", "a/#/b", "##"].map((
      topicFilter
    ): Row => [`R109 ${topicFilter}`, subscribe({ topicFilter }), "4.7.1-1", "subscriptions[0].topicFilter"]),
    ...["a+", "+a", "a/b+/c"].map((
      topicFilter
    ): Row => [`R109 ${topicFilter}`, subscribe({ topicFilter }), "4.7.1-2", "subscriptions[0].topicFilter"]),
    ["R110 an empty filter", subscribe({ topicFilter: "" }), "4.7.3-1", "subscriptions[0].topicFilter"],
    ["R111 $share//t", subscribe({ topicFilter: "$share//t" }), "4.8.2-1", "subscriptions[0].topicFilter"],
    ["R111 $share/g", subscribe({ topicFilter: "$share/g" }), "4.8.2-2", "subscriptions[0].topicFilter"],
    [
      "R105 a second filter of UNSUBSCRIBE",
      { _tag: "Unsubscribe", packetIdentifier: 1, topicFilters: ["a", "b#"], properties: none },
      "4.7.1-1",
      "topicFilters[1]"
    ]
  ]),
  ...refusals("3.1.1", "client", [
    ["R68 publish to a/+", publish({ topic: "a/+" }), "4.7.1-1", "topic"],
    ["R69 an empty topic", publish({ topic: "" }), "4.7.3-1", "topic"],
    ["R69 an empty topic with an alias", publish({ topic: "", properties: { topicAlias: 1 } }), "4.7.3-1", "topic"],
    ["R109 a#", subscribe({ topicFilter: "a#" }), "4.7.1-2", "subscriptions[0].topicFilter"]
  ]),

  // -- CONNECT --------------------------------------------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ["R25 a CONNECT of the other version", connect({ protocolVersion: "3.1.1" }), "3.1.2-2", "protocolVersion"],
    ...[65_536, -1, 0.5].map((
      keepAlive
    ): Row => [`Keep Alive ${keepAlive}`, connect({ keepAlive }), "3.1.2.10", "keepAlive"])
  ]),
  ...refusals("3.1.1", "client", [
    ["R34 a password without a user name", in311(connect({ password: new Uint8Array(1) })), "3.1.2-22", "password"],
    ["R39 no client id and Clean Session 0", in311(connect({ clientId: "", cleanStart: false })), "3.1.3-7", "clientId"]
  ]),

  // -- Reason Codes ---------------------------------------------------------------------------------------------------
  ...refusals("5.0", "client", [
    ...([["Puback", 0x92, "3.4.2-1"], ["Pubrec", 0x01, "3.5.2-1"], ["Pubrel", 0x80, "3.6.2-1"], [
      "Pubcomp",
      0x10,
      "3.7.2-1"
    ]] as const)
      .map(([_tag, reasonCode, label]): Row => [
        `R84 R94 ${_tag} with 0x${reasonCode.toString(16)}`,
        { _tag, packetIdentifier: 1, reasonCode, properties: none },
        label,
        "reasonCode"
      ]),
    ...Array.from({ length: 256 }, (_, code) => code)
      .filter((code) =>
        ![0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99].includes(code)
      )
      .map((
        reasonCode
      ): Row => [
        `R129 DISCONNECT ${reasonCode}`,
        { _tag: "Disconnect", reasonCode, properties: none },
        "3.14.2-1",
        "reasonCode"
      ]),
    ["R136 AUTH 0x00", auth({ reasonCode: 0 }), "3.15.2-1", "reasonCode"],
    ["R136 AUTH 0x01", auth({ reasonCode: 1 }), "3.15.2-1", "reasonCode"],
    ["AUTH without a method", auth({ properties: none }), "4.12", "properties.authenticationMethod"]
  ]),
  ...refusals("5.0", "server", [
    ["DISCONNECT 0x04", { _tag: "Disconnect", reasonCode: 4, properties: none }, "3.14.2-1", "reasonCode"],
    ["AUTH 0x19", auth({ reasonCode: 0x19 }), "3.15.2-1", "reasonCode"],
    [
      "R52 CONNACK 0x01",
      { _tag: "Connack", sessionPresent: false, reasonCode: 1, properties: none },
      "3.2.2-8",
      "reasonCode"
    ],
    [
      "R114 SUBACK without codes",
      { _tag: "Suback", packetIdentifier: 1, reasonCodes: [], properties: none },
      "3.8.4-6",
      "reasonCodes"
    ],
    [
      "R115 SUBACK 0x11",
      { _tag: "Suback", packetIdentifier: 1, reasonCodes: [0, 0x11], properties: none },
      "3.9.3-2",
      "reasonCodes[1]"
    ],
    [
      "R115 UNSUBACK 0x01",
      { _tag: "Unsuback", packetIdentifier: 1, reasonCodes: [1], properties: none },
      "3.11.3-2",
      "reasonCodes[0]"
    ]
  ]),
  ...refusals("3.1.1", "client", [
    [
      "a Reason Code in PUBACK",
      { _tag: "Puback", packetIdentifier: 1, reasonCode: 0x80, properties: none },
      "2.3",
      "reasonCode"
    ],
    ["a Reason Code in DISCONNECT", { _tag: "Disconnect", reasonCode: 4, properties: none }, "2.3", "reasonCode"],
    ["AUTH", auth({}), "2.2.1", "_tag"]
  ]),
  ...refusals("3.1.1", "server", [
    [
      "R115 SUBACK 0x87",
      { _tag: "Suback", packetIdentifier: 1, reasonCodes: [0x87], properties: none },
      "3.9.3-2",
      "reasonCodes[0]"
    ],
    [
      "codes in UNSUBACK",
      { _tag: "Unsuback", packetIdentifier: 1, reasonCodes: [0], properties: none },
      "3.11",
      "reasonCodes"
    ],
    ["DISCONNECT", { _tag: "Disconnect", reasonCode: 0, properties: none }, "2.2.1", "_tag"],
    ["R24 CONNECT", in311(connect()), "2.2.1", "_tag"]
  ]),
  ...refusals("5.0", "client", [
    ["CONNACK", { _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none }, "2.1.2", "_tag"],
    ["PINGRESP", { _tag: "Pingresp" }, "2.1.2", "_tag"],
    ["no packet at all", wrong({ _tag: "Reserved" }), "2.1.2", "_tag"]
  ])
]

describe("what is refused", () => {
  for (const { field, label, name, packet, sender, version } of table) {
    it(`${name}, ${version} from a ${sender}`, () => {
      const options = { protocolVersion: version, sender }
      const encoder = Encoder.make(options)
      // What is known as valid makes nothing valid that comes with it.
      assert.isUndefined(encoder.encode(publish()))
      encoder.take()
      // Twice: what was refused once may not be known as valid.
      for (let round = 0; round < 2; round++) {
        const invalid = encoder.encode(packet)
        assert.strictEqual(invalid?._tag, "InvalidPacket")
        assert.deepStrictEqual(invalid?.label, { version, label }, invalid?.message)
        assert.strictEqual(invalid?.field, field)
        // The field, and a sentence about it.
        assert.match(invalid?.message ?? "", /^\S+( \S+){3,}/)
      }
      assert.strictEqual(encoder.pendingBytes(), 0)
      assert.deepStrictEqual(encoder.take(), [])
      assert.deepStrictEqual(Encoder.toBytes(packet, options), encoder.encode(packet))
    })
  }

  it("R69 an empty topic beside a Topic Alias does not make an empty topic valid", () => {
    const encoder = Encoder.make({ protocolVersion: "5.0", sender: "client" })
    for (const packet of [publish({ topic: "", properties: { topicAlias: 1 } }), publish(), publish()]) {
      assert.isUndefined(encoder.encode(packet))
      assert.strictEqual(encoder.encode(publish({ topic: "" }))?.label.label, "4.7.3-1")
    }
  })

  it("R9 65,535 bytes are the longest string and are written whole", () => {
    const bytes = Encoder.toBytes(publish({ topic: longest }), { protocolVersion: "3.1.1", sender: "client" })
    if (!(bytes instanceof Uint8Array)) return assert.fail(bytes.message)
    assert.strictEqual(hexOf(bytes.subarray(0, 8)), "30 81 80 04 ff ff c3 a9")
    assert.strictEqual(bytes.length, 65_541)
  })

  it("R9 65,535 bytes are the longest binary field and are written whole", () => {
    const password = new Uint8Array(65_535).fill(7)
    const bytes = Encoder.toBytes(connect({ username: "", password }), { protocolVersion: "5.0", sender: "client" })
    if (!(bytes instanceof Uint8Array)) return assert.fail(bytes.message)
    assert.strictEqual(hexOf(bytes.subarray(-65_537, -65_530)), hexOf(bytesOf("ffff 07 07 07 07 07")))
    assert.strictEqual(bytes.at(-1), 7)
  })

  it("R129 R136 what a client may say in DISCONNECT and AUTH is written", () => {
    const options = { protocolVersion: "5.0", sender: "client" } as const
    for (const reasonCode of [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]) {
      assert.instanceOf(Encoder.toBytes({ _tag: "Disconnect", reasonCode, properties: none }, options), Uint8Array)
    }
    for (const reasonCode of [0x18, 0x19]) {
      assert.instanceOf(Encoder.toBytes(auth({ reasonCode }), options), Uint8Array)
    }
  })

  it("properties that are undefined or empty are not there, also in 3.1.1", () => {
    const properties = { contentType: undefined, userProperties: [] }
    for (const [protocolVersion, hex] of [["3.1.1", "30 03 00 01 61"], ["5.0", "30 04 00 01 61 00"]] as const) {
      const bytes = Encoder.toBytes(publish({ properties }), { protocolVersion, sender: "client" })
      assert.strictEqual(bytes instanceof Uint8Array ? hexOf(bytes) : bytes.message, hex)
    }
  })

  it("no message tells a secret", () => {
    const canary = "c4n4ry"
    const packets = [
      connect({ username: `${canary}\ud800` }),
      connect({ username: "a", password: wrong(canary) }),
      connectWithWill({ payload: wrong(canary) }),
      publish({ payload: wrong(canary) }),
      connect({ properties: { authenticationMethod: "m", authenticationData: wrong(canary) } }),
      connect({ properties: { userProperties: [["a", `${canary}\u0000`]] } })
    ]
    for (const packet of packets) {
      const invalid = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
      assert.strictEqual("_tag" in invalid ? invalid._tag : "bytes", "InvalidPacket")
      assert.notInclude(JSON.stringify(invalid), canary)
    }
  })
})

describe("Maximum Packet Size", () => {
  const encoderFor = (maximumPacketSize: number, sender: Sender = "client"): Encoder.Encoder => {
    const encoder = Encoder.make({ protocolVersion: "5.0", sender })
    encoder.setMaximumPacketSize(maximumPacketSize)
    return encoder
  }
  const written = (packet: Packet, maximumPacketSize: number, sender?: Sender): string => {
    const encoder = encoderFor(maximumPacketSize, sender)
    const invalid = encoder.encode(packet)
    return invalid === undefined ? hexOf(concat(encoder.take())) : invalid.label.label
  }

  it("R56 counts the fixed header and refuses every packet above it", () => {
    const packet = publish({ payload: bytesOf("616263") })
    assert.strictEqual(written(packet, 9), "30 07 00 01 61 00 61 62 63")
    assert.strictEqual(written(packet, 8), "3.2.2-15")
    assert.strictEqual(written(connect(), 15), "3.2.2-15")
    assert.strictEqual(written(subscribe({}), 8), "3.2.2-15")
    assert.strictEqual(written({ _tag: "Pingreq" }, 1), "3.2.2-15")
    assert.strictEqual(written({ _tag: "Puback", packetIdentifier: 1, reasonCode: 0, properties: none }, 3), "3.2.2-15")
  })

  it("R56 holds for a topic that was written before", () => {
    const encoder = encoderFor(100)
    assert.isUndefined(encoder.encode(publish()))
    assert.isUndefined(encoder.encode(publish({ payload: new Uint8Array(94) })))
    assert.strictEqual(encoder.pendingBytes(), 6 + 100)
    assert.strictEqual(encoder.encode(publish({ payload: new Uint8Array(95) }))?.label.label, "3.2.2-15")
    assert.strictEqual(encoder.pendingBytes(), 6 + 100)
  })

  const properties = { userProperties: [["a", "b"]], reasonString: "bad" } as const

  for (
    const [_tag, byte, code] of [["Puback", "40", 0x80], ["Pubrec", "50", 0x80], ["Pubrel", "62", 0x92], [
      "Pubcomp",
      "70",
      0x92
    ]] as const
  ) {
    it(`R56 R84 R94 ${_tag} that is too large loses its User Properties, then its Reason String`, () => {
      const packet = { _tag, packetIdentifier: 1, reasonCode: code, properties }
      const reason = code.toString(16)
      assert.strictEqual(written(packet, 19), `${byte} 11 00 01 ${reason} 0d 26 00 01 61 00 01 62 1f 00 03 62 61 64`)
      assert.strictEqual(written(packet, 18), `${byte} 0a 00 01 ${reason} 06 1f 00 03 62 61 64`)
      assert.strictEqual(written(packet, 11), `${byte} 03 00 01 ${reason}`)
      assert.strictEqual(written(packet, 5), `${byte} 03 00 01 ${reason}`)
      assert.strictEqual(written(packet, 4), "3.2.2-15")
      assert.strictEqual(written({ ...packet, reasonCode: 0 }, 4), `${byte} 02 00 01`)
    })
  }

  it("R130 DISCONNECT keeps what is not a Reason String or User Property", () => {
    const packet: Packet = { _tag: "Disconnect", reasonCode: 0x9d, properties: { serverReference: "s", ...properties } }
    assert.strictEqual(written(packet, 21, "server"), "e0 13 9d 11 1c 00 01 73 26 00 01 61 00 01 62 1f 00 03 62 61 64")
    assert.strictEqual(written(packet, 20, "server"), "e0 0c 9d 0a 1c 00 01 73 1f 00 03 62 61 64")
    assert.strictEqual(written(packet, 13, "server"), "e0 06 9d 04 1c 00 01 73")
    assert.strictEqual(written(packet, 7, "server"), "3.2.2-15")
  })

  it("R94 the Reason String stays where leaving out the User Properties is just enough", () => {
    const packet: Packet = { _tag: "Puback", packetIdentifier: 1, reasonCode: 0x80, properties }
    assert.strictEqual(written(packet, 12), "40 0a 00 01 80 06 1f 00 03 62 61 64")
    assert.strictEqual(written(packet, 11), "40 03 00 01 80")
  })

  it("R56 a refusal says what is too large, by how much, and which field to make smaller", () => {
    const refusal = (packet: Packet) => encoderFor(5).encode(packet)
    const ofPublish = refusal(publish({ payload: bytesOf("616263") }))
    assert.strictEqual(ofPublish?.field, "payload")
    assert.strictEqual(ofPublish?.message, "Publish takes 9 bytes and the Maximum Packet Size is 5; send less")
    const ofConnect = refusal(connect())
    assert.strictEqual(ofConnect?.field, "_tag")
    assert.strictEqual(ofConnect?.message, "Connect takes 16 bytes and the Maximum Packet Size is 5; send less")
  })

  it("R130 AUTH keeps its method", () => {
    const packet = auth({ properties: { authenticationMethod: "m", ...properties } })
    assert.strictEqual(written(packet, 20), "f0 0c 18 0a 15 00 01 6d 1f 00 03 62 61 64")
    assert.strictEqual(written(packet, 13), "f0 06 18 04 15 00 01 6d")
  })

  it("a packet above what four length bytes can say is refused, and nothing of it is allocated", () => {
    const payload = new Uint8Array(268_435_455)
    const encoder = Encoder.make({ protocolVersion: "3.1.1", sender: "client" })
    // No peer can allow more.
    encoder.setMaximumPacketSize(4_294_967_295)
    assert.strictEqual(encoder.encode(publish({ payload }))?.field, "payload")
    const bytes = Encoder.toBytes(publish({ payload }), { protocolVersion: "3.1.1", sender: "client" })
    assert.strictEqual(bytes instanceof Uint8Array ? "" : bytes.field, "payload")
    assert.isUndefined(encoder.encode(publish({ payload: payload.subarray(0, 268_435_452) })))
    assert.strictEqual(encoder.pendingBytes(), 268_435_460)
    assert.strictEqual(hexOf(encoder.take()[0]), "30 ff ff ff 7f 00 01 61")
  })
})

describe("the buffer", () => {
  const options = { protocolVersion: "5.0", sender: "client" } as const

  /** With properties and without, as they are written in two ways. */
  const inBothWays = (fields: Partial<Publish>): ReadonlyArray<Publish> => [
    publish(fields),
    publish({ ...fields, properties: { contentType: "t" } })
  ]

  it("a payload of 16,384 bytes leaves as a chunk of its own, one of a byte less is copied", () => {
    for (const [length, chunks] of [[16_383, 1], [16_384, 2], [16_385, 2]] as const) {
      const payload = new Uint8Array(length).fill(7)
      for (const packet of inBothWays({ payload })) {
        const encoder = Encoder.make(options)
        // The second time the topic is known.
        for (let round = 0; round < 2; round++) {
          assert.isUndefined(encoder.encode(packet))
          const taken = encoder.take()
          assert.strictEqual(taken.length, chunks)
          // At QoS 0 nobody says when it is needed no more.
          assert.strictEqual(taken.at(-1) === payload, chunks === 2 && packet.qos !== 0)
        }
      }
    }
  })

  it("S45 payloads of every size are whole wherever in the buffer they come", () => {
    for (const length of [0, 31, 32, 33, 1_000, 10_000, 16_383, 16_384, 40_000]) {
      for (const packet of inBothWays({ payload: new Uint8Array(length).fill(7), qos: 1, packetIdentifier: 1 })) {
        const encoder = Encoder.make(options)
        const expected = Encoder.toBytes(packet, options)
        if (!(expected instanceof Uint8Array)) return assert.fail(expected.message)
        for (let count = 0; count < 20; count++) encoder.encode(packet)
        const written = Buffer.concat(encoder.take())
        assert.strictEqual(written.length, 20 * expected.length)
        for (let at = 0; at < written.length; at += expected.length) {
          assert.strictEqual(Buffer.compare(written.subarray(at, at + expected.length), expected), 0)
        }
      }
    }
  })

  it("S45 a buffer is used to its last byte", () => {
    const encoder = Encoder.make(options)
    // Sixteen times 4,096 bytes, with six bytes before each payload and one more for its length.
    for (let count = 0; count < 16; count++) encoder.encode(publish({ payload: new Uint8Array(4_096 - 7) }))
    assert.strictEqual(encoder.pendingBytes(), 65_536)
    assert.deepStrictEqual(encoder.take().map((chunk) => chunk.length), [65_536])
  })

  it("R68 a topic that was valid is not read again, at any QoS", () => {
    const encoder = Encoder.make(options)
    encoder.encode(publish({ topic: "a/b" }))
    encoder.encode(publish({ topic: "c" }))
    let searches = 0
    const { includes } = String.prototype
    const counted = function(this: string, ...parameters: Parameters<typeof includes>) {
      searches++
      return includes.apply(this, parameters)
    }
    Reflect.set(String.prototype, "includes", counted)
    try {
      for (let round = 0; round < 3; round++) {
        for (const topic of ["a/b", "c"]) {
          encoder.encode(publish({ topic }))
          encoder.encode(publish({ topic, retain: true, qos: 1, packetIdentifier: 1 }))
          encoder.encode(publish({ topic, dup: true, qos: 2, packetIdentifier: 65_535 }))
        }
      }
    } finally {
      Reflect.set(String.prototype, "includes", includes)
    }
    assert.strictEqual(searches, 0)
    assert.strictEqual(encoder.pendingBytes(), 8 + 6 + 3 * (8 + 10 + 10 + 6 + 8 + 8))
  })

  it("S45 many packets of one turn leave in one piece, in order", () => {
    const encoder = Encoder.make(options)
    const packets = Array.from({ length: 1_000 }, (_, index) => publish({ qos: 1, packetIdentifier: index + 1 }))
    for (const packet of packets) assert.isUndefined(encoder.encode(packet))
    assert.strictEqual(encoder.pendingBytes(), 8_000)
    const chunks = encoder.take()
    assert.strictEqual(chunks.length, 1)
    assert.strictEqual(hexOf(chunks[0].subarray(0, 16)), "32 06 00 01 61 00 01 00 32 06 00 01 61 00 02 00")
    assert.strictEqual(encoder.pendingBytes(), 0)
    assert.deepStrictEqual(encoder.take(), [])
  })

  it("what was handed out is never written again", () => {
    const encoder = Encoder.make(options)
    const taken: Array<{ readonly chunk: Uint8Array; readonly copy: Uint8Array }> = []
    for (let round = 0; round < 200; round++) {
      for (let index = 0; index < 20; index++) encoder.encode(publish({ payload: new Uint8Array(100).fill(round) }))
      for (const chunk of encoder.take()) taken.push({ chunk, copy: chunk.slice() })
    }
    for (const { chunk, copy } of taken) assert.strictEqual(Buffer.compare(chunk, copy), 0)
  })

  it("a large payload leaves by reference between what stands before and after it", () => {
    const encoder = Encoder.make(options)
    const payload = new Uint8Array(20_000).fill(7)
    encoder.encode({ _tag: "Pingreq" })
    // Once new and once with a topic that is known.
    for (let round = 0; round < 2; round++) encoder.encode(publish({ payload, qos: 1, packetIdentifier: 1 }))
    encoder.encode({ _tag: "Pingreq" })
    assert.strictEqual(encoder.pendingBytes(), 2 + 2 * 20_010 + 2)
    const chunks = encoder.take()
    assert.deepStrictEqual(chunks.map((chunk) => chunk.length), [12, 20_000, 10, 20_000, 2])
    assert.strictEqual(chunks[1], payload)
    assert.strictEqual(chunks[3], payload)
  })

  it("a large payload of QoS 0 is copied too: nothing says when the network needs it no more", () => {
    for (const packet of inBothWays({ payload: Buffer.alloc(20_000) })) {
      const encoder = Encoder.make(options)
      packet.payload.fill(1)
      encoder.encode(packet)
      const taken = encoder.take()
      packet.payload.fill(2)
      assert.isTrue(taken.at(-1)?.every((byte) => byte === 1))
    }
  })

  it("a small payload is copied, so its buffer may be used again at once", () => {
    const encoder = Encoder.make(options)
    const payload = new Uint8Array(16_383).fill(1)
    encoder.encode(publish({ payload }))
    payload.fill(2)
    assert.isTrue(concat(encoder.take()).subarray(8).every((byte) => byte === 1))
  })

  for (
    const { sender, version } of [{ sender: "client", version: "5.0" }, { sender: "server", version: "3.1.1" }] as const
  ) {
    it(`S45 any packets, taken at any moment, are the bytes of each one after the other, ${version}`, () => {
      const random = Random.make(42)
      const encoder = Encoder.make({ protocolVersion: version, sender })
      const cases = Packets.cases.filter((each) => each.version === version && each.sender === sender)
      const expected: Array<Uint8Array> = []
      const written: Array<Uint8Array> = []
      for (let index = 0; index < Random.rounds(20_000); index++) {
        const packet = Packets.packet(random, random.pick(cases))
        const bytes = Encoder.toBytes(packet, { protocolVersion: version, sender })
        if (!(bytes instanceof Uint8Array)) return assert.fail(bytes.message)
        expected.push(bytes)
        assert.isUndefined(encoder.encode(packet))
        if (random.chance(0.01)) written.push(...encoder.take())
      }
      written.push(...encoder.take())
      assert.strictEqual(Buffer.compare(concat(written), concat(expected)), 0)
    })
  }

  it("R68 more topics than are remembered are written right, again and again", () => {
    const encoder = Encoder.make({ protocolVersion: "3.1.1", sender: "client" })
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 3_000; index++) {
        const topic = `é/${index}`
        encoder.encode(publish({ topic }))
        const [chunk] = encoder.take()
        assert.strictEqual(Buffer.from(chunk.subarray(4)).toString(), topic)
        if (index % 100 === 0) assert.strictEqual(encoder.encode(publish({ topic: `${topic}/#` }))?.field, "topic")
      }
    }
  })

  it("no more than 1,024 topics are remembered, and no long ones", () => {
    let largest = 0
    let longest = 0
    vi.stubGlobal(
      "Map",
      class<K, V> extends Map<K, V> {
        override set(key: K, value: V): this {
          super.set(key, value)
          largest = Math.max(largest, this.size)
          longest = Math.max(longest, String(key).length)
          return this
        }
      }
    )
    const encoder = Encoder.make(options)
    vi.unstubAllGlobals()
    for (let index = 0; index < 5_000; index++) {
      encoder.encode(publish({ topic: `${index}/${"x".repeat(index % 300)}` }))
    }
    assert.strictEqual(largest, 1_024)
    assert.strictEqual(longest, 256)
  })

  /** The piece that this packet leaves in. */
  const taken = (encoder: Encoder.Encoder, packet: Packet): Uint8Array => {
    assert.isUndefined(encoder.encode(packet))
    const [piece] = encoder.take()
    return piece
  }

  it("is kept from one turn to the next, and given back when a PINGREQ leaves alone", () => {
    const encoder = Encoder.make(options)
    const first = taken(encoder, publish())
    assert.strictEqual(first.buffer.byteLength, 1_024)
    const pingreq = taken(encoder, { _tag: "Pingreq" })
    assert.strictEqual(pingreq.buffer, first.buffer)
    const next = taken(encoder, publish())
    assert.notStrictEqual(next.buffer, first.buffer)
    encoder.encode({ _tag: "Pingreq" })
    encoder.encode({ _tag: "Pingreq" })
    assert.strictEqual(encoder.take()[0].buffer, next.buffer)
    assert.strictEqual(taken(encoder, publish()).buffer, next.buffer)
  })

  it("is given back when the server has said what it accepts, unless something is written", () => {
    const encoder = Encoder.make(options)
    const first = taken(encoder, publish())
    encoder.encode(publish())
    encoder.setMaximumPacketSize(1_000)
    assert.strictEqual(encoder.take()[0].buffer, first.buffer)
    encoder.setMaximumPacketSize(1_000)
    assert.notStrictEqual(taken(encoder, publish()).buffer, first.buffer)
  })

  it("is a kilobyte for what fits in there, and 64 KiB for more", () => {
    for (const [length, size] of [[1_017, 1_024], [1_018, 65_536], [15_000, 65_536]] as const) {
      const piece = taken(Encoder.make(options), publish({ payload: new Uint8Array(length) }))
      assert.strictEqual(piece.buffer.byteLength, size)
    }
  })

  it("what a turn has written is copied into the next buffer up to a kilobyte, and leaves by itself above that", () => {
    // Each payload with seven bytes before it.
    const pieces = (...payloads: ReadonlyArray<number>) => {
      const encoder = Encoder.make(options)
      for (const length of payloads) encoder.encode(publish({ payload: new Uint8Array(length) }))
      return encoder.take().map((piece) => piece.length)
    }
    assert.deepStrictEqual(pieces(500, 15_000), [15_514])
    assert.deepStrictEqual(pieces(15_000, 15_000, 15_000, 15_000, 15_000), [60_028, 15_007])
  })

  it("refuses what throws when it is looked at, and writes what comes next as if nothing had been", () => {
    const encoder = Encoder.make({ protocolVersion: "5.0", sender: "client" })
    const unreadable = () => {
      throw new Error("nobody reads this")
    }
    const properties: Properties.Properties = new Proxy({}, { ownKeys: unreadable })
    const refused = [publish({ properties }), publish({ qos: 1, packetIdentifier: 1, properties }), null as never]
    const refusals = refused.map((packet) => encoder.encode(packet))
    for (const refusal of refusals) assert.strictEqual(refusal?._tag, "InvalidPacket")
    assert.strictEqual(refusals[0]?.field, "_tag")
    assert.strictEqual(
      refusals[0]?.message,
      "Publish holds a value that its type does not allow: nobody reads this"
    )
    assert.strictEqual(encoder.pendingBytes(), 0)
    assert.isUndefined(encoder.encode(publish()))
    assert.deepStrictEqual([...concat(encoder.take())], [0x30, 4, 0, 1, 0x61, 0])
  })
})

describe("the encoders of a client", () => {
  const packets: ReadonlyArray<Packet> = [
    connect(),
    publish({ qos: 1, packetIdentifier: 1 }),
    { _tag: "Puback", packetIdentifier: 1, reasonCode: 0, properties: none },
    { _tag: "Pingreq" },
    { _tag: "Disconnect", reasonCode: 0, properties: none }
  ]
  const ofSubscribers: ReadonlyArray<Packet> = [subscribe({}), unsubscribe({}), auth({})]

  const written = (encoder: Encoder.Encoder, packet: Packet) =>
    encoder.encode(packet)?._tag ?? hexOf(concat(encoder.take()))

  const expected = (packet: Packet): string => {
    const bytes = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
    return bytes instanceof Uint8Array ? hexOf(bytes) : bytes._tag
  }

  it("write what the encoder of both sides writes", () => {
    const makers = [Encoder.makeForClient, Encoder.makeForPublisher]
    for (const packet of packets) {
      for (const make of makers) assert.strictEqual(written(make({ protocolVersion: "5.0" }), packet), expected(packet))
    }
    for (const packet of ofSubscribers) {
      assert.strictEqual(written(Encoder.makeForClient({ protocolVersion: "5.0" }), packet), expected(packet))
    }
  })

  it("refuse what only a server writes", () => {
    for (const make of [Encoder.makeForClient, Encoder.makeForPublisher]) {
      const encoder = make({ protocolVersion: "5.0" })
      assert.strictEqual(written(encoder, { _tag: "Pingresp" }), "InvalidPacket")
      const properties = { subscriptionIdentifiers: [1] }
      assert.strictEqual(written(encoder, publish({ properties })), "InvalidPacket")
    }
  })
})

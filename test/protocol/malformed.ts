/**
 * Bytes that break exactly one rule, and the error for each.
 */
import type { ProtocolVersion, Sender } from "../../src/protocol/Packet.ts"

export interface Malformed {
  /** Conformance rows and what is wrong. */
  readonly name: string
  readonly version: ProtocolVersion | undefined
  readonly sender: Sender
  readonly hex: string
  readonly reasonCode: number
  readonly label: string
}

type Row = readonly [name: string, hex: string, reasonCode: number, label: string]

const rowsOf = (version: ProtocolVersion, sender: Sender, rows: ReadonlyArray<Row>): ReadonlyArray<Malformed> =>
  rows.map(([name, hex, reasonCode, label]) => ({
    name: `${name}, ${version} from a ${sender}`,
    version,
    sender,
    hex,
    reasonCode,
    label
  }))

/** The same in both versions but for the Property Length and, where it differs, the label. */
const inBoth = (
  sender: Sender,
  rows: ReadonlyArray<
    readonly [name: string, hex311: string, hex50: string, reasonCode: number, label311: string, label50: string]
  >
): ReadonlyArray<Malformed> =>
  rows.flatMap(([name, hex311, hex50, reasonCode, label311, label50]) => [
    ...rowsOf("3.1.1", sender, [[name, hex311, reasonCode, label311]]),
    ...rowsOf("5.0", sender, [[name, hex50, reasonCode, label50]])
  ])

const illFormedUtf8: ReadonlyArray<readonly [what: string, hex: string]> = [
  ["a lone continuation", "80"],
  ["an impossible lead", "ff"],
  ["overlong C0 80", "c080"],
  ["overlong C1 BF", "c1bf"],
  ["overlong E0 80 80", "e08080"],
  ["overlong F0 80 80 80", "f0808080"],
  ["the surrogate D800", "eda080"],
  ["the surrogate DFFF", "edbfbf"],
  ["a surrogate pair in UTF-8", "eda0bdedb880"],
  ["U+110000", "f4908080"],
  ["five bytes", "f888808080"],
  ["a cut character", "e282"],
  ["a lead without its continuation", "c341"]
]

const byteLength = (hex: string): number => hex.replaceAll(/\s/g, "").length / 2
const byte = (value: number): string => value.toString(16).padStart(2, "0")
const field = (hex: string): string => `00${byte(byteLength(hex))}${hex}`

/** PUBLISH with these topic bytes. */
const publishTo = (topic: string, version: ProtocolVersion): string => {
  const body = field(topic) + (version === "5.0" ? "00" : "")
  return `30 ${byte(byteLength(body))} ${body}`
}

/** A 5.0 packet: its first byte, what comes before the properties, the properties, what comes after. */
const withProperties = (first: string, before: string, properties: string, after = ""): string => {
  const body = `${before}${byte(byteLength(properties))}${properties}${after}`
  return `${first} ${byte(byteLength(body))} ${body}`
}
const connack = (properties: string): string => withProperties("20", "0000", properties)
const publish = (properties: string): string => withProperties("30", "000161", properties)
const connectHead = "00044d515454 05 02 0000 "
const connect = (properties: string): string => withProperties("10", connectHead, properties, "000161")
const subscribe = (properties: string): string => withProperties("82", "000a", properties, "000161 00")

/** Every property that stands at most once, with one value. */
const once = {
  connack: [
    ["11", "00000001"],
    ["12", "000161"],
    ["13", "0001"],
    ["15", "000161"],
    ["1a", "000161"],
    ["1c", "000161"],
    ["1f", "000161"],
    ["21", "0001"],
    ["22", "0001"],
    ["24", "00"],
    ["25", "00"],
    ["27", "00000001"],
    ["28", "00"],
    ["29", "00"],
    ["2a", "00"]
  ],
  publish: [["01", "00"], ["02", "00000001"], ["03", "000161"], ["08", "000161"], ["09", "000161"], ["23", "0001"]]
} as const

const allIdentifiers = [
  0x01,
  0x02,
  0x03,
  0x08,
  0x09,
  0x0b,
  0x11,
  0x12,
  0x13,
  0x15,
  0x16,
  0x17,
  0x18,
  0x19,
  0x1a,
  0x1c,
  0x1f,
  0x21,
  0x22,
  0x23,
  0x24,
  0x25,
  0x26,
  0x27,
  0x28,
  0x29,
  0x2a
]
/** The property table of the specification once more, written by hand and not read from the source. */
const allowedFromServer = {
  CONNACK: [0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a],
  PUBLISH: [0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26],
  PUBACK: [0x1f, 0x26],
  SUBACK: [0x1f, 0x26],
  UNSUBACK: [0x1f, 0x26],
  DISCONNECT: [0x1c, 0x1f, 0x26],
  AUTH: [0x15, 0x16, 0x1f, 0x26]
}
const allowedFromClient = {
  CONNECT: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
  PUBLISH: [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26],
  SUBSCRIBE: [0x0b, 0x26],
  UNSUBSCRIBE: [0x26],
  DISCONNECT: [0x11, 0x1f, 0x26]
}
const frames: { readonly [packet: string]: (properties: string) => string } = {
  CONNACK: connack,
  PUBLISH: publish,
  PUBACK: (properties) => withProperties("40", "000a00", properties),
  SUBACK: (properties) => withProperties("90", "000a", properties, "00"),
  UNSUBACK: (properties) => withProperties("b0", "000a", properties, "00"),
  DISCONNECT: (properties) => withProperties("e0", "00", properties),
  AUTH: (properties) => withProperties("f0", "18", properties),
  CONNECT: connect,
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: (properties) => withProperties("a2", "000a", properties, "000161")
}
const misplaced = (allowed: { readonly [packet: string]: ReadonlyArray<number> }): ReadonlyArray<Row> =>
  Object.entries(allowed).flatMap(([packet, identifiers]) =>
    allIdentifiers.filter((identifier) => !identifiers.includes(identifier)).map((identifier): Row => {
      const [reasonCode, label] = specificMisplacement[`${packet} ${byte(identifier)}`] ?? [0x81, "2.2.2.2"]
      return [
        `R11 property ${byte(identifier)} in ${packet}`,
        frames[packet](`${byte(identifier)}00000001`),
        reasonCode,
        label
      ]
    })
  )
const specificMisplacement: { readonly [where: string]: readonly [number, string] } = {
  "DISCONNECT 11": [0x82, "3.14.2-2"],
  "PUBLISH 0b": [0x82, "3.3.4-6"]
}

const flagNames = [
  ["20", "CONNACK", "server"],
  ["40", "PUBACK", "server"],
  ["50", "PUBREC", "server"],
  ["62", "PUBREL", "server"],
  ["70", "PUBCOMP", "server"],
  ["90", "SUBACK", "server"],
  ["b0", "UNSUBACK", "server"],
  ["d0", "PINGRESP", "server"],
  ["10", "CONNECT", "client"],
  ["82", "SUBSCRIBE", "client"],
  ["a2", "UNSUBSCRIBE", "client"],
  ["c0", "PINGREQ", "client"],
  ["e0", "DISCONNECT", "client"]
] as const
const flagLabels50: { readonly [first: string]: string } = {
  "62": "3.6.1-1",
  "82": "3.8.1-1",
  a2: "3.10.1-1",
  e0: "3.14.1-1",
  f0: "3.15.1-1"
}
const wrongFlags: ReadonlyArray<Malformed> = flagNames.flatMap(([first, name, sender]) =>
  Array.from({ length: 16 }, (_, flags) => (parseInt(first, 16) & 0xf0) | flags)
    .filter((wrong) => byte(wrong) !== first)
    .flatMap((wrong) =>
      inBoth(sender, [[
        `R13 ${name} begins with ${byte(wrong)}`,
        `${byte(wrong)} 00`,
        `${byte(wrong)} 00`,
        0x81,
        "2.2.2-2",
        flagLabels50[first] ?? "2.1.3-1"
      ]])
    )
)

export const malformed: ReadonlyArray<Malformed> = [
  // -- Strings --------------------------------------------------------------------------------------------------------
  ...illFormedUtf8.flatMap(([what, hex]) =>
    inBoth("server", [[
      `R1 a topic with ${what}`,
      publishTo(hex, "3.1.1"),
      publishTo(hex, "5.0"),
      0x81,
      "1.5.3-1",
      "1.5.4-1"
    ]])
  ),
  ...illFormedUtf8.flatMap(([what, hex]) =>
    rowsOf("5.0", "server", [
      [`R1 a user property's name with ${what}`, connack(`26${field(hex)}000161`), 0x81, "1.5.4-1"],
      [`R1 a user property's value with ${what}`, connack(`26000161${field(hex)}`), 0x81, "1.5.4-1"],
      [`R1 a Reason String with ${what}`, connack(`1f${field(hex)}`), 0x81, "1.5.4-1"]
    ])
  ),
  ...inBoth("server", [
    ["R3 a topic with U+0000", publishTo("610062", "3.1.1"), publishTo("610062", "5.0"), 0x81, "1.5.3-2", "1.5.4-2"]
  ]),
  ...rowsOf("5.0", "server", [
    ["R3 a Reason String with U+0000", connack("1f 0001 00"), 0x81, "1.5.4-2"],
    ["R1 an ill-formed topic of more than 32 bytes", publishTo(`${"61".repeat(40)}ff`, "5.0"), 0x81, "1.5.4-1"]
  ]),

  // -- Fixed header ---------------------------------------------------------------------------------------------------
  ...wrongFlags,
  ...Array.from({ length: 15 }, (_, index) =>
    rowsOf("5.0", "server", [
      [`R133 AUTH with the flags ${index + 1}`, `${byte(0xf1 + index)} 00`, 0x81, "3.15.1-1"],
      [`R133 DISCONNECT with the flags ${index + 1}`, `${byte(0xe1 + index)} 00`, 0x81, "3.14.1-1"]
    ])).flat(),
  ...["36", "37", "3e", "3f"].flatMap((first) =>
    inBoth("server", [[`R14 PUBLISH with QoS 3, ${first}`, `${first} 05`, `${first} 05`, 0x81, "3.3.1-4", "3.3.1-4"]])
  ),
  ...["38", "39"].flatMap((first) =>
    inBoth("server", [[
      `R65 PUBLISH of QoS 0 with DUP, ${first}`,
      `${first} 05`,
      `${first} 05`,
      0x81,
      "3.3.1-2",
      "3.3.1-2"
    ]])
  ),
  ...inBoth("server", [
    ["packet type 0", "00 00", "00 00", 0x81, "2.2.1", "2.1.2"],
    ["R44 CONNECT", "10 00", "10 00", 0x82, "2.2.1", "2.1.2"],
    ["R44 SUBSCRIBE", "82 00", "82 00", 0x82, "2.2.1", "2.1.2"],
    ["R44 UNSUBSCRIBE", "a2 00", "a2 00", 0x82, "2.2.1", "2.1.2"],
    ["R44 PINGREQ", "c0 00", "c0 00", 0x82, "2.2.1", "2.1.2"],
    ["a Remaining Length of five bytes", "30 80 80 80 80", "30 80 80 80 80", 0x81, "2.2.3", "1.5.5"],
    ["R99 a packet above the maximum", "90 ff ff ff 7f", "90 ff ff ff 7f", 0x95, "2.2.3", "3.1.2-24"]
  ]),
  ...inBoth("client", [
    ["CONNACK", "20 00", "20 00", 0x82, "2.2.1", "2.1.2"],
    ["SUBACK", "90 00", "90 00", 0x82, "2.2.1", "2.1.2"],
    ["UNSUBACK", "b0 00", "b0 00", 0x82, "2.2.1", "2.1.2"],
    ["PINGRESP", "d0 00", "d0 00", 0x82, "2.2.1", "2.1.2"]
  ]),
  ...rowsOf("3.1.1", "server", [
    ["DISCONNECT", "e0 00", 0x82, "2.2.1"],
    ["AUTH", "f0 00", 0x82, "2.2.1"]
  ]),
  ...rowsOf("5.0", "server", [
    ["R7 a Remaining Length of 0 in two bytes", "d0 80 00", 0x81, "1.5.5-1"],
    ["R7 a Remaining Length of 5 in four bytes", "30 85 80 80 00 0002 6162 00", 0x81, "1.5.5-1"],
    ["R7 a Property Length in two bytes", "30 05 0001 61 8000", 0x81, "1.5.5-1"],
    ["R7 a Subscription Identifier in two bytes", publish("0b8100"), 0x81, "1.5.5-1"],
    ["R7 a Property Identifier in two bytes", publish("8100 00"), 0x81, "1.5.5-1"],
    ["a Property Length of five bytes", "30 09 0001 61 8080808080 00", 0x81, "1.5.5"],
    ["a Property Length that is cut", "30 04 0001 61 80", 0x81, "4.13.1-1"]
  ]),

  // -- Packet Identifiers and lengths ---------------------------------------------------------------------------------
  ...["40", "50", "62", "70"].flatMap((first) => [
    ...inBoth("server", [
      [`R21 ${first} with identifier 0`, `${first} 02 0000`, `${first} 02 0000`, 0x81, "2.3.1-1", "2.2.1-4"],
      [`${first} with no identifier`, `${first} 00`, `${first} 00`, 0x81, "4.8.0-1", "4.13.1-1"],
      [`${first} with half an identifier`, `${first} 01 00`, `${first} 01 00`, 0x81, "4.8.0-1", "4.13.1-1"]
    ]),
    ...rowsOf("3.1.1", "server", [[`${first} that goes on`, `${first} 03 000a 00`, 0x81, "4.8.0-1"]]),
    ...rowsOf("5.0", "server", [
      [`${first} that goes on after its properties`, `${first} 05 000a 00 00 00`, 0x81, "4.13.1-1"]
    ])
  ]),
  ...inBoth("client", [
    [
      "R21 PUBLISH of QoS 1 with identifier 0",
      "32 05 0001 61 0000",
      "32 06 0001 61 0000 00",
      0x81,
      "2.3.1-1",
      "2.2.1-3"
    ]
  ]),
  ...inBoth("server", [
    [
      "R21 PUBLISH of QoS 1 with identifier 0",
      "32 05 0001 61 0000",
      "32 06 0001 61 0000 00",
      0x81,
      "2.3.1-1",
      "2.2.1-4"
    ],
    ["PUBLISH of QoS 1 without its identifier", "32 03 0001 61", "32 03 0001 61", 0x81, "4.8.0-1", "4.13.1-1"],
    ["R21 SUBACK with identifier 0", "90 03 0000 00", "90 04 0000 00 00", 0x81, "2.3.1-1", "2.2.1-4"],
    ["R21 UNSUBACK with identifier 0", "b0 02 0000", "b0 04 0000 00 00", 0x81, "2.3.1-1", "2.2.1-4"],
    ["PUBLISH without a topic", "30 00", "30 00", 0x81, "4.8.0-1", "4.13.1-1"],
    ["PUBLISH whose topic is longer than it", "30 03 0002 61", "30 03 0002 61", 0x81, "4.8.0-1", "4.13.1-1"],
    ["PINGRESP with a body", "d0 01 00", "d0 01 00", 0x81, "4.8.0-1", "4.13.1-1"],
    ["CONNACK without flags", "20 00", "20 00", 0x81, "4.8.0-1", "4.13.1-1"],
    ["CONNACK without a code", "20 01 00", "20 01 00", 0x81, "4.8.0-1", "4.13.1-1"],
    ["CONNACK that goes on", "20 03 00 00 00", "20 04 00 00 00 00", 0x81, "4.8.0-1", "4.13.1-1"]
  ]),
  ...inBoth("client", [
    ["PINGREQ with a body", "c0 01 00", "c0 01 00", 0x81, "4.8.0-1", "4.13.1-1"],
    ["R21 SUBSCRIBE with identifier 0", "82 06 0000 0001 61 00", "82 07 0000 00 0001 61 00", 0x81, "2.3.1-1", "2.2.1-3"]
  ]),
  ...rowsOf("3.1.1", "client", [["DISCONNECT with a body", "e0 01 00", 0x81, "4.8.0-1"]]),
  ...rowsOf("3.1.1", "server", [["UNSUBACK with codes", "b0 03 000a 00", 0x81, "4.8.0-1"]]),
  ...rowsOf("5.0", "server", [
    ["CONNACK without a Property Length", "20 02 00 00", 0x81, "4.13.1-1"],
    ["CONNACK that refuses without a Property Length", "20 02 00 87", 0x81, "4.13.1-1"],
    ["DISCONNECT that goes on", "e0 03 00 00 00", 0x81, "4.13.1-1"],
    ["AUTH without a Property Length", "f0 01 18", 0x81, "4.13.1-1"],
    ["SUBACK without a Property Length", "90 02 000a", 0x81, "4.13.1-1"]
  ]),

  // -- CONNACK --------------------------------------------------------------------------------------------------------
  ...inBoth("server", [
    ["R45 CONNACK with the flags 02", "20 02 02 00", "20 03 02 00 00", 0x81, "3.2.2.1", "3.2.2-1"],
    ["R45 CONNACK with the flags 81", "20 02 81 00", "20 03 81 00 00", 0x81, "3.2.2.1", "3.2.2-1"],
    ["R52 CONNACK with code 6", "20 02 00 06", "20 03 00 06 00", 0x81, "3.2.2-6", "3.2.2-8"],
    ["R52 CONNACK with code 255", "20 02 00 ff", "20 03 00 ff 00", 0x81, "3.2.2-6", "3.2.2-8"],
    ["R52 CONNACK with code 0x8b", "20 02 00 8b", "20 03 00 8b 00", 0x81, "3.2.2-6", "3.2.2-8"]
  ]),
  ...rowsOf("5.0", "server", [
    ["R52 CONNACK with code 1 in the form of 5.0", "20 03 00 01 00", 0x81, "3.2.2-8"],
    ["R61 Receive Maximum 0", connack("21 0000"), 0x82, "2.2.2.2"],
    ["R61 Maximum Packet Size 0", connack("27 00000000"), 0x82, "2.2.2.2"],
    ["R61 Maximum QoS 2", connack("24 02"), 0x82, "2.2.2.2"],
    ["R61 Retain Available 2", connack("25 02"), 0x82, "2.2.2.2"],
    ["R61 Wildcard Subscription Available 255", connack("28 ff"), 0x82, "2.2.2.2"],
    ["R61 Subscription Identifier Available 2", connack("29 02"), 0x82, "2.2.2.2"],
    ["R61 Shared Subscription Available 2", connack("2a 02"), 0x82, "2.2.2.2"]
  ]),

  // -- Properties -----------------------------------------------------------------------------------------------------
  ...rowsOf("5.0", "server", [
    ...misplaced(allowedFromServer),
    ...once.connack.map(([identifier, value]): Row => [
      `R11 R61 property ${identifier} twice in CONNACK`,
      connack(`${identifier}${value}${identifier}${value}`),
      0x82,
      "2.2.2.2"
    ]),
    ["R11 property 16 twice in CONNACK", connack("15000161 160000 160000"), 0x82, "2.2.2.2"],
    ...once.publish.map(([identifier, value]): Row => [
      `R11 property ${identifier} twice in PUBLISH`,
      publish(`${identifier}${value}${identifier}${value}`),
      0x82,
      "2.2.2.2"
    ]),
    ...["00", "04", "10", "2b", "7f", "ff7f"].map((identifier): Row => [
      `R11 the unknown property ${identifier}`,
      publish(`${identifier}00000001`),
      0x81,
      "2.2.2.2"
    ]),
    ["R11 Property Length past the end of the packet", "30 05 0001 61 02 01", 0x81, "4.13.1-1"],
    ["R11 Property Length of another packet's bytes", "20 03 00 00 05 c0 00 c0 00 c0", 0x81, "4.13.1-1"],
    ["R11 a byte past Property Length", "30 06 0001 61 01 01 00", 0x81, "4.13.1-1"],
    ["R11 a number past Property Length", "30 09 0001 61 03 02 0000 0001", 0x81, "4.13.1-1"],
    ["R11 a string past Property Length", "30 09 0001 61 03 03 0002 6162", 0x81, "4.13.1-1"],
    ["R11 a binary field past Property Length", "30 09 0001 61 03 09 0002 6162", 0x81, "4.13.1-1"],
    ["R11 half a user property", publish("26 0001 61"), 0x81, "4.13.1-1"],
    ["R70 R97 Topic Alias 0", publish("23 0000"), 0x94, "3.3.2-8"],
    ["R100 Subscription Identifier 0", publish("0b 00"), 0x82, "2.2.2.2"],
    ["R132 Session Expiry Interval in DISCONNECT", "e0 07 00 05 11 00000000", 0x82, "3.14.2-2"],
    ["R11 Authentication Data without a method in CONNACK", connack("16 0001 61"), 0x82, "4.12"],
    ["AUTH without a method", "f0 02 18 00", 0x82, "4.12"],
    ["AUTH with data and no method", "f0 06 18 04 16 0001 61", 0x82, "4.12"]
  ]),
  ...rowsOf("5.0", "client", [
    ...misplaced(allowedFromClient),
    ["R11 Subscription Identifier twice in SUBSCRIBE", subscribe("0b01 0b02"), 0x82, "2.2.2.2"],
    ["R112 Subscription Identifier 0 in SUBSCRIBE", subscribe("0b00"), 0x82, "2.2.2.2"],
    ["R11 Payload Format Indicator 2", publish("01 02"), 0x82, "2.2.2.2"],
    ["R95 Response Topic with +", publish("08 0003 612f2b"), 0x81, "3.3.2-14"],
    ["R95 Response Topic with #", publish("08 0001 23"), 0x81, "3.3.2-14"],
    ["R95 an empty Response Topic", publish("08 0000"), 0x82, "4.7.3-1"],
    ["R1 a Content Type that is no UTF-8", publish("03 0001 ff"), 0x81, "1.5.4-1"],
    ["R99 a PUBLISH above the maximum", "30 ff ff ff 7f", 0x95, "3.1.2-24"],
    ["Receive Maximum 0 in CONNECT", connect("21 0000"), 0x82, "2.2.2.2"],
    ["Request Problem Information 2", connect("17 02"), 0x82, "2.2.2.2"],
    ["Request Response Information 2", connect("19 02"), 0x82, "2.2.2.2"],
    ["Authentication Data without a method in CONNECT", connect("16 0001 61"), 0x82, "4.12"]
  ]),

  // -- Topics ---------------------------------------------------------------------------------------------------------
  ...["2b", "23", "612f2b", "612f23", "612b62"].flatMap((topic) =>
    inBoth("server", [[
      `R95 a Topic Name with a wildcard, ${topic}`,
      publishTo(topic, "3.1.1"),
      publishTo(topic, "5.0"),
      0x81,
      "3.3.2-2",
      "3.3.2-2"
    ]])
  ),
  ...inBoth("server", [
    ["R95 an empty Topic Name", publishTo("", "3.1.1"), publishTo("", "5.0"), 0x82, "4.7.3-1", "4.7.3-1"]
  ]),

  // -- Reason Codes ---------------------------------------------------------------------------------------------------
  ...rowsOf("5.0", "server", [
    ["R94 PUBACK 0x01", "40 03 000a 01", 0x81, "3.4.2-1"],
    ["R94 PUBACK 0x92", "40 03 000a 92", 0x81, "3.4.2-1"],
    ["R94 PUBREC 0x11", "50 03 000a 11", 0x81, "3.5.2-1"],
    ["R94 PUBREL 0x80", "62 03 000a 80", 0x81, "3.6.2-1"],
    ["R94 PUBCOMP 0x10", "70 03 000a 10", 0x81, "3.7.2-1"],
    ["R115 SUBACK 0x03", "90 04 000a 00 03", 0x81, "3.9.3-2"],
    ["R115 SUBACK 0x11", "90 05 000a 00 00 11", 0x81, "3.9.3-2"],
    ["R114 SUBACK without codes", "90 03 000a 00", 0x82, "3.8.4-6"],
    ["R114 UNSUBACK without codes", "b0 03 000a 00", 0x82, "3.11.3-1"],
    ["R115 UNSUBACK 0x01", "b0 04 000a 00 01", 0x81, "3.11.3-2"],
    ["DISCONNECT 0x04 from a server", "e0 01 04", 0x81, "3.14.2-1"],
    ["DISCONNECT 0x84", "e0 01 84", 0x81, "3.14.2-1"],
    ["AUTH 0x01", "f0 06 01 04 15 0001 6d", 0x81, "3.15.2-1"]
  ]),
  ...rowsOf("3.1.1", "server", [
    ["R114 SUBACK without codes", "90 02 000a", 0x82, "3.8.4-5"],
    ["R115 SUBACK 0x03", "90 03 000a 03", 0x81, "3.9.3-2"],
    ["R115 SUBACK 0x87", "90 03 000a 87", 0x81, "3.9.3-2"]
  ]),
  ...rowsOf("5.0", "client", [["R129 DISCONNECT 0x8b from a client", "e0 01 8b", 0x81, "3.14.2-1"]]),

  // -- What a server reads --------------------------------------------------------------------------------------------
  ...[
    ["the protocol name MQIsdp", "10 10 0006 4d5149736470 05 02 0000 00 0001 61", 0x84, "3.1.2-1"],
    ["protocol level 3", "10 0d 0004 4d515454 03 02 0000 0001 61", 0x84, "3.1.2-2"],
    ["protocol level 6", "10 0d 0004 4d515454 06 02 0000 0001 61", 0x84, "3.1.2-2"],
    ["protocol level 0x84", "10 0d 0004 4d515454 84 02 0000 0001 61", 0x84, "3.1.2-2"],
    ["R24 another packet first", "c0 00", 0x82, "3.1.0-1"]
  ].map(([name, hex, reasonCode, label]): Malformed => ({
    name: `${name}, to a server that waits for CONNECT`,
    version: undefined,
    sender: "client",
    hex: String(hex),
    reasonCode: Number(reasonCode),
    label: String(label)
  })),
  ...inBoth("client", [
    [
      "R26 the reserved Connect Flag",
      "10 0d 0004 4d515454 04 03 0000 0001 61",
      "10 0e 0004 4d515454 05 03 0000 00 0001 61",
      0x81,
      "3.1.2-3",
      "3.1.2-3"
    ],
    [
      "R31 Will QoS 3",
      "10 0d 0004 4d515454 04 1e 0000 0001 61",
      "10 0e 0004 4d515454 05 1e 0000 00 0001 61",
      0x81,
      "3.1.2-14",
      "3.1.2-12"
    ],
    [
      "R30 Will QoS without a Will",
      "10 0d 0004 4d515454 04 0a 0000 0001 61",
      "10 0e 0004 4d515454 05 0a 0000 00 0001 61",
      0x81,
      "3.1.2-13",
      "3.1.2-11"
    ],
    [
      "R30 Will Retain without a Will",
      "10 0d 0004 4d515454 04 22 0000 0001 61",
      "10 0e 0004 4d515454 05 22 0000 00 0001 61",
      0x81,
      "3.1.2-15",
      "3.1.2-13"
    ],
    [
      "R43 a Will Topic with a wildcard",
      "10 12 0004 4d515454 04 06 0000 0001 61 0001 2b 0000",
      "10 14 0004 4d515454 05 06 0000 00 0001 61 00 0001 2b 0000",
      0x81,
      "4.7.1-1",
      "4.7.0-1"
    ],
    [
      "R43 an empty Will Topic",
      "10 11 0004 4d515454 04 06 0000 0001 61 0000 0000",
      "10 13 0004 4d515454 05 06 0000 00 0001 61 00 0000 0000",
      0x81,
      "4.7.3-1",
      "4.7.3-1"
    ],
    [
      "CONNECT without the user name of its flags",
      "10 0d 0004 4d515454 04 82 0000 0001 61",
      "10 0e 0004 4d515454 05 82 0000 00 0001 61",
      0x81,
      "4.8.0-1",
      "4.13.1-1"
    ],
    [
      "CONNECT that goes on",
      "10 0e 0004 4d515454 04 02 0000 0001 61 00",
      "10 0f 0004 4d515454 05 02 0000 00 0001 61 00",
      0x81,
      "4.8.0-1",
      "4.13.1-1"
    ],
    [
      "CONNECT of the other version",
      "10 0e 0004 4d515454 05 02 0000 00 0001 61",
      "10 0d 0004 4d515454 04 02 0000 0001 61",
      0x84,
      "3.1.2-2",
      "3.1.2-2"
    ],
    ["R106 SUBSCRIBE without a filter", "82 02 000a", "82 03 000a 00", 0x82, "3.8.3-3", "3.8.3-2"],
    ["R106 UNSUBSCRIBE without a filter", "a2 02 000a", "a2 03 000a 00", 0x82, "3.10.3-2", "3.10.3-2"],
    ["R107 SUBSCRIBE with QoS 3", "82 06 000a 0001 61 03", "82 07 000a 00 0001 61 03", 0x81, "3-8.3-4", "3.8.3-5"],
    [
      "R107 SUBSCRIBE with reserved bits",
      "82 06 000a 0001 61 04",
      "82 07 000a 00 0001 61 40",
      0x81,
      "3-8.3-4",
      "3.8.3-5"
    ],
    ["SUBSCRIBE without options", "82 05 000a 0001 61", "82 06 000a 00 0001 61", 0x81, "4.8.0-1", "4.13.1-1"],
    ["R109 SUBSCRIBE to a#", "82 07 000a 0002 6123 00", "82 08 000a 00 0002 6123 00", 0x81, "4.7.1-2", "4.7.1-1"],
    ["R109 UNSUBSCRIBE from a+", "a2 06 000a 0002 612b", "a2 07 000a 00 0002 612b", 0x81, "4.7.1-3", "4.7.1-2"],
    ["R110 SUBSCRIBE to an empty filter", "82 05 000a 0000 00", "82 06 000a 00 0000 00", 0x81, "4.7.3-1", "4.7.3-1"]
  ]),
  ...rowsOf("3.1.1", "client", [
    ["R34 a password without a user name", "10 10 0004 4d515454 04 42 0000 0001 61 0001 70", 0x81, "3.1.2-22"],
    ["R39 no client id and Clean Session 0", "10 0c 0004 4d515454 04 00 0000 0000", 0x85, "3.1.3-7"]
  ]),
  ...rowsOf("5.0", "client", [
    ["R107 SUBSCRIBE with Retain Handling 3", "82 07 000a 00 0001 61 30", 0x82, "3.8.3.1"],
    ["R108 No Local on a Shared Subscription", "82 10 000a 00 000a 2473686172652f672f74 04", 0x82, "3.8.3-4"],
    ["R111 SUBSCRIBE to $share//t", "82 0f 000a 00 0009 2473686172652f2f74 00", 0x81, "4.8.2-1"]
  ])
]

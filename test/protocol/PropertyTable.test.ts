/**
 * The property table of MQTT 5.0, written down here a second time from the specification: where each property may stand,
 * how its value is written, and which values are none. Decoder and encoder have to agree with it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { Properties, PropertyName } from "../../src/protocol/Properties.ts"
import { connectPacket } from "../support/packets.ts"
import { bytesOf, concat, hexOf } from "./hex.ts"

type Place = "Connect" | "Will" | Packet.PacketType

interface Row {
  readonly name: PropertyName
  /** A value, and the bytes that say it after the identifier. */
  readonly value: unknown
  readonly bytes: string
  readonly fromClient: ReadonlyArray<Place>
  readonly fromServer: ReadonlyArray<Place>
  readonly repeatsIn?: ReadonlyArray<Place>
  /** Bytes of values that are none. */
  readonly invalid?: ReadonlyArray<string>
}

const acks = ["Puback", "Pubrec", "Pubrel", "Pubcomp"] as const
const notFlags = ["02", "ff"]
const badStrings = ["0001 ff", "0003 eda080", "0001 00"]

/** What the publisher of a message says about it, and the server only passes on. */
const isPublishers = (name: PropertyName): boolean => name !== "topicAlias" && name !== "subscriptionIdentifiers"

/** By identifier. */
const table: { readonly [identifier: string]: Row } = {
  "01": {
    name: "payloadFormatIndicator",
    value: 1,
    bytes: "01",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"],
    invalid: notFlags
  },
  "02": {
    name: "messageExpiryInterval",
    value: 258,
    bytes: "00000102",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"]
  },
  "03": {
    name: "contentType",
    value: "t",
    bytes: "0001 74",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"],
    invalid: badStrings
  },
  "08": {
    name: "responseTopic",
    value: "r",
    bytes: "0001 72",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"],
    invalid: [...badStrings, "0001 23", "0001 2b", "0000"]
  },
  "09": {
    name: "correlationData",
    value: bytesOf("ff00"),
    bytes: "0002 ff00",
    fromClient: ["Publish", "Will"],
    fromServer: ["Publish"]
  },
  "0B": {
    name: "subscriptionIdentifiers",
    value: [268_435_455],
    bytes: "ffffff7f",
    fromClient: ["Subscribe"],
    fromServer: ["Publish"],
    repeatsIn: ["Publish"],
    invalid: ["00", "8000", "ffffffff7f"]
  },
  "11": {
    name: "sessionExpiryInterval",
    value: 4_294_967_295,
    bytes: "ffffffff",
    fromClient: ["Connect", "Disconnect"],
    fromServer: ["Connack"]
  },
  "12": {
    name: "assignedClientIdentifier",
    value: "c",
    bytes: "0001 63",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: badStrings
  },
  "13": { name: "serverKeepAlive", value: 60, bytes: "003c", fromClient: [], fromServer: ["Connack"] },
  "15": {
    name: "authenticationMethod",
    value: "m",
    bytes: "0001 6d",
    fromClient: ["Connect", "Auth"],
    fromServer: ["Connack", "Auth"],
    invalid: badStrings
  },
  "16": {
    name: "authenticationData",
    value: bytesOf("01"),
    bytes: "0001 01",
    fromClient: ["Connect", "Auth"],
    fromServer: ["Connack", "Auth"]
  },
  "17": { name: "requestProblemInformation", value: 0, bytes: "00", fromClient: ["Connect"], fromServer: [] },
  "18": { name: "willDelayInterval", value: 5, bytes: "00000005", fromClient: ["Will"], fromServer: [] },
  "19": { name: "requestResponseInformation", value: 1, bytes: "01", fromClient: ["Connect"], fromServer: [] },
  "1A": {
    name: "responseInformation",
    value: "i",
    bytes: "0001 69",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: badStrings
  },
  "1C": {
    name: "serverReference",
    value: "s",
    bytes: "0001 73",
    fromClient: [],
    fromServer: ["Connack", "Disconnect"],
    invalid: badStrings
  },
  "1F": {
    name: "reasonString",
    value: "why",
    bytes: "0003 776879",
    fromClient: [...acks, "Disconnect", "Auth"],
    fromServer: ["Connack", ...acks, "Suback", "Unsuback", "Disconnect", "Auth"],
    invalid: badStrings
  },
  "21": {
    name: "receiveMaximum",
    value: 20,
    bytes: "0014",
    fromClient: ["Connect"],
    fromServer: ["Connack"],
    invalid: ["0000"]
  },
  "22": { name: "topicAliasMaximum", value: 10, bytes: "000a", fromClient: ["Connect"], fromServer: ["Connack"] },
  "23": {
    name: "topicAlias",
    value: 3,
    bytes: "0003",
    fromClient: ["Publish"],
    fromServer: ["Publish"],
    invalid: ["0000"]
  },
  "24": {
    name: "maximumQos",
    value: 1,
    bytes: "01",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: notFlags
  },
  "25": {
    name: "retainAvailable",
    value: 0,
    bytes: "00",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: notFlags
  },
  "26": {
    name: "userProperties",
    value: [["n", "v"]],
    bytes: "0001 6e 0001 76",
    fromClient: ["Connect", "Will", "Publish", "Subscribe", "Unsubscribe", ...acks, "Disconnect", "Auth"],
    fromServer: ["Connack", "Publish", ...acks, "Suback", "Unsuback", "Disconnect", "Auth"],
    repeatsIn: ["Connack", "Publish", ...acks, "Suback", "Unsuback", "Disconnect", "Auth"],
    invalid: ["0001 ff 0001 76", "0001 6e 0001 00"]
  },
  "27": {
    name: "maximumPacketSize",
    value: 65_536,
    bytes: "00010000",
    fromClient: ["Connect"],
    fromServer: ["Connack"],
    invalid: ["00000000"]
  },
  "28": {
    name: "wildcardSubscriptionAvailable",
    value: 0,
    bytes: "00",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: notFlags
  },
  "29": {
    name: "subscriptionIdentifierAvailable",
    value: 0,
    bytes: "00",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: notFlags
  },
  "2A": {
    name: "sharedSubscriptionAvailable",
    value: 0,
    bytes: "00",
    fromClient: [],
    fromServer: ["Connack"],
    invalid: notFlags
  }
}

const method = bytesOf("15 0001 6d")

/** Packets of a server around their properties: the fixed header's first byte, what stands before and after them. */
const serverPackets: { readonly [Type in Place]?: readonly [first: string, before: string, after: string] } = {
  Connack: ["20", "00 00", ""],
  Publish: ["30", "0001 61", ""],
  Puback: ["40", "0001 00", ""],
  Pubrec: ["50", "0001 00", ""],
  Pubrel: ["62", "0001 00", ""],
  Pubcomp: ["70", "0001 00", ""],
  Suback: ["90", "0001", "00"],
  Unsuback: ["b0", "0001", "00"],
  Disconnect: ["e0", "00", ""],
  Auth: ["f0", "18", ""]
}

/** A server packet with these properties; AUTH has the method it cannot be without. */
const serverPacket = (type: Place, properties: Uint8Array, identifier: string): Uint8Array => {
  const [first, before, after] = serverPackets[type] ?? ["", "", ""]
  const all = type === "Auth" && identifier !== "15" ? concat([method, properties]) : properties
  const body = concat([bytesOf(before), Uint8Array.of(all.length), all, bytesOf(after)])
  return concat([bytesOf(first), Uint8Array.of(body.length), body])
}

const decode = (bytes: Uint8Array) => {
  const decoder = Decoder.make({ protocolVersion: "5.0", sender: "server", maximumPacketSize: 1_000_000 })
  return { packets: decoder.push(bytes), error: decoder.error }
}

const propertiesOf = (packet: Packet.Packet | undefined): Properties =>
  packet !== undefined && "properties" in packet ? packet.properties : {}

const ack = (type: "Puback" | "Pubrec" | "Pubrel" | "Pubcomp", properties: Properties): Packet.Packet => ({
  _tag: type,
  packetIdentifier: 1,
  reasonCode: 0,
  properties
})

const connect = (properties: Properties, will?: Properties): Packet.Packet =>
  connectPacket("5.0", {
    clientId: "",
    will: will === undefined
      ? undefined
      : { topic: "w", payload: new Uint8Array(0), qos: 0, retain: false, properties: will },
    properties
  })

/** Packets of a client with these properties. */
const clientPackets: { readonly [Type in Place]?: (properties: Properties) => Packet.Packet } = {
  Connect: connect,
  Will: (properties) => connect({}, properties),
  Publish: (properties) => ({
    _tag: "Publish",
    topic: "a",
    payload: new Uint8Array(0),
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties
  }),
  Puback: (properties) => ack("Puback", properties),
  Pubrec: (properties) => ack("Pubrec", properties),
  Pubrel: (properties) => ack("Pubrel", properties),
  Pubcomp: (properties) => ack("Pubcomp", properties),
  Subscribe: (properties) => ({
    _tag: "Subscribe",
    packetIdentifier: 1,
    subscriptions: [{ topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties
  }),
  Unsubscribe: (properties) => ({ _tag: "Unsubscribe", packetIdentifier: 1, topicFilters: ["a"], properties }),
  Disconnect: (properties) => ({ _tag: "Disconnect", reasonCode: 0, properties }),
  Auth: (properties) => ({
    _tag: "Auth",
    reasonCode: 0x18,
    properties: { authenticationMethod: "m", ...properties }
  })
}

/** The method without which Authentication Data may not stand. */
const companions = (name: PropertyName, type: string): Properties =>
  name === "authenticationData" && type === "Connect" ? { authenticationMethod: "m" } : {}

const companionBytes = (identifier: string, type: Place): Uint8Array =>
  identifier === "16" && type === "Connack" ? method : new Uint8Array(0)

describe("the property table", () => {
  for (const [identifier, row] of Object.entries(table)) {
    const property = concat([bytesOf(identifier), bytesOf(row.bytes)])

    describe(`P${identifier} ${row.name}`, () => {
      const types = Object.keys(serverPackets) as ReadonlyArray<Place>
      const read = (type: Place, properties: Uint8Array) =>
        decode(serverPacket(type, concat([companionBytes(identifier, type), properties]), identifier))

      for (const type of types.filter((type) => !row.fromServer.includes(type))) {
        it(`is refused in ${type} of a server`, () => {
          const { error, packets } = read(type, property)
          assert.deepStrictEqual(packets, [])
          assert.include([0x81, 0x82], error?.reasonCode)
        })
      }

      for (const type of types.filter((type) => row.fromServer.includes(type))) {
        it(`is read in ${type} of a server`, () => {
          const { error, packets } = read(type, property)
          assert.isUndefined(error)
          assert.deepStrictEqual(propertiesOf(packets[0])[row.name], row.value)
        })

        const repeats = row.repeatsIn?.includes(type) === true
        it(`${repeats ? "may" : "may not"} stand twice in ${type} of a server`, () => {
          const { error, packets } = read(type, concat([property, property]))
          const values = propertiesOf(packets[0])[row.name]
          if (repeats) assert.deepStrictEqual(Array.isArray(values) ? values.length : 0, 2)
          else assert.strictEqual(error?.reasonCode, 0x82)
        })

        for (const invalid of row.invalid ?? []) {
          it(`${invalid} is no value of it in ${type}`, () => {
            const { error, packets } = read(type, concat([bytesOf(identifier), bytesOf(invalid)]))
            if (type === "Publish" && isPublishers(row.name)) {
              assert.isUndefined(error)
              const [publish] = packets
              if (publish?._tag !== "Publish") return assert.fail("no PUBLISH")
              assert.deepStrictEqual(publish.properties, {})
              assert.deepStrictEqual(publish.malformedProperties?.map(({ name }) => name), [row.name])
              return
            }
            assert.deepStrictEqual(packets, [])
            assert.include([0x81, 0x82, 0x94], error?.reasonCode)
          })
        }

        it(`is refused in ${type} when it runs past the Property Length`, () => {
          const bytes = serverPacket(type, property.subarray(0, property.length - 1), identifier)
          assert.include([0x81, 0x82], decode(bytes).error?.reasonCode)
        })
      }

      for (const [type, packetWith] of Object.entries(clientPackets)) {
        const isAllowed = row.fromClient.includes(type as Place)
        it(`${isAllowed ? "is written" : "is refused"} in ${type} of a client`, () => {
          const packet = packetWith({ ...companions(row.name, type), [row.name]: row.value })
          const bytes = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "client" })
          if (bytes instanceof Uint8Array) {
            assert.isTrue(isAllowed)
            assert.include(hexOf(bytes), hexOf(property))
          } else {
            assert.isFalse(isAllowed)
            assert.include(bytes.field, row.name)
          }
        })
      }
    })
  }
})

/**
 * Values that the types of a connection forbid, as JSON may contain them. They are found before the network is opened,
 * and before a packet changes anything.
 */
import * as Predicate from "effect/Predicate"
import * as MqttError from "../../MqttError.ts"
import { labels } from "../../protocol/Labels.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Validity from "../../protocol/Validity.ts"
import * as Types from "../fieldTypes.ts"
import type { Options } from "./connection.ts"

const will: Types.FieldsOf<Packet.Will> = {
  topic: Types.required(Types.string),
  payload: Types.required(Types.bytes),
  qos: Types.required(Types.qos),
  retain: Types.required(Types.boolean),
  properties: Types.required(Types.record())
}

const fields: Types.FieldsOf<Options> = {
  protocolVersion: Types.literal("3.1.1", "5.0"),
  clientId: Types.string,
  cleanStart: Types.boolean,
  keepAlive: Types.duration,
  pingInterval: Types.duration,
  will: Types.record(will),
  username: Types.string,
  password: Types.redacted,
  properties: Types.record(),
  maximumPacketSize: Types.wholeFrom(1, 0xffff_ffff),
  packetTimeout: Types.timeout,
  connectTimeout: Types.timeout,
  responseTimeout: Types.timeout,
  authenticate: Types.callback,
  outgoingTopicAliasMaximum: Types.wholeFrom(0, 65_535),
  serverReference: Types.string,
  drainTimeout: Types.duration
}

const invalidOptions = ({ description, field }: Types.Fault): MqttError.MqttError =>
  MqttError.fromReason(new MqttError.InvalidOptions({ option: field, description }))

/** Why no connection can be opened with these options. `toConnect` makes their CONNECT. */
export const wrongOptions = (
  options: Options,
  toConnect: (options: Options) => Packet.Connect
): MqttError.MqttError | undefined => {
  try {
    const fault = Predicate.isObject(options)
      ? Types.faultWithin({ ...options }, fields)
      : { field: "options", description: "is not an object" }
    if (fault !== undefined) return invalidOptions(fault)
    const connect = toConnect(options)
    const invalid = Validity.checkConnect(connect, { protocolVersion: connect.protocolVersion, sender: "client" })
    return invalid === undefined ? undefined : MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
  } catch (cause) {
    return invalidOptions(Types.unreadable(cause))
  }
}

/** Why this value is not a packet that a connection could send. */
export const wrongPacket = (
  packet: Packet.ClientPacket,
  protocolVersion: Packet.ProtocolVersion
): MqttError.MqttError | undefined => {
  try {
    if (Predicate.isObject(packet)) {
      const invalid = Validity.checkWith(Validity.kindsOfClient, packet, { protocolVersion, sender: "client" })
      return invalid === undefined ? undefined : MqttError.fromReason(MqttError.InvalidRequest.from(invalid))
    }
    return invalidPacket({ field: "packet", description: "is not an object" }, protocolVersion)
  } catch (cause) {
    return invalidPacket(Types.unreadable(cause, "packet"), protocolVersion)
  }
}

const invalidPacket = (
  { description, field }: Types.Fault,
  protocolVersion: Packet.ProtocolVersion
): MqttError.MqttError =>
  MqttError.fromReason(
    new MqttError.InvalidRequest({
      field,
      label: `MQTT-${labels.malformed[protocolVersion]}`,
      protocolVersion,
      description: `${field} ${description}`
    })
  )

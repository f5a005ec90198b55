/**
 * The memory that a message takes while it waits: its topic, its properties and its payload.
 *
 * The outbox and all buffers of received messages use it. It is an estimate: a character counts one byte. The fixed
 * cost of each message is bounded by the number of messages instead.
 */
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"

type Message = Pick<Packet.Publish, "topic" | "payload" | "properties">

/** An array of two strings, which may be empty. */
const costOfPair = 64

/** The first one comes with nearly every message. */
const costOfIdentifier = 8

export const sizeOf = ({ payload, properties, topic }: Message): number =>
  topic.length + payload.length + (properties === Properties.none ? 0 : sizeOfProperties(properties))

const sizeOfProperties = (properties: Properties.Properties): number => {
  const { contentType, correlationData, responseTopic, subscriptionIdentifiers, userProperties } = properties
  let size = 0
  if (contentType !== undefined) size += contentType.length
  if (responseTopic !== undefined) size += responseTopic.length
  if (correlationData !== undefined) size += correlationData.length
  if (subscriptionIdentifiers !== undefined) size += costOfIdentifier * (subscriptionIdentifiers.length - 1)
  if (userProperties !== undefined) {
    for (const [name, value] of userProperties) size += costOfPair + name.length + value.length
  }
  return size
}

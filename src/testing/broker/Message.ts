/**
 * An application message as the broker keeps it: its publisher, its contents, its expiry.
 *
 * @since 0.1.0
 */
import type * as Packet from "../../protocol/Packet.ts"
import type { Properties } from "../../protocol/Properties.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  /** The payload as text. */
  readonly text: string
  readonly qos: Packet.Qos
  readonly retain: boolean
  /** The properties that travel with a message. */
  readonly properties: Properties
  /** The publisher; `undefined` for the broker itself. */
  readonly clientId: string | undefined
  /** Milliseconds of the broker's time. */
  readonly acceptedAt: number
}

/**
 * The properties that a server passes on unaltered, and the Message Expiry Interval, which it counts down. Section
 * 3.3.2.3.
 */
const travelling = [
  "payloadFormatIndicator",
  "messageExpiryInterval",
  "contentType",
  "responseTopic",
  "correlationData",
  "userProperties"
] as const

/**
 * @since 0.1.0
 * @category conversions
 */
export const travellingProperties = (properties: Properties): Properties => {
  const kept: Record<string, unknown> = {}
  for (const name of travelling) {
    if (properties[name] !== undefined) kept[name] = properties[name]
  }
  return kept
}

/**
 * Copies the message, so that nothing in it is a view of bytes of the network.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (message: Omit<Message, "text" | "payload"> & { readonly payload: Uint8Array }): Message => {
  const payload = message.payload.slice()
  return {
    ...message,
    payload,
    properties: travellingProperties(message.properties),
    get text() {
      return new TextDecoder().decode(payload)
    }
  }
}

/**
 * The properties to send it with now: the Message Expiry Interval less the whole seconds it has waited
 * (`[MQTT-3.3.2-6]`), or `undefined` when it has expired (`[MQTT-3.3.2-5]`).
 *
 * @since 0.1.0
 * @category getters
 */
export const propertiesAt = (message: Message, now: number): Properties | undefined => {
  const interval = message.properties.messageExpiryInterval
  if (interval === undefined) return message.properties
  const waited = (now - message.acceptedAt) / 1000
  if (waited >= interval && waited > 0) return undefined
  return { ...message.properties, messageExpiryInterval: interval - Math.floor(waited) }
}

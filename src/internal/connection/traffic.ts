/**
 * Counters of the network traffic: plain numbers, updated once for each write and each read.
 *
 * The client reads them.
 */
import type { Traffic } from "../../MqttState.ts"

export type Counters = { -readonly [Name in keyof Traffic]: Traffic[Name] }

export const make = (): Counters => ({
  bytesSent: 0,
  bytesReceived: 0,
  packetsSent: 0,
  packetsReceived: 0,
  roundTrip: undefined
})

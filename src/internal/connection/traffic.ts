/**
 * What went over the network, counted: plain numbers that whoever counts writes to, once for each write and each read.
 *
 * Who reads them is the client's business.
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

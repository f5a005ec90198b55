/**
 * The content of a message of the soak: its publisher, its QoS, its number, and a filler that shows whether it arrived
 * whole.
 */
import type * as Packet from "../../src/protocol/Packet.ts"

export interface Content {
  readonly publisher: number
  readonly qos: Packet.Qos
  readonly sequence: number
}

export const topicOf = (publisher: number, qos: Packet.Qos): string => `soak/${publisher}/${qos}`

export const filterOf = (publisher: number): string => `soak/${publisher}/+`

export const textOf = ({ publisher, qos, sequence }: Content): string =>
  `${publisher} ${qos} ${sequence} ` + String.fromCharCode(97 + sequence % 26).repeat(sequence % 97)

/** What a message says, if it is one that was published on this topic and is whole. */
export const contentOf = (topic: string, text: string): Content | undefined => {
  const [publisher, qos, sequence] = text.split(" ", 3).map(Number)
  if (qos !== 0 && qos !== 1 && qos !== 2) return undefined
  const content = { publisher, qos, sequence } as const
  return topic === topicOf(publisher, qos) && text === textOf(content) ? content : undefined
}

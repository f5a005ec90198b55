/**
 * The packets of a run on their way: when each left one side, and when it reached the other, if it did. Inside a
 * connection nothing is reordered, so the packets of both sides belong together one by one.
 */
import type { PacketView } from "./Recorder.ts"
import { viewOf } from "./Recorder.ts"
import type { Record } from "./run.ts"

export interface Flight {
  readonly client: string
  readonly connection: number
  /** From the client to the broker, or from the broker to the client. */
  readonly direction: "out" | "in"
  readonly packet: PacketView
  readonly sentAt: number
  readonly arrivedAt: number | undefined
  /** It has not arrived, and never will: its connection has ended, or swallows everything. */
  readonly isLost: boolean
}

interface Seen {
  readonly at: number
  readonly packet: PacketView
}

/** Both ends of one direction of one connection. */
interface Ends {
  readonly sent: Array<Seen>
  readonly received: Array<Seen>
}

/** When the network fell silent, if it did. */
const silenceOf = ({ notes }: Record): number | undefined =>
  notes.find(({ note }) => note._tag === "Happened" && note.silences)?.at

/** All packets in the order in which they left. */
export const of = (record: Record): ReadonlyArray<Flight> => {
  const directions = new Map<string, Ends>()
  const clients = new Map<number, string>()
  const endsOf = (connection: number, direction: Flight["direction"]): Ends => {
    const key = `${connection} ${direction}`
    const ends = directions.get(key) ?? { sent: [], received: [] }
    directions.set(key, ends)
    return ends
  }
  for (const { at, note } of record.notes) {
    if (note._tag !== "Packet") continue
    clients.set(note.connection, note.client)
    const isSent = note.direction === "sent"
    const { received, sent } = endsOf(note.connection, isSent ? "out" : "in")
    const side = isSent ? sent : received
    side.push({ at, packet: note.packet })
  }
  for (const { at, connection, direction, packet } of record.passed) {
    const isSent = direction === "sent"
    const { received, sent } = endsOf(connection, isSent ? "in" : "out")
    const side = isSent ? sent : received
    side.push({ at, packet: viewOf(packet) })
  }

  const silentFrom = silenceOf(record)
  const isDead = (connection: number): boolean => {
    const { isOpen } = record.connections.find(({ number }) => number === connection) ?? { isOpen: false }
    const [first] = endsOf(connection, "out").sent
    return !isOpen || (silentFrom !== undefined && first !== undefined && first.at < silentFrom)
  }
  return [...directions].flatMap(([key, { received, sent }]) => {
    const [number, direction] = key.split(" ")
    const connection = Number(number)
    const isOver = isDead(connection)
    return sent.map(({ at, packet }, index): Flight => ({
      client: clients.get(connection) ?? "",
      connection,
      direction: direction === "in" ? "in" : "out",
      packet,
      sentAt: at,
      arrivedAt: received[index]?.at,
      isLost: received[index] === undefined && isOver
    }))
  }).sort((one, other) => one.sentAt - other.sentAt)
}

/**
 * The bytes that the client read and wrote on each connection, in the client's order.
 *
 * The broker sees the bytes that reached it. Only the tape shows the bytes that the client handed to the network, and
 * how much it knew at that time.
 */
import { Effect } from "effect"
import type { NetworkConnection } from "../../../src/MqttTransport.ts"
import * as Decoder from "../../../src/protocol/Decoder.ts"
import type { Packet, ProtocolVersion } from "../../../src/protocol/Packet.ts"

interface Piece {
  readonly direction: "read" | "wrote"
  readonly bytes: Uint8Array
  readonly at: number
}

export interface Tape {
  readonly pieces: Array<Piece>
  /** What one read brought at most: pieces, as they were written, and bytes. */
  readonly largestRead: { pieces: number; bytes: number }
}

export const make = (): Tape => ({ pieces: [], largestRead: { pieces: 0, bytes: 0 } })

/** A packet that was whole for the client, or that the client handed over whole. */
export interface Taped {
  readonly direction: "read" | "wrote"
  readonly packet: Packet
  readonly at: number
}

export const record = (
  connection: NetworkConnection,
  { largestRead, pieces }: Tape,
  now: () => number
): NetworkConnection => {
  const note = (direction: Piece["direction"], chunks: ReadonlyArray<Uint8Array>): void => {
    for (const chunk of chunks) pieces.push({ direction, bytes: chunk.slice(), at: now() })
  }
  return {
    ...connection,
    pull: Effect.map(connection.pull, (chunks) => {
      note("read", chunks)
      largestRead.pieces = Math.max(largestRead.pieces, chunks.length)
      largestRead.bytes = Math.max(largestRead.bytes, chunks.reduce((sum, { length }) => sum + length, 0))
      return chunks
    }),
    write: (chunks) =>
      Effect.suspend(() => {
        note("wrote", chunks)
        return connection.write(chunks)
      })
  }
}

/** Larger than any packet. */
const unlimited = 268_435_460

/** The packets of one connection in the client's order; those that cannot be read are left out. */
export const packetsOf = ({ pieces }: Tape, protocolVersion: ProtocolVersion): ReadonlyArray<Taped> => {
  const decoders = {
    wrote: Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: unlimited }),
    read: Decoder.make({ protocolVersion, sender: "server", maximumPacketSize: unlimited })
  }
  return pieces.flatMap(({ at, bytes, direction }) =>
    decoders[direction].push(bytes.slice()).map((packet) => ({ direction, packet, at }))
  )
}

/**
 * The broker's end of one network connection as packets: bytes in, packets out of them; packets in, one write a turn.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Decoder from "../../protocol/Decoder.ts"
import * as Encoder from "../../protocol/Encoder.ts"
import type * as Packet from "../../protocol/Packet.ts"
import type { ProtocolViolation } from "../../protocol/ProtocolError.ts"
import * as Validity from "../../protocol/Validity.ts"
import type { Peer } from "../network/Peer.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Wire {
  readonly peer: Peer
  /** The packets this chunk completes, and how long the next one claims to be in all (0 while that is not known). */
  readonly receive: (chunk: Uint8Array) => { readonly packets: ReadonlyArray<Packet.Packet>; readonly longest: number }
  readonly error: () => ProtocolViolation | undefined
  /** Whether the bytes so far end with a whole packet. */
  readonly isAtBoundary: () => boolean
  readonly setVersion: (version: Packet.ProtocolVersion) => void
  readonly setMaximumPacketSize: (bytes: number) => void
  /**
   * Appends a packet to the bytes to be written. Returns how many bytes have gone out with it, or `undefined` if the
   * packet is too large for this client.
   */
  readonly send: (packet: Packet.Packet) => number | undefined
  readonly end: (how: "close" | "reset") => void
  /** Lets the writer go on. */
  readonly flush: () => void
  /** Writes until it was told to end. */
  readonly write: Effect.Effect<void>
  /** Resets the connection when it was told to, also while a write waits for a client that does not read. */
  readonly resetWhenTold: Effect.Effect<void>
}

/** Where packets begin and end, from their fixed headers alone. Section 2.1. */
const makeFraming = () => {
  /** Bytes of the packet that are still to come; -1 while its Remaining Length is being read. */
  let left = 0
  let size = 0
  let multiplier = 1
  let remaining = 0
  return {
    /** Continues with the chunk and returns the size of the longest packet that began in it or before. */
    follow: (chunk: Uint8Array): number => {
      let longest = 0
      let offset = 0
      while (offset < chunk.length) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - offset)
          left -= taken
          offset += taken
        } else if (left === 0) {
          left = -1
          size = 1
          multiplier = 1
          remaining = 0
          offset++
        } else {
          const byte = chunk[offset++]
          size++
          remaining += (byte & 127) * multiplier
          multiplier *= 128
          if (byte < 128) {
            left = remaining
            longest = Math.max(longest, size + remaining)
          }
        }
      }
      return longest
    },
    isAtBoundary: () => left === 0
  }
}

const isNonEmpty = <A>(items: Array<A>): items is [A, ...Array<A>] => items.length > 0

/**
 * Larger than any packet. The decoder cannot know CONNECT, so it does not judge which packets are too large for the
 * broker.
 */
const unlimited = 268_435_460

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (peer: Peer): Wire => {
  const decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: unlimited })
  const framing = makeFraming()
  let version: Packet.ProtocolVersion = "5.0"
  let encoder = Encoder.make({ protocolVersion: version, sender: "server" })
  let bytesSent = 0
  let ending: "close" | "reset" | undefined
  let waiting: (() => void) | undefined
  let onReset: (() => void) | undefined

  const woken = Effect.callback<void>((resume) => {
    // The writer's fiber may have given way to others since it looked.
    if (encoder.pendingBytes() > 0 || ending !== undefined) return resume(Effect.void)
    waiting = () => resume(Effect.void)
  })

  const resetWhenTold = Effect.andThen(
    Effect.callback<void>((resume) => {
      if (ending === "reset") return resume(Effect.void)
      onReset = () => resume(Effect.void)
    }),
    peer.reset
  )

  const write: Effect.Effect<void> = Effect.gen(function*() {
    while (true) {
      if (ending === "reset") return
      const chunks = encoder.take()
      for (const chunk of chunks) bytesSent += chunk.length
      if (isNonEmpty(chunks)) yield* peer.write(chunks)
      else if (ending === "close") return yield* peer.close
      else yield* woken
    }
  })

  return {
    peer,
    receive: (chunk) => {
      const longest = framing.follow(chunk)
      return { packets: decoder.push(chunk), longest }
    },
    error: () => decoder.error,
    isAtBoundary: framing.isAtBoundary,
    setVersion: (protocolVersion) => {
      version = protocolVersion
      encoder = Encoder.make({ protocolVersion, sender: "server" })
    },
    setMaximumPacketSize: (bytes) => encoder.setMaximumPacketSize(bytes),
    send: (packet) => {
      if (ending !== undefined) return undefined
      if (encoder.encode(packet) === undefined) return bytesSent + encoder.pendingBytes()
      // Too large for this client is the client's limit. Anything else is a mistake of the test, which told the broker
      // to send it.
      const invalid = Validity.check(packet, { protocolVersion: version, sender: "server" })
      if (invalid !== undefined) {
        throw new Error(`The broker was told to send an invalid packet: ${invalid.message}`)
      }
      return undefined
    },
    end: (how) => {
      ending ??= how
    },
    flush: () => {
      if (ending === "reset") onReset?.()
      const resume = waiting
      waiting = undefined
      resume?.()
    },
    write,
    resetWhenTold
  }
}

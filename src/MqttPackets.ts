/**
 * Every Control Packet of a client as a readable line, for bug reports: over any transport, and without secrets.
 *
 * It reads the bytes that go over the network, so it also shows input that the client rejects: packets that break a
 * rule, and connections that end within a packet. A program that does not ask for it does not load it. MQTT 5.0 and
 * 3.1.1, section 3.
 *
 * @since 0.2.0
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { harmless } from "./internal/harmlessText.ts"
import { packetLine } from "./internal/transport/packetLine.ts"
import { ConnectionDecorator, type NetworkConnection } from "./MqttTransport.ts"
import * as Decoder from "./protocol/Decoder.ts"
import type * as Packet from "./protocol/Packet.ts"

/**
 * Where the lines go, and how much they show.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * Gets each line, without a line feed. The packet waits for it, so lines stand in the order of the packets. Default: the
   * console, and so standard error in Node.
   */
  readonly write?: ((line: string) => Effect.Effect<void>) | undefined
  /** How many bytes of each payload a line shows, as text. Default: 0, only the size of the payload. */
  readonly payload?: number | undefined
}

type Direction = "sent" | "received"

/** The largest possible packet: the client bounds its own packets. */
const largestPacket = 268_435_460

/** For a 3.1.1 server, to which no limit is announced. A larger PUBLISH is reported and passed over. */
const largestUnannounced = 1_048_576

/** Both directions of one connection, as packets. CONNECT decides how to read the server's packets. */
class Reading {
  readonly #decoders: Record<Direction, Decoder.Decoder | undefined> = {
    sent: Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: largestPacket }),
    received: undefined
  }
  readonly #payload: number

  constructor(payload: number) {
    this.#payload = payload
  }

  /** The packets that the bytes complete. After bytes that form no packet, nothing more can be read. */
  linesOf(direction: Direction, chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<string> {
    const decoder = this.#decoders[direction]
    if (decoder === undefined) return []
    const lines = chunks.flatMap((chunk) => decoder.push(chunk)).map((packet) => {
      if (packet._tag === "Connect") this.#expect(packet)
      return `${direction} ${packetLine(packet, this.#payload)}`
    })
    const { error } = decoder
    if (error === undefined) return lines
    this.#decoders[direction] = undefined
    return [...lines, `${direction} bytes that are no packet: ${harmless(error.message)}`]
  }

  #expect({ properties, protocolVersion }: Packet.Connect): void {
    this.#decoders.received = Decoder.make({
      protocolVersion,
      sender: "server",
      maximumPacketSize: properties.maximumPacketSize ?? largestUnannounced,
      // The client may pass a wrong message over, and go on.
      refuses: () => true
    })
  }
}

/** Observes a connection in use. Each connection has a number of its own in the lines. */
const observe = (number: number, { payload = 0, write = Console.error }: Options) =>
(
  connection: NetworkConnection,
  endpoint: string
): NetworkConnection => {
  const reading = new Reading(payload)
  const tell = (line: string): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => write(`${new Date(now).toISOString()} #${number} ${line}`))
  const tellAll = (direction: Direction, chunks: NonEmptyReadonlyArray<Uint8Array>): Effect.Effect<void> =>
    Effect.suspend(() => Effect.forEach(reading.linesOf(direction, chunks), tell, { discard: true }))
  let opened: Effect.Effect<void> = Effect.suspend(() => {
    opened = Effect.void
    return tell(`opened ${harmless(endpoint)}`)
  })
  return {
    pull: connection.pull.pipe(
      Effect.tap((chunks) => tellAll("received", chunks)),
      Effect.tapError((error) => tell(`ended: ${error.message}`))
    ),
    write: (chunks) =>
      Effect.suspend(() => opened).pipe(
        Effect.andThen(tellAll("sent", chunks)),
        Effect.andThen(connection.write(chunks))
      ),
    abort: connection.abort
  }
}

/**
 * Writes a line for every Control Packet of the clients, and of the connections of `MqttConnection`, that are made with this
 * layer below them.
 *
 * A line has the time, the number of the connection, the direction and the packet: its type, Packet Identifier, Topic
 * Name or Topic Filters, QoS, flags, Reason Codes and properties. It never contains a password, a user name,
 * Authentication Data, Correlation Data, a Server Reference, the value of a User Property or the payload of the Will;
 * and of payloads it shows only the size, unless `payload` asks for more.
 *
 * **Example** (A client whose packets stand on standard error)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { MqttPackets } from "effect-mqtt"
 * import { NodeMqtt } from "effect-mqtt/node"
 *
 * const client = NodeMqtt.layer({ url: "mqtt://localhost:1883" }).pipe(
 *   Layer.provide(MqttPackets.layer())
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<never> =>
  Layer.sync(ConnectionDecorator, () => {
    let connections = 0
    return (connection, endpoint) => observe(++connections, options)(connection, endpoint)
  })

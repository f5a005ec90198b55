/**
 * The transport to a broker. It records the packets of each network connection, and fails as networks do on command.
 */
import { Effect, Layer, Stream, SubscriptionRef } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { MqttClient, MqttConnection, MqttTransport } from "../../src/index.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { type Broker, quietly, transport } from "./Broker.ts"

type Direction = "toServer" | "toClient"

/** What one network connection has carried, lost packets included. */
export class Recording {
  readonly toServer: Array<Packet.Packet> = []
  readonly toClient: Array<Packet.Packet> = []
  readonly #requests = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: 268_435_460 })
  #answers: Decoder.Decoder | undefined

  /** Both directions, in the order they came by. */
  readonly packets: Array<Packet.Packet> = []

  record(direction: Direction, chunks: ReadonlyArray<Uint8Array>): ReadonlyArray<Packet.Packet> {
    const packets = chunks.flatMap((chunk) =>
      direction === "toServer" ? this.#requests.push(chunk) : this.#decodeAnswers(chunk)
    )
    this[direction].push(...packets)
    this.packets.push(...packets)
    return packets
  }

  #decodeAnswers(chunk: Uint8Array): ReadonlyArray<Packet.Packet> {
    const [connect] = this.toServer
    const protocolVersion = connect?._tag === "Connect" ? connect.protocolVersion : "3.1.1"
    this.#answers ??= Decoder.make({ protocolVersion, sender: "server", maximumPacketSize: 268_435_460 })
    return this.#answers.push(chunk)
  }

  /** The packets of one type. */
  of<Tag extends Packet.Packet["_tag"]>(direction: Direction, tag: Tag): ReadonlyArray<Packet.Packet & { _tag: Tag }> {
    return this[direction].filter((packet): packet is Packet.Packet & { _tag: Tag } => packet._tag === tag)
  }
}

export class Wire {
  readonly #transport: MqttTransport.MqttTransport["Service"]
  readonly #recordings: SubscriptionRef.SubscriptionRef<ReadonlyArray<Recording>>
  #lost: Direction | undefined
  #losesFrom: Packet.Packet["_tag"] | undefined
  #cut: Effect.Effect<void> = Effect.void

  constructor(
    transport: MqttTransport.MqttTransport["Service"],
    recordings: SubscriptionRef.SubscriptionRef<ReadonlyArray<Recording>>
  ) {
    this.#transport = transport
    this.#recordings = recordings
  }

  readonly layer = Layer.sync(MqttTransport.MqttTransport, () => ({
    endpoint: this.#transport.endpoint,
    open: Effect.map(this.#transport.open, (network) => this.#tap(network))
  }))

  client(options?: MqttClient.Options) {
    return MqttClient.make(options).pipe(Effect.provide(this.layer), quietly)
  }

  connection(options: MqttConnection.Options) {
    return Effect.provide(MqttConnection.make(options), this.layer)
  }

  /** By network connection, the first first. */
  get recordings(): ReadonlyArray<Recording> {
    return SubscriptionRef.getUnsafe(this.#recordings)
  }

  /** From now on, and until the connection is cut, nothing arrives in this direction. */
  lose(direction: Direction): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#lost = direction
    })
  }

  /** From the next packet of this type on, and until the connection is cut, nothing arrives in its direction. */
  loseFrom(tag: Packet.Packet["_tag"]): Effect.Effect<void> {
    return Effect.sync(() => {
      this.#losesFrom = tag
    })
  }

  #isLost(direction: Direction, packets: ReadonlyArray<Packet.Packet>): boolean {
    if (packets.some((packet) => packet._tag === this.#losesFrom)) {
      this.#lost = direction
      this.#losesFrom = undefined
    }
    return this.#lost === direction
  }

  /** Ends the network connection there is, as a pulled plug would. */
  get cut(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#lost = undefined
      return this.#cut
    })
  }

  /** Completes once the recordings say so. */
  until(isReached: (recordings: ReadonlyArray<Recording>) => boolean): Effect.Effect<void> {
    return SubscriptionRef.changes(this.#recordings).pipe(Stream.takeUntil(isReached), Stream.runDrain)
  }

  #tap(network: MqttTransport.NetworkConnection): MqttTransport.NetworkConnection {
    const recording = new Recording()
    /** Says whether the bytes get lost. */
    const pass = (direction: Direction, chunks: ReadonlyArray<Uint8Array>): Effect.Effect<boolean> =>
      Effect.suspend(() => {
        const isLost = this.#isLost(direction, recording.record(direction, chunks))
        return SubscriptionRef.update(
          this.#recordings,
          (recordings) => recordings.includes(recording) ? [...recordings] : [...recordings, recording]
        ).pipe(Effect.as(isLost))
      })
    this.#cut = network.abort
    const pull: MqttTransport.NetworkConnection["pull"] = Effect.flatMap(
      network.pull,
      (chunks) => Effect.flatMap(pass("toClient", chunks), (isLost) => isLost ? pull : Effect.succeed(chunks))
    )
    return {
      pull,
      write: (chunks: NonEmptyReadonlyArray<Uint8Array>) =>
        Effect.flatMap(pass("toServer", chunks), (isLost) => isLost ? Effect.void : network.write(chunks)),
      abort: network.abort
    }
  }
}

export const make: Effect.Effect<Wire, never, Broker> = Effect.gen(function*() {
  const recordings = yield* SubscriptionRef.make<ReadonlyArray<Recording>>([])
  return new Wire(yield* MqttTransport.MqttTransport, recordings)
}).pipe(Effect.provide(transport))

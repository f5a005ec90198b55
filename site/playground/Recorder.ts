/**
 * Notes everything that happens in a run, with its virtual time: the packets of each client as the client sees them, the
 * states of its connection, how much waits in it, and what its program does.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { MqttClient } from "../../src/MqttClient.ts"
import type { ConnectionState } from "../../src/MqttState.ts"
import type { NetworkConnection } from "../../src/MqttTransport.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"

/** A packet, as far as this page shows it. */
export interface PacketView {
  readonly type: Packet.PacketType
  readonly identifier: number | undefined
  readonly qos: number | undefined
  /** The client or the broker sends it again. */
  readonly isRepeated: boolean
  /** Of a PUBLISH. */
  readonly topic: string | undefined
  /** The message in a PUBLISH. */
  readonly message: string | undefined
  readonly reasonCode: number | undefined
  readonly sessionPresent: boolean | undefined
}

/** How much waits in a client. */
export interface Levels {
  readonly outbox: number
  readonly inFlight: number
  readonly buffered: number
}

export type Note =
  | { readonly _tag: "Happened"; readonly words: string; readonly lasts: number; readonly silences: boolean }
  | { readonly _tag: "Published"; readonly client: string; readonly message: string }
  | { readonly _tag: "Acknowledged"; readonly client: string; readonly message: string }
  | { readonly _tag: "PublishFailed"; readonly client: string; readonly message: string; readonly reason: string }
  | { readonly _tag: "Handling"; readonly message: string }
  | { readonly _tag: "Handled"; readonly message: string }
  | { readonly _tag: "HandlerFailed"; readonly message: string }
  | { readonly _tag: "State"; readonly client: string; readonly state: ConnectionState["_tag"]; readonly why: string }
  | ({ readonly _tag: "Levels"; readonly client: string } & Levels)
  | { readonly _tag: "Died"; readonly client: string }
  | {
    readonly _tag: "Packet"
    readonly client: string
    /** The number of the connection, over all clients. */
    readonly connection: number
    readonly direction: "sent" | "received"
    readonly packet: PacketView
  }

export interface Noted {
  /** Milliseconds since the run began. */
  readonly at: number
  readonly note: Note
}

const decoder = new TextDecoder()

export const viewOf = (packet: Packet.Packet): PacketView => ({
  type: packet._tag,
  identifier: "packetIdentifier" in packet && packet.packetIdentifier !== 0 ? packet.packetIdentifier : undefined,
  qos: packet._tag === "Publish" ? packet.qos : undefined,
  isRepeated: packet._tag === "Publish" && packet.dup,
  topic: packet._tag === "Publish" ? packet.topic : undefined,
  message: packet._tag === "Publish" ? decoder.decode(packet.payload) : undefined,
  reasonCode: "reasonCode" in packet ? packet.reasonCode : undefined,
  sessionPresent: packet._tag === "Connack" ? packet.sessionPresent : undefined
})

/** Larger than any packet of this page. */
const maximumPacketSize = 1_048_576

const whyOf = (state: ConnectionState): string =>
  state._tag === "Disconnected" || state._tag === "Closed" ? state.error?.reason._tag ?? "" : ""

const nothing: Levels = { outbox: 0, inFlight: 0, buffered: 0 }

interface Watched {
  readonly client: string
  readonly mqtt: MqttClient["Service"]
  last: Levels
}

export class Recorder {
  readonly #watched = new Set<Watched>()
  readonly #noted: Array<Noted> = []
  #connections = 0

  get noted(): ReadonlyArray<Noted> {
    return this.#noted
  }

  note(note: Note): Effect.Effect<void> {
    return Effect.map(Clock.currentTimeMillis, (at) => void this.#noted.push({ at, note }))
  }

  /** Sees the bytes of every connection that this client opens. */
  decorate(client: string): (connection: NetworkConnection) => NetworkConnection {
    return (connection) => {
      const number = ++this.#connections
      const sent = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize })
      let received: Decoder.Decoder | undefined
      const tell = (direction: "sent" | "received", packet: Packet.Packet): Effect.Effect<void> => {
        if (packet._tag === "Connect") {
          const { protocolVersion } = packet
          received = Decoder.make({ protocolVersion, sender: "server", maximumPacketSize, refuses: () => true })
        }
        return this.note({ _tag: "Packet", client, connection: number, direction, packet: viewOf(packet) })
      }
      return {
        pull: Effect.tap(connection.pull, (chunks) =>
          Effect.forEach(
            chunks.flatMap((chunk) => received?.push(chunk) ?? []),
            (packet) => tell("received", packet),
            { discard: true }
          )),
        write: (chunks) =>
          Effect.forEach(chunks.flatMap((chunk) => sent.push(chunk)), (packet) => tell("sent", packet), {
            discard: true
          }).pipe(Effect.andThen(connection.write(chunks))),
        abort: connection.abort
      }
    }
  }

  /** Follows the state of a client until the scope ends. Until then `sample` reads how much waits in it. */
  watch(client: string, mqtt: MqttClient["Service"]): Effect.Effect<void, never, Scope.Scope> {
    const states = Stream.runForEach(
      Stream.changesWith(SubscriptionRef.changes(mqtt.state), (one, other) => one._tag === other._tag),
      (state) => this.note({ _tag: "State", client, state: state._tag, why: whyOf(state) })
    )
    const watched: Watched = { client, mqtt, last: nothing }
    return Effect.acquireRelease(
      Effect.sync(() => void this.#watched.add(watched)),
      () => {
        this.#watched.delete(watched)
        return this.note({ _tag: "Levels", client, ...nothing })
      }
    ).pipe(Effect.andThen(Effect.forkScoped(states, { startImmediately: true })), Effect.asVoid)
  }

  /** Reads how much waits in each client now, and notes the changes. */
  get sample(): Effect.Effect<void> {
    return Effect.suspend(() => Effect.forEach(this.#watched, (watched) => this.#read(watched), { discard: true }))
  }

  #read(watched: Watched): Effect.Effect<void> {
    const { client, last, mqtt } = watched
    return Effect.flatMap(mqtt.stats, ({ bufferMessages, inFlight, outboxMessages }) => {
      if (last.outbox === outboxMessages && last.inFlight === inFlight && last.buffered === bufferMessages) {
        return Effect.void
      }
      watched.last = { outbox: outboxMessages, inFlight, buffered: bufferMessages }
      return this.note({ _tag: "Levels", client, ...watched.last })
    })
  }
}

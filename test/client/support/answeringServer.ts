/**
 * A server that answers at once and remembers nothing, so all growth of memory is the client's.
 *
 * See `MemoryBroker` for a server that a test can ask about the messages it has seen.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as MqttError from "../../../src/MqttError.ts"
import { MqttTransport, type NetworkConnection } from "../../../src/MqttTransport.ts"
import * as Decoder from "../../../src/protocol/Decoder.ts"
import * as Encoder from "../../../src/protocol/Encoder.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import * as Properties from "../../../src/protocol/Properties.ts"

type Pull = Effect.Effect<NonEmptyReadonlyArray<Uint8Array>, MqttError.MqttError>

const properties = Properties.none

/** Less than any client's Receive Maximum here. */
const mostUnacknowledged = 100

const lost = MqttError.fromReason(new MqttError.ConnectionLost({ cause: new Error("cut") }))

export class AnsweringServer {
  /** While it is not, opening a connection hangs. */
  isReachable = true
  /** While it does, PUBLISH is not acknowledged. */
  holdsAcknowledgements = false
  /** Does not answer SUBSCRIBE and UNSUBSCRIBE. */
  holdsSubscriptions = false
  readonly #version: Packet.ProtocolVersion
  #current: Answering | undefined

  constructor(version: Packet.ProtocolVersion) {
    this.#version = version
  }

  readonly transport: MqttTransport["Service"] = MqttTransport.of({
    endpoint: "mqtt://answering.test",
    open: Effect.suspend((): Effect.Effect<NetworkConnection> => {
      if (!this.isReachable) return Effect.never
      this.#current = new Answering(this, this.#version)
      return Effect.succeed(this.#current.connection)
    })
  })

  cut(): void {
    this.#current?.end()
    this.#current = undefined
  }

  /** A message to the client, whatever it subscribed to, unless too many wait to be acknowledged. */
  deliver(topic: string, qos: Packet.Qos): void {
    this.#current?.deliver(topic, qos)
  }
}

class Answering {
  readonly #server: AnsweringServer
  readonly #is311: boolean
  readonly #decoder: Decoder.Decoder
  readonly #encoder: Encoder.Encoder
  #unread: Array<Uint8Array> = []
  #resume: ((pull: Pull) => void) | undefined
  #hasEnded = false
  #identifier = 0
  #unacknowledged = 0

  constructor(server: AnsweringServer, protocolVersion: Packet.ProtocolVersion) {
    this.#server = server
    this.#is311 = protocolVersion === "3.1.1"
    this.#decoder = Decoder.make({ protocolVersion, sender: "client", maximumPacketSize: 1_000_000 })
    this.#encoder = Encoder.make({ protocolVersion, sender: "server" })
  }

  readonly connection: NetworkConnection = {
    pull: Effect.callback((resume) => {
      this.#resume = resume
      this.#give()
    }),
    write: (chunks) =>
      Effect.sync(() => {
        for (const packet of chunks.flatMap((chunk) => this.#decoder.push(chunk))) this.#answer(packet)
        this.#give()
      }),
    abort: Effect.sync(() => this.end())
  }

  end(): void {
    this.#hasEnded = true
    this.#give()
  }

  deliver(topic: string, qos: Packet.Qos): void {
    if (this.#unacknowledged >= mostUnacknowledged) return
    if (qos !== 0) this.#unacknowledged++
    this.#identifier = this.#identifier % 60_000 + 1
    const packetIdentifier = qos === 0 ? 0 : this.#identifier
    const payload = new Uint8Array(100)
    this.#say({ _tag: "Publish", topic, payload, qos, retain: false, dup: false, packetIdentifier, properties })
    this.#give()
  }

  #give(): void {
    if (this.#resume === undefined || (!this.#hasEnded && this.#unread.length === 0)) return
    const resume = this.#resume
    const [first, ...rest] = this.#unread
    this.#resume = undefined
    this.#unread = []
    resume(first === undefined ? Effect.fail(lost) : Effect.succeed([first, ...rest]))
  }

  #say(packet: Packet.ServerPacket): void {
    this.#encoder.encode(packet)
    this.#unread.push(...this.#encoder.take())
  }

  #answer(packet: Packet.Packet): void {
    switch (packet._tag) {
      case "Connect": {
        const { authenticationMethod } = packet.properties
        const said = authenticationMethod === undefined ? properties : { authenticationMethod }
        return this.#say({ _tag: "Connack", sessionPresent: !packet.cleanStart, reasonCode: 0, properties: said })
      }
      case "Auth":
        return this.#say({ _tag: "Auth", reasonCode: 0, properties: packet.properties })
      case "Pingreq":
        return this.#say({ _tag: "Pingresp" })
      case "Publish":
        return this.#acknowledge(packet)
      case "Pubrel":
        return this.#say({ _tag: "Pubcomp", packetIdentifier: packet.packetIdentifier, reasonCode: 0, properties })
      case "Puback":
      case "Pubcomp":
        this.#unacknowledged--
        return
      case "Pubrec":
        return this.#say({ _tag: "Pubrel", packetIdentifier: packet.packetIdentifier, reasonCode: 0, properties })
      case "Subscribe":
      case "Unsubscribe":
        return this.#subscribed(packet)
      case "Disconnect":
        return this.end()
    }
  }

  #acknowledge({ packetIdentifier, qos }: Packet.Publish): void {
    if (qos === 0 || this.#server.holdsAcknowledgements) return
    this.#say({ _tag: qos === 1 ? "Puback" : "Pubrec", packetIdentifier, reasonCode: 0, properties })
  }

  #subscribed(packet: Packet.Subscribe | Packet.Unsubscribe): void {
    if (this.#server.holdsSubscriptions) return
    const { packetIdentifier } = packet
    if (packet._tag === "Subscribe") {
      const reasonCodes = packet.subscriptions.map(({ qos }) => qos)
      return this.#say({ _tag: "Suback", packetIdentifier, reasonCodes, properties })
    }
    const reasonCodes = this.#is311 ? [] : packet.topicFilters.map(() => 0)
    this.#say({ _tag: "Unsuback", packetIdentifier, reasonCodes, properties })
  }
}

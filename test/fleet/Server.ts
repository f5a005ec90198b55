/**
 * The server of a fleet and the network to it, as one `MqttTransport`. The server answers CONNECT, PUBLISH of QoS 1 and
 * PINGREQ, keeps sessions, and counts.
 *
 * The server does not judge the conduct of its clients, and its clients do not subscribe. The broker of the testing kit
 * does more, and looks at all its connections after each packet, which takes too long for a fleet.
 */
import { Effect, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as MqttError from "../../src/MqttError.ts"
import { MqttTransport, type NetworkConnection } from "../../src/MqttTransport.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import type { VirtualTime } from "./VirtualTime.ts"

/** Up; down, so that its machine refuses connections; or silent, because the network or the machine is away. */
export type Condition = "up" | "down" | "silent"

/** Milliseconds, one way. */
const latency = 20
const roundTrip = 2 * latency
const host = "broker.test"
const port = 1883
/** Server busy, MQTT 5.0 section 3.2.2.2. */
const serverBusy = 0x89

const lost = MqttError.fromReason(new MqttError.ConnectionLost({ cause: "the connection was cut" }))
const refused = MqttError.fromReason(new MqttError.PortRefused({ host, port }))

/** One connection; both of its ends. */
class Connection implements NetworkConnection {
  readonly #server: Server
  readonly #decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: 1024 })
  #arrived: Array<Uint8Array> = []
  #isEnded = false
  /** The server has sent a CONNACK that accepts the client. */
  isAccepted = false
  #reader: (() => void) | undefined

  constructor(server: Server) {
    this.#server = server
  }

  readonly pull: NetworkConnection["pull"] = Effect.suspend(() => {
    const [first, ...rest] = this.#arrived
    if (first !== undefined) {
      this.#arrived = []
      return Effect.succeed<NonEmptyReadonlyArray<Uint8Array>>([first, ...rest])
    }
    if (this.#isEnded) return Effect.fail(lost)
    const woken = Effect.callback<void>((resume) => {
      this.#reader = () => resume(Effect.void)
      return Effect.sync(() => {
        this.#reader = undefined
      })
    })
    return Effect.andThen(woken, this.pull)
  })

  readonly write: NetworkConnection["write"] = (chunks) =>
    Effect.suspend(() => {
      if (this.#isEnded) return Effect.fail(lost)
      // The encoder of the client uses its memory again.
      const copies = chunks.map((chunk) => chunk.slice())
      this.#carry(() => this.#receive(copies))
      return Effect.void
    })

  readonly abort: NetworkConnection["abort"] = Effect.sync(() => this.end())

  /** Both sides notice at once. */
  end(): void {
    this.#isEnded = true
    this.#server.ended(this)
    this.#wake()
  }

  /** Whether the other side gets it depends on the network at both ends of the way. */
  #carry(arrive: () => void): void {
    if (this.#server.condition !== "up") return
    this.#server.time.after(latency, () => {
      if (!this.#isEnded && this.#server.condition === "up") arrive()
    })
  }

  #receive(chunks: ReadonlyArray<Uint8Array>): void {
    for (const chunk of chunks) {
      for (const packet of this.#decoder.push(chunk)) {
        const answer = this.#server.answer(packet as Packet.ClientPacket)
        if (answer !== undefined) this.#send(answer)
        if (answer?._tag !== "Connack") continue
        this.isAccepted = answer.reasonCode === 0
        if (!this.isAccepted) this.#carry(() => this.end())
      }
    }
  }

  #send(packet: Packet.ServerPacket): void {
    const bytes = Encoder.toBytes(packet, { protocolVersion: "5.0", sender: "server" })
    if (!(bytes instanceof Uint8Array)) throw bytes
    this.#carry(() => {
      this.#arrived.push(bytes)
      this.#wake()
    })
  }

  #wake(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.()
  }
}

export class Server {
  readonly time: VirtualTime
  /** How many CONNECTs the server accepts in a second. It refuses the others with "Server busy". */
  rate = Infinity
  condition: Condition = "up"
  readonly #connections = new Set<Connection>()
  readonly #sessions = new Set<string>()
  #second = 0
  #acceptedInSecond = 0
  /** When the attempts of all clients began. */
  readonly attempts: Array<number> = []
  accepted = 0
  refused = 0

  constructor(time: VirtualTime) {
    this.time = time
  }

  readonly transport = MqttTransport.of({
    endpoint: `mqtt://${host}:${port}`,
    open: Effect.suspend(() => this.#open)
  })

  /** All connections end in this moment. */
  cut(): void {
    for (const connection of this.#connections) connection.end()
  }

  /** Clients that are connected. */
  get connected(): number {
    let count = 0
    for (const { isAccepted } of this.#connections) if (isAccepted) count++
    return count
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection)
  }

  answer(packet: Packet.ClientPacket): Packet.ServerPacket | undefined {
    switch (packet._tag) {
      case "Connect":
        return this.#connack(packet.clientId)
      case "Publish":
        return packet.qos === 0
          ? undefined
          : { _tag: "Puback", packetIdentifier: packet.packetIdentifier, reasonCode: 0, properties: none }
      case "Pingreq":
        return { _tag: "Pingresp" }
      default:
        return undefined
    }
  }

  #connack(clientId: string): Packet.Connack {
    const second = Math.floor(this.time.now / 1000)
    if (second !== this.#second) this.#acceptedInSecond = 0
    this.#second = second
    if (this.#acceptedInSecond >= this.rate) {
      this.refused++
      return { _tag: "Connack", sessionPresent: false, reasonCode: serverBusy, properties: none }
    }
    this.#acceptedInSecond++
    this.accepted++
    const sessionPresent = this.#sessions.has(clientId)
    this.#sessions.add(clientId)
    return { _tag: "Connack", sessionPresent, reasonCode: 0, properties: none }
  }

  get #open(): Effect.Effect<NetworkConnection, MqttError.MqttError, Scope.Scope> {
    this.attempts.push(this.time.now)
    if (this.condition === "silent") return Effect.never
    return Effect.andThen(
      Effect.sleep(roundTrip),
      Effect.suspend(() => this.condition === "up" ? this.#connect : Effect.fail(refused))
    )
  }

  get #connect(): Effect.Effect<NetworkConnection, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => {
        const connection = new Connection(this)
        this.#connections.add(connection)
        return connection
      }),
      (connection) => connection.abort
    )
  }
}

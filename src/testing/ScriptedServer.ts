/**
 * A server whose every answer the test writes: it takes connections, reads packets one at a time, sends packets or
 * bytes.
 *
 * It knows no rules, so it can break all of them. `MemoryBroker` is the server that keeps the rules by itself.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type { MqttTransport } from "../MqttTransport.ts"
import * as Decoder from "../protocol/Decoder.ts"
import * as Encoder from "../protocol/Encoder.ts"
import type * as Packet from "../protocol/Packet.ts"
import { none } from "../protocol/Properties.ts"
import * as FakeNetwork from "./FakeNetwork.ts"

/**
 * The packet that the test expected did not come: the connection ended first, or another packet or none at all came.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnexpectedInput extends Schema.TaggedError<UnexpectedInput>()("UnexpectedInput", {
  connection: Schema.Int,
  description: Schema.String
}) {
  override get message(): string {
    return `Connection ${this.connection}: ${this.description}`
  }
}

/**
 * The fields that a test may leave out of a packet.
 *
 * @since 0.2.0
 * @category models
 */
export type OptionalField =
  | "properties"
  | "reasonCode"
  | "sessionPresent"
  | "dup"
  | "retain"
  | "qos"
  | "packetIdentifier"

/**
 * A packet as a test writes it: fields left out are absent, 0 or false.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerPacket = {
  readonly [Tag in Packet.ServerPacket["_tag"]]:
    & Omit<Extract<Packet.ServerPacket, { readonly _tag: Tag }>, OptionalField>
    & {
      readonly [Field in OptionalField & keyof Extract<Packet.ServerPacket, { readonly _tag: Tag }>]?:
        | Extract<Packet.ServerPacket, { readonly _tag: Tag }>[Field]
        | undefined
    }
}[Packet.ServerPacket["_tag"]]

/** The values of fields that the test leaves out. */
const defaults: { readonly [Type in Packet.ServerPacket["_tag"]]: Partial<Packet.Packet> } = {
  Connack: { sessionPresent: false, reasonCode: 0, properties: none },
  Publish: { qos: 0, retain: false, dup: false, packetIdentifier: 0, properties: none },
  Puback: { packetIdentifier: 0, reasonCode: 0, properties: none },
  Pubrec: { packetIdentifier: 0, reasonCode: 0, properties: none },
  Pubrel: { packetIdentifier: 0, reasonCode: 0, properties: none },
  Pubcomp: { packetIdentifier: 0, reasonCode: 0, properties: none },
  Suback: { packetIdentifier: 0, properties: none },
  Unsuback: { packetIdentifier: 0, properties: none },
  Pingresp: {},
  Disconnect: { reasonCode: 0, properties: none },
  Auth: { reasonCode: 0, properties: none }
}

const complete = (packet: ServerPacket): Packet.Packet =>
  ({ ...defaults[packet._tag], ...packet }) as unknown as Packet.Packet

/**
 * The server's end of one connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface ScriptedConnection {
  /** The number of the connection; the first is 1. */
  readonly number: number
  /** The next packet of the client, in order; waits for it. */
  readonly receive: Effect.Effect<Packet.ClientPacket, UnexpectedInput>
  /** The next packet, which must be of this type. */
  readonly expect: <Type extends Packet.ClientPacket["_tag"]>(
    type: Type
  ) => Effect.Effect<Extract<Packet.ClientPacket, { readonly _tag: Type }>, UnexpectedInput>
  /** The packets that have come and were not received yet, without waiting. */
  readonly receiveAll: Effect.Effect<ReadonlyArray<Packet.ClientPacket>>
  /** Every packet that has come so far, received or not. */
  readonly received: Effect.Effect<ReadonlyArray<Packet.ClientPacket>>
  /** Every byte that has come so far, as chunks. */
  readonly receivedBytes: Effect.Effect<ReadonlyArray<Uint8Array>>
  /** Sends packets, all in one write. Dies if a packet cannot be encoded: send its bytes with `sendBytes`. */
  readonly send: (...packets: ReadonlyArray<ServerPacket>) => Effect.Effect<void>
  readonly sendBytes: (bytes: Uint8Array | ReadonlyArray<number>) => Effect.Effect<void>
  /** Receives CONNECT and answers it with CONNACK. */
  readonly handshake: (
    connack?: Partial<Omit<Packet.Connack, "_tag">>
  ) => Effect.Effect<Packet.Connect, UnexpectedInput>
  readonly close: Effect.Effect<void>
  readonly reset: Effect.Effect<void>
  /** How it ended, once everything that came before was read. */
  readonly ended: Effect.Effect<FakeNetwork.Ending>
}

/**
 * @since 0.1.0
 * @category services
 */
export class ScriptedServer extends Context.Service<ScriptedServer, {
  /** The next connection that was opened; waits for it. */
  readonly accept: Effect.Effect<ScriptedConnection>
}>()("effect-mqtt/testing/ScriptedServer") {}

const codec = () => {
  const decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: 268_435_460 })
  let version: Packet.ProtocolVersion = "5.0"
  return {
    decode: (chunk: Uint8Array): ReadonlyArray<Packet.Packet> => {
      const packets = decoder.push(chunk)
      for (const packet of packets) {
        if (packet._tag === "Connect") version = packet.protocolVersion
      }
      return packets
    },
    error: () => decoder.error,
    encode: (packets: ReadonlyArray<Packet.Packet>): Uint8Array | Error => {
      const encoded: Array<Uint8Array> = []
      for (const packet of packets) {
        const bytes = Encoder.toBytes(packet, { protocolVersion: version, sender: "server" })
        if (!(bytes instanceof Uint8Array)) return new Error(`${packet._tag}: ${bytes.message}; use sendBytes`)
        encoded.push(bytes)
      }
      return concatenate(encoded)
    }
  }
}

const concatenate = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    joined.set(chunk, offset)
    offset += chunk.length
  }
  return joined
}

const makeConnection = Effect.fnUntraced(function*(peer: FakeNetwork.Peer) {
  const { decode, encode, error } = codec()
  const received: Array<Packet.ClientPacket> = []
  const chunksReceived: Array<Uint8Array> = []
  const inbox = yield* Queue.unbounded<Packet.ClientPacket, UnexpectedInput>()
  const ended = yield* Deferred.make<FakeNetwork.Ending>()

  const unexpected = (description: string): UnexpectedInput =>
    new UnexpectedInput({ connection: peer.connection, description })

  const read = Effect.gen(function*() {
    const chunks = yield* peer.pull
    for (const chunk of chunks) {
      chunksReceived.push(chunk)
      const packets = decode(chunk) as ReadonlyArray<Packet.ClientPacket>
      received.push(...packets)
      yield* Queue.offerAll(inbox, packets)
    }
    const violation = error()
    if (violation !== undefined) {
      yield* Queue.fail(inbox, unexpected(`the client sent bytes that cannot be decoded: ${violation.message}`))
    }
  })

  const run = Effect.forever(read).pipe(
    Effect.catch((ending) =>
      Effect.andThen(
        Queue.fail(inbox, unexpected(`it ended (${ending.how} by the ${ending.by}) and no packet came`)),
        Deferred.succeed(ended, ending)
      )
    )
  )

  const sendBytes = (bytes: Uint8Array | ReadonlyArray<number>): Effect.Effect<void> =>
    peer.write([bytes instanceof Uint8Array ? bytes : Uint8Array.from(bytes)])

  const send = (...packets: ReadonlyArray<ServerPacket>): Effect.Effect<void> =>
    Effect.suspend(() => {
      const bytes = encode(packets.map(complete))
      return bytes instanceof Uint8Array ? sendBytes(bytes) : Effect.die(bytes)
    })

  const expect: ScriptedConnection["expect"] = <Type extends Packet.ClientPacket["_tag"]>(type: Type) =>
    Effect.flatMap(
      Queue.take(inbox),
      (packet) =>
        packet._tag === type
          ? Effect.succeed(packet as Extract<Packet.ClientPacket, { readonly _tag: Type }>)
          : Effect.fail(unexpected(`expected ${type}, came ${JSON.stringify(packet)}`))
    )

  const connection: ScriptedConnection = {
    number: peer.connection,
    receive: Queue.take(inbox),
    expect,
    receiveAll: Effect.orElseSucceed(Queue.clear(inbox), () => []),
    received: Effect.sync(() => [...received]),
    receivedBytes: Effect.sync(() => [...chunksReceived]),
    send,
    sendBytes,
    handshake: (connack) => Effect.tap(expect("Connect"), () => send({ _tag: "Connack", ...connack })),
    close: peer.close,
    reset: peer.reset,
    ended: Deferred.await(ended)
  }
  return { connection, run }
})

/**
 * A scripted server and the function that makes it a network's other end.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.gen(function*() {
  const connections = yield* Queue.unbounded<ScriptedConnection>()
  const accept: FakeNetwork.Accept = Effect.fnUntraced(function*(peer) {
    const { connection, run } = yield* makeConnection(peer)
    yield* Queue.offer(connections, connection)
    yield* run
    // The connection stays open until the test or the client ends it.
  })
  return { server: ScriptedServer.of({ accept: Queue.take(connections) }), accept }
})

/**
 * A fake network with a scripted server at its other end.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: FakeNetwork.Options
): Layer.Layer<MqttTransport | FakeNetwork.FakeNetwork | ScriptedServer> =>
  Layer.unwrap(
    Effect.map(make, ({ accept, server }) =>
      Layer.merge(FakeNetwork.layer(accept, options), Layer.succeed(ScriptedServer)(server)))
  )

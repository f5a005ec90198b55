/**
 * A client without rules: it sends the packets the test gives it and keeps those that arrive, so a test can follow the
 * rules or break them.
 */
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { MqttError } from "../../src/MqttError.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import * as Decoder from "../../src/protocol/Decoder.ts"
import * as Encoder from "../../src/protocol/Encoder.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import { connectPacket } from "../support/packets.ts"
import { begin, connecting, roundTrip } from "../support/time.ts"

/** A session that outlives its connection, in either version. */
export const persistent = (version: Packet.ProtocolVersion): Partial<Packet.Connect> => ({
  cleanStart: false,
  properties: version === "5.0" ? { sessionExpiryInterval: 3600 } : none
})

export const subscribe = (
  packetIdentifier: number,
  topicFilter: string,
  options: Partial<Packet.Subscription> & { readonly subscriptionIdentifier?: number } = {}
): Packet.Subscribe => {
  const { subscriptionIdentifier, ...subscription } = options
  return {
    _tag: "Subscribe",
    packetIdentifier,
    subscriptions: [{
      topicFilter,
      qos: 2,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
      ...subscription
    }],
    properties: subscriptionIdentifier === undefined ? none : { subscriptionIdentifiers: [subscriptionIdentifier] }
  }
}

export const acknowledge = <Tag extends "Puback" | "Pubrec" | "Pubrel" | "Pubcomp">(
  _tag: Tag,
  packetIdentifier: number,
  reasonCode = 0
) => ({ _tag, packetIdentifier, reasonCode, properties: none })

export const disconnect: Packet.Disconnect = { _tag: "Disconnect", reasonCode: 0, properties: none }

/** A connection on which nothing was sent yet. */
export const open = Effect.fnUntraced(function*(protocolVersion: Packet.ProtocolVersion) {
  const transport = yield* MqttTransport
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const opening = yield* begin(Scope.provide(transport.open, scope))
  yield* TestClock.adjust(connecting)
  const connection = yield* Fiber.join(opening)
  const decoder = Decoder.make({ protocolVersion, sender: "server", maximumPacketSize: 1_000_000 })
  const received: Array<Packet.ServerPacket> = []
  const reading = yield* connection.pull.pipe(
    Effect.map((chunks) => {
      for (const chunk of chunks) received.push(...decoder.push(chunk) as ReadonlyArray<Packet.ServerPacket>)
    }),
    Effect.forever,
    Effect.flip,
    begin
  )
  let taken = 0
  return {
    /** Sends packets in one write. */
    send: (...packets: ReadonlyArray<Packet.Packet>): Effect.Effect<void, MqttError> => {
      const chunks = packets.map((packet) => {
        const encoded = Encoder.toBytes(packet, { protocolVersion, sender: "client" })
        if (!(encoded instanceof Uint8Array)) throw new Error(encoded.message)
        return encoded
      })
      const [first, ...rest] = chunks
      return connection.write([first, ...rest])
    },
    sendBytes: (...bytes: ReadonlyArray<number>) => connection.write([Uint8Array.from(bytes)]),
    /** What has come. */
    received: (): ReadonlyArray<Packet.ServerPacket> => received,
    /** What has come since it was last asked. */
    take: (): ReadonlyArray<Packet.ServerPacket> => {
      const news = received.slice(taken)
      taken = received.length
      return news
    },
    error: () => decoder.error,
    isEnded: () => reading.pollUnsafe() !== undefined,
    close: Scope.close(scope, Exit.void),
    abort: connection.abort
  }
})

/** A connection on which CONNECT was answered. */
export const connect = Effect.fnUntraced(function*(
  protocolVersion: Packet.ProtocolVersion,
  options?: Partial<Packet.Connect>
) {
  const client = yield* open(protocolVersion)
  yield* client.send(connectPacket(protocolVersion, options))
  yield* TestClock.adjust(roundTrip)
  const [connack] = client.take()
  return { ...client, connack }
})

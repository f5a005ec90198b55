import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as MqttClient from "../../../src/MqttClient.ts"
import type { MqttError } from "../../../src/MqttError.ts"
import { MqttTransport, type NetworkConnection } from "../../../src/MqttTransport.ts"
import * as Decoder from "../../../src/protocol/Decoder.ts"
import * as Encoder from "../../../src/protocol/Encoder.ts"
import type * as Packet from "../../../src/protocol/Packet.ts"
import { none } from "../../../src/protocol/Properties.ts"
import { connack, publish } from "../../support/packets.ts"

const bytesOf = (...packets: ReadonlyArray<Packet.ServerPacket>): Uint8Array => {
  const encoder = Encoder.make({ protocolVersion: "5.0", sender: "server" })
  for (const packet of packets) assert.isUndefined(encoder.encode(packet))
  return Buffer.concat(encoder.take())
}

const message = (packetIdentifier: number): Packet.Publish =>
  publish("t", { payload: new Uint8Array(10), qos: 1, packetIdentifier })

/** A chunk of so many messages. */
const chunksOf = (sizes: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  let packetIdentifier = 0
  return sizes.map((size) => bytesOf(...Array.from({ length: size }, () => message(++packetIdentifier))))
}

const connackBytes = bytesOf(connack())
const subackBytes = bytesOf({ _tag: "Suback", packetIdentifier: 1, reasonCodes: [1], properties: none })

/** Turns of the microtask queue between two chunks: time enough for a write that does not wait for the next chunk. */
const turnsBetweenChunks = 50

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve()
}

/**
 * A server on a network that is read as Node reads a socket: chunk after chunk in one round of the event loop, each with
 * microtasks of its own. Says how many PUBACKs each write of the client brings.
 */
const acknowledgementsByWrite = Effect.fnUntraced(function*(sizes: ReadonlyArray<number>) {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const done = yield* Deferred.make<void>()
  const decoder = Decoder.make({ protocolVersion: undefined, sender: "client", maximumPacketSize: 100_000 })
  const arriving: Array<Uint8Array> = []
  const acknowledged: Array<number> = []
  let wake: (() => void) | undefined
  const arrive = (...chunks: ReadonlyArray<Uint8Array>) => {
    arriving.push(...chunks)
    wake?.()
  }
  const pull = Effect.callback<NonEmptyReadonlyArray<Uint8Array>, MqttError>((resume) => {
    const next = () => {
      wake = undefined
      const chunk = arriving.shift()
      if (chunk !== undefined) void turns(turnsBetweenChunks).then(() => resume(Effect.succeed([chunk])))
      else wake = next
    }
    next()
  })
  const received = (packets: ReadonlyArray<Packet.Packet>) => {
    const pubacks = packets.filter(({ _tag }) => _tag === "Puback").length
    if (pubacks > 0) acknowledged.push(pubacks)
    if (acknowledged.reduce((sum, count) => sum + count, 0) === total) Deferred.doneUnsafe(done, Effect.void)
    for (const { _tag } of packets) {
      if (_tag === "Connect") arrive(connackBytes)
      if (_tag === "Subscribe") arrive(subackBytes, ...chunksOf(sizes))
    }
  }
  const connection: NetworkConnection = {
    pull,
    write: (chunks) => Effect.sync(() => received(chunks.flatMap((chunk) => decoder.push(chunk)))),
    abort: Effect.void
  }
  const transport = Layer.succeed(MqttTransport)({ endpoint: "memory", open: Effect.succeed(connection) })
  yield* Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const messages = yield* mqtt.subscribe("t", { qos: 1 })
    yield* Effect.forkScoped(Stream.runDrain(messages))
    yield* Deferred.await(done)
  }).pipe(Effect.scoped, Effect.provide(Layer.provide(MqttClient.layer({}), transport)))
  return acknowledged
})

describe("acknowledging what arrives in one round of the event loop", () => {
  it.live("S45 few messages of many chunks are acknowledged in one write", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* acknowledgementsByWrite(Array.from({ length: 20 }, () => 1)), [20])
    }))

  it.live("S45 many of one chunk are acknowledged before the next is read, so that the server can go on", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* acknowledgementsByWrite([100, 100, 1, 1]), [100, 100, 2])
    }))
})

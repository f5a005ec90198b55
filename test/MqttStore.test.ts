/**
 * A persistent session that outlives its client through the store: unfinished messages go on where they were.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../src/MqttClient.ts"
import type { Options } from "../src/MqttClient.ts"
import * as MqttStore from "../src/MqttStore.ts"
import type { ClientPacket } from "../src/protocol/Packet.ts"
import { MemoryBroker } from "../src/testing/index.ts"
import { versions } from "./support/versions.ts"

/** A program of a client of its own; the clock runs until it is over. */
const asClient = <A, E>(
  options: Options,
  program: (mqtt: MqttClient.MqttClient["Service"]) => Effect.Effect<A, E>
) =>
  Effect.gen(function*() {
    const running = yield* Effect.forkScoped(Effect.scoped(Effect.flatMap(MqttClient.make(options), program)))
    yield* TestClock.adjust("1 second")
    return running.pollUnsafe()
  })

const publishes = (packets: ReadonlyArray<ClientPacket>) =>
  packets.flatMap((packet) =>
    packet._tag === "Publish" ? [{ id: packet.packetIdentifier, dup: packet.dup, topic: packet.topic }] : []
  )

/** Goes on until the message has been sent: it is accepted as soon as the store has it. */
const publishFirst = (mqtt: MqttClient.MqttClient["Service"]) =>
  Effect.andThen(mqtt.publishAsync("first", "1", { qos: 1 }), Effect.sleep("500 millis"))

/** What a store has of a client that is not running. */
const recordsOf = (store: MqttStore.Store, table: MqttStore.Table) =>
  Effect.scoped(Effect.flatMap(store.open("gateway"), (open) => open.read(table, { after: -1, limit: 1000 })))

/** The store, and what is written to it. */
const watching = (store: MqttStore.Store, committed: Array<MqttStore.Change>) =>
  MqttStore.layer(Effect.succeed({
    name: store.name,
    open: (clientId: string) =>
      Effect.map(store.open(clientId), (open) => ({
        read: open.read,
        commit: (changes: ReadonlyArray<MqttStore.Change>) =>
          Effect.tap(open.commit(changes), () => Effect.sync(() => committed.push(...changes)))
      }))
  }))

const kit = Layer.provideMerge(MemoryBroker.layer(), MqttStore.layerMemory)

describe("MqttStore", () => {
  for (const protocolVersion of versions) {
    const options = { protocolVersion, clientId: "gateway", session: "persistent" } as const

    it.effect(`R27 R81 a client goes on with what an earlier one left unacknowledged (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        yield* broker.holdAcknowledgements("Puback", "Pubrec")
        const left = yield* asClient(options, (mqtt) =>
          mqtt.publishAsync("first", "1", { qos: 1 }).pipe(
            Effect.andThen(mqtt.publishAsync("second", "2", { qos: 2 })),
            // Its identifier is completed first, as the server may know it from an earlier program.
            Effect.andThen(Effect.sleep("500 millis"))
          ))
        assert.strictEqual(left?._tag, "Success")
        yield* broker.restart({ keepSessions: true })
        yield* broker.releaseAcknowledgements()
        const flushed = yield* asClient(options, (mqtt) => mqtt.flush)
        assert.strictEqual(flushed?._tag, "Success")
        assert.deepStrictEqual(publishes(yield* broker.received("gateway")), [
          { id: 1, dup: false, topic: "first" },
          { id: 2, dup: false, topic: "second" },
          { id: 1, dup: true, topic: "first" },
          { id: 2, dup: true, topic: "second" }
        ])
        assert.deepStrictEqual((yield* broker.session("gateway"))?.inflight, 0)
      }).pipe(Effect.scoped, Effect.provide(kit)))

    it.effect(`R36 another client identifier resumes nothing of it (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        yield* broker.holdAcknowledgements("Puback")
        yield* asClient(options, publishFirst)
        yield* asClient({ ...options, clientId: "another" }, (mqtt) => mqtt.stats)
        assert.deepStrictEqual(publishes(yield* broker.received("another")), [])
      }).pipe(Effect.scoped, Effect.provide(kit)))

    it.effect(`R28 a cold start throws away what was kept (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        yield* broker.holdAcknowledgements("Puback")
        yield* asClient(options, publishFirst)
        yield* asClient({ ...options, session: "cleanStartThenPersistent" }, (mqtt) => mqtt.stats)
        yield* asClient(options, (mqtt) => mqtt.stats)
        assert.strictEqual(publishes(yield* broker.received("gateway")).length, 1)
      }).pipe(Effect.scoped, Effect.provide(kit)))

    it.effect(`R28 a cold start that ends without a word leaves nothing of before (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const store = yield* MqttStore.makeMemory
        const layer = MqttStore.layer(Effect.succeed(store))
        yield* broker.holdAcknowledgements("Puback")
        yield* asClient(options, publishFirst).pipe(Effect.provide(layer))
        assert.lengthOf(yield* recordsOf(store, "exchange"), 1)
        const committed: Array<MqttStore.Change> = []
        const cold = { ...options, session: "cleanStartThenPersistent" } as const
        yield* asClient(cold, () => Effect.never).pipe(Effect.provide(watching(store, committed)))
        // That client runs on: this is what the store has of it if it is killed now.
        assert.deepInclude(committed, { _tag: "Clear", table: "exchange" })
        assert.deepInclude(committed, { _tag: "Clear", table: "received" })
        assert.deepInclude(committed, { _tag: "Remove", table: "message", key: 1 })
      }).pipe(Effect.scoped, Effect.provide(kit)))
  }

  it.effect("in a clean session messages are kept, and no identifiers", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      yield* broker.holdAcknowledgements("Puback")
      yield* asClient({ clientId: "gateway" }, publishFirst)
      yield* broker.releaseAcknowledgements("Puback")
      yield* asClient({ clientId: "gateway" }, (mqtt) => mqtt.flush)
      assert.deepStrictEqual(publishes(yield* broker.received("gateway")), [
        { id: 1, dup: false, topic: "first" },
        { id: 1, dup: false, topic: "first" }
      ])
    }).pipe(Effect.scoped, Effect.provide(kit)))

  it.effect("R48 a session nobody here knows of is taken over, or refused when that is asked for", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const options = { clientId: "gateway", session: "persistent" } as const
      yield* asClient(options, (mqtt) => mqtt.stats)
      // The kit's store would know it.
      const strict = yield* asClient({ ...options, refuseUnknownSession: true }, (mqtt) => mqtt.stats).pipe(
        Effect.provide(Layer.fresh(MqttStore.layerMemory))
      )
      assert.strictEqual(strict?._tag, "Failure")
      assert.include(String(strict), "MQTT-3.2.2-4")
      const disconnects = (yield* broker.received("gateway")).filter((packet) => packet._tag === "Disconnect")
      assert.strictEqual(disconnects.at(-1)?.reasonCode, 0x82)
      const adopting = yield* asClient(options, (mqtt) => mqtt.stats).pipe(
        Effect.provide(Layer.fresh(MqttStore.layerMemory))
      )
      assert.strictEqual(adopting?._tag, "Success")
    }).pipe(Effect.scoped, Effect.provide(kit)))
})

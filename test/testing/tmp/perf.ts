import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { MemoryBroker, FakeNetwork } from "../../../src/testing/index.ts"
import { acknowledge, connect, publish, roundTrip, subscribe } from "../RawClient.ts"

const seed = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const network = yield* FakeNetwork.FakeNetwork
  for (let round = 0; round < 3; round++) {
    const client = yield* connect("5.0", { cleanStart: false, properties: { sessionExpiryInterval: 3600 } })
    yield* client.send(subscribe(1, "a/#", { qos: 0 }))
    yield* roundTrip
    for (let i = 0; i < 20; i++) {
      yield* client.send(publish("a/b", { qos: 1, packetIdentifier: i + 2 }))
      yield* TestClock.adjust(5)
    }
    yield* roundTrip
    yield* client.close
    yield* roundTrip
  }
  const v = yield* broker.violations
  if (v.length > 0 || (yield* network.counters).open > 0) throw new Error(JSON.stringify(v))
}).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer()), Effect.provide(TestClock.layer()))

for (let warm = 0; warm < 3; warm++) {
  const start = performance.now()
  const n = 300
  for (let i = 0; i < n; i++) await Effect.runPromise(seed)
  console.log("ms per run of 3 connections, 60 publishes, 75 clock steps:", ((performance.now() - start) / n).toFixed(2))
}
// throughput in one go
const bulk = Effect.gen(function*() {
  const client = yield* connect("5.0")
  const start = performance.now()
  for (let r = 0; r < 20; r++) {
    for (let i = 0; i < 1000; i++) yield* client.send(publish("a/b", { qos: 1, packetIdentifier: i + 1 }))
    yield* roundTrip
  }
  console.log("QoS 1 publishes/s", Math.round(20000 / ((performance.now() - start) / 1000)))
}).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer()), Effect.provide(TestClock.layer()))
await Effect.runPromise(bulk)
const inflight = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const network = yield* FakeNetwork.FakeNetwork
  yield* broker.holdAcknowledgements()
  const opts = { cleanStart: false, properties: { sessionExpiryInterval: 3600 } }
  const client = yield* connect("5.0", opts)
  const start = performance.now()
  const msgs = Array.from({ length: 10000 }, (_, i) => publish("a/b", { qos: 1, packetIdentifier: i + 1 }))
  yield* client.send(...msgs)
  yield* roundTrip
  yield* network.reset
  yield* broker.releaseAcknowledgements()
  const second = yield* connect("5.0", opts)
  yield* second.send(...msgs.map((m) => ({ ...m, dup: true })))
  yield* roundTrip
  console.log("10000 in flight, resent:", (performance.now() - start).toFixed(0), "ms", second.take().length, (yield* broker.violations).length)
}).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer()), Effect.provide(TestClock.layer()))
await Effect.runPromise(inflight)
const outflight = Effect.gen(function*() {
  const broker = yield* MemoryBroker.MemoryBroker
  const client = yield* connect("5.0")
  yield* client.send(subscribe(1, "a"))
  yield* roundTrip
  const start = performance.now()
  for (let i = 0; i < 20000; i++) yield* broker.publish("a", "x", { qos: 1 })
  yield* roundTrip
  yield* client.send(...Array.from({ length: 20000 }, (_, i) => acknowledge("Puback", i + 1)))
  yield* roundTrip
  console.log("20000 to the client:", (performance.now() - start).toFixed(0), "ms", (yield* broker.violations).length)
}).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer()), Effect.provide(TestClock.layer()))
await Effect.runPromise(outflight)

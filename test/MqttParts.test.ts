/**
 * Clients with a part of the calls: a client that only publishes, and a client that only subscribes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { MqttClient, MqttPublisher, MqttSubscriber } from "../src/index.ts"
import { MemoryBroker } from "../src/testing/index.ts"
import { assertReason } from "./support/reasons.ts"

const onBroker = Effect.provide(MemoryBroker.layer())

describe("MqttPublisher", () => {
  it.live("publishes at every QoS, in every way", () =>
    Effect.gen(function*() {
      const client = yield* MqttClient.make()
      const messages = yield* client.subscribe("t/#", { qos: 2 })
      const publisher = yield* MqttPublisher.make()
      yield* publisher.publish("t/0", "a")
      yield* yield* publisher.publishAsync("t/1", "b", { qos: 1 })
      yield* Stream.run(Stream.make({ topic: "t/2", payload: "c", qos: 2 } as const), publisher.publishSink)
      yield* publisher.flush
      const received = yield* Stream.runCollect(Stream.take(messages, 3))
      assert.deepStrictEqual(received.map(({ qos, text, topic }) => [topic, text, qos]), [
        ["t/0", "a", 0],
        ["t/1", "b", 1],
        ["t/2", "c", 2]
      ])
      yield* publisher.disconnect
      yield* publisher.closed
      assertReason((yield* Effect.flip(publisher.publish("t/0", "d"))).reason, "Closed")
    }).pipe(Effect.scoped, onBroker))

  it.live("acknowledges and drops what an earlier client has subscribed to", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const session = { clientId: "reused", session: "persistent" } as const
      const subscribing = Effect.flatMap(MqttClient.make(session), (client) => client.subscribe("t", { qos: 2 }))
      yield* Effect.asVoid(Effect.scoped(subscribing))
      const other = yield* MqttPublisher.make()
      yield* other.publish("t", "one", { qos: 1 })
      yield* other.publish("t", "two", { qos: 2 })
      assert.strictEqual((yield* broker.session("reused"))?.queued, 2)
      const publisher = yield* MqttPublisher.make(session)
      while (true) {
        // Each round trip brings what was queued and takes its acknowledgements.
        yield* publisher.publish("elsewhere", "three", { qos: 2 })
        const { inflight, queued } = (yield* broker.session("reused")) ?? { inflight: 1, queued: 1 }
        if (inflight + queued === 0) break
      }
    }).pipe(Effect.scoped, onBroker), 20_000)
})

describe("MqttSubscriber", () => {
  it.live("receives as a stream, one by one, and to acknowledge itself", () =>
    Effect.gen(function*() {
      const publisher = yield* MqttPublisher.make()
      const subscriber = yield* MqttSubscriber.make()
      const messages = yield* subscriber.subscribe("t", { qos: 1 })
      yield* publisher.publish("t", "a", { qos: 1 })
      assert.deepStrictEqual((yield* Stream.runCollect(Stream.take(messages, 1))).map(({ text }) => text), ["a"])
      yield* publisher.publish("kept", "b", { qos: 1, retain: true })
      assert.strictEqual((yield* subscriber.next("kept")).text, "b")
      const deliveries = yield* Effect.forkChild(
        Stream.runHead(Stream.tap(subscriber.deliveries("kept", { qos: 1 }), ({ acknowledge }) => acknowledge))
      )
      assert.strictEqual((yield* Fiber.join(deliveries))._tag, "Some")
    }).pipe(Effect.scoped, onBroker))
})

describe("an option that only the whole client has", () => {
  for (
    const [part, option, make] of [
      ["publisher", "tracing", Effect.asVoid(MqttPublisher.make({ tracing: {} } as MqttPublisher.Options))],
      ["publisher", "buffer", Effect.asVoid(MqttPublisher.make({ buffer: {} } as MqttPublisher.Options))],
      ["subscriber", "metrics", Effect.asVoid(MqttSubscriber.make({ metrics: true } as MqttSubscriber.Options))],
      ["subscriber", "outbox", Effect.asVoid(MqttSubscriber.make({ outbox: {} } as MqttSubscriber.Options))]
    ] as const
  ) {
    it.live(`of a ${part} is refused: ${option}`, () =>
      Effect.gen(function*() {
        const { message, reason } = yield* Effect.flip(make)
        assert.deepInclude(reason, { _tag: "InvalidOptions", option })
        assert.include(message, "use `MqttClient`")
      }).pipe(Effect.scoped, onBroker))
  }
})

describe("options that are no object", () => {
  const makers = {
    MqttPublisher: Effect.asVoid(MqttPublisher.make(null as never)),
    MqttSubscriber: Effect.asVoid(MqttSubscriber.make(null as never))
  }
  for (const [name, make] of Object.entries(makers)) {
    it.live(`of ${name} are refused`, () =>
      Effect.gen(function*() {
        const { reason } = yield* Effect.flip(make)
        assert.strictEqual(reason._tag, "InvalidOptions")
      }).pipe(Effect.scoped, onBroker))
  }
})

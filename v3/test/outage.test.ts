/**
 * A client of Effect 3 and a network that fails: what is delivered, what is withdrawn, and how it takes its leave.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope, Stream, TestClock } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork, MemoryBroker } from "effect-mqtt-v3/testing"
import { broker, brokerAndClient } from "./support.ts"

it.scoped("a message whose acknowledgement is lost with the connection arrives once, with QoS 2", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    const server = yield* MemoryBroker.MemoryBroker
    yield* server.holdAcknowledgements("Pubrec")
    const publishing = yield* Effect.fork(mqtt.publish("alarm/1", "fire", { qos: 2 }))
    yield* server.awaitPacket("client", "Publish")
    yield* network.reset
    yield* server.releaseAcknowledgements()
    yield* TestClock.adjust("3 seconds")
    yield* Fiber.join(publishing)
    const published = (yield* server.received("client")).filter(({ _tag }) => _tag === "Publish")
    assert.strictEqual(published.length, 2)
    assert.deepStrictEqual((yield* server.messages).map(({ topic }) => topic), ["alarm/1"])
    assert.deepStrictEqual(yield* server.violations, [])
  }).pipe(Effect.provide(brokerAndClient({ session: "persistent" }))))

it.scoped("a publish that is interrupted while there is no connection is withdrawn", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    const server = yield* MemoryBroker.MemoryBroker
    yield* network.reset
    const publishing = yield* Effect.fork(mqtt.publish("alarm/1", "fire", { qos: 1 }))
    yield* Effect.yieldNow()
    assert.strictEqual((yield* mqtt.stats).outboxMessages, 1)
    const exit = yield* Fiber.interrupt(publishing)
    assert.isTrue(Exit.isInterrupted(exit))
    assert.strictEqual((yield* mqtt.stats).outboxMessages, 0)
    yield* TestClock.adjust("1 minute")
    yield* mqtt.publish("alarm/2", "out", { qos: 1 })
    assert.deepStrictEqual((yield* server.messages).map(({ topic }) => topic), ["alarm/2"])
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a publish of which bytes have left is delivered although it is interrupted", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    yield* server.holdAcknowledgements("Puback")
    const publishing = yield* Effect.fork(mqtt.publish("alarm/1", "fire", { qos: 1 }))
    yield* server.awaitPacket("client", "Publish")
    yield* Fiber.interrupt(publishing)
    yield* server.releaseAcknowledgements()
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual((yield* server.messages).map(({ topic }) => topic), ["alarm/1"])
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("the end of the scope sends DISCONNECT, so that the server publishes no Will", () =>
  Effect.gen(function*() {
    const server = yield* MemoryBroker.MemoryBroker
    const scope = yield* Scope.make()
    const will = { topic: "gateway/state", payload: "gone" }
    yield* Layer.buildWithScope(MqttClient.layer({ clientId: "client", will }), scope)
    yield* Scope.close(scope, Exit.void)
    yield* server.awaitPacket("client", "Disconnect")
    assert.deepStrictEqual(yield* server.messages, [])
  }).pipe(Effect.provide(broker)))

it.scoped("a stream of messages that ends unsubscribes", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    yield* server.publish("site/a", "21", { retain: true })
    yield* mqtt.messages("site/+").pipe(Stream.take(1), Stream.runDrain)
    yield* server.awaitPacket("client", "Unsubscribe")
    assert.deepStrictEqual((yield* server.session("client"))?.subscriptions, [])
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a subscription ends with the scope in which it was made", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    yield* Effect.scoped(mqtt.subscribe(["site/+", "alarm/#"]))
    yield* server.awaitPacket("client", "Unsubscribe")
    assert.deepStrictEqual((yield* server.session("client"))?.subscriptions, [])
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("the state of the connection is Subscribable, and no change is left out", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    assert.strictEqual((yield* mqtt.state.get)._tag, "Connected")
    const isSubscribed = yield* Deferred.make<void>()
    const following = yield* mqtt.state.changes.pipe(
      Stream.map(({ _tag }) => _tag),
      Stream.tap(() => Deferred.succeed(isSubscribed, undefined)),
      Stream.takeUntil((tag) => tag === "Connecting"),
      Stream.runCollect,
      Effect.fork
    )
    yield* Deferred.await(isSubscribed)
    yield* network.reset
    yield* TestClock.adjust("3 seconds")
    assert.deepStrictEqual([...yield* Fiber.join(following)], ["Connected", "Disconnected", "Connecting"])
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("what runs on each connection is interrupted with it, and runs again on the next", () =>
  Effect.gen(function*() {
    const network = yield* FakeNetwork.FakeNetwork
    const log: Array<string> = []
    const say = (text: string) => Effect.sync(() => log.push(text))
    const onEach = Effect.acquireRelease(say("begins"), () => say("ends")).pipe(Effect.andThen(Effect.never))
    yield* MqttClient.onConnected(onEach)
    yield* TestClock.adjust("1 millis")
    assert.deepStrictEqual(log, ["begins"])
    yield* network.reset
    yield* TestClock.adjust("3 seconds")
    assert.deepStrictEqual(log, ["begins", "ends", "begins"])
  }).pipe(Effect.provide(brokerAndClient({ reconnect: Schedule.spaced("1 second") }))))

it.scoped("publishSink takes no more from the stream than the window has room for, and one message that waits", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    yield* server.holdAcknowledgements()
    let taken = 0
    const messages = Stream.range(1, 50).pipe(
      Stream.rechunk(1),
      Stream.map((number) => {
        taken++
        return { topic: "t", payload: String(number), qos: 1 as const }
      })
    )
    const publishing = yield* Effect.fork(Stream.run(messages, mqtt.publishSink))
    yield* TestClock.adjust("1 second")
    assert.strictEqual(taken, 6)
    yield* server.releaseAcknowledgements()
    yield* TestClock.adjust("1 second")
    assert.strictEqual(yield* Fiber.join(publishing), 50)
    assert.strictEqual(taken, 50)
  }).pipe(Effect.provide(brokerAndClient({ maxInFlight: 5, responseTimeout: "10 seconds" }))))

it.scoped("nothing of a subscription that is interrupted stays in the program's scope", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const network = yield* FakeNetwork.FakeNetwork
    yield* network.reset
    const scope = yield* Scope.make()
    const finalizers = () => {
      const { state } = scope as unknown as { readonly state: { readonly finalizers?: ReadonlyMap<object, unknown> } }
      return state.finalizers?.size ?? 0
    }
    for (let repetition = 0; repetition < 3; repetition++) {
      const subscribing = yield* Effect.fork(Scope.extend(mqtt.subscribe("t", { qos: 1 }), scope))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(subscribing)
      assert.strictEqual(finalizers(), 0)
    }
  }).pipe(Effect.provide(brokerAndClient())))

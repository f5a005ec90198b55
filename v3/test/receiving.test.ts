/**
 * Messages on their way to the program: they wait for it, and their handlers are effects of the program.
 */
import { assert, it } from "@effect/vitest"
import { Context, Data, Deferred, Effect, Exit, Fiber, Queue, Scope, Stream, TestClock } from "effect"
import { MqttClient, MqttError } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { brokerAndClient } from "./support.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly topic: string }> {}

class Journal extends Context.Tag("test/Journal")<Journal, Queue.Queue<string>>() {}

it.scoped("a subscriber that does not pull keeps the server from sending more than its buffer and the window hold", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const messages = yield* mqtt.subscribe("site/#", { qos: 1, buffer: { messages: 2, policy: "suspend" } })
    yield* Effect.forEach(Array.from({ length: 10 }), (_, number) => server.publish("site/a", `${number}`, { qos: 1 }))
    yield* server.awaitPacket("client", "Puback", 2)
    assert.isAtMost((yield* mqtt.stats).bufferMessages, 3)
    assert.isAbove((yield* server.session("client"))?.queued ?? 0, 0)
    const texts = yield* messages.pipe(Stream.take(10), Stream.map(({ text }) => text), Stream.runCollect)
    assert.deepStrictEqual([...texts], ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
  }).pipe(Effect.provide(brokerAndClient({ receiveMaximum: 3 }))))

it.scoped("nothing is pulled before the program asks for it", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const messages = yield* mqtt.subscribe("site/#", { qos: 1 })
    const arrive = (text: string) => server.publish("site/a", text, { qos: 1 })
    yield* Effect.forEach(["0", "1", "2"], arrive)
    yield* server.awaitPacket("client", "Puback", 3)
    const isBusy = yield* Deferred.make<void>()
    const slowly = Deferred.succeed(isBusy, undefined).pipe(Effect.andThen(Effect.never))
    const running = yield* Effect.fork(Stream.runForEach(messages, () => slowly))
    yield* Deferred.await(isBusy)
    yield* Effect.forEach(["3", "4"], arrive)
    yield* server.awaitPacket("client", "Puback", 5)
    assert.strictEqual((yield* mqtt.stats).bufferMessages, 2)
    yield* Fiber.interrupt(running)
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("what a handler fails with is what consume fails with, of the program's own class", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const consuming = yield* Effect.fork(
      mqtt.consume("site/#", ({ topic }) => Effect.fail(new Broken({ topic })), { qos: 1, onFailure: "stop" })
    )
    yield* server.awaitPacket("client", "Subscribe")
    yield* server.publish("site/a", "", { qos: 1 })
    const outcome = yield* Fiber.join(consuming).pipe(
      Effect.catchTag("Broken", ({ topic }) => Effect.succeed(topic)),
      Effect.catchTag("MqttError", ({ reason }) => Effect.succeed(reason._tag))
    )
    assert.strictEqual(outcome, "site/a")
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a defect of a handler is a defect of consume", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const defect = new Error("a bug")
    const consuming = yield* Effect.fork(
      mqtt.consume("site/#", () => Effect.die(defect), { qos: 1, onFailure: "stop" })
    )
    yield* server.awaitPacket("client", "Subscribe")
    yield* server.publish("site/a", "", { qos: 1 })
    assert.deepStrictEqual(yield* Fiber.await(consuming), Exit.die(defect))
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a handler has the services of where consume is called", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const journal = yield* Queue.unbounded<string>()
    yield* mqtt.consume("site/#", ({ text }) => Effect.flatMap(Journal, (to) => to.offer(text)), { qos: 1 }).pipe(
      Effect.provideService(Journal, journal),
      Effect.forkScoped
    )
    yield* server.awaitPacket("client", "Subscribe")
    yield* server.publish("site/a", "21", { qos: 1 })
    assert.strictEqual(yield* journal.take, "21")
    yield* server.awaitPacket("client", "Puback")
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a message that a handler rejects is acknowledged with its Reason Code", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const rejected = new MqttError.MqttRejected({ reasonCode: 0x99 })
    yield* Effect.forkScoped(mqtt.consume("site/#", () => Effect.fail(rejected), { qos: 1 }))
    yield* server.awaitPacket("client", "Subscribe")
    yield* server.publish("site/a", "", { qos: 1 })
    const packet = yield* server.awaitPacket("client", "Puback")
    assert.strictEqual(packet._tag === "Puback" ? packet.reasonCode : undefined, 0x99)
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("interrupting consume waits for the finalizer of a handler that runs", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const isRunning = yield* Deferred.make<void>()
    const mayEnd = yield* Deferred.make<void>()
    const handler = Deferred.succeed(isRunning, undefined).pipe(
      Effect.andThen(Effect.never),
      Effect.onInterrupt(() => Deferred.await(mayEnd))
    )
    const consuming = yield* Effect.fork(mqtt.consume("site/#", () => handler, { qos: 1 }))
    yield* server.awaitPacket("client", "Subscribe")
    yield* server.publish("site/a", "", { qos: 1 })
    yield* Deferred.await(isRunning)
    const interrupting = yield* Effect.fork(Fiber.interrupt(consuming))
    // Handlers have five seconds to finish.
    yield* TestClock.adjust("6 seconds")
    assert.strictEqual((yield* Fiber.poll(interrupting))._tag, "None")
    yield* Deferred.succeed(mayEnd, undefined)
    assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interrupting)))
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("a stream that is let go has run its finalizers when its scope has closed", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const scope = yield* Scope.make()
    const log: Array<string> = []
    yield* Scope.addFinalizer(scope, Effect.sync(() => log.push("the scope")))
    const messages = yield* Scope.extend(mqtt.subscribe("site/#"), scope)
    const draining = yield* messages.pipe(
      Stream.ensuring(Effect.sync(() => log.push("the stream"))),
      Stream.runDrain,
      Effect.fork
    )
    yield* Effect.yieldNow()
    yield* Scope.close(scope, Exit.void)
    yield* Fiber.await(draining)
    assert.deepStrictEqual(log, ["the scope", "the stream"])
    assert.strictEqual((yield* mqtt.stats).bufferMessages, 0)
  }).pipe(Effect.provide(brokerAndClient())))

it.scoped("options with functions in them, which no call here has, leave a stream a stream", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const options = { qos: 1, of: "somebody", onInvalid: () => Effect.void } as const
    const texts = yield* Effect.fork(
      mqtt.messages("t", options).pipe(Stream.map(({ text }) => text), Stream.take(1), Stream.runCollect)
    )
    yield* TestClock.adjust("1 second")
    yield* mqtt.publish("t", "hello", { qos: 1 })
    assert.deepStrictEqual([...yield* Fiber.join(texts)], ["hello"])
  }).pipe(Effect.provide(brokerAndClient())))

/**
 * Tabs that share a client, in one process: Node has the Web Locks and the `BroadcastChannel` of browsers.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Queue, Scope, Stream, SubscriptionRef } from "effect"
import { vi } from "vitest"
import { BrowserMqttTabs } from "../../src/browser/index.ts"
import { Repeats } from "../../src/browser/internal/tabs/repeats.ts"
import { MqttClient, MqttError, MqttTransport } from "../../src/index.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { none } from "../../src/protocol/Properties.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { assertReason } from "../support/reasons.ts"
import { complete } from "../support/time.ts"

type Service = BrowserMqttTabs.MqttTabs["Service"]

interface Tab extends Service {
  readonly close: Effect.Effect<void>
}

const clientId = "site"

/** The broker, and what makes tabs that share a client of it. */
const world = Effect.fnUntraced(function*(options: MqttClient.Options = {}) {
  const services = yield* Layer.build(MemoryBroker.layer())
  const broker = Context.get(services, MemoryBroker.MemoryBroker)
  const transport = Context.get(services, MqttTransport.MqttTransport)
  const client = Layer.provide(
    MqttClient.layer({ clientId, session: "persistent", ...options }),
    Layer.succeed(MqttTransport.MqttTransport, transport)
  )
  const name = crypto.randomUUID()
  const open = (layer = client) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(yield* Effect.scope)
      const built = yield* Layer.buildWithScope(BrowserMqttTabs.layer({ name, client: layer }), scope)
      const tabs = Context.get(built, BrowserMqttTabs.MqttTabs)
      return { ...tabs, close: Scope.close(scope, Exit.void) }
    })
  return { broker, client, open }
})

/** What a tab hears from now on. */
const heard = Effect.fnUntraced(
  function*(tab: Service, topicFilter: string, options: MqttClient.SubscribeOptions = {}) {
    const texts = yield* Queue.unbounded<string>()
    const messages = yield* tab.subscribe(topicFilter, { qos: 1, ...options })
    yield* Effect.forkScoped(Stream.runForEach(messages, ({ text }) => Queue.offer(texts, text)))
    return texts
  }
)

const until = <A>(ref: SubscriptionRef.SubscriptionRef<A>, is: (value: A) => boolean) =>
  Stream.runHead(Stream.filter(SubscriptionRef.changes(ref), is))

const leads = ({ role }: Tab) => until(role, (role) => role === "Leader")

const rolesOf = (tabs: ReadonlyArray<Tab>) => tabs.map(({ role }) => SubscriptionRef.getUnsafe(role))

const connects = (broker: MemoryBroker.MemoryBroker["Service"]) =>
  Effect.map(broker.received(clientId), (packets) => packets.filter(({ _tag }) => _tag === "Connect").length)

describe("tabs that share a client", () => {
  it.live("have one connection, and each gets each message once", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world()
      const tabs = [yield* open(), yield* open(), yield* open()]
      assert.deepStrictEqual(rolesOf(tabs), ["Leader", "Follower", "Follower"])
      const queues = yield* Effect.forEach(tabs, (tab) => heard(tab, "news/#"))
      for (const [index, tab] of tabs.entries()) {
        const { reasonCode } = yield* tab.publish("news/a", Uint8Array.of(48 + index), { qos: 1 })
        assert.strictEqual(reasonCode, 0)
      }
      for (const queue of queues) {
        assert.deepStrictEqual([yield* Queue.take(queue), yield* Queue.take(queue), yield* Queue.take(queue)], [
          "0",
          "1",
          "2"
        ])
        assert.strictEqual(yield* Queue.size(queue), 0)
      }
      assert.strictEqual(yield* connects(broker), 1)
      for (const { state } of tabs) yield* until(state, ({ _tag }) => _tag === "Connected")
    }).pipe(Effect.scoped))

  it.live("another one takes over when the leader ends, and what comes meanwhile reaches all that are left", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world()
      const [first, second, third] = [yield* open(), yield* open(), yield* open()]
      const queues = yield* Effect.forEach([second, third], (tab) => heard(tab, "news/#"))
      yield* first.close
      for (let text = 0; text < 3; text++) yield* broker.publish("news/a", `${text}`, { qos: 1 })
      yield* Effect.raceFirst(leads(second), leads(third))
      for (const queue of queues) {
        for (let text = 0; text < 3; text++) assert.strictEqual(yield* Queue.take(queue), `${text}`)
      }
      assert.strictEqual(yield* connects(broker), 2)
      yield* second.publish("news/a", "again", { qos: 2 })
      for (const queue of queues) assert.strictEqual(yield* Queue.take(queue), "again")
    }).pipe(Effect.scoped))

  it.live("a message that no leader has answered is published again at QoS 1", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world()
      const leader = yield* open()
      const follower = yield* open()
      const messages = yield* heard(follower, "news/#")
      yield* broker.holdAcknowledgements("Puback")
      const publishing = yield* Effect.forkScoped(follower.publish("news/a", "1", { qos: 1 }))
      assert.strictEqual(yield* Queue.take(messages), "1")
      const closing = yield* Effect.forkScoped(leader.close)
      yield* leads(follower)
      yield* broker.releaseAcknowledgements("Puback")
      yield* Fiber.join(closing)
      assert.strictEqual((yield* Fiber.join(publishing)).reasonCode, 0)
      assert.strictEqual(yield* Queue.take(messages), "1")
    }).pipe(Effect.scoped))

  it.live("at QoS 0 it fails, for nobody knows whether it was published", () =>
    Effect.gen(function*() {
      const { client, open } = yield* world()
      const asked = yield* Deferred.make<void>()
      const stuck = Layer.effect(
        MqttClient.MqttClient,
        Effect.map(MqttClient.MqttClient, (mqtt) => ({
          ...mqtt,
          publish: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
        }))
      )
      const leader = yield* open(Layer.provide(stuck, client))
      const follower = yield* open()
      const publishing = yield* Effect.forkScoped(Effect.flip(follower.publish("news/a", "1")))
      yield* Deferred.await(asked)
      yield* leader.close
      assert.include(assertReason((yield* Fiber.join(publishing)).reason, "ConnectionLost").message, "the tab")
    }).pipe(Effect.scoped))

  it.effect("a tab that takes nothing is waited for five seconds", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world()
      const tab = yield* complete(open())
      const messages = yield* complete(tab.subscribe("news/#", { qos: 1 }))
      yield* broker.publish("news/a", "1", { qos: 1 })
      yield* complete(broker.awaitPacket(clientId, ({ _tag }) => _tag === "Puback"))
      yield* broker.publish("news/a", "2", { qos: 1 })
      yield* complete(broker.awaitPacket(clientId, ({ _tag }) => _tag === "Puback", 2))
      const taken = yield* complete(Stream.runCollect(Stream.take(messages, 2)))
      assert.deepStrictEqual(taken.map(({ text }) => text), ["1", "2"])
    }).pipe(Effect.scoped))

  it.live("what the server refuses fails in the tab that asked, by its name", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world()
      const tabs = [yield* open(), yield* open()]
      yield* broker.refuseSubscribe(0x87, 9)
      for (const tab of tabs) {
        const { reason } = yield* Effect.flip(Effect.scoped(tab.subscribe("news/#")))
        assert.strictEqual(assertReason(reason, "SubscribeRefused").reasonCode, 0x87)
        const invalid = yield* Effect.flip(tab.publish("news/#", "text"))
        assertReason(invalid.reason, "InvalidRequest")
      }
    }).pipe(Effect.scoped))

  it.live("a subscription ends with its scope, and at the server with the last of them", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world({ session: "clean" })
      const tabs = [yield* open(), yield* open()]
      const scope = yield* Scope.make()
      for (const tab of tabs) yield* Scope.provide(heard(tab, "news/#"), scope)
      yield* Scope.close(scope, Exit.void)
      yield* broker.awaitPacket(clientId, ({ _tag }) => _tag === "Unsubscribe")
    }).pipe(Effect.scoped))

  it.live("a tab that is gone is waited for no longer", () =>
    Effect.gen(function*() {
      const { broker, open } = yield* world({ session: "clean" })
      yield* open()
      const follower = yield* open()
      // Nobody takes from this one.
      yield* Effect.asVoid(follower.subscribe("news/#", { qos: 1 }))
      yield* broker.publish("news/a", "1", { qos: 1 })
      yield* follower.close
      yield* broker.awaitPacket(clientId, ({ _tag }) => _tag === "Unsubscribe")
    }).pipe(Effect.scoped))

  it.live("a client that cannot be built fails the first tab, and the calls of a later one", () =>
    Effect.gen(function*() {
      const { open } = yield* world()
      const error = MqttError.fromReason(new MqttError.InvalidOptions({ option: "keepAlive", description: "wrong" }))
      const wrong = Layer.effect(MqttClient.MqttClient, Effect.fail(error))
      assert.deepStrictEqual((yield* Effect.flip(open(wrong))).reason, error.reason)
      const leader = yield* open()
      const later = yield* open(wrong)
      yield* leader.close
      const failure = yield* Effect.flip(later.publish("news", "text", { qos: 1 }))
      assert.deepStrictEqual(failure.reason, error.reason)
      yield* until(later.state, ({ _tag }) => _tag === "Closed")
    }).pipe(Effect.scoped))

  it.live("calls after the end fail with Closed, and streams end", () =>
    Effect.gen(function*() {
      const { open } = yield* world()
      yield* open()
      const tab = yield* open()
      const messages = yield* tab.subscribe("news/#")
      yield* tab.close
      yield* Stream.runDrain(messages)
      assertReason((yield* Effect.flip(tab.publish("news", "text"))).reason, "Closed")
    }).pipe(Effect.scoped))

  it.live("options that no tab can be told, and pages that can elect none, are refused", () =>
    Effect.gen(function*() {
      const { open } = yield* world()
      const tab = yield* open()
      const options = { qos: 1, extra: () => {} } as const
      const wrong = yield* Effect.flip(tab.publish("news", "text", options))
      assert.include(assertReason(wrong.reason, "InvalidOptions").description, "cannot be copied")
      vi.stubGlobal("navigator", {})
      const error = yield* Effect.flip(open()).pipe(Effect.ensuring(Effect.sync(() => vi.unstubAllGlobals())))
      assert.include(assertReason(error.reason, "InvalidOptions").description, "serve it over https")
    }).pipe(Effect.scoped))
})

describe("what a server sends again to a new leader", () => {
  const publish = (packetIdentifier: number, text: string, dup = false, qos: 0 | 1 = 1): Packet.Publish => ({
    _tag: "Publish",
    topic: "news",
    payload: new TextEncoder().encode(text),
    qos,
    retain: false,
    dup,
    packetIdentifier: packetIdentifier as Packet.PacketIdentifier,
    properties: none
  })

  it("is nothing new to a tab that has it, once; anything else is", () => {
    const repeats = new Repeats()
    const first = [publish(1, "a"), publish(2, "b")]
    assert.deepStrictEqual(repeats.fresh("one", first), first)
    // The same server again: the connection of one leader was lost.
    assert.deepStrictEqual(repeats.fresh("one", [publish(1, "a", true)]), [publish(1, "a", true)])
    const next = [
      publish(2, "b", true),
      publish(2, "b", true),
      publish(1, "b", true),
      publish(1, "c", true),
      publish(2, "b")
    ]
    assert.deepStrictEqual(repeats.fresh("two", next), next.slice(1))
    assert.deepStrictEqual(repeats.fresh("three", [publish(0, "d", false, 0)]), [publish(0, "d", false, 0)])
  })
})

/**
 * A map of clients by tenant (`LayerMap`): one client for each tenant that is in use, released when it was idle for a while.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Layer, LayerMap } from "effect"
import { TestClock } from "effect/testing"
import { MqttClient, MqttTransport } from "../../src/index.ts"
import { connections, type Kit, scenario, sent } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"

class Tenants extends LayerMap.Service<Tenants>()("Tenants", {
  lookup: (tenant: string) => MqttClient.layer({ clientId: tenant, initialConnection: "retry" }),
  idleTimeToLive: "1 minute"
}) {}

/** As `Tenants`, and the first connection decides. */
class Hasty extends LayerMap.Service<Hasty>()("Hasty", {
  lookup: (tenant: string) => MqttClient.layer({ clientId: tenant }),
  idleTimeToLive: "1 minute"
}) {}

/** The map lives as long as the effect. */
const withTenants = (kit: Kit) => Effect.provide(Layer.provide(Layer.merge(Tenants.layer, Hasty.layer), transport(kit)))

const transport = (kit: Kit) => Layer.succeed(MqttTransport.MqttTransport)(kit.transport)

/** What the program does for a tenant: uses the client, whichever that is. */
const report = (tenant: string) =>
  Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish("report", tenant, { qos: 1 })).pipe(
    Effect.provide(Tenants.get(tenant))
  )

const disconnects = (kit: Kit, tenant: string) => Effect.map(sent(kit, "Disconnect", tenant), ({ length }) => length)

describe("a map of clients by tenant", () => {
  scenario("a tenant's users share one client, and tenants do not share theirs", {}, (kit) =>
    Effect.gen(function*() {
      yield* complete(Effect.all([report("a"), report("b"), report("a")], { concurrency: "unbounded" }))
      assert.strictEqual(yield* connections(kit), 2)
      yield* complete(report("a"))
      assert.strictEqual(yield* connections(kit), 2)
      const messages = yield* kit.broker.messages
      assert.deepStrictEqual(
        messages.map(({ clientId, text }) => `${clientId}: ${text}`).toSorted(),
        ["a: a", "a: a", "a: a", "b: b"]
      )
    }).pipe(withTenants(kit)))

  scenario(
    "an idle client says DISCONNECT when its time is over, and the next use connects anew",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* complete(report("a"))
        yield* TestClock.adjust("59 seconds")
        yield* complete(report("a"))
        assert.strictEqual(yield* connections(kit), 1)
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual(yield* disconnects(kit, "a"), 0)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* disconnects(kit, "a"), 1)
        assert.isUndefined(yield* kit.broker.session("a"))

        yield* complete(report("a"))
        assert.strictEqual(yield* connections(kit), 2)
        assert.strictEqual((yield* kit.broker.messages).length, 3)
      }).pipe(withTenants(kit))
  )

  scenario("a client in use is not released, however long that takes", {}, (kit) =>
    Effect.gen(function*() {
      const consumer = Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.consume("orders", () => Effect.void)).pipe(
        Effect.provide(Tenants.get("a"))
      )
      const consuming = yield* begin(consumer)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* disconnects(kit, "a"), 0)
      yield* complete(report("a"))
      assert.strictEqual(yield* connections(kit), 1)

      yield* Fiber.interrupt(consuming)
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(yield* disconnects(kit, "a"), 1)
    }).pipe(withTenants(kit)))

  scenario(
    "with `initialConnection: \"retry\"` a tenant whose server is away is served when it is back",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.network.refuseConnect(1)
        yield* complete(report("a"))
        assert.strictEqual((yield* kit.broker.messages).length, 1)
      }).pipe(withTenants(kit))
  )

  scenario(
    "without it the failure is the tenant's until it was idle, or is invalidated",
    {},
    (kit) =>
      Effect.gen(function*() {
        const use = Effect.asVoid(MqttClient.MqttClient).pipe(Effect.provide(Hasty.get("a")))
        yield* kit.network.refuseConnect(1)
        const first = yield* complete(Effect.flip(use))
        assert.strictEqual(first.reason._tag, "PortRefused")
        assert.strictEqual(yield* complete(Effect.flip(use)), first)
        yield* Hasty.invalidate("a")
        yield* complete(use)
        assert.strictEqual(yield* connections(kit), 1)
      }).pipe(withTenants(kit))
  )

  scenario(
    "a client that is closed for good is the tenant's until it is invalidated",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* complete(report("a"))
        yield* kit.broker.refuseSession(0x87)
        yield* kit.network.reset
        yield* TestClock.adjust("10 seconds")
        const closed = yield* complete(Effect.flip(report("a")))
        assert.strictEqual(closed.reason._tag, "ConnectionRefused")
        yield* Tenants.invalidate("a")
        yield* complete(report("a"))
        assert.strictEqual((yield* kit.broker.messages).length, 2)
      }).pipe(withTenants(kit))
  )

  scenario(
    "a message that nobody awaits fails with `Closed` when its client is released",
    {},
    (kit) =>
      Effect.gen(function*() {
        yield* kit.broker.holdAcknowledgements("Puback")
        const acknowledged = yield* complete(
          Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publishAsync("report", "a", { qos: 1 })).pipe(
            Effect.provide(Hasty.get("a"))
          )
        )
        const ended = yield* begin(Effect.flip(acknowledged))
        yield* Hasty.invalidate("a")
        assert.strictEqual((yield* complete(Fiber.join(ended))).reason._tag, "Closed")
        yield* kit.broker.releaseAcknowledgements()
      }).pipe(withTenants(kit))
  )

  scenario("keys with the same fields are one tenant", {}, (kit) =>
    Effect.gen(function*() {
      const tenants = yield* LayerMap.make(
        ({ name }: { readonly name: string; readonly site: string }) => MqttClient.layer({ clientId: name }),
        { idleTimeToLive: "1 minute" }
      )
      const use = (site: string) =>
        Effect.provide(Effect.asVoid(MqttClient.MqttClient), tenants.get({ name: site, site }))
      yield* complete(Effect.all([use("north"), use("north"), use("south")]))
      assert.strictEqual(yield* connections(kit), 2)
    }).pipe(Effect.scoped, Effect.provide(transport(kit))))

  scenario("the end of the map is the end of its clients", {}, (kit) =>
    Effect.gen(function*() {
      yield* complete(Effect.all([report("a"), report("b")]).pipe(withTenants(kit)))
      yield* TestClock.adjust(roundTrip)
      for (const tenant of ["a", "b"]) assert.strictEqual(yield* disconnects(kit, tenant), 1)
    }))
})

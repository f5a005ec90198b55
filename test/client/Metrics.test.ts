/**
 * The numbers a client gives: `stats`, the metrics of Effect's registry, and `health`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Metric, Schedule, Scope, Stream } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import * as MqttMetrics from "../../src/MqttMetrics.ts"
import { clientId, type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

/** The registered value of a metric of the client, and of no other. */
const valueOf = (name: string) =>
  Effect.map(Metric.snapshot, (snapshots) => {
    const found = snapshots.filter(({ attributes, id }) =>
      id === `mqtt.client.${name}` && attributes?.["messaging.client.id"] === clientId
    )
    assert.isAtMost(found.length, 1, name)
    const state = found[0]?.state
    return state === undefined ? undefined : "count" in state ? state.count : "value" in state ? state.value : undefined
  })

const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

/** Connected, and nothing gets through any more. */
const silenced = (kit: Kit) => kit.network.drop

describe("stats", () => {
  scenario("counts what goes over the network, both ways", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const before = yield* mqtt.stats
      // CONNECT and CONNACK.
      assert.deepStrictEqual([before.packetsSent, before.packetsReceived], [1, 1])
      assert.isAbove(before.bytesSent, 12)
      assert.isAtLeast(before.bytesReceived, 4)
      yield* complete(mqtt.publish("topic", "x".repeat(100), { qos: 1 }))
      const after = yield* mqtt.stats
      assert.deepStrictEqual([after.packetsSent, after.packetsReceived], [2, 2])
      // Fixed header, topic, identifier, in 5.0 the empty properties, payload.
      const publish = 2 + 2 + 5 + 2 + (kit.version === "5.0" ? 1 : 0) + 100
      assert.strictEqual(after.bytesSent - before.bytesSent, publish)
      assert.strictEqual(after.bytesReceived - before.bytesReceived, 4)
    }))

  scenario("counts go on over reconnects", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { bytesSent } = yield* mqtt.stats
      assert.strictEqual((yield* mqtt.stats).reconnects, 0)
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + roundTrip)
      const { connections, packetsSent, reconnects, ...stats } = yield* mqtt.stats
      assert.deepStrictEqual([connections, reconnects, packetsSent], [2, 1, 2])
      assert.strictEqual(stats.bytesSent, 2 * bytesSent)
    }))

  scenario("the round trip is that of a PUBACK, and no more than once a second", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      assert.isUndefined((yield* mqtt.stats).roundTrip)
      yield* complete(mqtt.publish("t", "", { qos: 1 }))
      assert.strictEqual((yield* mqtt.stats).roundTrip, roundTrip)
      yield* kit.network.delay(roundTrip)
      yield* complete(mqtt.publish("t", "", { qos: 1 }))
      assert.strictEqual((yield* mqtt.stats).roundTrip, roundTrip)
      yield* TestClock.adjust("1 second")
      yield* complete(mqtt.publish("t", "", { qos: 1 }))
      assert.strictEqual((yield* mqtt.stats).roundTrip, 2 * roundTrip)
    }))

  scenario("a quiet connection's round trip is that of PINGRESP", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ pingInterval: "2 seconds" })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* mqtt.stats).roundTrip, roundTrip)
    }))

  scenario("what another connection answers is no round trip", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ clientId, session: "persistent" })
      const publishing = yield* begin(mqtt.publish("t", "", { qos: 1 }))
      yield* TestClock.adjust(1)
      yield* kit.network.reset
      yield* complete(Fiber.join(publishing))
      const { republications, roundTrip: measured } = yield* mqtt.stats
      assert.strictEqual(republications, 1)
      assert.isUndefined(measured)
    }))

  scenario(
    "says what waits in subscriptions, and keeps the count of what they dropped",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const scope = yield* Scope.make()
        const subscription = mqtt.subscribe("t", { qos: 1, buffer: { messages: 2, policy: "dropOldest" } })
        yield* Effect.asVoid(complete(Scope.provide(subscription, scope)))
        yield* Effect.forEach(["1", "22", "333"], (text) => kit.broker.publish("t", text, { qos: 1 }))
        yield* TestClock.adjust(2 * roundTrip)
        const { bufferBytes, bufferMessages, subscriptionsDropped } = yield* mqtt.stats
        assert.deepStrictEqual([bufferMessages, bufferBytes, subscriptionsDropped], [2, 2 + 5, 1])
        yield* complete(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(roundTrip)
        const left = yield* mqtt.stats
        assert.deepStrictEqual([left.bufferMessages, left.bufferBytes, left.subscriptionsDropped], [0, 0, 1])
      })
  )

  scenario("what is parked waits too", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } }))
      yield* Effect.forEach(["1", "22", "333"], (text) => kit.broker.publish("t", text, { qos: 1 }))
      yield* TestClock.adjust(2 * roundTrip)
      const { bufferBytes, bufferMessages } = yield* mqtt.stats
      assert.deepStrictEqual([bufferMessages, bufferBytes], [3, 3 + 6])
      yield* complete(messages.pipe(Stream.take(3), Stream.runDrain))
    }))
})

describe("metrics", () => {
  scenario(
    "are the client's numbers, read when they are wanted",
    {},
    (kit) =>
      isolated(Effect.scoped(Effect.gen(function*() {
        const mqtt = yield* kit.connect({ metrics: true })
        assert.strictEqual(yield* valueOf("connected"), 1)
        assert.strictEqual(yield* valueOf("in_flight"), 0)
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(1)
        assert.strictEqual(yield* valueOf("in_flight"), 1)
        yield* complete(Fiber.join(publishing))
        const stats = yield* mqtt.stats
        for (const [name, metric] of Object.entries(MqttMetrics.all)) {
          if (name === "connected") continue
          const expected = stats[name as Exclude<keyof typeof MqttMetrics.all, "connected">]
          assert.strictEqual(yield* valueOf(metric.id.replace("mqtt.client.", "")), expected, name)
        }
        yield* kit.network.reset
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(yield* valueOf("connected"), 0)
        yield* TestClock.adjust(reconnected)
        assert.deepStrictEqual([yield* valueOf("connected"), yield* valueOf("reconnects")], [1, 1])
      })))
  )

  scenario(
    "have the client, its endpoint and what the program says as attributes",
    { versions: ["5.0"] },
    (kit) =>
      isolated(Effect.scoped(Effect.gen(function*() {
        yield* kit.connect({ metrics: { attributes: { site: "north", "messaging.client.id": "gateway" } } })
        const [{ attributes }] = yield* Metric.snapshot
        assert.deepStrictEqual(
          { ...attributes, unit: undefined },
          {
            "messaging.system": "mqtt",
            "messaging.client.id": "gateway",
            "mqtt.endpoint": "mqtt://broker.test:1883",
            site: "north",
            unit: undefined
          }
        )
        assert.include(yield* PrometheusMetrics.format(), "mqtt_client_sent_packets")
      })))
  )

  scenario(
    "are gone with the client, and not there unless asked for",
    { versions: ["5.0"] },
    (kit) =>
      isolated(Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.provide(kit.connect({ metrics: true }), scope)
        assert.isNotEmpty(yield* Metric.snapshot)
        yield* complete(Scope.close(scope, Exit.void))
        assert.isEmpty(yield* Metric.snapshot)
        yield* kit.connect()
        assert.isEmpty(yield* Metric.snapshot)
      }))
  )

  it("have a name of their own each", () => {
    const names = Object.values(MqttMetrics.all).map(({ id }) => id)
    assert.strictEqual(new Set(names).size, names.length)
  })
})

describe("metrics of messages", () => {
  const read = (metric: Metric.Counter<number>) =>
    Effect.map(Metric.snapshot, (snapshots) => {
      const states = snapshots.filter(({ attributes, id }) =>
        id === metric.id && attributes?.["messaging.client.id"] === clientId
      )
      assert.lengthOf(states, 1, metric.id)
      const { state } = states[0]
      return "count" in state ? state.count : undefined
    })
  const counts = Effect.all({
    sent: read(MqttMetrics.messages.sent),
    acknowledged: read(MqttMetrics.messages.acknowledged),
    refused: read(MqttMetrics.messages.refused),
    received: read(MqttMetrics.messages.received),
    redelivered: read(MqttMetrics.messages.redelivered)
  })

  scenario(
    "count what is published, and what the server says to it",
    { versions: ["5.0"], broker: { authorizePublish: ({ topic }) => topic === "denied" ? 0x87 : 0x00 } },
    (kit) =>
      isolated(Effect.gen(function*() {
        const mqtt = yield* kit.connect({ metrics: true })
        for (const qos of [0, 1, 2] as const) {
          yield* complete(mqtt.publish("t", "", { qos }))
          if (qos > 0) yield* complete(Effect.flip(mqtt.publish("denied", "", { qos })))
        }
        const none = { received: 0, redelivered: 0 }
        assert.deepStrictEqual(yield* counts, { sent: 5, acknowledged: 2, refused: 2, ...none })
      }))
  )

  scenario("count a message that is sent again once", {}, (kit) =>
    isolated(Effect.gen(function*() {
      const mqtt = yield* kit.connect({ metrics: true, session: "persistent" })
      const publishing = yield* begin(mqtt.publish("t", "", { qos: 1 }))
      yield* TestClock.adjust(1)
      yield* kit.network.reset
      yield* complete(Fiber.join(publishing))
      assert.strictEqual((yield* mqtt.stats).republications, 1)
      assert.deepInclude(yield* counts, { sent: 1, acknowledged: 1, refused: 0 })
    })))

  scenario("count what comes, and what comes again", {}, (kit) =>
    isolated(Effect.gen(function*() {
      const mqtt = yield* kit.connect({ metrics: true, session: "persistent" })
      const messages = yield* complete(mqtt.subscribe("t", { qos: 1 }))
      yield* kit.broker.publish("t", "0", { qos: 0 })
      yield* kit.broker.publish("t", "1", { qos: 1 })
      yield* TestClock.adjust(1)
      // It has left the broker, and its acknowledgement does not come back.
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      yield* complete(messages.pipe(Stream.take(1), Stream.runDrain))
      const { received, redelivered } = yield* counts
      assert.deepStrictEqual([received, redelivered], [1, 1])
    })))

  scenario(
    "have the names of OpenTelemetry's conventions where there are such",
    { versions: ["5.0"] },
    (kit) =>
      isolated(Effect.gen(function*() {
        yield* kit.connect({ metrics: { attributes: { site: "north" } } })
        const ids = ["messaging.client.sent.messages", "messaging.client.consumed.messages"]
        const found = (yield* Metric.snapshot).filter(({ id }) => ids.includes(id))
        assert.deepStrictEqual(
          found.map(({ attributes, id }) => [id, attributes]),
          [["publish"], ["receive"]].map(
            ([operation], index) => [ids[index], {
              unit: "{message}",
              "messaging.operation.name": operation,
              "messaging.system": "mqtt",
              "messaging.client.id": clientId,
              "mqtt.endpoint": "mqtt://broker.test:1883",
              site: "north"
            }]
          )
        )
      }))
  )
})

describe("durations", () => {
  const histograms = Effect.map(
    Metric.snapshot,
    (snapshots) =>
      snapshots.flatMap(({ attributes, id, state }) =>
        "sum" in state && "buckets" in state
          ? [{ id, attributes: attributes ?? {}, state }]
          : []
      )
  )
  const measured = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    isolated(Effect.provide(effect, MqttMetrics.layerDurations()))

  scenario(
    "of publishing are from the call to the end, for each kind of failure",
    { versions: ["5.0"], broker: { authorizePublish: ({ topic }) => topic === "denied" ? 0x87 : 0x00 } },
    (kit) =>
      measured(Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* complete(mqtt.publish("t", "", { qos: 1 }))
        yield* complete(mqtt.publish("t", "", { qos: 2 }))
        yield* complete(Effect.flip(mqtt.publish("denied", "", { qos: 1 })))
        yield* Effect.flip(mqtt.publish("#", ""))
        const all = yield* histograms
        assert.deepStrictEqual(
          all.map((
            { attributes, id, state }
          ) => [id, attributes["error.type"], state.count, Math.round(state.sum * 1000)]),
          [
            ["messaging.client.operation.duration", undefined, 2, 3 * roundTrip],
            ["messaging.client.operation.duration", "PublishRefused", 1, roundTrip],
            ["messaging.client.operation.duration", "InvalidRequest", 1, 0]
          ]
        )
        assert.deepStrictEqual(all[0].attributes, {
          unit: "s",
          "messaging.operation.name": "publish",
          "messaging.operation.type": "send",
          "messaging.system": "mqtt",
          "messaging.client.id": clientId,
          "mqtt.endpoint": "mqtt://broker.test:1883"
        })
        const boundaries = all[0].state.buckets.map(([boundary]) => boundary)
        assert.deepStrictEqual([boundaries[0], boundaries.at(-1), boundaries.length], [0.005, 10, 14])
      }))
  )

  scenario(
    "of processing are those of the handler, by the filter",
    { versions: ["5.0"] },
    (kit) =>
      measured(
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ metrics: { attributes: { site: "north" } }, tracing: {} })
          const handler = ({ text }: { readonly text: string }) => {
            if (text === "throws") throw new TypeError(text)
            return Effect.andThen(Effect.sleep(300), text === "fails" ? Effect.die(new RangeError(text)) : Effect.void)
          }
          yield* begin(mqtt.consume("a/+", handler, { qos: 1, onFailure: "acknowledge" }))
          yield* TestClock.adjust(roundTrip)
          for (const text of ["1", "2", "fails", "throws"]) yield* kit.broker.publish("a/b", text, { qos: 1 })
          yield* TestClock.adjust(1000)
          const all = (yield* histograms).filter(({ id }) => id === "messaging.process.duration")
          assert.deepStrictEqual(
            all.map(({ attributes, state }) => [
              attributes["messaging.destination.template"],
              attributes["error.type"],
              attributes.site,
              state.count,
              Math.round(state.sum * 1000)
            ]),
            [
              ["a/+", undefined, "north", 2, 600],
              ["a/+", "RangeError", "north", 1, 300],
              ["a/+", "TypeError", "north", 1, 0]
            ]
          )
        }).pipe(Effect.provide(Logger.layer([])))
      )
  )

  scenario(
    "are gone with the client, and not there without the layer",
    { versions: ["5.0"] },
    (kit) =>
      isolated(Effect.gen(function*() {
        const scope = yield* Scope.make()
        const mqtt = yield* kit.connect().pipe(Effect.provide(MqttMetrics.layerDurations()), Scope.provide(scope))
        yield* complete(mqtt.publish("t", "", { qos: 1 }))
        assert.lengthOf(yield* histograms, 1)
        yield* complete(Scope.close(scope, Exit.void))
        assert.isEmpty(yield* Metric.snapshot)
        const plain = yield* kit.connect({ metrics: true })
        yield* complete(plain.publish("t", "", { qos: 1 }))
        assert.isEmpty(yield* histograms)
      }))
  )
})

describe("health", () => {
  scenario("is up with a connection, and down without, with the reason", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ reconnect: Schedule.spaced("1 minute") })
      assert.deepStrictEqual(yield* mqtt.health, { status: "up", isClosed: false, reasons: [] })
      yield* kit.network.reset
      yield* TestClock.adjust(roundTrip)
      const { isClosed, reasons, status } = yield* mqtt.health
      assert.deepStrictEqual([status, isClosed], ["down", false])
      assert.match(reasons.join(), /^disconnected after 1 failed attempt: /)
      yield* complete(mqtt.disconnect)
      assert.deepStrictEqual(yield* mqtt.health, { status: "down", isClosed: true, reasons: ["closed"] })
    }))

  scenario("is down while it connects for the first time", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      yield* kit.network.refuseConnect(1)
      const mqtt = yield* complete(
        Effect.flatMap(kit.start({ initialConnection: "retry" }), Fiber.join)
      )
      assert.deepStrictEqual(yield* mqtt.health, {
        status: "down",
        isClosed: false,
        reasons: ["connecting, attempt 1"]
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* mqtt.health, { status: "up", isClosed: false, reasons: [] })
    }))

  scenario("is degraded while the outbox is nearly full", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ maxInFlight: 1, outbox: { messages: 10 } })
      yield* Effect.forEach(
        Array.from({ length: 9 }, (_, index) => `${index}`),
        (text) => begin(mqtt.publish("t", text, { qos: 1 }))
      )
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* mqtt.health, {
        status: "degraded",
        isClosed: false,
        reasons: ["the outbox is 80 % full"]
      })
      yield* TestClock.adjust(20 * roundTrip)
      assert.deepStrictEqual(yield* mqtt.health, { status: "up", isClosed: false, reasons: [] })
    }))

  scenario("is degraded while a subscription stops the reading", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const messages = yield* complete(mqtt.subscribe("t", { buffer: { messages: 1 } }))
      yield* Effect.forEach(["1", "2"], (text) => kit.broker.publish("t", text))
      yield* TestClock.adjust(2 * roundTrip)
      const { reasons, status } = yield* mqtt.health
      assert.strictEqual(status, "degraded")
      assert.match(reasons.join(), /does not keep up/)
      yield* complete(messages.pipe(Stream.take(2), Stream.runDrain))
      assert.strictEqual((yield* mqtt.health).status, "up")
    }))

  scenario(
    "is degraded while the server owes an acknowledgement",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ responseTimeout: "10 seconds" })
        yield* silenced(kit)
        yield* begin(mqtt.publish("t", "", { qos: 1 }))
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual((yield* mqtt.health).status, "up")
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* mqtt.health, {
          status: "degraded",
          isClosed: false,
          reasons: ["the server has owed an acknowledgement for 6 seconds"]
        })
      })
  )
})

describe("docs/observability.md", () => {
  const page = Fs.readFileSync(Path.join(repository, "docs", "observability.md"), "utf8")
  /** What the first cells of the table under a heading name. */
  const namedUnder = (heading: string) =>
    [...page.split(`\n## ${heading}\n`)[1].split("\n## ")[0].matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`([\w.]+)`/g)].map(([, name]) => name)
    )

  it("names every metric, and no other", () => {
    assert.sameMembers(namedUnder("Metrics"), Object.values(MqttMetrics.all).map(({ id }) => id))
    assert.sameMembers(namedUnder("Metrics of messages"), [
      ...Object.values(MqttMetrics.messages).map(({ id }) => id),
      "messaging.client.operation.duration",
      "messaging.process.duration"
    ])
  })

  scenario("names every number of `stats`, and no other", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      assert.sameMembers(namedUnder("Numbers"), Object.keys(yield* mqtt.stats))
    }))
})

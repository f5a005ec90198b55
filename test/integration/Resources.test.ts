/**
 * The resources that a process has left after a thousand clients, and the memory of one client while it is flooded.
 */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import * as Fs from "node:fs"
import * as MqttClient from "../../src/MqttClient.ts"
import type { OverflowPolicy } from "../../src/MqttClient.ts"
import { NodeTcp } from "../../src/node/index.ts"
import * as Aedes from "../brokers/Aedes.ts"
import * as Broker from "../brokers/Broker.ts"
import * as port from "../brokers/port.ts"
import { reachableBytes } from "../support/memory.ts"
import * as Flood from "./flood.ts"

const megabyte = 1024 * 1024

const openFiles = (): number => Fs.existsSync("/proc/self/fd") ? Fs.readdirSync("/proc/self/fd").length : 0

/** Handles and timers of the event loop, by kind. */
const activeResources = (): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

layer(Aedes.layer(), { excludeTestServices: true })("a thousand clients, one after the other", (it) => {
  it.effect("leave file descriptors, handles, timers and memory as they were", () =>
    Effect.gen(function*() {
      const client = Effect.scoped(Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion: "3.1.1" })
        const messages = yield* Broker.subscribed(mqtt, "t", { qos: 1 })
        yield* mqtt.publish("t", "hello", { qos: 1 })
        yield* Broker.texts(messages, 1)
      }))
      const clients = (count: number) => Effect.repeat(client, { times: count - 1 })
      // The other side closes its end of the last connections a moment later.
      const atRest = Effect.suspend(() => {
        const { TCPSocketWrap = 0 } = activeResources()
        return TCPSocketWrap === 0 ? Effect.void : Effect.fail("connections are still open")
      }).pipe(Effect.retry({ schedule: Schedule.spaced("10 millis"), times: 500 }))

      // Until what the first clients warm up, such as compiled code, is there.
      yield* clients(600)
      yield* atRest
      const before = { files: openFiles(), resources: activeResources(), memory: reachableBytes() }
      yield* clients(800)
      yield* atRest
      const growth = reachableBytes() - before.memory
      assert.deepStrictEqual(activeResources(), before.resources)
      assert.strictEqual(openFiles(), before.files)
      // One client holds more than 50 KB; eight hundred that were kept would hold forty megabytes.
      assert.isBelow(growth, 2 * megabyte)
    }))
})

describe("a consumer that is a hundred times slower than what comes", () => {
  const payload = new Uint8Array(200)
  const bounds = { messages: 1000, bytes: megabyte }

  /** A client that is flooded, and takes one message in five milliseconds. */
  const flooded = Effect.fnUntraced(function*(options: {
    readonly protocolVersion: "3.1.1" | "5.0"
    readonly qos: 0 | 1
    readonly policy: OverflowPolicy
    readonly messages: number
  }) {
    const { messages, policy, protocolVersion, qos } = options
    const flood = yield* Flood.serve({ protocolVersion, qos, messages, payload })
    const before = reachableBytes()
    const mqtt = yield* MqttClient.make({
      protocolVersion,
      keepAlive: "1 second",
      responseTimeout: "1 second",
      pingInterval: "100 millis",
      buffer: { ...bounds, policy }
    }).pipe(Effect.provide(NodeTcp.layer({ host: port.host, port: flood.port })), Broker.quietly)
    let consumed = 0
    yield* (yield* mqtt.subscribe("flood", { qos })).pipe(
      Stream.rechunk(1),
      Stream.runForEach(() => Effect.andThen(Effect.sync(() => consumed++), Effect.sleep("5 millis"))),
      Effect.forkScoped
    )
    return { mqtt, flood, consumed: () => consumed, growth: Effect.sync(() => reachableBytes() - before) }
  })

  const until = (condition: () => boolean) =>
    Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
      Effect.retry(Schedule.spaced("10 millis"))
    )

  for (const [policy, messages] of [["dropOldest", 1_000_000], ["dropNewest", 200_000]] as const) {
    it.live(`S57 ${messages} at QoS 0, \`${policy}\`: all is read, what does not fit is dropped and counted, pings go on`, () =>
      Effect.gen(function*() {
        const { consumed, flood, growth, mqtt } = yield* flooded({ protocolVersion: "5.0", qos: 0, policy, messages })
        yield* until(() => flood.written() === messages)
        const pings = flood.pings()
        yield* until(() => flood.pings() >= pings + 5)
        const { connections, subscriptionsDropped } = yield* mqtt.stats
        assert.strictEqual(connections, 1)
        assert.isBelow(consumed(), messages / 100)
        assert.isAbove(subscriptionsDropped, messages * 0.9)
        assert.isBelow(yield* growth, 8 * megabyte)
      }).pipe(Effect.scoped))
  }

  for (const [protocolVersion, qos] of [["5.0", 0], ["3.1.1", 0], ["3.1.1", 1]] as const) {
    it.live(`S57 QoS ${qos}, \`suspend\`: reading stops, pings go on, nothing is lost (${protocolVersion})`, () =>
      Effect.gen(function*() {
        const messages = 200_000
        const { consumed, flood, growth, mqtt } = yield* flooded({ protocolVersion, qos, policy: "suspend", messages })
        yield* until(() => flood.isStalled() || flood.written() === messages)
        const pings = flood.pings()
        yield* until(() => flood.pings() >= pings + 3)
        assert.isTrue(flood.isStalled())
        assert.isBelow(flood.written(), messages)
        const { connections, subscriptionsDropped } = yield* mqtt.stats
        assert.deepStrictEqual([connections, subscriptionsDropped], [1, 0])
        assert.isAbove(consumed(), 100)
        assert.isBelow(yield* growth, 8 * megabyte)
      }).pipe(Effect.scoped))
  }
})

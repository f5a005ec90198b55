/**
 * Calls over MQTT when something goes wrong: servers and clients that are gone, outages, messages that come
 * twice, too late or not at all.
 */
import { assert, describe } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Queue, Schedule, Scope, Stream } from "effect"
import { type RpcClientError, RpcSerialization } from "effect/rpc"
import type * as MqttClient from "../../src/MqttClient.ts"
import { MqttRpc } from "../../src/rpc/index.ts"
import { type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, settle } from "../support/time.ts"
import { only50 } from "../support/versions.ts"
import * as OverMqtt from "./overMqtt.ts"
import { Probe } from "./service.ts"

const until = (isSo: () => boolean) => complete(Effect.repeat(Effect.sleep("10 millis"), { until: isSo }))

const pass = (duration: Parameters<typeof Effect.sleep>[0]) => complete(Effect.sleep(duration))

/** The typed error of a call that has no answer. */
const failure = <A, E>(call: Effect.Effect<A, E | RpcClientError.RpcClientError>) =>
  Effect.map(Effect.flip(call), (error) => {
    const found = MqttRpc.failureOf(error as RpcClientError.RpcClientError)
    assert.isDefined(found, String(error))
    return found as MqttRpc.CallFailure
  })

/** A client that does not reconnect. */
const mortal = (clientId: string): MqttClient.Options => ({
  ...OverMqtt.persistent(clientId),
  reconnect: Schedule.recurs(0)
})

const unfinished = { leavesUnfinished: true }

describe("servers that are gone", () => {
  scenario(
    "the calls of a dead server fail after the lease, also streams",
    unfinished,
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        yield* OverMqtt.serve(yield* kit.connect(mortal("server")), probe)
        const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")), { lease: "6 seconds" })
        const call = yield* begin(failure(service.Wait({ name: "call" })))
        const stream = yield* begin(failure(Stream.runDrain(service.Endless({ name: "stream" }))))
        yield* until(() => probe.started.length === 2)
        yield* pass("20 seconds")
        assert.isUndefined(call.pollUnsafe(), "a server that lives keeps its calls")
        yield* kit.broker.kick("server")
        yield* pass("4 seconds")
        assert.isUndefined(call.pollUnsafe())
        yield* pass("4 seconds")
        const { mayHaveRun, reason } = yield* Fiber.join(call)
        assert.deepStrictEqual({ reason, mayHaveRun }, { reason: "ServerLost", mayHaveRun: true })
        assert.strictEqual((yield* Fiber.join(stream)).reason, "ServerLost")
      })
  )

  scenario("calls go on with another server", { ...unfinished, versions: only50 }, (kit) =>
    Effect.gen(function*() {
      const [one, two] = [new Probe(), new Probe()]
      const group = { group: "servers" }
      yield* OverMqtt.serve(yield* kit.connect({ ...mortal("one"), session: "clean" }), one, group)
      yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("two")), two, group)
      const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")), { lease: "6 seconds" })
      const calls = yield* begin(
        Effect.forEach(["a", "b"], (name) => Effect.exit(service.Wait({ name })), { concurrency: "unbounded" })
      )
      yield* until(() => one.started.length === 1 && two.started.length === 1)
      yield* kit.broker.kick("one")
      const answers = yield* complete(Effect.forEach([1, 2, 3], (number) => service.Double({ number })))
      assert.deepStrictEqual(answers, [2, 4, 6])
      assert.deepStrictEqual([...two.doubled.keys()], [1, 2, 3])
      yield* pass("8 seconds")
      assert.deepStrictEqual(two.interrupted, [])
      yield* complete(Fiber.interrupt(calls))
      yield* until(() => two.interrupted.length === 1)
    }))

  scenario(
    "the calls of a server that ends are interrupted at once, and the next server takes others",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const scope = yield* Scope.make()
        yield* Scope.provide(OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe), scope)
        const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")))
        const call = yield* begin(Effect.exit(service.Wait({ name: "call" })))
        yield* until(() => probe.started.length === 1)
        yield* complete(Scope.close(scope, Exit.void))
        yield* pass("1 second")
        const exit = yield* Fiber.join(call)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("next")), probe)
        assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
      })
  )

  scenario("a call that no server takes fails in time", {}, (kit) =>
    Effect.gen(function*() {
      const service = yield* OverMqtt.use(yield* kit.connect(), { acceptTimeout: "3 seconds" })
      const call = yield* begin(failure(service.Double({ number: 1 })))
      yield* pass("2900 millis")
      assert.isUndefined(call.pollUnsafe())
      yield* pass("1 second")
      assert.strictEqual((yield* Fiber.join(call)).reason, "NotTaken")
    }))

  scenario(
    "a call fails at once when the broker says that no server is there",
    { versions: only50, broker: { reportsNoSubscribers: true } },
    (kit) =>
      Effect.gen(function*() {
        const service = yield* OverMqtt.use(yield* kit.connect())
        const call = yield* begin(failure(service.Double({ number: 1 })))
        yield* pass("100 millis")
        const { mayHaveRun, reason } = yield* Fiber.join(call)
        assert.deepStrictEqual({ reason, mayHaveRun }, { reason: "NoServer", mayHaveRun: false })
      })
  )

  scenario("a request that waited for its server too long is not run", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      yield* OverMqtt.serve(
        yield* kit.connect({ ...OverMqtt.persistent("server"), reconnect: Schedule.spaced("10 seconds") }),
        probe
      )
      const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")), {
        acceptTimeout: "3 seconds"
      })
      yield* kit.broker.kick("server")
      assert.strictEqual((yield* complete(failure(service.Double({ number: 1 })))).reason, "NotTaken")
      yield* pass("10 seconds")
      assert.strictEqual(yield* complete(service.Double({ number: 2 })), 4)
      assert.deepStrictEqual([...probe.doubled.keys()], [2])
    }))
})

describe("clients that are gone", () => {
  scenario("the calls of a dead client are interrupted after its lease", unfinished, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
      const service = yield* OverMqtt.use(yield* kit.connect(mortal("client")), { lease: "6 seconds" })
      yield* begin(Effect.exit(service.Wait({ name: "call" })))
      yield* begin(Effect.exit(Stream.runDrain(service.Endless({ name: "stream" }))))
      yield* until(() => probe.started.length === 2)
      yield* pass("20 seconds")
      assert.deepStrictEqual(probe.interrupted, [], "a client that lives keeps its calls")
      yield* kit.broker.kick("client")
      yield* pass("4 seconds")
      assert.deepStrictEqual(probe.interrupted, [])
      yield* pass("4 seconds")
      assert.deepStrictEqual(probe.interrupted.toSorted(), ["call", "stream"])
    }))

  scenario(
    "the calls of a client that was closed fail, and so do later ones",
    unfinished,
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
        const mqtt = yield* kit.connect(OverMqtt.persistent("client"))
        const service = yield* OverMqtt.use(mqtt)
        const call = yield* begin(failure(service.Wait({ name: "call" })))
        yield* until(() => probe.started.length === 1)
        yield* complete(mqtt.disconnect)
        yield* settle
        assert.strictEqual((yield* Fiber.join(call)).reason, "Closed")
        assert.strictEqual((yield* failure(service.Double({ number: 1 }))).reason, "Closed")
      })
  )

  scenario("a client of RPC that ends interrupts its calls", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
      const scope = yield* Scope.make()
      const service = yield* Scope.provide(
        OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client"))),
        scope
      )
      yield* begin(Effect.exit(service.Wait({ name: "call" })))
      yield* until(() => probe.started.length === 1)
      yield* pass("100 millis")
      yield* complete(Scope.close(scope, Exit.void))
      yield* until(() => probe.interrupted.length === 1)
    }))
})

describe("interrupts", () => {
  scenario(
    "a call that is interrupted before a server has it is interrupted when one has",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const service = yield* OverMqtt.both(kit, probe)
        const call = yield* begin(service.Wait({ name: "call" }))
        yield* settle
        yield* Fiber.interrupt(call)
        yield* until(() => probe.started.length === 1)
        yield* until(() => probe.interrupted.length === 1)
      })
  )

  scenario(
    "a call that is interrupted during an outage is not waited for, and does not run",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const service = yield* OverMqtt.both(kit, probe)
        yield* kit.network.refuseConnect(2)
        yield* kit.broker.kick("client")
        yield* pass("50 millis")
        const call = yield* begin(service.Wait({ name: "call" }))
        yield* settle
        yield* Fiber.interrupt(call)
        yield* kit.network.allowConnect
        yield* pass("5 seconds")
        assert.deepStrictEqual(probe.started, [])
      })
  )

  scenario("an interrupt during an outage reaches the server after it", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const service = yield* OverMqtt.both(kit, probe, { client: { lease: "20 seconds" } })
      const call = yield* begin(service.Wait({ name: "call" }))
      yield* until(() => probe.started.length === 1)
      yield* pass("100 millis")
      yield* kit.broker.kick("client")
      yield* settle
      yield* Fiber.interrupt(call)
      assert.deepStrictEqual(probe.interrupted, [])
      yield* until(() => probe.interrupted.length === 1)
    }))
})

describe("outages", () => {
  const outage = ({ broker, network }: Kit) =>
    Effect.gen(function*() {
      yield* network.refuseConnect(6)
      yield* broker.kick("client")
      yield* broker.kick("server")
    })

  scenario("calls and streams go on after an outage of both sides", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const service = yield* OverMqtt.both(kit, probe)
      probe.gate.closeUnsafe()
      const call = yield* begin(service.Double({ number: 4 }))
      const queue = yield* complete(service.Count({ to: 200, at: 1 }, { asQueue: true, streamBufferSize: 1 }))
      const before = yield* complete(Effect.forEach([1, 2, 3], () => Queue.take(queue)))
      yield* outage(kit)
      probe.gate.openUnsafe()
      const after = yield* complete(Stream.runCollect(Stream.fromQueue(queue)))
      assert.deepStrictEqual([...before, ...after], Array.from({ length: 200 }, (_, index) => index + 1))
      assert.strictEqual(yield* complete(Fiber.join(call)), 8)
    }))

  scenario(
    "an answer that got lost fails its call, in a session that does not persist",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
        const mqtt = yield* kit.connect({ reconnect: Schedule.spaced("1 second") })
        const service = yield* OverMqtt.use(mqtt, { lease: "30 seconds" })
        probe.gate.closeUnsafe()
        const call = yield* begin(failure(service.Double({ number: 4 })))
        yield* pass("1 second")
        yield* kit.broker.kick("client")
        probe.gate.openUnsafe()
        yield* pass("12 seconds")
        assert.strictEqual((yield* Fiber.join(call)).reason, "AnswerLost")
        assert.strictEqual(probe.doubled.get(4), 1)
      })
  )
})

describe("what is refused", () => {
  scenario("a request in another serialization", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
      const service = yield* OverMqtt.use(
        yield* kit.connect(OverMqtt.persistent("client")),
        {},
        RpcSerialization.layerNdjson
      )
      const { mayHaveRun, message, reason } = yield* complete(failure(service.Double({ number: 1 })))
      assert.deepStrictEqual({ reason, mayHaveRun }, { reason: "Refused", mayHaveRun: false })
      assert.match(message, /application\/x-ndjson.*application\/json.*RpcSerialization/)
    }))

  scenario("a call above `maximumCalls`, and none when another has ended", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const service = yield* OverMqtt.both(kit, probe, { server: { maximumCalls: 1 } })
      const call = yield* begin(service.Wait({ name: "call" }))
      yield* until(() => probe.started.length === 1)
      const { message, reason } = yield* complete(failure(service.Double({ number: 1 })))
      assert.strictEqual(reason, "Refused")
      assert.include(message, "maximumCalls")
      yield* complete(Fiber.interrupt(call))
      yield* until(() => probe.interrupted.length === 1)
      assert.strictEqual(yield* complete(service.Double({ number: 2 })), 4)
      assert.deepStrictEqual([...probe.doubled.keys()], [2])
    }))

  scenario("an answer topic that the server does not allow", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const service = yield* OverMqtt.both(kit, probe, {
        client: { answerTopic: "elsewhere", acceptTimeout: "2 seconds" }
      })
      assert.strictEqual((yield* complete(failure(service.Double({ number: 1 })))).reason, "NotTaken")
      assert.strictEqual(probe.doubled.size, 0)
    }))

  scenario("an answer topic of its own, which the server allows", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const service = yield* OverMqtt.both(kit, probe, {
        client: { answerTopic: "elsewhere/answers" },
        server: { answerTopics: ["elsewhere/+"] }
      })
      assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
    }))

  scenario(
    "an answer that is too large for the broker is a defect of its call",
    { versions: only50, broker: { maximumPacketSize: 2000 } },
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const service = yield* OverMqtt.both(kit, probe)
        const exit = yield* complete(Effect.exit(Stream.runDrain(service.Count({ to: 2000, at: 1000 }))))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.include(String(Exit.isFailure(exit) && Cause.squash(exit.cause)), "Maximum Packet Size")
        assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
      })
  )

  scenario(
    "a request that is too large for the broker",
    { versions: only50, broker: { maximumPacketSize: 2000 } },
    (kit) =>
      Effect.gen(function*() {
        const service = yield* OverMqtt.both(kit, new Probe())
        const { message, reason } = yield* complete(failure(service.Die({ message: "x".repeat(3000) })))
        assert.strictEqual(reason, "NotSent")
        assert.include(message, "Maximum Packet Size")
      })
  )
})

describe("messages that nobody meant", () => {
  scenario(
    "a request that comes twice runs once, and an answer that comes twice is heard once",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const service = yield* OverMqtt.both(kit, probe)
        const queue = yield* complete(service.Count({ to: 60, at: 1 }, { asQueue: true, streamBufferSize: 1 }))
        assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
        for (const { payload, topic } of yield* kit.broker.messages) {
          yield* kit.broker.deliver(topic.includes("/client/") ? "client" : "server", topic, payload, { qos: 1 })
        }
        const numbers = yield* complete(Stream.runCollect(Stream.fromQueue(queue)))
        assert.deepStrictEqual([...numbers], Array.from({ length: 60 }, (_, index) => index + 1))
        assert.strictEqual(probe.doubled.get(1), 1)
        // Long after the answer, and before the deadline.
        yield* pass("20 seconds")
        for (const { payload, topic } of yield* kit.broker.messages) {
          if (topic.endsWith("/request")) yield* kit.broker.deliver("server", topic, payload, { qos: 1 })
        }
        yield* pass("20 seconds")
        assert.strictEqual(probe.doubled.get(1), 1)
      })
  )

  scenario("a request that is retained is not run", {}, (kit) =>
    Effect.gen(function*() {
      const service = yield* OverMqtt.both(kit, new Probe())
      yield* complete(service.Double({ number: 1 }))
      const request = (yield* kit.broker.messages).find(({ topic }) => topic.endsWith("/request"))
      yield* kit.broker.publish(`${OverMqtt.prefix}/request`, request?.payload ?? "", { retain: true })
      const probe = new Probe()
      yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("second")), probe)
      yield* pass("1 second")
      assert.strictEqual(probe.doubled.size, 0)
    }))

  scenario("what is no message of the protocol is passed over", {}, (kit) =>
    Effect.gen(function*() {
      const service = yield* OverMqtt.both(kit, new Probe())
      for (const topic of ["request", "server/server", "client/client"]) {
        for (
          const payload of [
            "",
            "\n",
            "no JSON\n",
            "{}\n",
            "{\"_tag\":\"Request\"}\n{}",
            "{\"_tag\":\"Exit\",\"call\":-1}\n"
          ]
        ) {
          yield* kit.broker.publish(`${OverMqtt.prefix}/${topic}`, payload, { qos: 1 })
        }
      }
      yield* pass("1 second")
      assert.strictEqual(yield* complete(service.Double({ number: 1 })), 2)
    }))

  scenario(
    "calls of an earlier process under the same client identifier are none of the next one's",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
        const earlier = yield* Scope.make()
        const options: MqttClient.Options = { clientId: "client", session: "persistent" }
        const first = yield* Scope.provide(kit.connect(options), earlier)
        const service = yield* Scope.provide(OverMqtt.use(first, { lease: "5 seconds" }), earlier)
        yield* begin(Effect.exit(service.Wait({ name: "earlier" })))
        yield* until(() => probe.started.length === 1)
        yield* complete(Scope.close(earlier, Exit.void))
        const next = yield* OverMqtt.use(yield* kit.connect(options))
        assert.strictEqual(yield* complete(next.Double({ number: 1 })), 2)
        yield* until(() => probe.interrupted.length === 1)
      })
  )
})

describe("options that cannot work", () => {
  const wrong: ReadonlyArray<readonly [side: "client" | "server", options: object, option: string]> = [
    ["client", { prefix: undefined }, "prefix"],
    ["client", { prefix: "" }, "prefix"],
    ["client", { prefix: "a/+" }, "prefix"],
    ["client", { prefix: "$SYS" }, "prefix"],
    ["client", { lease: "soon" }, "lease"],
    ["client", { lease: 0 }, "lease"],
    ["client", { lease: "Infinity" }, "lease"],
    ["client", { acceptTimeout: "Infinity" }, "acceptTimeout"],
    ["client", { qos: 0 }, "qos"],
    ["client", { answerTopic: "a/#" }, "answerTopic"],
    ["server", { prefix: 7 }, "prefix"],
    ["server", { prefix: "a#" }, "prefix"],
    ["server", { group: "a/b" }, "group"],
    ["server", { group: "" }, "group"],
    ["server", { group: "a+" }, "group"],
    ["server", { maximumCalls: 0 }, "maximumCalls"],
    ["server", { answerTopics: ["a/#/b"] }, "answerTopics"]
  ]

  scenario("are refused by their names", { versions: only50 }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (const [side, options, option] of wrong) {
        const made = side === "client" ? OverMqtt.use(mqtt, options) : OverMqtt.serve(mqtt, new Probe(), options)
        const { reason } = yield* Effect.flip(made)
        assert.strictEqual(reason._tag === "InvalidOptions" && reason.option, option, JSON.stringify(options))
      }
    }))
})

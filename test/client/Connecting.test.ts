import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttError from "../../src/MqttError.ts"
import type { ConnectionState, MqttEvent } from "../../src/MqttState.ts"
import {
  accepted,
  begin,
  type Client,
  clientId,
  complete,
  connected,
  connecting,
  connections,
  failingConnect,
  reconnectDelay,
  reconnected,
  responseTimeout,
  roundTrip,
  scenario,
  sent
} from "../support/scenario.ts"

const stateOf = (mqtt: Client): Effect.Effect<ConnectionState> => SubscriptionRef.get(mqtt.state)

/** Keeps what happens from now on. */
const recordEvents = Effect.fnUntraced(function*(mqtt: Client) {
  const events: Array<MqttEvent> = []
  yield* mqtt.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  return () => events.map(({ _tag }) => _tag)
})

const reasonOf = <A, R>(effect: Effect.Effect<A, MqttError.MqttError, R>) =>
  Effect.map(complete(Effect.flip(effect)), ({ reason }) => reason)

const will = { topic: "will", payload: "gone", qos: 1 } as const

describe("connecting", () => {
  scenario("S6 connect, stay idle for 5 round trips, disconnect: exactly one connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* TestClock.adjust(5 * roundTrip)
      yield* mqtt.disconnect
      yield* TestClock.adjust(roundTrip)
      assert.strictEqual(yield* connections(kit), 1)
      assert.deepStrictEqual((yield* kit.broker.received(clientId)).map(({ _tag }) => _tag), ["Connect", "Disconnect"])
      assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
    }))

  scenario(
    "S21 a wrong password is a typed error and is not retried",
    { broker: { authenticate: () => 0x86 } },
    (kit) =>
      Effect.gen(function*() {
        const options = { username: "user", password: Redacted.make("wrong"), initialConnection: "retry" } as const
        const mqtt = yield* Effect.flatMap(kit.start(options), Fiber.join)
        const publishing = yield* begin(Effect.flip(mqtt.publish("t", "hello", { qos: 1 })))
        yield* TestClock.adjust(10 * reconnected)
        assert.strictEqual(yield* connections(kit), 1)
        const { reason } = yield* Fiber.join(publishing)
        assert.strictEqual(reason._tag, "ConnectionRefused")
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Closed" ? state.error?.reason._tag : state._tag, "ConnectionRefused")
      })
  )

  scenario("S21 the first connection fails with what the broker says", { broker: { authenticate: () => 0x86 } }, (kit) =>
    Effect.gen(function*() {
      const reason = yield* reasonOf(kit.connect())
      assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: 0x86 }))
    }))

  scenario("S21 `isRetryable` decides otherwise", { broker: { authenticate: () => 0x86 } }, (kit) =>
    Effect.gen(function*() {
      const options = { initialConnection: "retry", isRetryable: () => true } as const
      yield* Effect.flatMap(kit.start(options), Fiber.join)
      yield* TestClock.adjust(connected + 2 * reconnected)
      assert.strictEqual(yield* connections(kit), 3)
    }))

  scenario("a first connection that fails is not retried, unless asked for", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.network.refuseConnect(1)
      assert.strictEqual((yield* reasonOf(kit.connect()))._tag, "PortRefused")
      yield* kit.network.refuseConnect(2)
      const mqtt = yield* Effect.flatMap(kit.start({ initialConnection: "retry" }), Fiber.join)
      yield* TestClock.adjust(failingConnect)
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag, "Disconnected")
      yield* TestClock.adjust(reconnectDelay + failingConnect + reconnected)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
    }))

  scenario("a schedule that ends closes the client with the last failure", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ reconnect: Schedule.max([Schedule.spaced(reconnectDelay), Schedule.recurs(2)]) })
      yield* kit.network.refuseConnect(5)
      yield* kit.network.reset
      const reason = yield* reasonOf(mqtt.publish("t", "hello", { qos: 1 }))
      assert.strictEqual(reason._tag, "PortRefused")
      assert.strictEqual((yield* kit.network.counters).attempts, 3)
      yield* kit.network.allowConnect
    }))

  scenario("S40 a CONNACK that never comes: connect timeout, then the next attempt", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.broker.ignoreConnect(1)
      const options = { connectTimeout: "1 second", initialConnection: "retry" } as const
      const mqtt = yield* Effect.flatMap(kit.start(options), Fiber.join)
      yield* TestClock.adjust(999)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Connecting")
      yield* TestClock.adjust(1)
      const state = yield* stateOf(mqtt)
      assert.deepStrictEqual(
        state._tag === "Disconnected" ? state.error.reason : state._tag,
        new MqttError.ConnectTimeout({ timeout: 1000, waitingFor: "CONNACK" })
      )
      yield* TestClock.adjust(reconnected)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
    }))

  scenario("S40 a network connection that never opens: connect timeout", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.network.hangConnect()
      const reason = yield* reasonOf(kit.connect({ connectTimeout: "1 second" }))
      assert.deepStrictEqual(reason, new MqttError.ConnectTimeout({ timeout: 1000, waitingFor: "network" }))
    }))

  scenario("S52 credentials are obtained again for every attempt", {}, (kit) =>
    Effect.gen(function*() {
      let attempt = 0
      const credentials = Effect.sync(() => ({ username: `user ${++attempt}` }))
      const mqtt = yield* kit.connect({ credentials })
      yield* kit.network.reset
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.deepStrictEqual((yield* sent(kit, "Connect")).map(({ username }) => username), ["user 1", "user 2"])
    }))

  scenario("state and events tell what happens", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const events = yield* recordEvents(mqtt)
      const states: Array<string> = []
      yield* SubscriptionRef.changes(mqtt.state).pipe(
        Stream.runForEach(({ _tag }) => Effect.sync(() => states.push(_tag))),
        Effect.forkScoped({ startImmediately: true })
      )
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected)
      yield* mqtt.disconnect
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(states, ["Connected", "Disconnected", "Connecting", "Connected", "Closed"])
      assert.deepStrictEqual(events(), ["ConnectionEnded", "ConnectionAccepted", "SessionLost", "ConnectionEnded"])
    }))

  scenario("R42 what is published while connecting is kept when CONNECT is refused", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.broker.refuseSession(0x88)
      const mqtt = yield* Effect.flatMap(kit.start({ initialConnection: "retry" }), Fiber.join)
      yield* TestClock.adjust(connecting)
      const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 0 }))
      yield* TestClock.adjust(roundTrip)
      assert.isUndefined(publishing.pollUnsafe())
      yield* complete(Fiber.join(publishing))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["hello"])
    }))
})

describe("sessions", () => {
  scenario("S44 a cold boot with a clean slate, 3.1.1: one connection cleans, the next resumes", {
    versions: ["3.1.1"]
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "cleanStartThenPersistent" })
      const packets = yield* kit.broker.received(clientId)
      assert.deepStrictEqual(
        packets.map((packet) => packet._tag === "Connect" ? ["Connect", packet.cleanStart] : [packet._tag]),
        [["Connect", true], ["Disconnect"], ["Connect", false]]
      )
      yield* kit.network.reset
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.deepStrictEqual((yield* sent(kit, "Connect")).map(({ cleanStart }) => cleanStart), [true, false, false])
    }))

  scenario("S44 a cold boot with a clean slate, 5.0: Clean Start with a session expiry", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "cleanStartThenPersistent", sessionExpiry: "1 hour" })
      yield* kit.network.reset
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      const connects = yield* sent(kit, "Connect")
      assert.deepStrictEqual(connects.map(({ cleanStart }) => cleanStart), [true, false])
      assert.deepStrictEqual(connects.map(({ properties }) => properties.sessionExpiryInterval), [3600, 3600])
    }))

  scenario("R27 R28 a clean session asks for nothing to be kept, a persistent one for a day", { versions: ["5.0"] }, (
    kit
  ) =>
    Effect.gen(function*() {
      yield* kit.connect({ clientId: "clean" })
      yield* kit.connect({ clientId: "persistent", session: "persistent" })
      const [clean] = yield* sent(kit, "Connect", "clean")
      const [persistent] = yield* sent(kit, "Connect", "persistent")
      assert.deepStrictEqual([clean.cleanStart, clean.properties.sessionExpiryInterval], [true, undefined])
      assert.deepStrictEqual([persistent.cleanStart, persistent.properties.sessionExpiryInterval], [false, 86_400])
    }))

  scenario("R40 an assigned client identifier is adopted and used again", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ clientId: "" })
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Connected" ? state.clientId : state._tag, "assigned1")
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected)
      const connects = yield* sent(kit, "Connect", "assigned1")
      assert.deepStrictEqual(connects.map((connect) => connect.clientId), ["", "assigned1"])
    }))

  scenario("R38 a generated client identifier is one that every server takes, and stays", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ clientId: undefined })
      const first = yield* stateOf(mqtt)
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected)
      const second = yield* stateOf(mqtt)
      const identifiers = [first, second].map((state) => state._tag === "Connected" ? state.clientId : "")
      assert.match(identifiers[0], /^[0-9a-zA-Z]{1,23}$/)
      assert.strictEqual(identifiers[0], identifiers[1])
    }))

  scenario(
    "S54 R135 two clients with one identifier: the loser reports SessionTakenOver and does not fight",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const loser = yield* kit.connect()
        yield* kit.connect()
        yield* TestClock.adjust(20 * reconnected)
        assert.strictEqual(yield* connections(kit), 2)
        const state = yield* stateOf(loser)
        assert.strictEqual(state._tag === "Closed" ? state.error?.reason._tag : state._tag, "SessionTakenOver")
      })
  )
})

describe("the server's limits", () => {
  scenario("S58 R58 Server Keep Alive replaces ours", { versions: ["5.0"], broker: { serverKeepAlive: 1 } }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ keepAlive: 0 })
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Connected" ? state.keepAlive : state._tag, 1)
      // The broker counts from when the last packet came.
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* connections(kit), 1)
      assert.isAbove((yield* sent(kit, "Pingreq")).length, 5)
    }))

  scenario(
    "S58 R53 R55 R56 what the server forbids fails at once and costs no identifier",
    { versions: ["5.0"], broker: { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 200, receiveMaximum: 5 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const limitOf = (effect: Effect.Effect<unknown, MqttError.MqttError>) =>
          Effect.map(reasonOf(effect), (reason) => reason._tag === "ServerLimit" ? reason.limit : reason._tag)
        const before = (yield* kit.network.connections)[0].bytesWritten
        assert.strictEqual(yield* limitOf(mqtt.publish("t", "x", { qos: 2 })), "Maximum QoS")
        assert.strictEqual(yield* limitOf(mqtt.publish("t", "x", { qos: 1, retain: true })), "Retain Available")
        assert.strictEqual(
          yield* limitOf(mqtt.publish("t", new Uint8Array(300), { qos: 1 })),
          "Maximum Packet Size"
        )
        assert.strictEqual(yield* limitOf(mqtt.publish("t", new Uint8Array(300))), "Maximum Packet Size")
        const stats = yield* mqtt.stats
        assert.deepStrictEqual([stats.inFlight, stats.window], [0, 5])
        assert.strictEqual((yield* kit.network.connections)[0].bytesWritten, before)
        // Subscribing at QoS 2 is allowed: the server grants less.
        const { granted } = yield* complete(mqtt.subscribe("t", { qos: 2 }))
        assert.deepStrictEqual(granted, [1])
        assert.strictEqual((yield* sent(kit, "Publish")).length, 0)
      })
  )

  scenario(
    "S58 R74 R75 Receive Maximum is the window; QoS 0 and SUBSCRIBE pass a window that is full",
    { versions: ["5.0"], broker: { receiveMaximum: 3 } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ responseTimeout: "10 seconds" })
        yield* kit.broker.holdAcknowledgements()
        const publishing = yield* begin(
          Effect.forEach(["1", "2", "3", "4", "5"], (text) => mqtt.publish("t", text, { qos: 1 }), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* sent(kit, "Publish")).length, 3)
        yield* complete(mqtt.publish("t", "QoS 0"))
        yield* complete(mqtt.subscribe("other", { qos: 0 }))
        assert.deepStrictEqual(yield* accepted(kit), ["1", "2", "3", "QoS 0"])
        yield* kit.broker.releaseAcknowledgements()
        yield* complete(Fiber.join(publishing))
        assert.deepStrictEqual(yield* accepted(kit), ["1", "2", "3", "QoS 0", "4", "5"])
      })
  )

  scenario("R71 no Topic Alias is used", { versions: ["5.0"], broker: { topicAliasMaximum: 10 } }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* complete(mqtt.publish("t", "1"))
      yield* complete(mqtt.publish("t", "2", { qos: 1 }))
      const publishes = yield* sent(kit, "Publish")
      assert.deepStrictEqual(publishes.map(({ properties, topic }) => [topic, properties.topicAlias]), [
        ["t", undefined],
        ["t", undefined]
      ])
    }))
})

describe("the end", () => {
  scenario("S36 every call after the end fails at once with Closed", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const received = yield* complete(mqtt.subscribe("t"))
      yield* mqtt.disconnect
      const calls = [
        mqtt.publish("t", "0"),
        mqtt.publish("t", "1", { qos: 1 }),
        mqtt.publish("t", "2", { qos: 2 }),
        mqtt.subscribe("t"),
        Stream.runDrain(mqtt.messages("t"))
      ]
      for (const call of calls) {
        const error = yield* Effect.flip(call)
        assert.strictEqual(error.reason._tag, "Closed")
      }
      // Ends and does not fail: nothing went wrong.
      yield* Stream.runDrain(received)
      yield* mqtt.disconnect
    }))

  scenario("S36 what waits when the client is closed fails with Closed", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.network.drop
      const waiting = [
        yield* begin(Effect.flip(Effect.asVoid(mqtt.publish("t", "1", { qos: 1 })))),
        yield* begin(Effect.flip(Effect.asVoid(mqtt.subscribe("t"))))
      ]
      yield* TestClock.adjust(roundTrip)
      yield* complete(mqtt.disconnect)
      for (const fiber of waiting) assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Closed")
    }))

  scenario("S39 a write that never finishes: the connection is replaced", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* kit.network.stallWrites
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.strictEqual(yield* connections(kit), 2)
      assert.deepStrictEqual(yield* accepted(kit), ["hello"])
    }))

  scenario("S39 a write that never finishes: the client still closes", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ drainTimeout: "1 second" })
      yield* kit.network.stallWrites
      const publishing = yield* begin(Effect.flip(mqtt.publish("t", "hello")))
      yield* TestClock.adjust(roundTrip)
      const disconnecting = yield* begin(mqtt.disconnect)
      yield* TestClock.adjust(1000)
      assert.isDefined(disconnecting.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "Closed")
    }))

  scenario("S50 the Will is sent when the connection is cut, not when the scope closes", {}, (kit) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.provide(kit.connect({ clientId: "closes", will }), scope)
      yield* complete(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), [])
      yield* kit.connect({ clientId: "is cut", will })
      yield* kit.network.reset
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["gone"])
    }))

  scenario("S50 disconnectWithWill lets the Will out, disconnect does not", {}, (kit) =>
    Effect.gen(function*() {
      const polite = yield* kit.connect({ clientId: "polite", will })
      yield* complete(polite.disconnect)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), [])
      const mqtt = yield* kit.connect({ will })
      yield* complete(mqtt.disconnectWithWill)
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["gone"])
      const [disconnect] = yield* sent(kit, "Disconnect")
      assert.strictEqual(disconnect?.reasonCode, kit.version === "5.0" ? 0x04 : undefined)
      assert.strictEqual((yield* connections(kit)), 2)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
    }))
})

describe("S60 a scope that closes ends everything within the drain deadline", () => {
  const drainTimeout = 1000

  /** Lets a client come as far as `reach` takes it, closes its scope, and asserts that this ends in time. */
  const closing = (
    name: string,
    reach: (kit: Parameters<Parameters<typeof scenario>[2]>[0]) => Effect.Effect<unknown, unknown, Scope.Scope>
  ) =>
    scenario(name, { leavesUnfinished: true }, (kit) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.provide(reach(kit), scope)
        const ending = yield* begin(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(drainTimeout)
        assert.isDefined(ending.pollUnsafe())
        const { closed, opened } = yield* kit.network.counters
        assert.strictEqual(closed, opened)
      }))

  const options = { drainTimeout, session: "persistent" } as const
  const start = { ...options, initialConnection: "retry" } as const

  closing("while the network connection opens", (kit) =>
    Effect.andThen(kit.start(start), TestClock.adjust(connecting / 2)))

  closing("while it waits for CONNACK", (kit) =>
    Effect.andThen(kit.start(start), TestClock.adjust(connecting + roundTrip / 2)))

  closing("while it backs off", (kit) =>
    Effect.gen(function*() {
      yield* kit.network.refuseConnect(1)
      yield* kit.start(start)
      yield* TestClock.adjust(failingConnect + reconnectDelay / 2)
    }))

  closing("while it sends again", (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(options)
      yield* kit.network.drop
      yield* Effect.forkScoped(Effect.exit(mqtt.publish("t", "hello", { qos: 1 })), { startImmediately: true })
      yield* TestClock.adjust(responseTimeout + reconnected + roundTrip / 2)
      assert.strictEqual((yield* mqtt.stats).inFlight, 1)
    }))

  closing("while its writes are stalled", (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(options)
      yield* kit.network.stallWrites
      yield* Effect.forkScoped(Effect.exit(mqtt.publish("t", "hello")), { startImmediately: true })
      yield* TestClock.adjust(roundTrip)
    }))
})

describe("protocolVersion", () => {
  scenario("`auto` speaks 3.1.1 to a broker that knows no other", {
    versions: ["5.0"],
    broker: { versions: ["3.1.1"] }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ protocolVersion: "auto" })
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Connected" ? state.protocolVersion : state._tag, "3.1.1")
      yield* complete(mqtt.publish("t", "hello", { qos: 2 }))
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected)
      // What was agreed once is not asked again.
      assert.strictEqual(yield* connections(kit), 3)
    }))

  scenario("`auto` speaks 5.0 to a broker that knows both", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ protocolVersion: "auto" })
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Connected" ? state.protocolVersion : state._tag, "5.0")
      assert.strictEqual(yield* connections(kit), 1)
    }))

  for (const version of ["3.1.1", "5.0"] as const) {
    const other = version === "5.0" ? "3.1.1" : "5.0"
    scenario(`${version} is an error that says what to set when the broker refuses it`, {
      versions: [version],
      broker: { versions: [other] }
    }, (kit) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(kit.connect())
        assert.deepStrictEqual(reason, new MqttError.UnsupportedProtocolVersion({ protocolVersion: version }))
        assert.include(reason.message, `set protocolVersion: "${other}"`)
      }))
  }
})

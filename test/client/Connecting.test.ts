import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Redacted, Schedule, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttError from "../../src/MqttError.ts"
import type { MqttEvent } from "../../src/MqttState.ts"
import { reasonOf } from "../support/reasons.ts"
import { accepted, type Client, clientId, connections, type Kit, scenario, sent, stateOf } from "../support/scenario.ts"
import {
  begin,
  complete,
  connected,
  connecting,
  failingConnect,
  reconnectDelay,
  reconnected,
  roundTrip
} from "../support/time.ts"
import { versions } from "../support/versions.ts"

/** Keeps what happens from now on. */
const recordEvents = Effect.fnUntraced(function*(mqtt: Client) {
  const events: Array<MqttEvent> = []
  yield* mqtt.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  return () => events.map(({ _tag }) => _tag)
})

describe("connecting", () => {
  scenario(
    "S6 connect, stay idle for 5 round trips, disconnect: exactly one connection",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* TestClock.adjust(5 * roundTrip)
        yield* mqtt.disconnect
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual(yield* connections(kit), 1)
        assert.deepStrictEqual((yield* kit.broker.received(clientId)).map(({ _tag }) => _tag), [
          "Connect",
          "Disconnect"
        ])
        assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
      })
  )

  scenario(
    "R155 CONNECT asks for nothing that needs a server of a certain make, and for nothing the user did not ask for",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const [{ properties, username, will }] = yield* sent(kit, "Connect")
        assert.deepStrictEqual(properties, {
          receiveMaximum: 1000,
          maximumPacketSize: 1_048_576,
          topicAliasMaximum: 32,
          requestResponseInformation: 1
        })
        assert.deepStrictEqual([username, will], [undefined, undefined])
        yield* mqtt.disconnect
      })
  )

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

  scenario(
    "S21 the first connection fails with what the broker says",
    { broker: { authenticate: () => 0x86 } },
    (kit) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(kit.connect())
        assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: 0x86 }))
      })
  )

  scenario(
    "S21 `isRetryable` decides otherwise",
    { broker: { authenticate: () => 0x86 } },
    (kit) =>
      Effect.gen(function*() {
        const options = { initialConnection: "retry", isRetryable: () => true } as const
        yield* Effect.flatMap(kit.start(options), Fiber.join)
        yield* TestClock.adjust(connected + 2 * reconnected)
        assert.strictEqual(yield* connections(kit), 3)
      })
  )

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
      const mqtt = yield* kit.connect({
        reconnect: Schedule.max([Schedule.spaced(reconnectDelay), Schedule.recurs(2)])
      })
      yield* kit.network.refuseConnect(5)
      yield* kit.network.reset
      const reason = yield* reasonOf(mqtt.publish("t", "hello", { qos: 1 }))
      assert.strictEqual(reason._tag, "PortRefused")
      assert.strictEqual((yield* kit.network.counters).attempts, 3)
      yield* kit.network.allowConnect
    }))

  scenario(
    "S40 a CONNACK that never comes: connect timeout, then the next attempt",
    {},
    (kit) =>
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
      })
  )

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
      assert.deepStrictEqual(events(), ["ConnectionEnded", "ConnectionAccepted", "ConnectionEnded"])
    }))

  scenario(
    "R42 what is published while connecting is kept when CONNECT is refused",
    {},
    (kit) =>
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
      })
  )
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
      yield* TestClock.adjust(4 * reconnected)
      // What was agreed once is not asked again.
      assert.strictEqual(yield* connections(kit), 3)
    }))

  /** CONNECT goes out, and the network dies within CONNACK. */
  const cut = { direction: "toClient", bytes: 1, how: "reset" } as const

  /** Protocol versions of the CONNECTs so far. */
  const asked = (kit: Kit) => Effect.map(sent(kit, "Connect"), (all) => all.map((each) => each.protocolVersion))

  scenario(
    "`auto`: a 5.0 that a failing network cut off is tried again at the next outage",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        yield* kit.network.cutAfter(cut)
        const mqtt = yield* kit.connect({ protocolVersion: "auto" })
        assert.deepStrictEqual(yield* asked(kit), ["5.0", "3.1.1"])
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Connected" ? state.protocolVersion : state._tag, "3.1.1")
        for (let outage = 0; outage < 2; outage++) {
          yield* kit.network.reset
          yield* TestClock.adjust(reconnected)
        }
        assert.deepStrictEqual(yield* asked(kit), ["5.0", "3.1.1", "5.0", "5.0"])
        yield* complete(mqtt.publish("t", "hello", { qos: 2 }))
        // Settled: a later CONNECT that is cut off changes nothing.
        yield* kit.network.cutAfter(cut)
        yield* kit.network.reset
        yield* TestClock.adjust(2 * reconnected)
        assert.deepStrictEqual((yield* asked(kit)).slice(4), ["5.0", "5.0"])
      })
  )

  scenario(
    "`auto`: neither version gets through: 5.0 is what is tried first again",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        yield* kit.network.cutAfter(cut, "every")
        yield* Effect.flatMap(kit.start({ protocolVersion: "auto", initialConnection: "retry" }), Fiber.join)
        yield* TestClock.adjust(4 * reconnected)
        const versions = yield* asked(kit)
        assert.deepStrictEqual(versions.slice(0, 4), ["5.0", "3.1.1", "5.0", "3.1.1"])
      })
  )

  scenario("`auto` speaks 5.0 to a broker that knows both", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ protocolVersion: "auto" })
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Connected" ? state.protocolVersion : state._tag, "5.0")
      assert.strictEqual(yield* connections(kit), 1)
    }))

  for (const version of versions) {
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

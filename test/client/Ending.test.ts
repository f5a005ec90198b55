import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { reasonOf } from "../support/reasons.ts"
import { accepted, connections, type Kit, scenario, sent, stateOf } from "../support/scenario.ts"
import {
  begin,
  complete,
  connecting,
  failingConnect,
  reconnectDelay,
  reconnected,
  responseTimeout,
  roundTrip
} from "../support/time.ts"

const will = { topic: "will", payload: "gone", qos: 1 } as const

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

  scenario(
    "S36 what waits when the client is closed fails with Closed",
    { leavesUnfinished: true },
    (kit) =>
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
      })
  )

  scenario("S39 a write that never finishes: the connection is replaced", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* kit.network.stallWrites
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.strictEqual(yield* connections(kit), 2)
      assert.deepStrictEqual(yield* accepted(kit), ["hello"])
    }))

  scenario(
    "S39 a write that never finishes: the client still closes",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ drainTimeout: "1 second" })
        yield* kit.network.stallWrites
        const publishing = yield* begin(Effect.flip(mqtt.publish("t", "hello")))
        yield* TestClock.adjust(roundTrip)
        const disconnecting = yield* begin(mqtt.disconnect)
        yield* TestClock.adjust(1000)
        assert.isDefined(disconnecting.pollUnsafe())
        // Nobody knows whether it went out, so it does not say that it was not sent.
        assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "ConnectionLost")
      })
  )

  scenario(
    "S50 the Will is sent when the connection is cut, not when the scope closes",
    {},
    (kit) =>
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
      })
  )

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
      assert.strictEqual(yield* connections(kit), 2)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
    }))
})

describe("disconnectWith", () => {
  const everything = {
    reasonCode: 0x04,
    sessionExpiry: "5 minutes",
    reasonString: "going home",
    userProperties: [["a", "1"], ["a", "2"]]
  } as const

  scenario(
    "R10 R128 R131 says a reason, an expiry, a text and User Properties",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent", will })
        yield* complete(mqtt.disconnectWith(everything))
        yield* TestClock.adjust(roundTrip)
        const [disconnect] = yield* sent(kit, "Disconnect")
        assert.deepStrictEqual(disconnect, {
          _tag: "Disconnect",
          reasonCode: 0x04,
          properties: {
            sessionExpiryInterval: 300,
            reasonString: "going home",
            userProperties: [["a", "1"], ["a", "2"]]
          }
        })
        assert.deepStrictEqual(yield* accepted(kit), ["gone"])
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
        assert.isDefined(yield* kit.broker.session("client"))
        yield* TestClock.adjust("5 minutes")
        assert.isUndefined(yield* kit.broker.session("client"))
      })
  )

  scenario("R128 says nothing more than DISCONNECT when there is nothing to say", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ will })
      yield* complete(mqtt.disconnectWith({}))
      yield* TestClock.adjust(roundTrip)
      const [disconnect] = yield* sent(kit, "Disconnect")
      assert.deepStrictEqual(disconnect, { _tag: "Disconnect", reasonCode: 0x00, properties: {} })
      assert.deepStrictEqual(yield* accepted(kit), [])
      // The end is the end.
      yield* mqtt.disconnectWith({})
      assert.strictEqual((yield* Effect.flip(mqtt.publish("t", "")))._tag, "MqttError")
    }))

  scenario("S50 R128 `publishWill` lets the Will out", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ will })
      yield* complete(mqtt.disconnectWith({ publishWill: true }))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["gone"])
      const [disconnect] = yield* sent(kit, "Disconnect")
      const expected = { _tag: "Disconnect", reasonCode: 0x04, properties: {} } as const
      assert.deepStrictEqual(disconnect, kit.version === "5.0" ? expected : undefined)
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
    }))

  scenario("R128 `publishWill` says what else there is to say", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      for (const reasonCode of [undefined, 0x04]) {
        const mqtt = yield* kit.connect({ will })
        yield* complete(mqtt.disconnectWith({ publishWill: true, reasonCode, reasonString: "update" }))
      }
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(yield* accepted(kit), ["gone", "gone"])
      const said = (yield* sent(kit, "Disconnect")).map(({ properties, reasonCode }) => [
        reasonCode,
        properties.reasonString
      ])
      assert.deepStrictEqual(said, [[0x04, "update"], [0x04, "update"]])
    }))

  scenario(
    "R128 `publishWill` with another reason code is refused, and nothing ends",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ will })
        for (const reasonCode of [0x00, 0x80]) {
          const reason = yield* reasonOf(mqtt.disconnectWith({ publishWill: true, reasonCode }))
          assert.deepInclude(reason, { _tag: "InvalidRequest", field: "reasonCode" })
        }
        yield* complete(mqtt.publish("t", "still here", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 1)
      })
  )

  scenario(
    "R128 3.1.1 says nothing beside `publishWill`, and nothing ends",
    { versions: ["3.1.1"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ will })
        const reason = yield* reasonOf(mqtt.disconnectWith({ publishWill: true, reasonString: "update" }))
        assert.strictEqual(reason._tag, "InvalidRequest")
        yield* complete(mqtt.publish("t", "still here", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 1)
      })
  )

  for (const [option, value] of Object.entries(everything)) {
    scenario(`R128 3.1.1 cannot say \`${option}\``, { versions: ["3.1.1"] }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent" })
        assert.strictEqual((yield* reasonOf(mqtt.disconnectWith({ [option]: value })))._tag, "InvalidRequest")
        yield* complete(mqtt.publish("t", "still here", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 1)
      }))
  }

  scenario(
    "R131 R134 what DISCONNECT of a client cannot say is refused, and nothing ends",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const impossible = [
          { reasonCode: 0x8b },
          { reasonCode: 0x01 },
          { sessionExpiry: "1 minute" },
          { sessionExpiry: "1.5 seconds" },
          { reasonString: "\ud800" }
        ] as const
        for (const options of impossible) {
          assert.strictEqual((yield* reasonOf(mqtt.disconnectWith(options)))._tag, "InvalidRequest")
        }
        yield* complete(mqtt.publish("t", "still here", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 1)
      })
  )

  scenario(
    "a session that is clean is not kept, with a connection or without",
    { versions: ["5.0"] },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* kit.network.reset
        yield* TestClock.adjust(1)
        const reason = yield* reasonOf(mqtt.disconnectWith({ sessionExpiry: "1 minute" }))
        assert.strictEqual(reason._tag, "InvalidRequest")
        assert.notStrictEqual((yield* stateOf(mqtt))._tag, "Closed")
      })
  )

  scenario("S36 without a connection it closes all the same", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      assert.strictEqual((yield* reasonOf(mqtt.disconnectWith({ reasonCode: 0x8b })))._tag, "InvalidRequest")
      yield* complete(mqtt.disconnectWith(everything))
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
      assert.strictEqual(yield* connections(kit), 1)
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

  closing(
    "while the network connection opens",
    (kit) => Effect.andThen(kit.start(start), TestClock.adjust(connecting / 2))
  )

  closing(
    "while it waits for CONNACK",
    (kit) => Effect.andThen(kit.start(start), TestClock.adjust(connecting + roundTrip / 2))
  )

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

describe("QoS 0 messages while the client itself ends the connection", () => {
  /** How many of these publishes succeeded so far; none of them is one that the broker does not have. */
  const succeeded = Effect.fnUntraced(function*(
    kit: Kit,
    publishing: ReadonlyArray<readonly [text: string, fiber: Fiber.Fiber<unknown, unknown>]>
  ) {
    const texts = publishing.flatMap(([text, fiber]) => fiber.pollUnsafe()?._tag === "Success" ? [text] : [])
    const arrived = yield* accepted(kit)
    assert.deepStrictEqual(texts.filter((text) => !arrived.includes(text)), [])
    return texts.length
  })

  scenario(
    "none succeeds that was published in the turn of disconnect and not written",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const early = yield* begin(mqtt.publish("t", "early"))
        yield* TestClock.adjust(roundTrip)
        const late = yield* begin(mqtt.publish("t", "late"))
        yield* complete(mqtt.disconnect)
        yield* TestClock.adjust(10 * roundTrip)
        const publishing = [["early", early], ["late", late]] as const
        assert.isAtLeast(yield* succeeded(kit, publishing), 1)
        assert.isDefined(late.pollUnsafe())
      })
  )

  scenario(
    "those that wait when an acknowledgement is overdue leave on the next connection",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent", drainTimeout: "5 seconds" })
        yield* kit.broker.holdAcknowledgements()
        const slow = yield* begin(mqtt.publish("slow", "slow", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.stallWrites
        const large = new Uint8Array(100_000)
        const blocking = yield* begin(Effect.forEach([1, 2], () => mqtt.publish("t", large)))
        yield* TestClock.adjust(roundTrip)
        const texts = ["1", "2", "3"]
        const publishing = yield* Effect.forEach(
          texts,
          (text) => Effect.map(begin(mqtt.publish("t", text)), (fiber) => [text, fiber] as const)
        )
        yield* TestClock.adjust(responseTimeout)
        yield* kit.network.resumeWrites
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(10 * reconnected)
        assert.strictEqual(yield* succeeded(kit, publishing), texts.length)
        yield* complete(Fiber.join(slow))
        yield* complete(Fiber.await(blocking))
      })
  )
})

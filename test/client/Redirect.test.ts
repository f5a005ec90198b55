import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ServerChoice } from "../../src/internal/client/connecting/serverChoice.ts"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttConnection from "../../src/MqttConnection.ts"
import * as MqttError from "../../src/MqttError.ts"
import type { MqttEvent } from "../../src/MqttState.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { reasonOf } from "../support/reasons.ts"
import { type Client, clientId, type Kit, scenario, stateOf } from "../support/scenario.ts"
import { begin, complete, connected, failingConnect, reconnected, roundTrip } from "../support/time.ts"
import { only50 } from "../support/versions.ts"

const elsewhere = 0x9c
const moved = 0x9d

/** Where each connection led, the first first. */
const places = ({ network }: Kit) =>
  Effect.map(network.connections, (all) => all.map(({ serverReference }) => serverReference ?? "home"))

/** The next CONNECT is refused, and its sender sent on. */
const refer = ({ broker }: Kit, reasonCode: number, serverReference: string, times = 1) =>
  broker.refuseSession(reasonCode, { times, properties: { serverReference } })

/** The client is sent on from the connection it has. */
const sendAway = ({ broker }: Kit, reasonCode: number, serverReference: string) =>
  broker.disconnectClient(clientId, reasonCode, { serverReference })

const referenceOf = (mqtt: Client) =>
  Effect.map(stateOf(mqtt), (state) => state._tag === "Connected" ? state.serverReference ?? "home" : state._tag)

const follow = { followServerReference: { maximumHops: 3 } } as const

describe("Server Reference", () => {
  for (const reasonCode of [elsewhere, moved]) {
    const name = `0x${reasonCode.toString(16)}`
    scenario(
      `R63 ${name} is not followed unless asked for: CONNACK`,
      { versions: only50 },
      (kit) =>
        Effect.gen(function*() {
          yield* refer(kit, reasonCode, "other.example:1883")
          const reason = yield* reasonOf(kit.connect())
          assert.deepStrictEqual(
            reason,
            new MqttError.ConnectionRefused({ reasonCode, serverReference: "other.example:1883" })
          )
          assert.include(reason.message, "and refers to other.example:1883; set `followServerReference`")
          assert.deepStrictEqual(yield* places(kit), ["home"])
        })
    )

    scenario(
      `R63 R134 ${name} is not followed unless asked for: DISCONNECT`,
      { versions: only50, leavesUnfinished: true },
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          yield* sendAway(kit, reasonCode, "other.example:1883")
          const reason = yield* reasonOf(mqtt.publish("t", "hello", { qos: 1 }))
          assert.deepStrictEqual(
            reason,
            new MqttError.ServerDisconnected({ reasonCode, serverReference: "other.example:1883" })
          )
          assert.include(reason.message, "and refers to other.example:1883; set `followServerReference`")
          assert.deepStrictEqual(yield* places(kit), ["home"])
        })
    )
  }

  scenario(
    "R63 0x9C is followed this once: the connection after leads home",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        yield* refer(kit, elsewhere, "other.example")
        const mqtt = yield* kit.connect(follow)
        assert.strictEqual(yield* referenceOf(mqtt), "other.example")
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        assert.strictEqual(yield* referenceOf(mqtt), "home")
        assert.deepStrictEqual(yield* places(kit), ["home", "other.example", "home"])
      })
  )

  scenario("R63 0x9D is followed from now on", { versions: only50 }, (kit) =>
    Effect.gen(function*() {
      yield* refer(kit, moved, "other.example")
      const mqtt = yield* kit.connect(follow)
      for (let index = 0; index < 2; index++) {
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
      }
      assert.strictEqual(yield* referenceOf(mqtt), "other.example")
      assert.deepStrictEqual(yield* places(kit), ["home", "other.example", "other.example", "other.example"])
    }))

  scenario(
    "R63 R134 a server that sends a connected client away: at once, without a delay",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect(follow)
        const events: Array<MqttEvent> = []
        yield* mqtt.events.pipe(
          Stream.runForEach((event) => Effect.sync(() => events.push(event))),
          Effect.forkScoped({ startImmediately: true })
        )
        yield* sendAway(kit, elsewhere, "other.example")
        yield* TestClock.adjust(roundTrip / 2 + connected)
        assert.strictEqual(yield* referenceOf(mqtt), "other.example")
        assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["ConnectionEnded", "Redirected", "ConnectionAccepted"])
        assert.deepInclude(events[1], { serverReference: "other.example", reasonCode: elsewhere })
      })
  )

  scenario(
    "R63 what was not finished is finished at the other server",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ ...follow, session: "persistent" })
        yield* kit.broker.holdAcknowledgements()
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.releaseAcknowledgements()
        yield* sendAway(kit, moved, "other.example")
        yield* TestClock.adjust(roundTrip + connected + roundTrip)
        assert.isDefined(publishing.pollUnsafe())
      })
  )

  scenario("R63 several references are tried in their order", { versions: only50 }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(follow)
      yield* kit.network.refuseConnect(1)
      yield* sendAway(kit, elsewhere, "  one.example  two.example:1884 three.example ")
      yield* TestClock.adjust(roundTrip / 2 + failingConnect + connected)
      assert.strictEqual(yield* referenceOf(mqtt), "two.example:1884")
      const { attempts } = yield* kit.network.counters
      assert.strictEqual(attempts, 3)
    }))

  scenario("R63 when none of them can be reached, the next attempt is at home and by the schedule", {
    versions: only50
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(follow)
      yield* kit.network.refuseConnect(2)
      yield* sendAway(kit, elsewhere, "one.example two.example")
      yield* TestClock.adjust(roundTrip / 2 + 2 * failingConnect)
      assert.strictEqual(yield* referenceOf(mqtt), "Disconnected")
      yield* TestClock.adjust(reconnected)
      assert.strictEqual(yield* referenceOf(mqtt), "home")
    }))

  scenario("R63 never more than so many hops: a loop ends with the reference that was one too many", {
    versions: only50
  }, (kit) =>
    Effect.gen(function*() {
      yield* refer(kit, elsewhere, "round.example", 100)
      const reason = yield* reasonOf(kit.connect({ followServerReference: { maximumHops: 2 } }))
      assert.deepStrictEqual(
        reason,
        new MqttError.ConnectionRefused({ reasonCode: elsewhere, serverReference: "round.example" })
      )
      assert.deepStrictEqual(yield* places(kit), ["home", "round.example", "round.example"])
    }))

  scenario("R63 a loop of servers that accept first is one too, until one has kept the client for a while", {
    versions: only50
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ followServerReference: { maximumHops: 2 }, stableAfter: "1 second" })
      for (let round = 0; round < 2; round++) {
        for (const place of ["one.example", "two.example"]) {
          yield* sendAway(kit, elsewhere, place)
          yield* TestClock.adjust(roundTrip / 2 + connected)
          assert.strictEqual(yield* referenceOf(mqtt), place)
        }
        if (round === 0) yield* TestClock.adjust("1 second")
      }
      yield* sendAway(kit, elsewhere, "three.example")
      yield* TestClock.adjust(roundTrip / 2)
      const state = yield* stateOf(mqtt)
      assert.strictEqual(state._tag === "Closed" ? state.error?.reason._tag : state._tag, "ServerDisconnected")
      assert.strictEqual((yield* places(kit)).length, 5)
    }))

  scenario("R63 without a reference there is nowhere to go", { versions: only50 }, (kit) =>
    Effect.gen(function*() {
      for (const properties of [{}, { serverReference: " " }]) {
        yield* kit.broker.refuseSession(elsewhere, { properties })
        assert.strictEqual((yield* reasonOf(kit.connect(follow)))._tag, "ConnectionRefused")
      }
      assert.deepStrictEqual(yield* places(kit), ["home", "home"])
    }))

  scenario(
    "R63 another refusal with a reference is only a refusal",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        yield* refer(kit, 0x87, "other.example")
        const reason = yield* reasonOf(kit.connect(follow))
        assert.deepStrictEqual(
          reason,
          new MqttError.ConnectionRefused({ reasonCode: 0x87, serverReference: "other.example" })
        )
        assert.deepStrictEqual(yield* places(kit), ["home"])
      })
  )

  scenario("`maximumHops` is a whole number from 1", { versions: only50 }, (kit) =>
    Effect.gen(function*() {
      for (const maximumHops of [0, -1, 1.5, Number.NaN]) {
        const reason = yield* reasonOf(kit.connect({ followServerReference: { maximumHops } }))
        assert.strictEqual(
          reason._tag === "InvalidOptions" ? reason.option : reason._tag,
          "followServerReference.maximumHops"
        )
      }
    }))

  it.effect("R63 a transport that leads to one server only does not follow", () =>
    Effect.gen(function*() {
      const transport = MqttTransport.of({ endpoint: "mqtt://home", open: Effect.never })
      const error = yield* MqttConnection.make({ serverReference: "other.example" }).pipe(
        Effect.provideService(MqttTransport, transport),
        Effect.flip
      )
      assert.strictEqual(error.reason._tag, "OpenFailed")
      assert.include(error.message, "other.example")
    }).pipe(Effect.scoped))
})

describe("a transport with several servers", () => {
  it.effect("what one of them refuses for good is asked of the next one, and the last one's reason is told", () =>
    Effect.gen(function*() {
      const attempts: Array<number> = []
      const transport = MqttTransport.of({
        endpoint: "mqtt://several",
        endpoints: 3,
        open: Effect.suspend(() => {
          const attempt = attempts.push(attempts.length)
          return Effect.fail(MqttError.fromReason(
            new MqttError.ConnectionRefused({ reasonCode: 0x87, reasonString: `server ${attempt}` })
          ))
        })
      })
      const { reason } = yield* MqttClient.make().pipe(
        Effect.provideService(MqttTransport, transport),
        Effect.flip
      )
      assert.strictEqual(attempts.length, 3)
      assert.strictEqual(reason._tag === "ConnectionRefused" ? reason.reasonString : reason._tag, "server 3")
    }).pipe(Effect.scoped))
})

describe("ServerChoice", () => {
  const refusal = (reasonCode: number, serverReference: string) =>
    new MqttError.ConnectionRefused({ reasonCode, serverReference })
  const lost = new MqttError.ConnectionLost({ cause: "cut" })

  it("R63 a list that a server moved to is gone through in order, over and over", () => {
    const route = new ServerChoice({ maximumHops: 3, servers: 1 })
    assert.isTrue(route.failed(refusal(moved, "a b")))
    assert.strictEqual(route.next, "a")
    assert.isTrue(route.failed(lost))
    assert.strictEqual(route.next, "b")
    // Once round: the schedule has its say.
    assert.isFalse(route.failed(lost))
    assert.strictEqual(route.next, "a")
    assert.isTrue(route.failed(lost))
    route.accepted()
    assert.isFalse(route.failed(lost))
    assert.strictEqual(route.next, "b")
  })

  it("R63 a list without end is not gone through", () => {
    const route = new ServerChoice({ maximumHops: 3, servers: 1 })
    route.failed(refusal(elsewhere, Array.from({ length: 1000 }, (_, index) => `host${index}`).join(" ")))
    let tries = 1
    while (route.failed(lost)) tries++
    assert.strictEqual(tries, 16)
    assert.isUndefined(route.next)
  })

  it("each server of a transport with several is tried before the schedule has its say", () => {
    const route = new ServerChoice({ maximumHops: 0, servers: 3 })
    const answers = Array.from({ length: 6 }, () => route.failed(lost))
    assert.deepStrictEqual(answers, [true, true, false, true, true, false])
    assert.isTrue(route.failed(lost))
    route.accepted()
    // The end of a connection, then three attempts.
    assert.deepStrictEqual(Array.from({ length: 4 }, () => route.failed(lost)), [false, true, true, false])
    assert.isUndefined(route.next)
  })

  it("R63 a detour may lead to another one", () => {
    const route = new ServerChoice({ maximumHops: 3, servers: 1 })
    route.failed(refusal(moved, "new"))
    route.failed(refusal(elsewhere, "a b"))
    route.failed(refusal(elsewhere, "c"))
    assert.strictEqual(route.next, "c")
    route.accepted()
    route.failed(lost)
    assert.strictEqual(route.next, "new")
  })
})

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttConnection from "../../../src/MqttConnection.ts"
import * as MqttError from "../../../src/MqttError.ts"
import { MqttTransport } from "../../../src/MqttTransport.ts"
import { none } from "../../../src/protocol/Properties.ts"
import * as ReasonCode from "../../../src/protocol/ReasonCode.ts"
import { FakeNetwork, ScriptedServer } from "../../../src/testing/index.ts"
import { connectSession as connect, opening, reading } from "../../support/connection.ts"
import { publish, show } from "../../support/packets.ts"
import { leavesNothing } from "../../support/peer.ts"
import { assertReason, reasonAtOnce } from "../../support/reasons.ts"
import { begin, latency, roundTrip, settle } from "../../support/time.ts"
import { versions } from "../../support/versions.ts"

/** A connection in a scope of its own, which the test closes. */
const connectScoped = Effect.fnUntraced(function*(options: MqttConnection.Options) {
  const scope = yield* Scope.make()
  const connected = yield* Scope.provide(connect(options), scope)
  return { ...connected, close: Scope.close(scope, Exit.void) }
})

const openConnections = Effect.gen(function*() {
  const network = yield* FakeNetwork.FakeNetwork
  return (yield* network.counters).open
})

/** Runs it to its end and demands that it takes exactly so long. */
const takes = Effect.fnUntraced(function*<A, E, R>(milliseconds: number, effect: Effect.Effect<A, E, R>) {
  const fiber = yield* begin(effect)
  if (milliseconds > 0) {
    yield* TestClock.adjust(milliseconds - 1)
    assert.isUndefined(fiber.pollUnsafe(), "it ended too early")
    yield* TestClock.adjust(1)
  }
  yield* settle
  assert.isDefined(fiber.pollUnsafe(), "it has not ended")
  return yield* Fiber.join(fiber)
})

const lost = MqttError.fromReason(new MqttError.ConnectionLost({ cause: new Error("the peer closed it") }))

describe("the end of a connection", () => {
  for (const protocolVersion of versions) {
    describe(protocolVersion, () => {
      it.effect("R128 the scope ends: DISCONNECT 0x00, then the network connection is closed, and no time passes", () =>
        leavesNothing(Effect.gen(function*() {
          const { close, connection, peer } = yield* connectScoped({ protocolVersion })
          const read = yield* reading(connection)
          yield* takes(0, close)
          assert.strictEqual(yield* openConnections, 0)
          assert.strictEqual((yield* read.reason)._tag, "Closed")
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))

      it.effect("R128 abort ends it at once and without DISCONNECT, so that the Will goes out", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* takes(0, connection.abort)
          assert.strictEqual(yield* openConnections, 0)
          assert.strictEqual((yield* read.reason)._tag, "Closed")
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "reset" })
        })))

      it.effect("S18 the peer closes while a read waits: ConnectionLost, after what came before", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* peer.send({ _tag: "Publish", topic: "a", payload: new Uint8Array() })
          yield* peer.close
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(read.packets), ["Publish a"])
          assertReason(yield* read.reason, "ConnectionLost")
          for (const effect of [connection.pull, connection.send(publish("a")), connection.ping, connection.ended]) {
            assert.strictEqual((yield* reasonAtOnce<unknown>(effect))._tag, "ConnectionLost")
          }
        })))

      it.effect("S18 a reset while a read waits, and while nobody reads", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* network.reset
          assertReason(yield* read.reason, "ConnectionLost")
          const other = yield* connect({ protocolVersion })
          yield* network.reset
          assertReason(yield* reasonAtOnce(other.connection.pull), "ConnectionLost")
        })))

      it.effect("a write that fails ends it for the reader too", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* network.closed
          assertReason(yield* reasonAtOnce(connection.send(publish("a"))), "ConnectionLost")
          yield* settle
          assert.isTrue(read.isEnded())
          assert.strictEqual(yield* openConnections, 0)
        })))

      it.effect("S19 S36 after a local close every call fails at once with Closed", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection, peer } = yield* connect({ protocolVersion })
          yield* connection.disconnect()
          for (
            const effect of [
              connection.send(publish("a")),
              connection.send({ _tag: "Pingreq" }),
              connection.pull,
              connection.ping,
              connection.ended
            ]
          ) {
            assert.strictEqual((yield* reasonAtOnce<unknown>(effect))._tag, "Closed")
          }
          const [{ writes }] = yield* network.connections
          assert.isUndefined(connection.enqueue(publish("b")))
          connection.wake()
          yield* connection.abort
          yield* connection.disconnect()
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* network.connections)[0].writes, writes)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
        })))

      it.effect("R127 nothing follows DISCONNECT, and all of the turn before it leaves first", () =>
        leavesNothing(Effect.gen(function*() {
          let fill = () => {}
          const { connection, peer } = yield* connect({ protocolVersion, fill: () => fill() })
          fill = () => void connection.enqueue(publish("filled"))
          const sending = yield* Effect.forkChild(Effect.exit(connection.send(publish("before"))), {
            startImmediately: true
          })
          const ending = yield* begin(connection.disconnect())
          fill = () => void connection.enqueue(publish("late"))
          connection.enqueue(publish("late"))
          assertReason(yield* reasonAtOnce(connection.send(publish("late"))), "Closed")
          yield* Fiber.join(ending)
          yield* Fiber.join(sending)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Publish before", "Disconnect 0x00"])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))

      it.effect("R127 the same when whoever disconnects is interrupted at that moment", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const ending = yield* begin(connection.disconnect())
          yield* Fiber.interrupt(ending)
          assert.strictEqual(yield* openConnections, 0)
          assertReason(yield* reasonAtOnce(connection.send(publish("late"))), "Closed")
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))

      it.effect("R127 the same when the scope ends while DISCONNECT waits for the network", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection, peer } = yield* connectScoped({ protocolVersion })
          yield* network.stallWrites
          const ending = yield* begin(connection.disconnect())
          yield* settle
          const closing = yield* begin(close)
          yield* TestClock.adjust(500)
          assert.isUndefined(closing.pollUnsafe())
          yield* network.resumeWrites
          yield* Fiber.join(ending)
          yield* Fiber.join(closing)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
        })))

      it.effect("S39 a write that never finishes: disconnect finishes when the drain timeout is over", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection, peer } = yield* connect({ protocolVersion })
          yield* network.stallWrites
          const sending = yield* Effect.forkChild(Effect.flip(connection.send(publish("stuck"))), {
            startImmediately: true
          })
          yield* settle
          assert.isAbove(connection.unsent, 0)
          yield* takes(1000, connection.disconnect())
          assert.strictEqual((yield* Fiber.join(sending)).reason._tag, "Closed")
          assert.strictEqual(yield* openConnections, 0)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
        })))

      it.effect("S39 the same when the scope ends, with a drain timeout of one's own", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* connectScoped({ protocolVersion, drainTimeout: 250 })
          yield* network.stallWrites
          connection.enqueue(publish("stuck"))
          yield* settle
          yield* takes(250, close)
          assert.strictEqual(yield* openConnections, 0)
        })))

      it.effect("S39 a connection that has ended already is not drained", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* connectScoped({ protocolVersion, keepAlive: "4 seconds" })
          const read = yield* reading(connection)
          yield* network.stallWrites
          connection.enqueue(publish("stuck"))
          yield* TestClock.adjust("4 seconds")
          assert.strictEqual((yield* read.reason)._tag, "KeepAliveTimeout")
          yield* takes(0, close)
        })))

      it.effect("a reason of the caller's is what everything pending fails with", () =>
        leavesNothing(Effect.gen(function*() {
          const { connection, peer } = yield* connect({ protocolVersion })
          const read = yield* reading(connection)
          yield* connection.fail(MqttError.fromReason(new MqttError.ResponseTimeout({ timeout: 1 })))
          assert.strictEqual((yield* read.reason)._tag, "ResponseTimeout")
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
        })))

      it.effect("no byte of one connection reaches the next", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const first = yield* connect({ protocolVersion, clientId: "first" })
          yield* network.stallWrites
          for (let count = 0; count < 10; count++) first.connection.enqueue(publish("of the first"))
          yield* settle
          for (let count = 0; count < 10; count++) first.connection.enqueue(publish("of the first"))
          yield* network.reset
          yield* settle
          const second = yield* connect({ protocolVersion, clientId: "second" })
          first.connection.enqueue(publish("of the first"))
          first.connection.wake()
          yield* second.connection.send(publish("of the second"))
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(show(yield* second.peer.received), ["Connect", "Publish of the second"])
        })))

      for (const stage of ["the network", "CONNACK"] as const) {
        it.effect(`S40 the connect timeout while ${stage} is waited for, at the exact instant`, () =>
          leavesNothing(Effect.gen(function*() {
            const network = yield* FakeNetwork.FakeNetwork
            if (stage === "the network") yield* network.hangConnect()
            const error = yield* takes(10_000, Effect.flip(MqttConnection.make({ protocolVersion })))
            const { timeout, waitingFor } = assertReason(error.reason, "ConnectTimeout")
            assert.deepStrictEqual([timeout, waitingFor], [10_000, stage === "the network" ? "network" : "CONNACK"])
            assert.strictEqual(yield* openConnections, 0)
          })))
      }

      it.effect("S40 a connect timeout of one's own; a CONNACK that comes later reaches nobody", () =>
        leavesNothing(Effect.gen(function*() {
          const server = yield* ScriptedServer.ScriptedServer
          const error = yield* takes(500, Effect.flip(MqttConnection.make({ protocolVersion, connectTimeout: 500 })))
          assert.strictEqual(assertReason(error.reason, "ConnectTimeout").timeout, 500)
          const peer = yield* server.accept
          yield* peer.handshake()
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))

      it.effect("S60 interrupted while the network is opened", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const fiber = yield* begin(MqttConnection.make({ protocolVersion }))
          yield* TestClock.adjust(50)
          yield* takes(0, Fiber.interrupt(fiber))
          assert.strictEqual(yield* network.pending, 0)
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* network.counters).opened, 0)
        })))

      it.effect("S60 R128 interrupted while CONNACK is waited for: the server is told, so that it drops the Will", () =>
        leavesNothing(Effect.gen(function*() {
          const { fiber, peer } = yield* opening({ protocolVersion })
          yield* peer.handshake()
          yield* takes(0, Fiber.interrupt(fiber))
          assert.strictEqual(yield* openConnections, 0)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
          assert.deepStrictEqual(yield* peer.ended, { by: "client", how: "close" })
        })))

      it.effect("S60 interrupted while CONNECT waits for the network: the drain timeout bounds it", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.inject({ _tag: "StallWrites" }, "next")
          const { fiber, peer } = yield* opening({ protocolVersion })
          yield* takes(1000, Fiber.interrupt(fiber))
          assert.strictEqual(yield* openConnections, 0)
          yield* TestClock.adjust(roundTrip)
          assert.deepStrictEqual(show(yield* peer.received), [])
        })))

      it.effect("S60 the scope ends while the network is opened, and while CONNACK is waited for", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          for (const elapsed of [50, 110]) {
            const scope = yield* Scope.make()
            yield* Effect.forkIn(Scope.provide(MqttConnection.make({ protocolVersion }), scope), scope, {
              startImmediately: true
            })
            yield* TestClock.adjust(elapsed)
            yield* takes(0, Scope.close(scope, Exit.void))
            assert.strictEqual(yield* openConnections, 0)
          }
          assert.strictEqual((yield* network.counters).attempts, 2)
        })))

      it.effect("a CONNECT that cannot be said opens nothing", () =>
        leavesNothing(Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { reason } = yield* Effect.flip(MqttConnection.make({ protocolVersion, clientId: "a\u0000b" }))
          assert.strictEqual(assertReason(reason, "InvalidRequest").field, "clientId")
          assert.strictEqual((yield* network.counters).attempts, 0)
        })))
    })
  }

  /** A network connection that accepts, ends, and writes down how it is given back. */
  const recorded = () => {
    const events: Array<string> = []
    const answers = [Effect.succeed([Uint8Array.of(0x20, 2, 0, 0)] as const), Effect.fail(lost)]
    const transport = MqttTransport.of({
      endpoint: "mqtt://broker.test",
      open: Effect.acquireRelease(
        Effect.succeed({
          pull: Effect.suspend(() => answers.shift() ?? Effect.never),
          write: () => Effect.void,
          abort: Effect.sync(() => void events.push("aborted"))
        }),
        () => Effect.sync(() => void events.push("closed"))
      )
    })
    return {
      events,
      open: Effect.provideService(MqttConnection.make({ protocolVersion: "3.1.1" }), MqttTransport, transport)
    }
  }

  it.effect("S39 what the peer has ended is not flushed: the network is told to drop what is unsent", () =>
    Effect.gen(function*() {
      const { events, open } = recorded()
      yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open
        assert.strictEqual(yield* Effect.flip(connection.pull), lost)
        assert.deepStrictEqual(events, [])
      }))
      assert.deepStrictEqual(events, ["aborted", "closed"])
    }))

  it.effect("abort and disconnect give the network connection back before the scope ends", () =>
    Effect.gen(function*() {
      for (const end of ["abort", "disconnect"] as const) {
        const { events, open } = recorded()
        const connection = yield* open
        yield* end === "abort" ? connection.abort : connection.disconnect()
        assert.deepStrictEqual(events, end === "abort" ? ["aborted", "closed"] : ["closed"])
      }
    }).pipe(Effect.scoped))

  const sendable = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]

  it.effect("R128 R129 the reasons we may give are given", () =>
    leavesNothing(Effect.gen(function*() {
      for (const reasonCode of sendable) {
        const { connection, peer } = yield* connect()
        yield* connection.disconnect({ reasonCode })
        yield* TestClock.adjust(latency)
        assert.strictEqual(assertReason(yield* reasonAtOnce(connection.pull), "Closed")._tag, "Closed")
        const [, disconnect] = yield* peer.received
        assert.deepStrictEqual(disconnect, { _tag: "Disconnect", reasonCode, properties: none })
      }
    })))

  it.effect("R129 any other reason is refused and ends nothing", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect()
      for (let reasonCode = 0; reasonCode < 256; reasonCode++) {
        if (sendable.includes(reasonCode)) continue
        const { reason } = yield* Effect.flip(connection.disconnect({ reasonCode }))
        assert.strictEqual(assertReason(reason, "InvalidRequest").field, "reasonCode")
      }
      yield* connection.send(publish("still there"))
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Publish still there"])
    })))

  it.effect("R129 3.1.1 has no reasons: they are refused, abort is for the Will", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ protocolVersion: "3.1.1" })
      assertReason((yield* Effect.flip(connection.disconnect({ reasonCode: 0x04 }))).reason, "InvalidRequest")
      const properties = { reasonString: "bye" }
      assertReason((yield* Effect.flip(connection.disconnect({ properties }))).reason, "InvalidRequest")
      yield* connection.disconnect()
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
    })))

  it.effect("R131 no Session Expiry Interval in DISCONNECT when CONNECT set none", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect()
      const properties = { sessionExpiryInterval: 60 }
      const { reason } = yield* Effect.flip(connection.disconnect({ properties }))
      assert.strictEqual(assertReason(reason, "InvalidRequest").field, "properties.sessionExpiryInterval")
      yield* connection.disconnect({ properties: { sessionExpiryInterval: 0 } })
      yield* TestClock.adjust(roundTrip)
      assert.deepStrictEqual(show(yield* peer.received), ["Connect", "Disconnect 0x00"])
    })))

  it.effect("R131 a Session Expiry Interval in DISCONNECT when CONNECT set one", () =>
    leavesNothing(Effect.gen(function*() {
      const { connection, peer } = yield* connect({ properties: { sessionExpiryInterval: 10 } })
      yield* connection.disconnect({ properties: { sessionExpiryInterval: 60 } })
      yield* TestClock.adjust(roundTrip)
      const [, disconnect] = yield* peer.received
      assert.deepStrictEqual(disconnect, {
        _tag: "Disconnect",
        reasonCode: 0,
        properties: { sessionExpiryInterval: 60 }
      })
    })))

  const retryable = [0x00, 0x80, 0x83, 0x89, 0x8b, 0x8d, 0x93, 0x94, 0x96, 0x97, 0x98, 0x9f, 0xa0]
  const fromServer = Array.from({ length: 256 }, (_, code) => code).filter(ReasonCode.isAllowedInDisconnectFromServer)

  for (const reasonCode of fromServer) {
    const name = ReasonCode.nameOf(reasonCode, "Disconnect")
    it.effect(`R134 DISCONNECT of the server: 0x${reasonCode.toString(16).padStart(2, "0")} ${name}`, () =>
      leavesNothing(Effect.gen(function*() {
        const { connection, peer } = yield* connect({ clientId: "mine" })
        const read = yield* reading(connection)
        yield* peer.send(
          { _tag: "Publish", topic: "before", payload: new Uint8Array() },
          { _tag: "Disconnect", reasonCode, properties: { reasonString: "because", serverReference: "other:1883" } },
          { _tag: "Publish", topic: "after", payload: new Uint8Array() }
        )
        yield* TestClock.adjust(latency)
        assert.deepStrictEqual(show(read.packets), ["Publish before"])
        const reason = yield* read.reason
        if (reasonCode === 0x8e) assert.strictEqual(assertReason(reason, "SessionTakenOver").clientId, "mine")
        else {
          const said = assertReason(reason, "ServerDisconnected")
          assert.deepStrictEqual(
            [said.reasonCode, said.reasonString, said.serverReference],
            [reasonCode, "because", "other:1883"]
          )
          assert.include(reason.message, "because")
        }
        assert.strictEqual(reason.isRetryable, retryable.includes(reasonCode))
        assert.strictEqual(yield* openConnections, 0)
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(show(yield* peer.received), ["Connect"])
      })))
  }

  it("R134 every code of the table is among them", () => assert.strictEqual(fromServer.length, 29))

  it.effect("R134 DISCONNECT of the server without a reason, and a session taken over under an assigned identifier", () =>
    leavesNothing(Effect.gen(function*() {
      const first = yield* connect()
      yield* first.peer.sendBytes([0xe0, 0x00])
      yield* TestClock.adjust(latency)
      assert.strictEqual(assertReason(yield* reasonAtOnce(first.connection.pull), "ServerDisconnected").reasonCode, 0)
      const second = yield* connect({}, { properties: { assignedClientIdentifier: "assigned" } })
      yield* second.peer.send({ _tag: "Disconnect", reasonCode: 0x8e })
      yield* TestClock.adjust(latency)
      assert.strictEqual(
        assertReason(yield* reasonAtOnce(second.connection.pull), "SessionTakenOver").clientId,
        "assigned"
      )
    })))
})

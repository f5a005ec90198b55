import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { HostNotFound, type MqttError } from "../../src/MqttError.ts"
import { MqttTransport, type NetworkConnection } from "../../src/MqttTransport.ts"
import { FakeNetwork } from "../../src/testing/index.ts"
import { begin, connecting, latency } from "../support/time.ts"

const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

/** A peer that keeps what it reads, and when; the test writes through `peers`. */
const recorder = () => {
  const peers: Array<FakeNetwork.Peer> = []
  const read: Array<{ readonly at: number; readonly chunks: ReadonlyArray<ReadonlyArray<number>> }> = []
  const endings: Array<FakeNetwork.Ending> = []
  const accept: FakeNetwork.Accept = Effect.fnUntraced(function*(peer) {
    peers.push(peer)
    yield* peer.pull.pipe(
      Effect.tap((chunks) =>
        Effect.map(Clock.currentTimeMillis, (at) => read.push({ at, chunks: chunks.map((chunk) => [...chunk]) }))
      ),
      Effect.forever,
      Effect.catch((ending) => Effect.sync(() => endings.push(ending)))
    )
  })
  return { accept, peers, read, endings }
}

/** Opens in a scope of its own that the test closes. */
const openConnection = Effect.gen(function*() {
  const transport = yield* MqttTransport
  const scope = yield* Scope.make()
  const opening = yield* begin(Scope.provide(transport.open, scope))
  yield* TestClock.adjust(connecting)
  const connection = yield* Fiber.join(opening)
  return { connection, close: Scope.close(scope, Exit.void) }
})

/** Everything the client reads, and when, until it fails. */
const record = Effect.fnUntraced(function*(connection: NetworkConnection) {
  const read: Array<{ readonly at: number; readonly chunks: ReadonlyArray<ReadonlyArray<number>> }> = []
  const fiber = yield* connection.pull.pipe(
    Effect.tap((chunks) =>
      Effect.map(Clock.currentTimeMillis, (at) => read.push({ at, chunks: chunks.map((chunk) => [...chunk]) }))
    ),
    Effect.forever,
    Effect.flip,
    begin
  )
  return { read, ended: Effect.sync(() => fiber.pollUnsafe()), error: Fiber.join(fiber) }
})

const tagOf = (error: MqttError): string => error.reason._tag

describe("FakeNetwork", () => {
  const run = <A, E>(
    scenario: (
      recorded: ReturnType<typeof recorder>
    ) => Effect.Effect<A, E, MqttTransport | FakeNetwork.FakeNetwork | Scope.Scope>,
    options?: FakeNetwork.Options
  ) =>
    Effect.suspend(() => {
      const recorded = recorder()
      return Effect.scoped(scenario(recorded)).pipe(Effect.provide(FakeNetwork.layer(recorded.accept, options)))
    })

  describe("time", () => {
    it.effect("opening takes the connect delay, and no less", () =>
      run(() =>
        Effect.gen(function*() {
          const transport = yield* MqttTransport
          const network = yield* FakeNetwork.FakeNetwork
          const opening = yield* Effect.forkChild(transport.open)
          yield* TestClock.adjust(79)
          assert.strictEqual((yield* network.counters).opened, 0)
          yield* TestClock.adjust(1)
          yield* Fiber.join(opening)
          assert.deepStrictEqual(yield* network.counters, { opened: 1, closed: 0, open: 1, attempts: 1 })
        })
      ))

    it.effect("bytes arrive after the latency, in order, chunks as they were written", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          yield* connection.write([bytes(1, 2), bytes(3)])
          yield* TestClock.adjust(5)
          yield* connection.write([bytes(4)])
          yield* TestClock.adjust(14)
          assert.deepStrictEqual(read, [])
          yield* TestClock.adjust(100)
          assert.deepStrictEqual(read, [{ at: 100, chunks: [[1, 2], [3]] }, { at: 105, chunks: [[4]] }])
        })
      ))

    it.effect("an answer comes one round trip later", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          const { read } = yield* record(connection)
          yield* peers[0].write([bytes(9)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read, [{ at: 100, chunks: [[9]] }])
        })
      ))

    it.effect("a latency that becomes shorter lets nothing overtake", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          yield* network.delay(1000)
          yield* connection.write([bytes(1)])
          yield* network.delay(0)
          yield* connection.write([bytes(2)])
          yield* TestClock.adjust(999)
          assert.deepStrictEqual(read, [])
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(read, [{ at: 1080, chunks: [[1], [2]] }])
        })
      ))

    it.effect("no latency at all needs no time to pass", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          yield* connection.write([bytes(1)])
          yield* Effect.yieldNow
          yield* Effect.yieldNow
          assert.deepStrictEqual(read, [{ at: 80, chunks: [[1]] }])
        }), { latency: 0 }))

    it.effect("fractions of a millisecond pass too", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          for (let byte = 0; byte < 10; byte++) {
            yield* connection.write([bytes(byte)])
            yield* TestClock.adjust("100 micros")
          }
          yield* TestClock.adjust("10 millis")
          assert.strictEqual(read.length, 10)
        }), { latency: "300 micros" }))
  })

  describe("ending", () => {
    it.effect("closing the scope needs no time; what was written still arrives, then the end", () =>
      run(({ endings, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          yield* connection.write([bytes(1)])
          yield* close
          assert.deepStrictEqual(yield* network.counters, { opened: 1, closed: 1, open: 0, attempts: 1 })
          assert.deepStrictEqual(read, [])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read, [{ at: 100, chunks: [[1]] }])
          assert.deepStrictEqual(endings, [{ by: "client", how: "close" }])
        })
      ))

    it.effect("after the scope closed reading and writing fail with ConnectionLost", () =>
      run(() =>
        Effect.gen(function*() {
          const { close, connection } = yield* openConnection
          yield* close
          assert.strictEqual(tagOf(yield* Effect.flip(connection.write([bytes(1)]))), "ConnectionLost")
          assert.strictEqual(tagOf(yield* Effect.flip(connection.pull)), "ConnectionLost")
        })
      ))

    it.effect("a read that waits is woken when the scope closes", () =>
      run(() =>
        Effect.gen(function*() {
          const { close, connection } = yield* openConnection
          const { ended, error } = yield* record(connection)
          assert.isUndefined(yield* ended)
          yield* close
          assert.strictEqual(tagOf(yield* error), "ConnectionLost")
        })
      ))

    it.effect("abort ends it at once and drops what is unsent", () =>
      run(({ endings, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          const { error } = yield* record(connection)
          yield* network.stallWrites
          yield* begin(connection.write([bytes(1)]))
          yield* connection.abort
          assert.strictEqual(tagOf(yield* error), "ConnectionLost")
          assert.strictEqual((yield* network.counters).open, 0)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read, [])
          assert.deepStrictEqual(endings, [{ by: "client", how: "reset" }])
        })
      ))

    it.effect("the peer closes: the client reads what came before, then ConnectionLost", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          const { ended, error, read } = yield* record(connection)
          yield* peers[0].write([bytes(7)])
          yield* peers[0].close
          yield* TestClock.adjust(19)
          assert.isUndefined(yield* ended)
          yield* TestClock.adjust(1)
          assert.deepStrictEqual(read, [{ at: 100, chunks: [[7]] }])
          assert.strictEqual(tagOf(yield* error), "ConnectionLost")
          assert.strictEqual(tagOf(yield* Effect.flip(connection.write([bytes(1)]))), "ConnectionLost")
        })
      ))

    it.effect("a connection whose serving ends is closed", () =>
      Effect.gen(function*() {
        const { connection } = yield* openConnection
        const { error } = yield* record(connection)
        yield* TestClock.adjust(latency)
        assert.strictEqual(tagOf(yield* error), "ConnectionLost")
      }).pipe(Effect.scoped, Effect.provide(FakeNetwork.layer(() => Effect.void))))
  })

  describe("faults", () => {
    it.effect("a peer that ends frees a connection whose scope closed over stalled writes", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          yield* network.stallWrites
          yield* begin(connection.write([bytes(1)]))
          yield* close
          assert.strictEqual((yield* network.counters).open, 1)
          yield* peers[0].close
          assert.strictEqual((yield* network.counters).open, 0)
        })
      ))

    it.effect("a write that is stalled fails when writes begin to fail", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          yield* network.stallWrites
          const writing = yield* begin(Effect.flip(connection.write([bytes(1)])))
          yield* network.closed
          assert.strictEqual(tagOf(yield* Fiber.join(writing)), "ConnectionLost")
        })
      ))

    it.effect("cutAfter comes with the last byte, not with the one after it", () =>
      run(({ endings, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.cutAfter({ bytes: 3, direction: "fromClient", how: "close" })
          const { connection } = yield* openConnection
          yield* connection.write([bytes(1, 2, 3)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read.map(({ chunks }) => chunks), [[[1, 2, 3]]])
          assert.deepStrictEqual(endings, [{ by: "network", how: "close" }])
        })
      ))

    it.effect("what is lost does not hold up writes any more", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          const writing = yield* begin(connection.write([bytes(1, 2, 3)]))
          assert.isUndefined(writing.pollUnsafe())
          yield* network.drop
          yield* Fiber.join(writing)
        }), { highWaterMark: 2 }))

    it.effect("close: the peer ends it in order, the client sees it one latency later", () =>
      run(({ endings }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          const { ended, error } = yield* record(connection)
          yield* network.close
          yield* TestClock.adjust(19)
          assert.deepStrictEqual(endings, [{ by: "network", how: "close" }])
          assert.isUndefined(yield* ended)
          yield* TestClock.adjust(1)
          assert.strictEqual(tagOf(yield* error), "ConnectionLost")
        })
      ))

    it.effect("reset: both sides fail at once and what is under way is lost", () =>
      run(({ endings, peers, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          const recorded = yield* record(connection)
          yield* connection.write([bytes(1)])
          yield* peers[0].write([bytes(2)])
          yield* network.reset
          assert.strictEqual(tagOf(yield* recorded.error), "ConnectionLost")
          assert.strictEqual(tagOf(yield* Effect.flip(connection.write([bytes(1)]))), "ConnectionLost")
          yield* TestClock.adjust(100)
          assert.deepStrictEqual(recorded.read, [])
          assert.deepStrictEqual(read, [])
          assert.deepStrictEqual(endings, [{ by: "network", how: "reset" }])
        })
      ))

    it.effect("closed: writes fail, a read goes on waiting", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          const { ended } = yield* record(connection)
          yield* network.closed
          yield* peers[0].write([bytes(1)])
          assert.strictEqual(tagOf(yield* Effect.flip(connection.write([bytes(1)]))), "ConnectionLost")
          yield* TestClock.adjust(10_000)
          assert.isUndefined(yield* ended)
        })
      ))

    it.effect("drop: everything is swallowed both ways and the connection looks open", () =>
      run(({ endings, peers, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          const recorded = yield* record(connection)
          yield* connection.write([bytes(1)])
          yield* peers[0].write([bytes(2)])
          yield* network.drop
          yield* connection.write([bytes(3)])
          yield* peers[0].write([bytes(4)])
          yield* TestClock.adjust(10_000)
          assert.deepStrictEqual(read, [])
          assert.deepStrictEqual(recorded.read, [])
          assert.isUndefined(yield* recorded.ended)
          yield* close
          yield* TestClock.adjust(10_000)
          assert.deepStrictEqual(endings, [])
          assert.strictEqual(yield* network.pending, 0)
        })
      ))

    it.effect("refuseConnect: so many attempts fail with PortRefused after the failing delay", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const transport = yield* MqttTransport
          yield* network.refuseConnect(2)
          for (const _ of [1, 2]) {
            const opening = yield* begin(Effect.flip(transport.open))
            yield* TestClock.adjust(159)
            assert.isUndefined(opening.pollUnsafe())
            yield* TestClock.adjust(1)
            assert.strictEqual(tagOf(yield* Fiber.join(opening)), "PortRefused")
          }
          yield* openConnection
          assert.deepStrictEqual(yield* network.counters, { opened: 1, closed: 0, open: 1, attempts: 3 })
        })
      ))

    it.effect("hangConnect: the attempt neither succeeds nor fails, and can be interrupted", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const transport = yield* MqttTransport
          yield* network.hangConnect()
          const opening = yield* begin(transport.open)
          yield* TestClock.adjust("1 hour")
          assert.isUndefined(opening.pollUnsafe())
          yield* Fiber.interrupt(opening)
          yield* openConnection
        })
      ))

    it.effect("failConnect: so many attempts fail with the reason that is given", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const transport = yield* MqttTransport
          yield* network.failConnect(2, new HostNotFound({ host: "broker.test" }))
          for (const _ of [1, 2]) {
            const opening = yield* begin(Effect.flip(transport.open))
            yield* TestClock.adjust(160)
            assert.strictEqual(tagOf(yield* Fiber.join(opening)), "HostNotFound")
          }
          yield* openConnection
        })
      ))

    it.effect("allowConnect: refusals and hangs that are left are forgotten", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.refuseConnect(5)
          yield* network.hangConnect(5)
          yield* network.allowConnect
          yield* openConnection
          assert.strictEqual((yield* network.counters).attempts, 1)
        })
      ))

    it.effect("an interrupted opening leaves nothing that is going to happen", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const transport = yield* MqttTransport
          const opening = yield* begin(transport.open)
          assert.strictEqual(yield* network.pending, 1)
          yield* Fiber.interrupt(opening)
          assert.strictEqual(yield* network.pending, 0)
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(peers.length, 0)
        })
      ))

    for (const how of ["close", "reset", "silence"] as const) {
      it.effect(`cutAfter: ${how} after exactly so many bytes from the client`, () =>
        run(({ endings, read }) =>
          Effect.gen(function*() {
            const network = yield* FakeNetwork.FakeNetwork
            yield* network.cutAfter({ bytes: 4, direction: "fromClient", how })
            const { connection } = yield* openConnection
            const recorded = yield* record(connection)
            yield* connection.write([bytes(1, 2, 3)])
            yield* connection.write([bytes(4, 5, 6)])
            yield* TestClock.adjust(latency)
            assert.deepStrictEqual(read, [{ at: 100, chunks: [[1, 2, 3], [4]] }])
            assert.deepStrictEqual(endings, how === "silence" ? [] : [{ by: "network", how }])
            if (how === "reset") assert.isDefined(yield* recorded.ended)
            else assert.isUndefined(yield* recorded.ended)
            yield* TestClock.adjust(latency)
            if (how === "silence") assert.isUndefined(yield* recorded.ended)
            else assert.strictEqual(tagOf(yield* recorded.error), "ConnectionLost")
          })
        ))

      it.effect(`cutAfter: ${how} after exactly so many bytes to the client`, () =>
        run(({ endings, peers }) =>
          Effect.gen(function*() {
            const network = yield* FakeNetwork.FakeNetwork
            yield* network.cutAfter({ bytes: 2, direction: "toClient", how })
            const { connection } = yield* openConnection
            const recorded = yield* record(connection)
            yield* peers[0].write([bytes(1, 2, 3)])
            yield* TestClock.adjust(latency)
            assert.deepStrictEqual(recorded.read, [{ at: 100, chunks: [[1, 2]] }])
            if (how === "silence") assert.isUndefined(yield* recorded.ended)
            else assert.strictEqual(tagOf(yield* recorded.error), "ConnectionLost")
            assert.deepStrictEqual(endings, how === "reset" ? [{ by: "network", how }] : [])
            yield* TestClock.adjust(latency)
            assert.deepStrictEqual(endings, how === "silence" ? [] : [{ by: "network", how }])
          })
        ))
    }

    it.effect("cutAfter counts each connection from its own first byte, and without a target meets only the next", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.cutAfter({ bytes: 1, direction: "fromClient", how: "close" })
          const first = yield* openConnection
          const second = yield* openConnection
          yield* first.connection.write([bytes(1, 1)])
          yield* second.connection.write([bytes(2, 2)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read.flatMap(({ chunks }) => chunks), [[1], [2, 2]])
        })
      ))

    it.effect("split: pieces of so many bytes, one a read, in both directions", () =>
      run(({ peers, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.split(2)
          const { connection } = yield* openConnection
          const recorded = yield* record(connection)
          yield* connection.write([bytes(1, 2, 3)])
          yield* peers[0].write([bytes(4, 5, 6, 7)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read.map(({ chunks }) => chunks), [[[1, 2]], [[3]]])
          assert.deepStrictEqual(recorded.read.map(({ chunks }) => chunks), [[[4, 5]], [[6, 7]]])
        })
      ))

    it.effect("merge: what has arrived is one chunk", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.merge()
          const { connection } = yield* openConnection
          yield* peers[0].write([bytes(1), bytes(2)])
          yield* peers[0].write([bytes(3)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(yield* connection.pull, [bytes(1, 2, 3)])
        })
      ))

    it.effect("stallWrites: writes do not complete and their bytes do not move until resumed", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          yield* network.stallWrites
          const writing = yield* begin(connection.write([bytes(1)]))
          yield* TestClock.adjust("1 hour")
          assert.isUndefined(writing.pollUnsafe())
          assert.deepStrictEqual(read, [])
          yield* network.resumeWrites
          yield* Fiber.join(writing)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read.map(({ chunks }) => chunks), [[[1]]])
        })
      ))

    it.effect("a scope that closes over stalled writes is not held up; the connection stays open until they go", () =>
      run(({ endings, read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          yield* network.stallWrites
          const writing = yield* begin(Effect.flip(connection.write([bytes(1)])))
          yield* close
          assert.strictEqual(tagOf(yield* Fiber.join(writing)), "ConnectionLost")
          assert.strictEqual((yield* network.counters).open, 1)
          yield* network.resumeWrites
          assert.strictEqual((yield* network.counters).open, 0)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read.map(({ chunks }) => chunks), [[[1]]])
          assert.deepStrictEqual(endings, [{ by: "client", how: "close" }])
        })
      ))

    it.effect("abort frees a connection whose scope closed over stalled writes", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          yield* network.stallWrites
          yield* begin(connection.write([bytes(1)]))
          yield* close
          yield* connection.abort
          assert.strictEqual((yield* network.counters).open, 0)
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(read, [])
        })
      ))

    it.effect("above the high-water mark a write waits until the other side has read", () =>
      run(({ read }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          yield* connection.write([bytes(1, 2)])
          const writing = yield* begin(connection.write([bytes(3)]))
          yield* TestClock.adjust(19)
          assert.isUndefined(writing.pollUnsafe())
          yield* TestClock.adjust(1)
          yield* Fiber.join(writing)
          assert.deepStrictEqual(read.map(({ chunks }) => chunks), [[[1, 2], [3]]])
        }), { highWaterMark: 2 }))

    it.effect("above the high-water mark a client that does not read holds up the peer", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const { connection } = yield* openConnection
          const writing = yield* begin(peers[0].write([bytes(1, 2, 3)]))
          yield* TestClock.adjust("1 hour")
          assert.isUndefined(writing.pollUnsafe())
          yield* connection.pull
          yield* Fiber.join(writing)
        }), { highWaterMark: 2 }))
  })

  describe("asking", () => {
    it.effect("a call of write is one write; bytes are counted by direction", () =>
      run(({ peers }) =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { connection } = yield* openConnection
          yield* connection.write([bytes(1, 2), bytes(3)])
          yield* connection.write([bytes(4)])
          yield* peers[0].write([bytes(5, 6)])
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual(yield* network.connections, [{
            number: 1,
            isOpen: true,
            writes: 2,
            bytesWritten: 4,
            bytesFromClient: 4,
            bytesToClient: 2
          }])
        })
      ))

    it.effect("the log tells what happened and when", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          yield* network.refuseConnect(1)
          const transport = yield* MqttTransport
          const refused = yield* begin(Effect.flip(transport.open))
          yield* TestClock.adjust(160)
          yield* Fiber.join(refused)
          const { close, connection } = yield* openConnection
          yield* connection.write([bytes(1)])
          yield* close
          yield* TestClock.adjust(latency)
          assert.deepStrictEqual((yield* network.log).map(({ at, event }) => `${at} ${event}`), [
            "160 opening failed: PortRefused",
            "240 opened",
            "240 client wrote",
            "240 closed",
            "260 client close reached peer"
          ])
        })
      ))

    it.effect("awaitOpened waits for the connection with that number", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const waiting = yield* begin(network.awaitOpened(2))
          yield* openConnection
          assert.isUndefined(waiting.pollUnsafe())
          yield* openConnection
          yield* Fiber.join(waiting)
        })
      ))
  })

  describe("leftovers", () => {
    it.effect("a closed connection leaves nothing that is going to happen once the end has arrived", () =>
      run(() =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const { close, connection } = yield* openConnection
          yield* connection.write([bytes(1)])
          yield* close
          yield* TestClock.adjust(latency)
          assert.strictEqual(yield* network.pending, 0)
        })
      ))

    it.effect("no fiber and no sleep of a closed connection is left, and none outlives the layer", () =>
      Effect.gen(function*() {
        const sleeps = new Set<object>()
        const clock = yield* Clock.Clock
        /** The test clock, counting who sleeps on it. */
        const counting: Clock.Clock = {
          ...clock,
          sleep: (duration) =>
            Effect.suspend(() => {
              const sleep = {}
              sleeps.add(sleep)
              return Effect.ensuring(clock.sleep(duration), Effect.sync(() => sleeps.delete(sleep)))
            })
        }
        let serving = 0
        const accept: FakeNetwork.Accept = (peer) =>
          Effect.suspend(() => {
            serving++
            return Effect.ignore(Effect.forever(peer.pull))
          }).pipe(Effect.ensuring(Effect.sync(() => serving--)))

        yield* Effect.gen(function*() {
          const first = yield* openConnection
          yield* first.connection.write([bytes(1)])
          yield* first.close
          assert.strictEqual(sleeps.size, 1)
          yield* TestClock.adjust(latency)
          assert.strictEqual(sleeps.size, 0)
          assert.strictEqual(serving, 0)
          const second = yield* openConnection
          yield* second.connection.write([bytes(1)])
          assert.strictEqual(sleeps.size, 1)
          assert.strictEqual(serving, 1)
        }).pipe(
          Effect.provide(FakeNetwork.layer(accept)),
          Effect.provideService(Clock.Clock, counting)
        )
        assert.strictEqual(sleeps.size, 0)
        assert.strictEqual(serving, 0)
      }))

    it.effect("the end of the layer ends a connection that is still open", () =>
      Effect.gen(function*() {
        const { connection } = yield* openConnection.pipe(Effect.provide(FakeNetwork.layer(recorder().accept)))
        assert.strictEqual(tagOf(yield* Effect.flip(connection.pull)), "ConnectionLost")
      }))
  })

  it.effect("a thousand writes and reads cost no fiber each and keep their order", () =>
    run(({ peers }) =>
      Effect.gen(function*() {
        const { connection } = yield* openConnection
        const { read } = yield* record(connection)
        for (let value = 0; value < 1000; value++) {
          yield* peers[0].write([bytes(value & 0xff, value >> 8)])
          if (value % 10 === 0) yield* TestClock.adjust(1)
        }
        yield* TestClock.adjust(latency)
        const values = read.flatMap(({ chunks }) => chunks.map(([low, high]) => low | (high << 8)))
        assert.deepStrictEqual(values, Array.from({ length: 1000 }, (_, index) => index))
      })
    ))

  it.effect("a defect in the serving of one connection closes it and nothing else", () =>
    Effect.gen(function*() {
      const { connection } = yield* openConnection
      const { error } = yield* record(connection)
      yield* TestClock.adjust(latency)
      assert.strictEqual(tagOf(yield* error), "ConnectionLost")
      yield* openConnection
    }).pipe(
      Effect.scoped,
      Effect.provide(FakeNetwork.layer(() => Effect.failCause(Cause.die(new Error("the peer's bug")))))
    ))
})

/**
 * Ten thousand calls and a hundred streams over a network that is cut fifty times: every call ends once, with its answer or
 * a typed error, and interrupted calls stop on the server.
 */
import { assert, describe } from "@effect/vitest"
import { type Duration, Effect, Exit, type Scope, Stream } from "effect"
import { RpcClientError } from "effect/rpc"
import { vi } from "vitest"
import type * as MqttClient from "../../src/MqttClient.ts"
import { MqttRpc } from "../../src/rpc/index.ts"
import { type Kit, scenario } from "../support/scenario.ts"
import { begin, complete } from "../support/time.ts"
import * as OverMqtt from "./overMqtt.ts"
import { Probe } from "./service.ts"

// It is much work, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 })

/** How much is to be done at once, so that it lasts longer than the cuts. */
interface Amount {
  readonly calls: number
  readonly concurrency: number
  readonly streams: number
  /** Of each stream. */
  readonly elements: number
  /** In each chunk. */
  readonly at: number
}

const all: Amount = { calls: 10_000, concurrency: 100, streams: 100, elements: 1000, at: 20 }
const some: Amount = { calls: 1500, concurrency: 15, streams: 15, elements: 1000, at: 20 }
const cuts = 50
const interrupted = 100

/** All connections at once, and every third time also the next to open, within a packet. */
const cut = ({ network }: Kit, number: number): Effect.Effect<void> => {
  const again = number % 3 === 0
    ? network.cutAfter({ direction: number % 2 === 0 ? "toClient" : "fromClient", bytes: 1500, how: "reset" })
    : Effect.void
  return Effect.andThen(again, number % 2 === 0 ? network.reset : network.close)
}

const cutOften = (kit: Kit) =>
  Effect.forEach(Array.from({ length: cuts }).keys(), (number) => Effect.delay(cut(kit, number), "300 millis"), {
    discard: true
  })

/** The end of a call: `true` for the right answer, or the reason for none. */
type Heard = boolean | MqttRpc.CallFailureReason | undefined

const heard = <A>(exit: Exit.Exit<A, unknown>, isRight: (answer: A) => boolean): Heard => {
  if (Exit.isSuccess(exit)) return isRight(exit.value)
  const [failure] = exit.cause.reasons
  return failure._tag === "Fail" && failure.error instanceof RpcClientError.RpcClientError
    ? MqttRpc.failureOf(failure.error)?.reason
    : undefined
}

const callOften = (service: OverMqtt.ServiceClient, { calls, concurrency }: Amount) =>
  Effect.forEach(
    Array.from({ length: calls }).keys(),
    (number) => Effect.map(Effect.exit(service.Double({ number })), (exit) => heard(exit, (n) => n === number * 2)),
    { concurrency }
  )

const streamOften = (service: OverMqtt.ServiceClient, { at, elements, streams }: Amount) => {
  const right = Array.from({ length: elements }, (_, index) => index + 1).join()
  return Effect.forEach(
    Array.from({ length: streams }),
    () =>
      Stream.runCollect(service.Count({ to: elements, at })).pipe(
        Effect.exit,
        Effect.map((exit) => heard(exit, (numbers) => [...numbers].join() === right))
      ),
    { concurrency: "unbounded" }
  )
}

/** Calls that are interrupted at different times, some before a server has them. */
const interruptOften = (service: OverMqtt.ServiceClient) =>
  Effect.forEach(
    Array.from({ length: interrupted }).keys(),
    (number) =>
      service.Wait({ name: `${number}` }).pipe(
        Effect.timeoutOption(number * 50),
        Effect.exit
      ),
    { concurrency: "unbounded", discard: true }
  )

interface Told {
  readonly calls: ReadonlyArray<Heard>
  readonly streams: ReadonlyArray<Heard>
  readonly probes: ReadonlyArray<Probe>
}

const tell = Effect.fnUntraced(function*(
  kit: Kit,
  { amount = some, lease, qos, servers, session }: {
    readonly amount?: Amount
    readonly lease: Duration.Input
    readonly qos?: 1 | 2
    readonly servers: ReadonlyArray<string>
    readonly session: MqttClient.SessionMode
  }
): Effect.fn.Return<Told, unknown, Scope.Scope> {
  const probes: Array<Probe> = []
  for (const clientId of servers) {
    const probe = new Probe()
    probes.push(probe)
    yield* OverMqtt.serve(
      yield* kit.connect({ clientId, session }),
      probe,
      servers.length > 1 ? { group: "servers" } : {}
    )
  }
  const service = yield* OverMqtt.use(yield* kit.connect({ clientId: "client", session }), {
    lease,
    acceptTimeout: lease,
    qos
  })
  const cutting = yield* begin(cutOften(kit))
  const [calls, streams] = yield* complete(
    Effect.all([callOften(service, amount), streamOften(service, amount), interruptOften(service)], {
      concurrency: "unbounded"
    })
  )
  assert.isDefined(cutting.pollUnsafe(), "cuts while calls are under way")
  yield* complete(
    Effect.repeat(Effect.sleep("100 millis"), {
      until: () => probes.every(({ interrupted, started }) => interrupted.length === started.length)
    })
  )
  return { calls, streams, probes }
})

const assertEnded = ({ calls: ends, probes, streams: streamEnds }: Told, { calls, streams } = some) => {
  assert.strictEqual(ends.length, calls)
  assert.strictEqual(streamEnds.length, streams)
  // A wrong answer is `false`, and a failure of another kind `undefined`.
  assert.notInclude(ends, false)
  assert.notInclude(ends, undefined)
  assert.notInclude(streamEnds, false)
  assert.notInclude(streamEnds, undefined)
  for (const { doubled, interrupted, started } of probes) {
    assert.deepStrictEqual(started.toSorted(), interrupted.toSorted())
    assert.deepStrictEqual([...doubled].filter(([, times]) => times > 1), [], "run twice by one server")
  }
}

describe("ten thousand calls and a hundred streams, and fifty cuts", () => {
  scenario("all are answered by a server, in sessions that persist", {}, (kit) =>
    Effect.gen(function*() {
      const told = yield* tell(kit, { servers: ["server"], session: "cleanStartThenPersistent", lease: "30 seconds" })
      assertEnded(told)
      assert.isTrue(told.calls.every((end) => end === true))
      assert.isTrue(told.streams.every((end) => end === true))
      assert.isAtLeast((yield* kit.network.counters).opened, 2 * cuts)
    }))

  scenario("none is run twice by three servers, in QoS 2", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const told = yield* tell(kit, {
        servers: ["one", "two", "three"],
        session: "cleanStartThenPersistent",
        lease: "30 seconds",
        qos: 2
      })
      assertEnded(told)
      assert.isTrue(told.calls.every((end) => end === true))
      for (let number = 0; number < some.calls; number++) {
        assert.strictEqual(told.probes.filter(({ doubled }) => doubled.has(number)).length, 1)
      }
    }))

  scenario("all are answered by three servers that share them", { versions: ["5.0"] }, (kit) =>
    Effect.gen(function*() {
      const told = yield* tell(kit, {
        amount: all,
        servers: ["one", "two", "three"],
        session: "cleanStartThenPersistent",
        lease: "30 seconds"
      })
      assertEnded(told, all)
      assert.isTrue(told.calls.every((end) => end === true))
      assert.isTrue(told.streams.every((end) => end === true))
      for (const { doubled } of told.probes) assert.isAbove(doubled.size, all.calls / 10)
    }))

  scenario(
    "each has its answer or a typed error, in sessions that do not persist",
    {},
    (kit) =>
      Effect.gen(function*() {
        const told = yield* tell(kit, { servers: ["server"], session: "clean", lease: "3 seconds" })
        assertEnded(told)
        assert.include(told.calls, true)
        const without = [...told.calls, ...told.streams].filter((end) => end !== true)
        assert.isNotEmpty(without)
        const reasons: ReadonlyArray<Heard> = ["NotTaken", "AnswerLost", "ServerLost"]
        assert.isTrue(without.every((reason) => reasons.includes(reason)), without.join())
      })
  )
})

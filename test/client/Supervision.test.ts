/**
 * How a client keeps going: defects, escalation, credentials, messages that kill connections, probes, takeovers.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Logger, Redacted, Schedule, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import type { MqttEvent } from "../../src/MqttState.ts"
import { MqttTransport, type NetworkConnection } from "../../src/MqttTransport.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import { FakeNetwork } from "../../src/testing/index.ts"
import {
  accepted,
  type Client,
  clientId,
  connections,
  type Kit,
  record,
  scenario,
  sent,
  stateOf
} from "../support/scenario.ts"
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

const refusing = (kit: Kit, times: number) => kit.network.refuseConnect(times)

/** What happens from now on. */
const eventsOf = Effect.fnUntraced(function*(mqtt: Client) {
  const events: Array<MqttEvent> = []
  yield* mqtt.events.pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.forkScoped({ startImmediately: true })
  )
  return events
})

describe("S41 a defect", () => {
  const dead = new Error("dead on purpose")

  /** A client whose network connections can be made to die, on a network of its own. */
  const mortal = Effect.fnUntraced(function*(kit: Kit) {
    const { transport } = yield* FakeNetwork.make(kit.broker.accept)
    let failing: "open" | "pull" | "write" | undefined
    const orDie = <A, E, R>(what: typeof failing, effect: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        if (failing !== what) return effect
        failing = undefined
        return Effect.die(dead)
      })
    const tapped = (network: NetworkConnection): NetworkConnection => ({
      pull: Effect.flatMap(network.pull, (chunks) => orDie("pull", Effect.succeed(chunks))),
      write: (chunks) => orDie("write", network.write(chunks)),
      abort: network.abort
    })
    const opening = yield* begin(
      MqttClient.make({
        clientId,
        protocolVersion: kit.version,
        session: "persistent",
        responseTimeout,
        reconnect: Schedule.spaced(reconnectDelay)
      }).pipe(
        Effect.provideService(MqttTransport, {
          endpoint: transport.endpoint,
          open: orDie("open", Effect.map(transport.open, tapped))
        })
      )
    )
    const mqtt = yield* complete(Fiber.join(opening))
    return {
      mqtt,
      /** The broker hears of the end while the network is still there. */
      leave: Effect.andThen(complete(mqtt.disconnect), TestClock.adjust(roundTrip)),
      dieAt: (what: typeof failing) => {
        failing = what
      }
    }
  })

  for (const what of ["pull", "write"] as const) {
    scenario(
      `when the transport's \`${what}\` dies ends the connection, is told, and it reconnects`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const { dieAt, leave, mqtt } = yield* mortal(kit)
          const events = yield* eventsOf(mqtt)
          const received = yield* record(yield* complete(mqtt.subscribe("t", { qos: 1 })))
          dieAt(what)
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          yield* TestClock.adjust(roundTrip)
          assert.include(received.texts(), "hello")
          assert.strictEqual((yield* mqtt.stats).connections, 2)
          const [ended, next] = events
          assert.strictEqual(ended._tag === "ConnectionEnded" && ended.error?.reason._tag, "ConnectionLost")
          assert.include(ended._tag === "ConnectionEnded" ? ended.error?.message : "", dead.message)
          assert.strictEqual(next._tag, "ConnectionAccepted")
          yield* leave
        })
    )
  }

  scenario("when the transport's `open` dies is one attempt that failed", {}, (kit) =>
    Effect.gen(function*() {
      const { dieAt, leave, mqtt } = yield* mortal(kit)
      dieAt("open")
      yield* kit.broker.kick(clientId)
      yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      assert.deepStrictEqual(yield* accepted(kit), ["hello"])
      yield* leave
    }))

  /** What was logged as an error. */
  const errorsOf = () => {
    const errors: Array<unknown> = []
    let lines = 0
    const logger = Logger.make(({ cause, logLevel }) => {
      if (logLevel !== "Error") return
      lines++
      errors.push(...cause.reasons.map((reason) => reason._tag === "Die" && reason.defect))
    })
    return { errors, lines: () => lines, layer: Logger.layer([logger]) }
  }

  const dying = {
    credentials: () => {
      let calls = 0
      return { credentials: Effect.suspend(() => ++calls === 2 ? Effect.die(dead) : Effect.succeed({})) }
    },
    reconnect: () => ({
      reconnect: Schedule.spaced(reconnectDelay).pipe(Schedule.addDelay(() => Effect.die(dead)))
    }),
    retransmit: () => ({ retransmit: Schedule.recurs(4).pipe(Schedule.addDelay(() => Effect.die(dead))) }),
    escalate: () => ({ escalate: { after: 1, run: () => Effect.die(dead) } }),
    isRetryable: () => ({
      isRetryable: () => {
        throw dead
      }
    })
  }
  for (const option of ["credentials", "reconnect", "retransmit", "escalate", "isRetryable"] as const) {
    scenario(`in \`${option}\` is told, and the client goes on`, {}, (kit) => {
      const { errors, layer } = errorsOf()
      return Effect.gen(function*() {
        const mqtt = yield* kit.connect({ session: "persistent", ...dying[option]() })
        yield* kit.network.drop
        const publishing = yield* begin(mqtt.publish("t", "hello", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* complete(Fiber.join(publishing))
        assert.deepStrictEqual(yield* accepted(kit), ["hello"])
        assert.deepStrictEqual(errors, [dead])
      }).pipe(Effect.provide(layer))
    })
  }

  for (const option of ["credentials", "escalate", "reconnect"] as const) {
    scenario(
      `an interruption in \`${option}\`, which is not the client's own, is told, and the client goes on`,
      {},
      (kit) => {
        const { layer, lines } = errorsOf()
        let calls = 0
        const interrupted = {
          credentials: { credentials: Effect.suspend(() => ++calls === 2 ? Effect.interrupt : Effect.succeed({})) },
          escalate: { escalate: { after: 1, run: () => Effect.interrupt } },
          reconnect: {
            reconnect: Schedule.spaced(reconnectDelay).pipe(Schedule.addDelay(() => Effect.interrupt))
          }
        }
        return Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session: "persistent", ...interrupted[option] })
          yield* kit.network.reset
          yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
          assert.strictEqual(lines(), 1)
        }).pipe(Effect.provide(layer))
      }
    )
  }

  for (const option of ["credentials", "escalate", "reconnect", "retransmit"] as const) {
    scenario(
      `is not what ends a client that waits in \`${option}\` when its scope closes`,
      { leavesUnfinished: true },
      (kit) => {
        const { layer, lines } = errorsOf()
        let calls = 0
        const waiting = Schedule.spaced("1 hour")
        const options = {
          credentials: { credentials: Effect.suspend(() => ++calls === 2 ? Effect.never : Effect.succeed({})) },
          escalate: { escalate: { after: 1, run: () => Effect.never } },
          reconnect: { reconnect: waiting },
          retransmit: { retransmit: waiting }
        }
        return Effect.gen(function*() {
          const scope = yield* Scope.make()
          const mqtt = yield* Scope.provide(kit.connect({ session: "persistent", ...options[option] }), scope)
          yield* kit.network.drop
          const publishing = yield* begin(Effect.flip(mqtt.publish("t", "hello", { qos: 1 })))
          yield* TestClock.adjust(roundTrip)
          yield* kit.network.reset
          yield* TestClock.adjust("5 seconds")
          assert.notStrictEqual((yield* stateOf(mqtt))._tag, "Connected")
          const closing = yield* begin(Scope.close(scope, Exit.void))
          yield* TestClock.adjust(1)
          assert.isDefined(closing.pollUnsafe())
          assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "Closed")
          assert.strictEqual(lines(), 0)
        }).pipe(Effect.provide(layer))
      }
    )
  }

  scenario("before the first connection is what making the client fails with", {}, (kit) =>
    Effect.gen(function*() {
      const failing = yield* kit.start({ credentials: Effect.die(dead) })
      const error = yield* complete(Effect.flip(Fiber.join(failing)))
      assert.include(error.message, dead.message)
    }))
})

describe("S49 escalation", () => {
  scenario(
    "runs after so many failures in a row and again after as many, before the next attempt",
    {},
    (kit) =>
      Effect.gen(function*() {
        const escalated: Array<readonly [attempts: number, reason: string]> = []
        const escalate = {
          after: 3,
          run: (error: MqttError.MqttError) =>
            Effect.map(kit.network.counters, ({ attempts }) => {
              escalated.push([attempts, error.reason._tag])
            })
        }
        const mqtt = yield* kit.connect({ session: "persistent", escalate, stableAfter: "1 second" })
        yield* refusing(kit, 7)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        // The loss of the connection is the first failure; attempt 1 was the one that succeeded.
        assert.deepStrictEqual(escalated, [[3, "PortRefused"], [6, "PortRefused"]])
        assert.strictEqual((yield* kit.network.counters).attempts, 9)
        // A connection that proved stable begins a new count.
        yield* TestClock.adjust("2 seconds")
        yield* refusing(kit, 2)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "again", { qos: 1 }))
        assert.deepStrictEqual(escalated.slice(2), [[11, "PortRefused"]])
      })
  )

  scenario("takes its time: the next attempt waits for it", {}, (kit) =>
    Effect.gen(function*() {
      const escalate = { after: 1, run: () => Effect.sleep("5 seconds") }
      yield* kit.connect({ escalate })
      yield* kit.network.reset
      yield* TestClock.adjust(5000 + reconnectDelay - 1)
      assert.strictEqual((yield* kit.network.counters).attempts, 1)
      yield* TestClock.adjust(2)
      assert.strictEqual((yield* kit.network.counters).attempts, 2)
      yield* TestClock.adjust(reconnected)
    }))

  scenario("is interrupted by the end of the client", {}, (kit) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.provide(kit.connect({ escalate: { after: 1, run: () => Effect.never } }), scope)
      yield* kit.network.reset
      yield* TestClock.adjust("1 minute")
      const closing = yield* begin(Scope.close(scope, Exit.void))
      yield* TestClock.adjust(1)
      assert.isDefined(closing.pollUnsafe())
    }))
})

describe("S52 credentials", () => {
  scenario(
    "are obtained again for every attempt, failed ones too, and a failure to is one failed attempt",
    {},
    (kit) =>
      Effect.gen(function*() {
        let obtained = 0
        const credentials = Effect.suspend(() => {
          obtained++
          const password = Redacted.make(`secret ${obtained}`)
          return obtained === 3
            ? Effect.fail(new MqttError.MqttError({ reason: new MqttError.Offline() }))
            : Effect.succeed({ username: `user ${obtained}`, password })
        })
        const mqtt = yield* kit.connect({ session: "persistent", credentials })
        yield* refusing(kit, 1)
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        const connects = yield* sent(kit, "Connect")
        assert.deepStrictEqual(connects.map(({ username }) => username), ["user 1", "user 4"])
        assert.strictEqual(new TextDecoder().decode(connects[1].password), "secret 4")
      })
  )
})

describe("S53 a message that kills connections", () => {
  const options = { session: "persistent", responseTimeout: 1000, keepAlive: "10 seconds" } as const

  const publishes = (mqtt: Client, topics: ReadonlyArray<string>, qos: 1 | 2) =>
    Effect.forEach(topics, (topic, index) => Effect.exit(mqtt.publish(topic, String(index), { qos })), {
      concurrency: "unbounded"
    })

  const reasonOf = (exit: Exit.Exit<unknown, MqttError.MqttError>) => {
    const error = Exit.isFailure(exit) ? Exit.findError(exit) : undefined
    return error?._tag === "Success" ? error.success.reason : undefined
  }

  for (const qos of [1, 2] as const) {
    for (const [what, count, culprit] of [["alone", 1, 0], ["in the middle of a thousand", 1000, 500]] as const) {
      scenario(
        `${what}, QoS ${qos}: fails with Quarantined after five deaths, the others arrive`,
        {},
        (kit) =>
          Effect.gen(function*() {
            const mqtt = yield* kit.connect(options)
            yield* kit.broker.closeWhenSeeing("deadly")
            const topics = Array.makeBy(count, (index) => index === culprit ? "deadly" : "t")
            const exits = yield* complete(publishes(mqtt, topics, qos))
            const failed = exits.flatMap((exit, index) => Exit.isFailure(exit) ? [index] : [])
            assert.deepStrictEqual(failed, [culprit])
            const reason = reasonOf(exits[culprit])
            assert.strictEqual(reason?._tag, "Quarantined")
            if (reason?._tag !== "Quarantined") return
            assert.strictEqual(reason.topic, "deadly")
            assert.strictEqual(reason.attempts, 5)
            assert.strictEqual((reason.cause as MqttError.MqttError).reason._tag, "ConnectionLost")
            const others = topics.flatMap((topic, index) => topic === "t" ? [String(index)] : [])
            assert.deepStrictEqual(Array.dedupe(yield* accepted(kit)), others)
            if (qos === 2) assert.strictEqual((yield* accepted(kit)).length, others.length)
            // It is over: what follows goes out as ever, and has the whole window again.
            yield* complete(publishes(mqtt, Array.makeBy(1000, () => "t"), qos))
            assert.strictEqual((yield* mqtt.stats).window, 1000)
          })
      )
    }
  }

  for (const qos of [1, 2] as const) {
    scenario(
      `QoS ${qos}, when the acknowledgements of the others are lost with the connection: none of them fails`,
      {},
      (
        kit
      ) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect(options)
          const isDeadly = (packet: Packet.Packet) => packet._tag === "Publish" && packet.topic === "deadly"
          let deaths = 0
          yield* Effect.suspend(() => kit.broker.awaitPacket(clientId, isDeadly, ++deaths)).pipe(
            Effect.andThen(kit.network.reset),
            Effect.forever,
            Effect.forkScoped({ startImmediately: true })
          )
          const topics = Array.makeBy(1000, (index) => index === 500 ? "deadly" : "t")
          const exits = yield* complete(publishes(mqtt, topics, qos))
          const failed = exits.flatMap((exit, index) => Exit.isFailure(exit) ? [index] : [])
          assert.deepStrictEqual(failed, [500])
          assert.strictEqual(reasonOf(exits[500])?._tag, "Quarantined")
          // Not one connection for each message that was in flight with it.
          assert.isAtMost((yield* kit.network.counters).opened, 20)
        })
    )
  }

  scenario("the `retransmit` schedule says how often", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ ...options, retransmit: Schedule.recurs(1) })
      yield* kit.broker.closeWhenSeeing("deadly")
      const [exit] = yield* complete(publishes(mqtt, ["deadly"], 1))
      const reason = reasonOf(exit)
      assert.strictEqual(reason?._tag === "Quarantined" && reason.attempts, 2)
      assert.strictEqual((yield* sent(kit, "Publish")).length, 2)
    }))

  scenario("and how much longer to wait", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ ...options, retransmit: Schedule.spaced("5 seconds") })
      yield* kit.broker.closeWhenSeeing("deadly", 1)
      const publishing = yield* begin(publishes(mqtt, ["deadly"], 1))
      yield* TestClock.adjust(roundTrip + 5000 + reconnectDelay - 1)
      assert.strictEqual((yield* kit.network.counters).attempts, 1)
      yield* complete(Fiber.join(publishing))
    }))

  scenario(
    "while its `retransmit` waits, attempts that get no connection do not count",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ ...options, retransmit: Schedule.recurs(1) })
        yield* kit.network.drop
        const publishing = yield* begin(mqtt.publish("t", "innocent", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* refusing(kit, 10)
        yield* kit.network.reset
        yield* complete(Fiber.join(publishing))
        assert.deepStrictEqual(yield* accepted(kit), ["innocent"])
      })
  )

  scenario("one connection that ends under many messages costs none of them", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ ...options, retransmit: Schedule.recurs(1) })
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep(reconnected + 2.5 * roundTrip), kit.network.reset)),
        { startImmediately: true }
      )
      const exits = yield* complete(
        Effect.forEach(
          Array.range(1, 200),
          (index) => Effect.delay(Effect.exit(mqtt.publish("t", String(index), { qos: 1 })), index * 20),
          { concurrency: "unbounded" }
        )
      )
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.isAbove(yield* connections(kit), 5)
    }))
})

describe("S54 two clients with one identifier", () => {
  scenario("the loser of a takeover says so, does not come back, and what it had waiting fails with it", {
    versions: ["5.0"],
    leavesUnfinished: true
  }, (kit) =>
    Effect.gen(function*() {
      const options = { session: "persistent", responseTimeout: "10 seconds", keepAlive: "10 seconds" } as const
      const loser = yield* kit.connect(options)
      yield* kit.broker.holdAcknowledgements()
      const acknowledgement = yield* loser.publishAsync("t", "hello", { qos: 1 })
      const waiting = yield* begin(Effect.flip(acknowledgement))
      yield* kit.connect(options)
      const { reason } = yield* complete(Fiber.join(waiting))
      assert.strictEqual(reason._tag, "SessionTakenOver")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual(yield* connections(kit), 2)
      const state = yield* stateOf(loser)
      assert.strictEqual(state._tag === "Closed" && state.error?.reason._tag, "SessionTakenOver")
      for (const call of [loser.publishAsync("t", "x"), loser.flush, loser.consume("t", () => Effect.void)]) {
        assert.strictEqual((yield* Effect.flip(call)).reason._tag, "SessionTakenOver")
      }
      yield* kit.broker.releaseAcknowledgements()
    }))
})

describe("brokerUp", () => {
  const idle = { keepAlive: "60 seconds", pingInterval: "60 seconds" } as const
  const pings = (kit: Kit) => Effect.map(sent(kit, "Pingreq"), ({ length }) => length)

  scenario(
    "something was heard within the last second: true, and nothing is sent",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect(idle)
        yield* TestClock.adjust(900)
        const asking = yield* begin(mqtt.brokerUp)
        assert.isTrue(yield* Fiber.join(asking))
        assert.strictEqual(yield* pings(kit), 0)
      })
  )

  scenario("a ping is answered: true", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(idle)
      yield* TestClock.adjust("5 seconds")
      const asking = yield* begin(mqtt.brokerUp)
      yield* TestClock.adjust(roundTrip - 1)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isTrue(yield* Fiber.join(asking))
      assert.strictEqual(yield* pings(kit), 1)
    }))

  scenario("no ping is answered within the response timeout: false", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(idle)
      yield* TestClock.adjust("5 seconds")
      yield* kit.network.drop
      const asking = yield* begin(mqtt.brokerUp)
      yield* TestClock.adjust(responseTimeout - 1)
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.isFalse(yield* Fiber.join(asking))
    }))

  scenario("the connection ends while it is asked: false, at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ ...idle, responseTimeout: "10 seconds" })
      yield* TestClock.adjust("5 seconds")
      yield* kit.network.drop
      const asking = yield* begin(mqtt.brokerUp)
      yield* TestClock.adjust(roundTrip)
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      assert.isFalse(yield* Fiber.join(asking))
    }))

  scenario("no connection, and after the end: false, at once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect(idle)
      yield* kit.network.reset
      yield* TestClock.adjust(1)
      assert.isFalse(yield* mqtt.brokerUp)
      yield* TestClock.adjust(reconnected)
      yield* complete(mqtt.disconnect)
      assert.isFalse(yield* mqtt.brokerUp)
    }))
})

describe("S60 the end of a client", () => {
  scenario("comes at once, whatever it is doing: opening, waiting for CONNACK, backing off, sending again", {
    leavesUnfinished: true
  }, (kit) =>
    Effect.gen(function*() {
      const drainTimeout = 1000
      const period = failingConnect + connecting + 2 * reconnectDelay + 4 * roundTrip
      for (let instant = 0; instant <= period; instant += 10) {
        const scope = yield* Scope.make()
        const mqtt = yield* Scope.provide(kit.connect({ session: "persistent", drainTimeout }), scope)
        yield* kit.network.drop
        const waiting = yield* begin(Effect.flip(mqtt.publish("t", "hello", { qos: 2 })))
        yield* TestClock.adjust(1)
        yield* kit.network.refuseConnect(1)
        yield* kit.network.reset
        yield* TestClock.adjust(instant)
        const closing = yield* begin(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(drainTimeout)
        assert.isDefined(closing.pollUnsafe(), `after ${instant} ms`)
        // It may have been acknowledged before.
        if (waiting.pollUnsafe()?._tag === "Success") {
          assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "Closed")
        }
        assert.isDefined(waiting.pollUnsafe(), `after ${instant} ms`)
        yield* kit.network.allowConnect
        yield* kit.broker.forgive(clientId)
        const { closed, opened } = yield* kit.network.counters
        assert.strictEqual(closed, opened)
      }
    }))
})

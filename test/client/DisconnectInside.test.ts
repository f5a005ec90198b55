/**
 * `disconnect` and the end of the scope, called from code that the client runs for the program: the call ends the
 * client and returns.
 */
import { assert, describe } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Redacted, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttAuthentication from "../../src/MqttAuthentication.ts"
import * as MqttClient from "../../src/MqttClient.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { type Client, clientId, type Kit, scenario, stateOf } from "../support/scenario.ts"
import { begin, complete, roundTrip } from "../support/time.ts"
import { only50 } from "../support/versions.ts"

/** A way to end the client once it is there, and whether the program goes on behind it. */
const ending = Effect.fnUntraced(function*(how: (mqtt: Client) => Effect.Effect<void> = (mqtt) => mqtt.disconnect) {
  const client = yield* Deferred.make<Client>()
  let returned = 0
  const end = Effect.suspend(() => Deferred.isDoneUnsafe(client) ? Deferred.await(client) : Effect.never).pipe(
    Effect.flatMap(how),
    Effect.andThen(Effect.sync(() => {
      returned++
    }))
  )
  return { client, end, returned: () => returned, isReady: () => Deferred.isDoneUnsafe(client) }
})

type Ending = Effect.Success<ReturnType<typeof ending>>

/** Does nothing until the client is there. */
const later = ({ end, isReady }: Ending) => Effect.suspend(() => isReady() ? end : Effect.void)

/** The network is lost, and the client runs into its hook; then its scope closes. */
const endsInside = (kit: Kit, options: MqttClient.Options, { client, returned }: Ending) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const mqtt = yield* Scope.provide(kit.connect({ session: "persistent", ...options }), scope)
    yield* Deferred.succeed(client, mqtt)
    const waiting = yield* begin(Effect.flip(mqtt.messages("t").pipe(Stream.runDrain, Effect.andThen(mqtt.flush))))
    yield* kit.network.reset
    yield* TestClock.adjust("5 seconds")
    assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
    assert.strictEqual(returned(), 1)
    assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "Closed")
    const closing = yield* begin(Scope.close(scope, Exit.void))
    yield* TestClock.adjust(roundTrip)
    assert.isDefined(closing.pollUnsafe())
  })

const hooks: Record<string, (ending: Ending) => MqttClient.Options> = {
  "credentials": (ending) => ({ credentials: Effect.as(later(ending), {}) }),
  "escalate": ({ end }) => ({ escalate: { after: 1, run: () => end } }),
  "escalate, within a timeout": ({ end }) => ({
    escalate: { after: 1, run: () => Effect.ignore(Effect.timeout(end, "2 seconds")) }
  }),
  "escalate, in a fiber that it waits for": ({ end }) => ({
    escalate: { after: 1, run: () => Effect.flatMap(Effect.forkChild(end), Fiber.join) }
  }),
  "reconnect": ({ end }) => ({
    reconnect: Schedule.spaced("1 second").pipe(Schedule.addDelay(() => Effect.as(end, "0 seconds")))
  }),
  "retransmit": ({ end }) => ({
    retransmit: Schedule.forever.pipe(Schedule.addDelay(() => Effect.as(end, "0 seconds")))
  })
}

describe("disconnect", () => {
  for (const [name, options] of Object.entries(hooks)) {
    if (name === "retransmit") continue
    scenario(`in ${name} ends the client and returns`, {}, (kit) =>
      Effect.gen(function*() {
        const end = yield* ending()
        yield* endsInside(kit, options(end), end)
      }))
  }

  scenario("in retransmit ends the client and returns", { leavesUnfinished: true }, (kit) =>
    Effect.gen(function*() {
      const end = yield* ending()
      const mqtt = yield* kit.connect({ session: "persistent", ...hooks.retransmit(end) })
      yield* Deferred.succeed(end.client, mqtt)
      yield* kit.broker.holdAcknowledgements()
      const publishing = yield* begin(Effect.flip(Effect.asVoid(mqtt.publish("t", "x", { qos: 1 }))))
      for (let connection = 0; connection < 3; connection++) {
        yield* TestClock.adjust(roundTrip)
        yield* kit.network.reset
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "Closed")
      assert.strictEqual(end.returned(), 1)
    }))

  scenario("with a Will in escalate ends the client and returns", {}, (kit) =>
    Effect.gen(function*() {
      const end = yield* ending((mqtt) => mqtt.disconnectWithWill)
      yield* endsInside(kit, { escalate: { after: 1, run: () => end.end } }, end)
    }))

  scenario("in isRetryable ends the client", {}, (kit) =>
    Effect.gen(function*() {
      const end = yield* ending()
      const isRetryable = () => {
        Effect.runFork(end.end)
        return true
      }
      yield* endsInside(kit, { isRetryable }, end)
    }))

  scenario(
    "in a finalizer of escalate, which the end of the client runs, does not keep it from ending",
    {},
    (kit) =>
      Effect.gen(function*() {
        const { client, end, returned } = yield* ending()
        const mqtt = yield* kit.connect({ escalate: { after: 1, run: () => Effect.ensuring(Effect.never, end) } })
        yield* Deferred.succeed(client, mqtt)
        yield* kit.network.reset
        yield* TestClock.adjust("1 second")
        yield* complete(mqtt.disconnect)
        assert.strictEqual(returned(), 1)
      })
  )

  for (const step of ["start", "next", "succeeded"] as const) {
    scenario(
      `in \`${step}\` of an authentication that goes on ends the client and returns`,
      {
        versions: only50,
        broker: {
          exchangeAuthentication: ({ round }) =>
            round === 1 ? { _tag: "Continue", data: new Uint8Array([1]) } : { _tag: "Success" }
        }
      },
      (kit) =>
        Effect.gen(function*() {
          const end = yield* ending()
          const hook = later(end)
          const nothing = Effect.succeed(Redacted.make("x"))
          const authentication = MqttAuthentication.make({
            method: "M",
            initial: step === "start" ? Effect.andThen(hook, nothing) : nothing,
            next: () => step === "next" ? Effect.andThen(hook, nothing) : nothing,
            succeeded: () => step === "succeeded" ? hook : Effect.void
          })
          const mqtt = yield* kit.connect({ authentication })
          yield* Deferred.succeed(end.client, mqtt)
          const asking = yield* begin(Effect.exit(mqtt.reauthenticate))
          yield* TestClock.adjust("5 seconds")
          assert.isDefined(asking.pollUnsafe())
          assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
          assert.strictEqual(end.returned(), 1)
        })
    )
  }

  scenario(
    "in the handler of a consumer ends the client and the consumer",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const { client, end, returned } = yield* ending()
        const mqtt = yield* kit.connect()
        yield* Deferred.succeed(client, mqtt)
        const consuming = yield* begin(mqtt.consume("t", () => end, { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.publish("t", "x", { qos: 1 })
        yield* TestClock.adjust("5 seconds")
        assert.isDefined(consuming.pollUnsafe())
        assert.strictEqual(returned(), 1)
      })
  )

  scenario("in a listener of events ends the client and the listener", {}, (kit) =>
    Effect.gen(function*() {
      const { client, end, returned } = yield* ending()
      const mqtt = yield* kit.connect()
      yield* Deferred.succeed(client, mqtt)
      const listening = yield* begin(Stream.runForEach(mqtt.events, () => end))
      yield* TestClock.adjust(1)
      yield* kit.network.reset
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(listening.pollUnsafe())
      assert.strictEqual((yield* stateOf(mqtt))._tag, "Closed")
      assert.isAtLeast(returned(), 1)
    }))

  scenario("in a listener of the state ends the client", {}, (kit) =>
    Effect.gen(function*() {
      const { client, end, returned } = yield* ending()
      const mqtt = yield* kit.connect()
      yield* Deferred.succeed(client, mqtt)
      const listening = yield* begin(
        SubscriptionRef.changes(mqtt.state).pipe(
          Stream.tap(({ _tag }) => _tag === "Disconnected" ? end : Effect.void),
          Stream.takeUntil(({ _tag }) => _tag === "Closed"),
          Stream.runDrain
        )
      )
      yield* kit.network.reset
      yield* TestClock.adjust("5 seconds")
      assert.isDefined(listening.pollUnsafe())
      assert.strictEqual(returned(), 1)
    }))
})

describe("closing the scope of a client", () => {
  const ways: typeof hooks = {
    ...hooks,
    "escalate, in its finalizer": ({ end }) => ({
      escalate: { after: 1, run: () => Effect.ignore(Effect.ensuring(Effect.fail("over"), end)) }
    }),
    "the beginning of an authentication": (ending) => ({
      authentication: MqttAuthentication.make({
        method: "M",
        initial: Effect.as(later(ending), Redacted.make("x"))
      })
    })
  }
  for (const [name, options] of Object.entries(ways)) {
    if (name === "retransmit") continue
    scenario(`in ${name} ends the client, closes all of the scope and returns`, {
      ...(name.includes("authentication") ? { versions: only50 } : {}),
      broker: { exchangeAuthentication: () => ({ _tag: "Success" }) }
    }, (kit) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        let closed = 0
        yield* Scope.addFinalizer(scope, Effect.sync(() => closed++))
        const end = yield* ending(() => Scope.close(scope, Exit.void))
        const mqtt = yield* Scope.provide(kit.connect(options(end)), scope)
        yield* Deferred.succeed(end.client, mqtt)
        yield* kit.network.reset
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
        assert.deepStrictEqual([closed, end.returned()], [1, 1])
      }))
  }

  scenario(
    "in the program's own transport ends the client, closes all of the scope and returns",
    {},
    (kit) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { client, end, isReady, returned } = yield* ending(() => Scope.close(scope, Exit.void))
        const open = Effect.suspend(() => Effect.andThen(isReady() ? end : Effect.void, kit.transport.open))
        const mqtt = yield* Scope.provide(
          complete(
            MqttClient.make({ clientId, protocolVersion: kit.version }).pipe(
              Effect.provideService(MqttTransport, { ...kit.transport, open })
            )
          ),
          scope
        )
        yield* Deferred.succeed(client, mqtt)
        yield* kit.network.reset
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* stateOf(mqtt), { _tag: "Closed", error: undefined })
        assert.strictEqual(returned(), 1)
      })
  )
})

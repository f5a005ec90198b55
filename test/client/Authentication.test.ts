import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as Scram from "../../examples/support/scramServer.ts"
import * as MqttAuthentication from "../../src/MqttAuthentication.ts"
import * as MqttClient from "../../src/MqttClient.ts"
import * as MqttError from "../../src/MqttError.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { reasonOf } from "../support/reasons.ts"
import { connections, type Kit, scenario, sent, stateOf } from "../support/scenario.ts"
import { begin, complete, reconnectDelay, reconnected, roundTrip } from "../support/time.ts"
import { only50 } from "../support/versions.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (data: Uint8Array | undefined): string | undefined =>
  data === undefined ? undefined : new TextDecoder().decode(data)

type Exchange = NonNullable<MemoryBroker.Options["exchangeAuthentication"]>

/** Asks a question and takes only its answer, in as many rounds as a test wants. */
const asking = (rounds = 1): Exchange => ({ data, round }) => {
  if (round === 1) return { _tag: "Continue", data: bytes("question 1") }
  if (textOf(data) !== `answer to question ${round - 1}`) return { _tag: "Refuse", reasonCode: 0x87 }
  return round > rounds
    ? { _tag: "Success", data: bytes("welcome") }
    : { _tag: "Continue", data: bytes(`question ${round}`) }
}

const answering = (more?: Partial<Parameters<typeof MqttAuthentication.make>[0]>) =>
  MqttAuthentication.make({
    method: "QUIZ",
    initial: Effect.succeed(Redacted.make("hello")),
    next: (question) =>
      Effect.succeed(
        Redacted.make(`answer to ${textOf(question === undefined ? undefined : Redacted.value(question))}`)
      ),
    ...more
  })

const wrong = new MqttError.AuthenticationFailed({ method: "QUIZ", description: "no" })

/** Reason Code and data of every AUTH of the client, CONNECT first. */
const said = (kit: Kit) =>
  Effect.map(kit.broker.received("client"), (packets) =>
    packets.flatMap((packet) => {
      if (packet._tag !== "Connect" && packet._tag !== "Auth") return []
      const { authenticationData, authenticationMethod } = packet.properties
      return [[
        packet._tag === "Auth" ? packet.reasonCode : "CONNECT",
        authenticationMethod,
        textOf(authenticationData)
      ]]
    }))

describe("authentication", () => {
  scenario(
    "R41 R136 R137 each challenge is answered with the same method, and the client is connected",
    { versions: only50, broker: { exchangeAuthentication: asking(3) } },
    (kit) =>
      Effect.gen(function*() {
        const heard: Array<string | undefined> = []
        const mqtt = yield* kit.connect({
          authentication: answering({
            succeeded: (data) =>
              Effect.sync(() => void heard.push(textOf(data === undefined ? undefined : Redacted.value(data))))
          })
        })
        assert.deepStrictEqual(yield* said(kit), [
          ["CONNECT", "QUIZ", "hello"],
          [0x18, "QUIZ", "answer to question 1"],
          [0x18, "QUIZ", "answer to question 2"],
          [0x18, "QUIZ", "answer to question 3"]
        ])
        assert.deepStrictEqual(heard, ["welcome"])
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
      })
  )

  scenario(
    "S52 it begins anew on every connection",
    { versions: only50, broker: { exchangeAuthentication: () => ({ _tag: "Success" }) } },
    (kit) =>
      Effect.gen(function*() {
        let count = 0
        const initial = Effect.sync(() => Redacted.make(`token ${++count}`))
        const mqtt = yield* kit.connect({ authentication: answering({ initial }) })
        yield* kit.network.reset
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        assert.deepStrictEqual(yield* said(kit), [["CONNECT", "QUIZ", "token 1"], ["CONNECT", "QUIZ", "token 2"]])
      })
  )

  for (const reasonCode of [0x87, 0x8c]) {
    scenario(
      `R142 a refusal is a typed error and not tried again: 0x${reasonCode.toString(16)}`,
      { versions: only50, broker: { exchangeAuthentication: () => ({ _tag: "Refuse", reasonCode }) } },
      (kit) =>
        Effect.gen(function*() {
          const reason = yield* reasonOf(kit.connect({ authentication: answering() }))
          assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode }))
          assert.strictEqual(yield* connections(kit), 1)
        })
    )
  }

  scenario(
    "R142 a refusal after a wrong answer",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const next = () => Effect.succeed(Redacted.make("another"))
        const reason = yield* reasonOf(kit.connect({ authentication: answering({ next }) }))
        assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: 0x87 }))
      })
  )

  scenario(
    "R142 a server that does not know the method",
    { versions: only50 },
    (kit) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(kit.connect({ authentication: answering() }))
        assert.deepStrictEqual(reason, new MqttError.ConnectionRefused({ reasonCode: 0x8c }))
        assert.include(reason.message, "authentication")
      })
  )

  const failing: ReadonlyArray<readonly [name: string, more: Parameters<typeof answering>[0]]> = [
    ["what begins it", { initial: Effect.fail(MqttError.fromReason(wrong)) }],
    ["an answer", { next: () => Effect.fail(MqttError.fromReason(wrong)) }],
    ["the check of what the server says at the end", { succeeded: () => Effect.fail(MqttError.fromReason(wrong)) }]
  ]
  for (const [name, more] of failing) {
    scenario(
      `R144 ${name} fails: so does connecting, with that`,
      { versions: only50, broker: { exchangeAuthentication: asking() } },
      (kit) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* reasonOf(kit.connect({ authentication: answering(more) })), wrong)
          const { closed, opened } = yield* kit.network.counters
          assert.strictEqual(closed, opened)
        })
    )
  }

  scenario(
    "R137 a challenge that the method has no answer to",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const token = Effect.succeed({ token: Redacted.make("t") })
        const authentication = MqttAuthentication.token({ method: "JWT", token })
        assert.strictEqual((yield* reasonOf(kit.connect({ authentication })))._tag, "AuthenticationFailed")
      })
  )

  scenario(
    "S40 all its rounds, and what begins it, take no longer than `connectTimeout`",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const cases = [
          ["CONNACK", { next: () => Effect.never }],
          ["credentials", { initial: Effect.never }]
        ] as const
        for (const [waitingFor, more] of cases) {
          const connecting = yield* kit.start({ authentication: answering(more), connectTimeout: "1 second" })
          yield* TestClock.adjust("1 second")
          const { reason } = yield* Effect.flip(Fiber.join(connecting))
          assert.deepStrictEqual(reason, new MqttError.ConnectTimeout({ timeout: 1000, waitingFor }))
        }
      })
  )

  for (const protocolVersion of ["3.1.1", "auto"] as const) {
    scenario(`\`authentication\` needs 5.0: ${protocolVersion} is refused before anything is opened`, {
      versions: only50
    }, (kit) =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(kit.connect({ authentication: answering(), protocolVersion }))
        assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, "authentication")
        assert.strictEqual((yield* kit.network.counters).attempts, 0)
      }))
  }
})

describe("re-authentication", () => {
  scenario(
    "R141 by call: AUTH 0x19 with the same method, other packets meanwhile, and success",
    { versions: only50, broker: { exchangeAuthentication: asking(2) } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ authentication: answering() })
        const authenticating = yield* begin(mqtt.reauthenticate)
        yield* TestClock.adjust(roundTrip / 2)
        yield* complete(mqtt.publish("t", "meanwhile", { qos: 1 }))
        assert.isUndefined(authenticating.pollUnsafe())
        yield* complete(Fiber.join(authenticating))
        assert.deepStrictEqual((yield* said(kit)).slice(3), [
          [0x19, "QUIZ", "hello"],
          [0x18, "QUIZ", "answer to question 1"],
          [0x18, "QUIZ", "answer to question 2"]
        ])
        yield* complete(mqtt.reauthenticate)
        assert.strictEqual(yield* connections(kit), 1)
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
      })
  )

  scenario(
    "R141 calls at the same time are one exchange at a time",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ authentication: answering() })
        yield* complete(Effect.all([mqtt.reauthenticate, mqtt.reauthenticate, mqtt.reauthenticate], {
          concurrency: "unbounded",
          discard: true
        }))
        const codes = (yield* said(kit)).map(([code]) => code).slice(2)
        assert.deepStrictEqual(codes.filter((code, index) => code !== [0x19, 0x18][index % 2]), [])
        assert.isAtMost(codes.length, 6)
      })
  )

  scenario(
    "R142 refused: the call fails with what the server says, and the connection is over",
    {
      versions: only50,
      broker: {
        exchangeAuthentication: ({ phase }) =>
          phase === "connect" ? { _tag: "Success" } : { _tag: "Refuse", reasonCode: 0x87 }
      }
    },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ authentication: answering() })
        const reason = yield* reasonOf(mqtt.reauthenticate)
        assert.deepStrictEqual(reason, new MqttError.ServerDisconnected({ reasonCode: 0x87 }))
        yield* TestClock.adjust(reconnected)
        // By the table of the reasons: this one is for good.
        const state = yield* stateOf(mqtt)
        assert.strictEqual(state._tag === "Closed" ? state.error?.reason : state._tag, reason)
        assert.strictEqual(yield* reasonOf(mqtt.reauthenticate), reason)
      })
  )

  scenario(
    "R142 refused: with a policy that tries again the next connection authenticates anew",
    {
      versions: only50,
      broker: {
        exchangeAuthentication: ({ phase }) =>
          phase === "connect" ? { _tag: "Success" } : { _tag: "Refuse", reasonCode: 0x87 }
      }
    },
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ authentication: answering(), isRetryable: () => true })
        assert.strictEqual((yield* reasonOf(mqtt.reauthenticate))._tag, "ServerDisconnected")
        yield* TestClock.adjust(reconnected)
        assert.strictEqual((yield* stateOf(mqtt))._tag, "Connected")
        assert.deepStrictEqual((yield* said(kit)).map(([code]) => code), ["CONNECT", 0x19, "CONNECT"])
      })
  )

  scenario(
    "R142 an answer or a check that fails ends the connection, and the call fails with it",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        for (const step of ["next", "succeeded"] as const) {
          let isConnected = false
          const authentication = answering()
          const failing: MqttAuthentication.MqttAuthentication = {
            method: "QUIZ",
            start: Effect.map(authentication.start, (exchange) => {
              const isFirst = !isConnected
              isConnected = true
              return isFirst ? exchange : { ...exchange, [step]: () => Effect.fail(MqttError.fromReason(wrong)) }
            })
          }
          const mqtt = yield* kit.connect({ clientId: step, authentication: failing })
          assert.strictEqual(yield* reasonOf(mqtt.reauthenticate), wrong)
          yield* TestClock.adjust(roundTrip)
          const [disconnect] = yield* sent(kit, "Disconnect", step)
          assert.strictEqual(disconnect?.reasonCode, 0x80)
        }
      })
  )

  scenario(
    "R141 what cannot begin leaves the connection as it is",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        let isBroken = false
        const initial = Effect.suspend(() =>
          isBroken ? Effect.fail(MqttError.fromReason(wrong)) : Effect.succeed(Redacted.make("hello"))
        )
        const mqtt = yield* kit.connect({ authentication: answering({ initial }) })
        isBroken = true
        assert.strictEqual(yield* reasonOf(mqtt.reauthenticate), wrong)
        isBroken = false
        yield* complete(mqtt.reauthenticate)
        assert.strictEqual(yield* connections(kit), 1)
      })
  )

  scenario(
    "R141 a server that never answers is given up after `connectTimeout`",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const options = { authentication: answering(), connectTimeout: "1 second", keepAlive: 0 } as const
        const mqtt = yield* kit.connect(options)
        yield* kit.network.drop
        const authenticating = yield* begin(Effect.flip(mqtt.reauthenticate))
        yield* TestClock.adjust(999)
        assert.isUndefined(authenticating.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.deepStrictEqual(
          (yield* Fiber.join(authenticating)).reason,
          new MqttError.ConnectTimeout({ timeout: 1000, waitingFor: "AUTH" })
        )
        yield* complete(mqtt.publish("t", "hello", { qos: 1 }))
        assert.strictEqual(yield* connections(kit), 2)
      })
  )

  scenario(
    "R140 without `authentication`, without a connection, and after the end",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const plain = yield* kit.connect({ clientId: "plain" })
        assert.strictEqual((yield* reasonOf(plain.reauthenticate))._tag, "InvalidRequest")
        const mqtt = yield* kit.connect({ authentication: answering() })
        yield* kit.network.reset
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* reasonOf(mqtt.reauthenticate))._tag, "Offline")
        yield* mqtt.disconnect
        assert.strictEqual((yield* reasonOf(mqtt.reauthenticate))._tag, "Closed")
        assert.strictEqual((yield* sent(kit, "Auth", "plain")).length, 0)
      })
  )

  scenario(
    "S60 a client that closes while it authenticates",
    { versions: only50, broker: { exchangeAuthentication: asking() }, leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        let isConnected = false
        const authentication = answering({
          next: (question) =>
            isConnected ? Effect.never : Effect.succeed(Redacted.make(
              `answer to ${textOf(question === undefined ? undefined : Redacted.value(question))}`
            ))
        })
        const mqtt = yield* kit.connect({ authentication })
        isConnected = true
        const authenticating = yield* begin(Effect.flip(mqtt.reauthenticate))
        yield* TestClock.adjust(roundTrip)
        yield* complete(mqtt.disconnect)
        assert.strictEqual((yield* Fiber.join(authenticating)).reason._tag, "Closed")
      })
  )
})

describe("an authentication that expires", () => {
  /** A token that is good for so long from when it was obtained. */
  const tokens = (lifetime: number, before?: number) => {
    let count = 0
    const authentication = MqttAuthentication.token({
      method: "JWT",
      token: Effect.clockWith((clock) =>
        Effect.sync(() => ({
          token: Redacted.make(`token ${++count}`),
          expiresAt: clock.currentTimeMillisUnsafe() + lifetime
        }))
      ),
      ...(before === undefined ? {} : { reauthenticateBefore: before })
    })
    return { authentication, count: () => count }
  }
  const accepting: MemoryBroker.Options = { exchangeAuthentication: () => ({ _tag: "Success" }) }
  const quiet = { keepAlive: 0, responseTimeout: 60_000 } as const

  scenario("R141 the client authenticates again before, on the same connection, time and again", {
    versions: only50,
    broker: accepting
  }, (kit) =>
    Effect.gen(function*() {
      const { authentication, count } = tokens(3_600_000)
      yield* kit.connect({ ...quiet, authentication })
      yield* TestClock.adjust(3_600_000 - 30_000 - 4 * roundTrip)
      assert.strictEqual(count(), 1)
      yield* TestClock.adjust(4 * roundTrip)
      assert.strictEqual(count(), 2)
      yield* TestClock.adjust(24 * 3_600_000)
      assert.deepStrictEqual((yield* said(kit)).slice(0, 3), [
        ["CONNECT", "JWT", "token 1"],
        [0x19, "JWT", "token 2"],
        [0x19, "JWT", "token 3"]
      ])
      assert.isAtLeast(count(), 25)
      assert.strictEqual(yield* connections(kit), 1)
    }))

  scenario("R141 `reauthenticateBefore` says how long before, and half of a life that is shorter", {
    versions: only50,
    broker: accepting
  }, (kit) =>
    Effect.gen(function*() {
      const minute = tokens(3_600_000, 60_000)
      yield* kit.connect({ ...quiet, clientId: "minute", authentication: minute.authentication })
      yield* TestClock.adjust(3_600_000 - 60_000 + roundTrip)
      assert.strictEqual(minute.count(), 2)
      const short = tokens(10_000, 60_000)
      yield* kit.connect({ ...quiet, clientId: "short", authentication: short.authentication })
      yield* TestClock.adjust(4_900)
      assert.strictEqual(short.count(), 1)
      yield* TestClock.adjust(200)
      assert.strictEqual(short.count(), 2)
    }))

  scenario("R141 one that is expired already is not renewed more than once a second", {
    versions: only50,
    broker: accepting
  }, (kit) =>
    Effect.gen(function*() {
      const { authentication, count } = tokens(-1)
      yield* kit.connect({ ...quiet, authentication })
      yield* TestClock.adjust(10_000)
      assert.isAtMost(count(), 11)
      assert.isAtLeast(count(), 9)
    }))

  scenario("R141 a token that cannot be had is asked for again, and the connection stays", {
    versions: only50,
    broker: accepting
  }, (kit) =>
    Effect.gen(function*() {
      let isDown = false
      let asked = 0
      const { authentication } = tokens(3_600_000)
      const broken: Array<Effect.Effect<never, MqttError.MqttError>> = [
        Effect.fail(MqttError.fromReason(wrong)),
        Effect.die("a defect"),
        Effect.never
      ]
      const start = Effect.suspend(() => isDown ? broken[asked++ % broken.length] : authentication.start)
      yield* kit.connect({ ...quiet, authentication: { method: "JWT", start } })
      isDown = true
      yield* TestClock.adjust(3_600_000 + 600_000)
      assert.isAtLeast(asked, 10)
      assert.isAtMost(asked, 200)
      assert.strictEqual((yield* kit.network.counters).open, 1)
      isDown = false
      yield* TestClock.adjust(60_000)
      assert.deepStrictEqual((yield* said(kit)).map(([code]) => code), ["CONNECT", 0x19])
    }))

  scenario(
    "R141 after a reconnect the expiry is that of the new one",
    { versions: only50, broker: accepting },
    (kit) =>
      Effect.gen(function*() {
        const { authentication, count } = tokens(100_000)
        yield* kit.connect({ ...quiet, authentication, reconnect: Schedule.spaced(reconnectDelay) })
        yield* TestClock.adjust(60_000)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        assert.strictEqual(count(), 2)
        yield* TestClock.adjust(60_000)
        assert.strictEqual(count(), 2)
        yield* TestClock.adjust(11_000)
        assert.strictEqual(count(), 3)
      })
  )
})

describe("SCRAM-SHA-256", () => {
  const account = { username: "user", password: "pencil", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 }

  const authentication = MqttAuthentication.scramSha256({ username: "user", password: Redacted.make("pencil") })

  /** A client of such a broker, as long as `use` takes. */
  const withClient = <A, E>(
    password: string,
    use: (mqtt: MqttClient.MqttClient["Service"]) => Effect.Effect<A, E>
  ) =>
    Effect.scoped(Effect.flatMap(MqttClient.make({ authentication }), use)).pipe(
      Effect.provide(MemoryBroker.layer({
        exchangeAuthentication: Scram.exchange({ ...account, password }),
        latency: 0,
        connectDelay: 0
      }))
    )

  // Web Crypto takes real time.
  it.live("R137 R141 R142 both sides prove that they know the password, again and again", () =>
    Effect.gen(function*() {
      yield* withClient("pencil", ({ reauthenticate }) => Effect.andThen(reauthenticate, reauthenticate))
      const error = yield* Effect.flip(withClient("another", () => Effect.void))
      assert.deepStrictEqual(error.reason, new MqttError.ConnectionRefused({ reasonCode: 0x87 }))
    }))

  scenario(
    "authenticating again that is interrupted while it waits for another one leaves nothing, and does not come later",
    { versions: only50, broker: { exchangeAuthentication: asking() } },
    (kit) =>
      Effect.gen(function*() {
        const token = yield* Deferred.make<void>()
        let started = 0
        const authentication = answering({
          initial: Effect.suspend(() =>
            ++started === 1
              ? Effect.succeed(Redacted.make("hello"))
              : Effect.as(Deferred.await(token), Redacted.make("hello"))
          )
        })
        const mqtt = yield* kit.connect({ authentication, connectTimeout: "10 minutes" })
        const first = yield* begin(mqtt.reauthenticate)
        yield* TestClock.adjust(roundTrip)
        for (let time = 0; time < 1000; time++) yield* Fiber.interrupt(yield* begin(mqtt.reauthenticate))
        yield* Deferred.succeed(token, undefined)
        yield* TestClock.adjust(10 * roundTrip)
        yield* Fiber.join(first)
        assert.strictEqual(started, 2)
        yield* complete(mqtt.reauthenticate)
        assert.strictEqual(started, 3)
      })
  )
})

/**
 * A client with a store: accepted messages outlive the process.
 */
import { assert, describe } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Records from "../../src/internal/store/records.ts"
import type * as MqttClient from "../../src/MqttClient.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { type Client, clientId, type Kit, scenario, sent } from "../support/scenario.ts"
import { behaving, type Conduct, conduct, recordsOf } from "../support/stores.ts"
import { begin, complete, connected, latency, roundTrip, settle } from "../support/time.ts"

/** A program of its own: it lives until it ends, or is killed. */
interface Life {
  readonly mqtt: Client
  readonly conduct: Conduct
  readonly end: Effect.Effect<void>
}

const options = { session: "persistent", initialConnection: "retry" } as const satisfies MqttClient.Options

/** Begins; whether it is connected is another matter. */
const live = Effect.fnUntraced(function*(kit: Kit, store: MqttStore.Store, more?: MqttClient.Options) {
  const own = conduct()
  const scope = yield* Scope.make()
  const starting = kit.start({ ...options, ...more }).pipe(
    Effect.provide(MqttStore.layer(Effect.succeed(behaving(store, own)))),
    Scope.provide(scope)
  )
  const mqtt = yield* complete(Effect.flatMap(starting, Fiber.join))
  const life: Life = { mqtt, conduct: own, end: complete(Scope.close(scope, Exit.void)) }
  return life
})

/** What the broker has accepted, in order. */
const texts = (kit: Kit, qos: 1 | 2) =>
  Effect.map(kit.broker.messages, (all) => all.filter((message) => message.qos === qos).map(({ text }) => text))

const offline = (kit: Kit) => kit.network.refuseConnect(1000)

const accept = (mqtt: Client, messages: ReadonlyArray<string>, qos: 1 | 2 = 1) =>
  Effect.forEach(messages, (text) => mqtt.publishAsync("t", text, { qos }))

const numbers = (count: number, first = 1) => Array.from({ length: count }, (_, index) => `${first + index}`)

const storedMessage = (message: Partial<Records.StoredMessage["message"]>): Uint8Array =>
  Records.encodeMessage({
    message: { topic: "a", payload: new Uint8Array(0), qos: 1, retain: false, properties: {}, ...message },
    storedAt: 0,
    expiresAt: undefined
  })

const sentUnder7: MqttStore.Change = {
  _tag: "Put",
  table: "exchange",
  key: 7,
  value: Records.exchange.encode({ _tag: "Sent", message: 3, order: 1 })
}

/** Their checksums are right, and this client writes nothing like them. */
const ofAnotherProgram: ReadonlyArray<readonly [name: string, table: MqttStore.Table, key: number, value: Uint8Array]> =
  [
    ["a topic that cannot be sent", "message", 3, storedMessage({ topic: "a/+" })],
    ["text that cannot be sent", "message", 3, storedMessage({ properties: { contentType: "\ud800" } })],
    ["an identifier that no packet has", "exchange", 65_536, Records.exchange.encode({ _tag: "Reserved" })],
    ["an identifier that no packet has, received", "received", 0, Records.received.encode({ answer: 0 })],
    ["an answer that no PUBREC has", "received", 5, Records.received.encode({ answer: 0x8e })]
  ]

describe("what was accepted outlives the process", () => {
  scenario(
    "messages that were accepted offline are delivered by the next program, in order",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        yield* offline(kit)
        const first = yield* live(kit, store)
        yield* complete(accept(first.mqtt, numbers(3), 1))
        yield* complete(accept(first.mqtt, numbers(3), 2))
        assert.strictEqual((yield* first.mqtt.stats).storedMessages, 6)
        yield* first.end
        yield* kit.network.allowConnect
        const second = yield* live(kit, store)
        assert.strictEqual((yield* second.mqtt.stats).storedMessages, 6)
        yield* complete(accept(second.mqtt, ["4"], 1))
        yield* complete(second.mqtt.flush)
        assert.deepStrictEqual(yield* texts(kit, 1), numbers(4))
        assert.deepStrictEqual(yield* texts(kit, 2), numbers(3))
        assert.strictEqual((yield* second.mqtt.stats).storedMessages, 0)
        yield* second.end
        assert.deepStrictEqual(yield* recordsOf(store, clientId, "message"), [])
        assert.deepStrictEqual(yield* recordsOf(store, clientId, "exchange"), [])
      })
  )

  scenario("the network has its turn while a program publishes without a pause", {}, (kit) =>
    Effect.gen(function*() {
      yield* offline(kit)
      const { end, mqtt } = yield* live(kit, yield* MqttStore.makeMemory)
      let turns = 0
      let isOver = false
      const turn = () => {
        turns++
        if (!isOver) setImmediate(turn)
      }
      setImmediate(turn)
      const publishing = accept(mqtt, numbers(50))
      yield* Effect.all(Array.from({ length: 10 }, () => publishing), { concurrency: "unbounded" })
      isOver = true
      assert.isAtLeast(turns, 45)
      yield* end
    }))

  scenario("more than memory holds, with those who wait for an acknowledgement", {}, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      yield* offline(kit)
      const { end, mqtt } = yield* live(kit, store)
      const acknowledgements = yield* complete(accept(mqtt, numbers(2500)))
      const waiting = yield* begin(acknowledgements[2400])
      const publishing = yield* begin(mqtt.publish("t", "2501", { qos: 1 }))
      const withdrawn = yield* begin(mqtt.publish("t", "withdrawn", { qos: 1 }))
      const sinking = yield* begin(
        Stream.run(Stream.fromIterable([{ topic: "t", payload: "2502", qos: 1 as const }]), mqtt.publishSink)
      )
      yield* settle
      yield* Fiber.interrupt(withdrawn)
      yield* kit.network.allowConnect
      const flushing = yield* begin(mqtt.flush)
      yield* complete(Fiber.join(flushing))
      assert.deepStrictEqual(yield* texts(kit, 1), numbers(2502))
      assert.strictEqual((yield* Fiber.join(waiting)).reasonCode, 0x00)
      assert.strictEqual((yield* Fiber.join(publishing)).reasonCode, 0x00)
      assert.strictEqual(yield* Fiber.join(sinking), 1)
      // Long after it was over.
      assert.strictEqual((yield* acknowledgements[2300]).reasonCode, 0x00)
      yield* end
      assert.deepStrictEqual(yield* recordsOf(store, clientId, "message"), [])
    }))

  scenario(
    "a PUBLISH of QoS 2 leaves when the store has its identifier, a PUBREL when it has the release",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        const { conduct, end, mqtt } = yield* live(kit, store, { session: "clean" })
        yield* TestClock.adjust(connected)
        conduct.delay = 1000
        const publishing = yield* begin(mqtt.publish("t", "1", { qos: 2 }))
        // Accepted after one commit, sent after another.
        yield* TestClock.adjust(1999 + latency)
        assert.lengthOf(yield* sent(kit, "Publish"), 0)
        yield* TestClock.adjust(2)
        assert.lengthOf(yield* sent(kit, "Publish"), 1)
        yield* TestClock.adjust(roundTrip + 900)
        assert.lengthOf(yield* sent(kit, "Pubrel"), 0)
        yield* TestClock.adjust(200)
        assert.lengthOf(yield* sent(kit, "Pubrel"), 1)
        yield* complete(Fiber.join(publishing))
        yield* end
      })
  )

  scenario("PUBREC and PUBCOMP leave when the store knows of them", {}, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      const { conduct, end, mqtt } = yield* live(kit, store)
      yield* TestClock.adjust(connected)
      const handled: Array<string> = []
      const consuming = yield* begin(
        mqtt.consume("in", ({ text }) => Effect.sync(() => handled.push(text)), { qos: 2 })
      )
      yield* TestClock.adjust(2 * roundTrip)
      conduct.delay = 1000
      yield* kit.broker.publish("in", "1", { qos: 2 })
      yield* TestClock.adjust(roundTrip + 900)
      assert.deepStrictEqual(handled, ["1"])
      assert.lengthOf(yield* sent(kit, "Pubrec"), 0)
      yield* TestClock.adjust(100 + roundTrip)
      assert.lengthOf(yield* sent(kit, "Pubrec"), 1)
      yield* TestClock.adjust(900)
      assert.lengthOf(yield* sent(kit, "Pubcomp"), 0)
      yield* TestClock.adjust(200 + roundTrip)
      assert.lengthOf(yield* sent(kit, "Pubcomp"), 1)
      yield* Fiber.interrupt(consuming)
      yield* end
      assert.deepStrictEqual(yield* recordsOf(store, clientId, "received"), [])
    }))

  scenario(
    "a message that cannot be stored is not sent, and its publish fails; the next one is",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        const { conduct, end, mqtt } = yield* live(kit, store)
        yield* TestClock.adjust(connected)
        conduct.problem = "Full"
        const error = yield* complete(Effect.flip(mqtt.publish("t", "lost", { qos: 1 })))
        assert.strictEqual(error.reason._tag, "StoreFailed")
        assert.deepStrictEqual((yield* mqtt.health).status, "degraded")
        const { outboxMessages, storedMessages, storeFailures } = yield* mqtt.stats
        assert.deepStrictEqual({ outboxMessages, storedMessages, storeFailures }, {
          outboxMessages: 0,
          storedMessages: 0,
          storeFailures: 1
        })
        conduct.problem = undefined
        yield* complete(mqtt.publish("t", "kept", { qos: 1 }))
        assert.strictEqual((yield* mqtt.health).status, "up")
        assert.deepStrictEqual(yield* texts(kit, 1), ["kept"])
        yield* end
      })
  )

  scenario(
    "a store that does not answer within 30 seconds fails the publish, and what it did late is undone",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        const { conduct, end, mqtt } = yield* live(kit, store)
        yield* TestClock.adjust(connected)
        conduct.delay = 31_000
        const error = yield* complete(Effect.flip(mqtt.publish("t", "lost", { qos: 1 })))
        assert.deepInclude(error.reason, { _tag: "StoreFailed", problem: "NotAnswering", operation: "write" })
        conduct.delay = 0
        yield* complete(mqtt.publish("t", "kept", { qos: 1 }))
        assert.deepStrictEqual(yield* texts(kit, 1), ["kept"])
        yield* end
        assert.deepStrictEqual(yield* recordsOf(store, clientId, "message"), [])
        assert.deepInclude(conduct.committed, { _tag: "Remove", table: "message", key: 1 })
      })
  )

  scenario(
    "a store that dies has failed, under its own name, and what comes next is stored",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        const { conduct, end, mqtt } = yield* live(kit, store)
        yield* TestClock.adjust(connected)
        conduct.throws = new Error("nobody has thought of that")
        const { reason } = yield* complete(Effect.flip(mqtt.publish("t", "lost", { qos: 1 })))
        assert.deepInclude(reason, {
          _tag: "StoreFailed",
          store: store.name,
          operation: "write",
          problem: "Unavailable",
          cause: conduct.throws
        })
        conduct.throws = undefined
        yield* complete(mqtt.publish("t", "kept", { qos: 1 }))
        assert.deepStrictEqual(yield* texts(kit, 1), ["kept"])
        yield* end
      })
  )

  scenario(
    "a store that hangs holds up the end for no longer than `drainTimeout`",
    { leavesUnfinished: true },
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        const { conduct, end, mqtt } = yield* live(kit, store, { drainTimeout: "300 millis" })
        yield* TestClock.adjust(connected)
        conduct.hangs = true
        const publishing = yield* begin(Effect.flip(mqtt.publish("t", "1", { qos: 1 })))
        yield* settle
        const before = yield* Clock.currentTimeMillis
        yield* end
        assert.isAtMost((yield* Clock.currentTimeMillis) - before, 2 * 300 + 2 * roundTrip)
        assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "Closed")
      })
  )
})

describe("the bounds of what is stored", () => {
  const filled = Effect.fnUntraced(function*(kit: Kit, policy: MqttClient.OverflowPolicy) {
    const store = yield* MqttStore.makeMemory
    yield* offline(kit)
    const life = yield* live(kit, store, { outbox: { messages: 3, policy } })
    const exits = yield* begin(
      Effect.forEach(numbers(5), (text) => Effect.exit(life.mqtt.publishAsync("t", text, { qos: 1 })), {
        concurrency: "unbounded"
      })
    )
    yield* TestClock.adjust(100)
    return { ...life, exits }
  })

  for (
    const [policy, delivered, succeeded] of [
      ["fail", ["1", "2", "3"], 3],
      ["dropNewest", ["1", "2", "3"], 3],
      ["dropOldest", ["3", "4", "5"], 3],
      ["suspend", ["1", "2", "3", "4", "5"], 5]
    ] as const
  ) {
    scenario(`policy ${policy}`, {}, (kit) =>
      Effect.gen(function*() {
        const { end, exits, mqtt } = yield* filled(kit, policy)
        assert.strictEqual((yield* mqtt.stats).storedMessages, 3)
        yield* kit.network.allowConnect
        yield* complete(mqtt.flush)
        const all = yield* complete(Fiber.join(exits))
        assert.lengthOf(all.filter(Exit.isSuccess), succeeded)
        yield* complete(mqtt.flush)
        assert.deepStrictEqual(yield* texts(kit, 1), [...delivered])
        yield* end
      }))
  }

  scenario("QoS 0 waits in memory alone, and is over with the program", {}, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      yield* offline(kit)
      const { end, mqtt } = yield* live(kit, store)
      const publishing = yield* begin(Effect.flip(mqtt.publish("t", "0")))
      yield* TestClock.adjust(100)
      assert.deepInclude(yield* mqtt.stats, { storedMessages: 0, outboxMessages: 1 })
      yield* end
      assert.strictEqual((yield* Fiber.join(publishing)).reason._tag, "Closed")
    }))
})

describe("time goes on while nobody runs", () => {
  scenario("a message whose Message Expiry Interval has passed is not delivered, another has what is left", {
    versions: ["5.0"]
  }, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      yield* offline(kit)
      const first = yield* live(kit, store)
      const expiring = (messageExpiryInterval: number) =>
        first.mqtt.publishAsync("t", `${messageExpiryInterval}`, { qos: 1, properties: { messageExpiryInterval } })
      yield* complete(Effect.all([expiring(10), expiring(100)]))
      yield* first.end
      yield* TestClock.adjust("1 minute")
      yield* kit.network.allowConnect
      const second = yield* live(kit, store)
      yield* complete(second.mqtt.flush)
      const [message, ...others] = yield* kit.broker.messages
      assert.deepStrictEqual([message.text, others.length], ["100", 0])
      assert.isAtMost(message.properties.messageExpiryInterval ?? Infinity, 40)
      assert.strictEqual((yield* second.mqtt.stats).expired, 1)
      yield* second.end
    }))

  scenario(
    "`outbox.age`: a message that has waited too long is given up, without a word to the server",
    {},
    (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        yield* offline(kit)
        const first = yield* live(kit, store, { outbox: { age: "30 seconds" } })
        yield* complete(accept(first.mqtt, ["old"]))
        yield* first.end
        yield* TestClock.adjust("1 minute")
        const second = yield* live(kit, store, { outbox: { age: "30 seconds" } })
        yield* complete(accept(second.mqtt, ["new"]))
        yield* kit.network.allowConnect
        yield* complete(second.mqtt.flush)
        const messages = yield* kit.broker.messages
        assert.deepStrictEqual(messages.map(({ properties, text }) => [text, properties.messageExpiryInterval]), [
          ["new", undefined]
        ])
        yield* second.end
      })
  )
})

describe("what is wrong with a store is said at the start", () => {
  const startWith = Effect.fnUntraced(function*(kit: Kit, store: MqttStore.Store, more?: MqttClient.Options) {
    const starting = kit.start({ ...options, ...more }).pipe(
      Effect.provide(MqttStore.layer(Effect.succeed(store))),
      Effect.flatMap(Fiber.join),
      Effect.scoped
    )
    return yield* complete(Effect.flip(starting))
  })

  scenario("a second client has no store, and no message of the first", {}, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      const first = yield* live(kit, store)
      const { reason } = yield* startWith(kit, store)
      assert.deepInclude(reason, { _tag: "StoreFailed", problem: "InUse", operation: "open" })
      yield* first.end
      yield* (yield* live(kit, store)).end
    }))

  scenario("a store that cannot be opened in time", {}, (kit) =>
    Effect.gen(function*() {
      const { reason } = yield* startWith(kit, { name: "of the test", open: () => Effect.never })
      assert.deepInclude(reason, { _tag: "StoreFailed", problem: "NotAnswering", operation: "open" })
    }))

  scenario("a store that dies when it is read", {}, (kit) =>
    Effect.gen(function*() {
      const memory = yield* MqttStore.makeMemory
      const cause = new Error("nobody has thought of that")
      const { reason } = yield* startWith(kit, {
        name: "of the test",
        open: (clientId) => Effect.map(memory.open(clientId), (open) => ({ ...open, read: () => Effect.die(cause) }))
      })
      const failure = { store: "of the test", operation: "read", problem: "Unavailable", cause } as const
      assert.deepInclude(reason, { _tag: "StoreFailed", ...failure })
    }))

  scenario("a store without a client identifier", {}, (kit) =>
    Effect.gen(function*() {
      const store = yield* MqttStore.makeMemory
      const { reason } = yield* startWith(kit, store, { clientId: undefined, session: "clean" })
      assert.deepInclude(reason, { _tag: "InvalidOptions", option: "clientId" })
    }))

  for (const table of ["client", "exchange", "received"] as const) {
    scenario(`a record of ${table} that is damaged`, { leavesUnfinished: true }, (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        yield* (yield* live(kit, store)).end
        const damage: MqttStore.Change = { _tag: "Put", table, key: 0, value: Uint8Array.of(1, 2, 3) }
        yield* Effect.scoped(Effect.flatMap(store.open(clientId), (open) => open.commit([damage])))
        const { reason } = yield* startWith(kit, store)
        assert.deepInclude(reason, { _tag: "StoreFailed", problem: "Corrupt", operation: "read" })
        assert.deepInclude(yield* recordsOf(store, clientId, table), { key: 0, value: Uint8Array.of(1, 2, 3) })
      }))
  }

  for (const [name, table, key, value] of ofAnotherProgram) {
    scenario(`a record of another program: ${name}`, { leavesUnfinished: true }, (kit) =>
      Effect.gen(function*() {
        const store = yield* MqttStore.makeMemory
        yield* (yield* live(kit, store)).end
        const others: ReadonlyArray<MqttStore.Change> = [
          { _tag: "Put", table, key, value },
          ...(table === "message" ? [sentUnder7] : [])
        ]
        yield* Effect.scoped(Effect.flatMap(store.open(clientId), (open) => open.commit(others)))
        const { reason } = yield* startWith(kit, store)
        const cause = `record ${key} of the table ${table}`
        assert.deepInclude(reason, { _tag: "StoreFailed", problem: "Corrupt", operation: "read", cause })
      }))
  }
})

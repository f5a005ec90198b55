/**
 * The store is consistent after each commit, because any commit may be the last of its process.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as records from "../../src/internal/store/records.ts"
import type * as MqttClient from "../../src/MqttClient.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { type Kit, scenario } from "../support/scenario.ts"
import { behaving, type Conduct, conduct } from "../support/stores.ts"
import { begin, complete, connected, roundTrip } from "../support/time.ts"

const options = { session: "persistent", initialConnection: "retry" } as const satisfies MqttClient.Options

/** What contradicts itself in a store. */
const contradictions = Effect.fnUntraced(function*(open: MqttStore.OpenStore) {
  const all = { after: -1, limit: 100_000 }
  const messages = (yield* open.read("message", all)).map(({ key }) => key)
  const sent = (yield* open.read("exchange", all)).flatMap(({ value }) => {
    const exchange = records.exchange.decode(value)
    return exchange._tag === "Some" && exchange.value._tag === "Sent" ? [exchange.value.message] : []
  })
  const [client] = yield* open.read("client", all)
  const totals = records.totals.decode(client.value)
  const counted = totals._tag === "Some" ? totals.value.messages : undefined
  return [
    ...sent.filter((message) => !messages.includes(message)).map((key) => `message ${key} was sent and is not there`),
    ...(counted === messages.length ? [] : [`there are ${messages.length} messages, and ${counted} are counted`])
  ]
})

/** Looks at the store after each commit. */
const judged = (store: MqttStore.Store, problems: Array<string>): MqttStore.Store => ({
  name: store.name,
  open: (clientId) =>
    Effect.map(store.open(clientId), (open) => ({
      read: open.read,
      commit: (changes) =>
        Effect.tap(open.commit(changes), () => Effect.map(contradictions(open), (found) => problems.push(...found)))
    }))
})

const live = Effect.fnUntraced(function*(kit: Kit) {
  const own: Conduct = conduct()
  const problems: Array<string> = []
  const store = behaving(judged(yield* MqttStore.makeMemory, problems), own)
  const scope = yield* Scope.make()
  const mqtt = yield* complete(Effect.flatMap(
    kit.start(options).pipe(Effect.provide(MqttStore.layer(Effect.succeed(store))), Scope.provide(scope)),
    Fiber.join
  ))
  yield* TestClock.adjust(connected)
  return { mqtt, conduct: own, problems, end: complete(Scope.close(scope, Exit.void)) }
})

const isOfMessage = (changes: ReadonlyArray<MqttStore.Change>): boolean =>
  changes.some((change) => change._tag === "Put" && change.table === "message")

describe("the store is whole after each commit", () => {
  scenario("what several packets of one read change is stored together", {}, (kit) =>
    Effect.gen(function*() {
      const { end, mqtt, problems } = yield* live(kit)
      yield* kit.broker.holdAcknowledgements("Pubrec", "Pubcomp")
      const publishing = yield* begin(
        Effect.forEach(["1", "2", "3"], (text) => mqtt.publish("t", text, { qos: 2 }), { concurrency: 3 })
      )
      yield* TestClock.adjust(4 * roundTrip)
      yield* kit.broker.releaseAcknowledgements("Pubrec", "Pubcomp")
      yield* complete(Fiber.join(publishing))
      yield* end
      assert.deepStrictEqual(problems, [])
    }))

  scenario("a message ends while others are refused by a store that is full", {}, (kit) =>
    Effect.gen(function*() {
      const { conduct, end, mqtt, problems } = yield* live(kit)
      yield* complete(Effect.asVoid(mqtt.publishAsync("t", "1", { qos: 1 })))
      Object.assign(conduct, { delay: 2 * roundTrip, problem: "Full", fails: isOfMessage })
      // Its commit has what is known of the first message with it.
      const refused = yield* begin(Effect.flip(mqtt.publish("t", "2", { qos: 1 })))
      assert.strictEqual((yield* complete(Fiber.join(refused))).reason._tag, "StoreFailed")
      conduct.problem = undefined
      yield* complete(mqtt.publish("t", "3", { qos: 1 }))
      yield* end
      assert.deepStrictEqual(problems, [])
    }))
})

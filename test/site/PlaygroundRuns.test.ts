/**
 * Each scenario of the playground to its end on a TestClock, in both versions: what becomes of the messages, and why.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Address from "../../site/playground/Address.ts"
import { fileOf } from "../../site/playground/exported.ts"
import * as Outcome from "../../site/playground/Outcome.ts"
import { run } from "../../site/playground/run.ts"
import { startOf } from "../../site/playground/scenarios.ts"
import { fields, type Setting } from "../../site/playground/Setting.ts"
import { explain } from "../../site/playground/words.ts"
import { versions } from "../support/versions.ts"

type Version = Setting["version"]

interface Expected extends Partial<Outcome.Counts> {
  readonly handled: number
}

/** A setting, the counts that are not 0, and a part of the words that explain them. */
type Row = readonly [query: string, expected: Expected, says: ReadonlyArray<string>, versions?: ReadonlyArray<Version>]

/** Twenty messages. The outage catches the acknowledgement of the seventh, and its copy for the station. */
const rows: ReadonlyArray<Row> = [
  // The broker has sensor 7 already when it comes again, so the station gets it twice.
  ["scenario=outage", { handled: 20, repeated: 1 }, ["handled sensor 7 more than once", "sent 14 messages again"]],
  ["scenario=outage&ending=reset", { handled: 20, repeated: 1 }, ["handled sensor 7 more than once"]],
  ["scenario=outage&qos=2", { handled: 20 }, ["all 20 messages"]],
  // The sensor notices nothing while it publishes: nobody owes it an acknowledgement.
  ["scenario=outage&qos=0", { handled: 6, lost: 14 }, ["Lost: sensor 7. The broker sent it", "Lost: sensor 8 to 20."]],
  // The station does not notice the silence for 25 seconds, and its old session ends with the connection.
  ["scenario=outage&session=clean", { handled: 6, lost: 14 }, ["sensor 7 to 20. The broker sent them to the station"]],
  // Both notice a reset at once, and connect again at the same moment.
  ["scenario=outage&ending=reset&session=clean&reconnect=second", { handled: 20 }, ["all 20 messages"]],
  ["scenario=outage&ending=reset&qos=0&reconnect=second", { handled: 19, lost: 1 }, [
    "Lost: sensor 7. The broker sent"
  ]],
  ["scenario=outage&ending=reset&reconnect=three-times", { handled: 6, failed: 13, waiting: 1 }, [
    "sensor 7 is at the broker",
    "sensor 8 to 20 failed with PortRefused"
  ]],
  // Both connect at the same moment, and the messages overtake the SUBSCRIBE. QoS 2 needs a round trip more.
  ["scenario=restart", { handled: 8, lost: 12 }, ["sensor 8 to 18. The broker took and acknowledged them"]],
  ["scenario=restart&qos=0", { handled: 8, lost: 12 }, ["it keeps no QoS 0 messages for later"]],
  ["scenario=restart&qos=2", { handled: 20 }, ["all 20 messages"]],
  ["scenario=slow", { handled: 20 }, ["all 20 messages"]],
  ["scenario=slow&receiveMaximum=1", { handled: 20 }, ["all 20 messages"]],
  ["scenario=slow&bufferPolicy=dropOldest", { handled: 10, lost: 10 }, [
    "sensor 2, sensor 6 to 13, sensor 17. The station"
  ]],
  ["scenario=slow&bufferPolicy=dropNewest", { handled: 10, lost: 10 }, ["sensor 5, sensor 9 to 16, sensor 20. The st"]],
  ["scenario=slow&bufferPolicy=fail", { handled: 4, lost: 16 }, ["its buffer had no room, or nothing consumed"]],
  ["scenario=poison", { handled: 4, waiting: 16 }, ["sensor 5 to 20 are at the broker"]],
  ["scenario=poison&poison=reject", { handled: 19, lost: 1 }, ["Lost: sensor 5. The handler failed"]],
  ["scenario=poison&poison=acknowledge", { handled: 19, lost: 1 }, ["Lost: sensor 5. The handler failed"]],
  ["scenario=poison&poison=deadLetter", { handled: 19, putAside: 1 }, ["sensor 5 became a dead letter"]],
  // The sensor is told in 5.0. In 3.1.1 both go on for ever, and the messages get through between two turns.
  ["scenario=twins", { published: 40, handled: 27, failed: 13 }, ["sensor 8 to 20 failed with SessionTakenOver"], [
    "5.0"
  ]],
  ["scenario=twins", { published: 40, handled: 40 }, ["The sensor connected 10 times, the twin connected 10"], [
    "3.1.1"
  ]],
  // The broker had read sensor 8 before the stall was over, on the connection that its client had given up.
  ["scenario=stall", { handled: 20, repeated: 1 }, ["handled sensor 8 more than once"]],
  ["scenario=stall&qos=2", { handled: 20 }, ["all 20 messages"]],
  ["scenario=stall&outbox=3&outboxPolicy=dropOldest&window=1", { handled: 11, repeated: 1, failed: 9 }, [
    "sensor 9 to 17 failed with Overflow, because the outbox was full"
  ]],
  // The page dies with page 8 to 15 waiting, and has published no more.
  ["scenario=tab", { published: 15, handled: 15, repeated: 1 }, ["all 15 messages"]],
  ["scenario=tab&store=none", { published: 15, handled: 7, lost: 8 }, ["page 8 to 15. Only the memory of the program"]],
  ["scenario=tab&qos=0", { published: 15, handled: 6, lost: 9 }, ["page 8 to 15. Only the memory of the program"]]
]

const none: Outcome.Counts = { published: 20, handled: 0, repeated: 0, putAside: 0, failed: 0, waiting: 0, lost: 0 }

const outcomeOf = Effect.fnUntraced(function*(setting: Setting) {
  const record = yield* run(setting)
  return { record, outcome: Outcome.of(record) }
})

describe("a scenario of the playground", () => {
  for (const [query, expected, says, inVersions = versions] of rows) {
    it.effect.each(inVersions)(`${query} (%s)`, (version) =>
      Effect.gen(function*() {
        const { problems, setting } = Address.parse(`${query}&version=${version}`)
        assert.deepStrictEqual(problems, [])
        const { outcome, record } = yield* outcomeOf(setting)
        assert.deepStrictEqual(outcome.counts, { ...none, ...expected })
        const words = explain(outcome, setting).join("\n")
        for (const part of says) assert.include(words, part)
        assert.deepStrictEqual(record.violations, [])
      }))
  }

  it.effect.each(fields.scenario.schema.literals)(
    "%s is the same each time, chance included",
    (scenario) =>
      Effect.gen(function*() {
        const setting: Setting = { ...startOf(scenario), reconnect: "default" }
        const first = yield* run(setting)
        const second = yield* run(setting)
        assert.deepStrictEqual(second.notes, first.notes)
      })
  )
})

describe("any setting of the playground", () => {
  const schemas = {
    scenario: fields.scenario.schema,
    version: fields.version.schema,
    qos: fields.qos.schema,
    session: fields.session.schema,
    reconnect: fields.reconnect.schema,
    outboxPolicy: fields.outboxPolicy.schema,
    bufferPolicy: fields.bufferPolicy.schema,
    ending: fields.ending.schema,
    poison: fields.poison.schema,
    store: fields.store.schema,
    messages: Schema.Literals([1, 8, 30]),
    window: Schema.Literals([1, 3, 1000]),
    outbox: Schema.Literals([1, 4, 10_000]),
    receiveMaximum: Schema.Literals([1, 4, 1000]),
    buffer: Schema.Literals([1, 3, 10_000]),
    handling: Schema.Literals([0, 700, 10_000])
  }

  it.effect.prop("ends, and gives each message one fate", schemas, (options) =>
    Effect.gen(function*() {
      const setting: Setting = { ...startOf(options.scenario), ...options }
      const { outcome, record } = yield* outcomeOf(setting)
      const { counts } = outcome
      const { failed, handled, lost, published, putAside, waiting } = counts
      assert.strictEqual(published, handled + putAside + failed + waiting + lost)
      // Two clients of one session, or a new client of an old one, do not know the messages that the other has in flight.
      const isOneClient = setting.scenario !== "twins" && (setting.scenario !== "tab" || setting.store === "memory")
      if (isOneClient) assert.deepStrictEqual(record.violations, [])
      if (setting.qos === 0) assert.strictEqual(counts.repeated, 0)
      // The packets say how much the broker keeps for the station, and so does the broker.
      const { session } = record
      const inSession = session === undefined ? 0 : session.queued + session.inflight
      if (setting.qos > 0) assert.strictEqual(Outcome.keptByBroker(record, outcome.flights).length, inSession)
      assert.include(fileOf(record, outcome), `assert.strictEqual(published.length, ${published})`)
    }), { timeout: 120_000, arbitrary: { runs: 30 } })
})

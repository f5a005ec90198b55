/**
 * The settings of the playground in addresses: each setting survives the way into an address and back, and a wrong part
 * of an address is named and replaced.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Address from "../../site/playground/Address.ts"
import { optionsOf, startOf } from "../../site/playground/scenarios.ts"
import { fields, type Name, names, type Setting } from "../../site/playground/Setting.ts"

const scenarios = fields.scenario.schema.literals

const schemas: { readonly [name in Name]: Schema.Codec<Setting[name]> } = Schema.Struct({
  scenario: fields.scenario.schema,
  version: fields.version.schema,
  qos: fields.qos.schema,
  session: fields.session.schema,
  reconnect: fields.reconnect.schema,
  messages: fields.messages.schema,
  interval: fields.interval.schema,
  window: fields.window.schema,
  outbox: fields.outbox.schema,
  outboxPolicy: fields.outboxPolicy.schema,
  receiveMaximum: fields.receiveMaximum.schema,
  buffer: fields.buffer.schema,
  bufferPolicy: fields.bufferPolicy.schema,
  handling: fields.handling.schema,
  ending: fields.ending.schema,
  poison: fields.poison.schema,
  store: fields.store.schema
}).fields

/** The part of a setting that an address holds: the options of its scenario. */
const meant = (setting: Setting) =>
  Object.fromEntries(["scenario", ...optionsOf(setting.scenario)].map((name) => [name, setting[name as Name]]))

describe("an address of the playground", () => {
  it.prop("holds any setting", schemas, (setting) => {
    const reading = Address.parse(Address.write(setting))
    assert.deepStrictEqual(reading.problems, [])
    assert.deepStrictEqual(meant(reading.setting), meant(setting))
    // An option without a meaning in the scenario has its first value.
    assert.deepStrictEqual(reading.setting, { ...startOf(setting.scenario), ...meant(setting) })
  }, { arbitrary: { runs: 500 } })

  it.prop("is read, whatever it is", { query: Schema.String }, ({ query }) => {
    const { setting } = Address.parse(query)
    for (const name of names) {
      assert.isTrue(Schema.is(fields[name].schema as Schema.Codec<unknown>)(setting[name]), name)
    }
  }, { arbitrary: { runs: 500 } })

  it.each(scenarios)("without options begins the scenario %s", (scenario) => {
    assert.deepStrictEqual(Address.parse(`?scenario=${scenario}`), { setting: startOf(scenario), problems: [] })
  })

  it("that is empty begins with the outage", () => {
    assert.deepStrictEqual(Address.parse(""), { setting: startOf("outage"), problems: [] })
  })

  it.each([
    ["scenario=storm", "The address has “storm” for “scenario”, which takes one of outage, restart, slow"],
    ["qos=3", "The address has “3” for “qos”, which takes one of 0, 1, 2. This page uses 1."],
    ["qos=one", "The address has “one” for “qos”"],
    ["messages=0", "The address has “0” for “messages”, which takes a whole number from 1 to 50. This page uses 20."],
    ["messages=1e3", "The address has “1e3” for “messages”"],
    ["messages=-1", "The address has “-1” for “messages”"],
    ["messages=", "The address has “” for “messages”"],
    ["__proto__=1", "The address has “__proto__”, which is no option of this page."],
    ["colour=red", "The address has “colour”, which is no option of this page."],
    ["store=none", "The option “store” has no meaning in the scenario “An outage”."],
    ["qos=%00%E2%80%AE", "The address has “??” for “qos”"]
  ])("with %s says what is wrong, and uses the start of the scenario", (query, problem) => {
    const { problems, setting } = Address.parse(query)
    assert.strictEqual(problems.length, 1)
    assert.include(problems[0], problem)
    assert.deepStrictEqual(setting, startOf("outage"))
  })

  it("keeps what can be read beside what cannot", () => {
    const { problems, setting } = Address.parse("scenario=tab&qos=7&store=none&session=clean")
    assert.strictEqual(problems.length, 1)
    assert.deepStrictEqual(setting, { ...startOf("tab"), store: "none", session: "clean" })
  })
})

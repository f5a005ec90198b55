/**
 * A setting as the query of an address, and back. The query names every option of its scenario, so an address that was
 * shared stays the same when a scenario gets other defaults.
 */
import * as Option from "effect/Option"
import { optionsOf, scenarioOf, startOf } from "./scenarios.ts"
import { fields, type Name, names, range, read, type Setting } from "./Setting.ts"

/** The setting as a query, without the question mark. */
export const write = (setting: Setting): string => {
  const written = ["scenario", ...optionsOf(setting.scenario)] as const
  return new URLSearchParams(written.map((name) => [name, `${setting[name]}`])).toString()
}

export interface Reading {
  readonly setting: Setting
  /** Each part of the address that means nothing here, as a sentence. */
  readonly problems: ReadonlyArray<string>
}

const isName = (name: string): name is Name => names.some((other) => other === name)

/** Text of an address in a sentence: short, and without characters that a reader cannot see. */
const quoted = (text: string): string => `“${text.replace(/[^ -~]/g, "?").slice(0, 40)}”`

/** The setting of a query. A part that cannot be read has the value with which its scenario begins. */
export const parse = (query: string): Reading => {
  const problems: Array<string> = []
  const given = new Map(new URLSearchParams(query))
  const valueOf = <Field extends Name>(name: Field, start: Setting[Field]): Setting[Field] => {
    const text = given.get(name)
    if (text === undefined) return start
    const value = read(name, text)
    if (Option.isSome(value)) return value.value
    problems.push(`The address has ${quoted(text)} for “${name}”, which takes ${range(name)}. This page uses ${start}.`)
    return start
  }

  const scenario = valueOf("scenario", fields.scenario.words[0][0])
  const options = optionsOf(scenario)
  const start = startOf(scenario)
  const setting = Object.fromEntries(
    options.map((name) => [name, valueOf(name, start[name])])
  )
  for (const name of given.keys()) {
    if (!isName(name)) problems.push(`The address has ${quoted(name)}, which is no option of this page.`)
    else if (name !== "scenario" && !options.includes(name)) {
      problems.push(`The option “${name}” has no meaning in the scenario “${scenarioOf(scenario).title}”.`)
    }
  }
  return { setting: { ...start, ...setting }, problems }
}

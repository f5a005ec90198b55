/**
 * The names of the options, and the intended name for a name that is no option.
 *
 * The compiler knows them too; a program in JavaScript, a configuration in JSON and an environment do not.
 */
import * as Effect from "effect/Effect"
import type { Options } from "./clientOptions.ts"
import * as OptionTypes from "./optionTypes.ts"

/** Options whose kinds are not written down. */
export type Names<A> = { readonly [Name in keyof Required<A>]: true }

/** Capitals, underscores and hyphens do not matter to people. */
const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, "")

/** How many letters are to be changed, added or left out. Levenshtein. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      row.push(Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
  }
  return row[b.length]
}

/** The nearest of these names, if it is near. */
export const nearest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const ranked = names.map((known) => [distance(plain(name), plain(known)), known] as const).toSorted(([a], [b]) =>
    a - b
  )
  const [[changes, known]] = ranked
  return changes <= Math.max(2, name.length / 3) ? known : undefined
}

const unknownIn = (given: object, names: object): readonly [name: string, meant: string | undefined] | undefined => {
  const name = Object.entries(given).find(([key, value]) => value !== undefined && !Object.hasOwn(names, key))?.[0]
  return name === undefined ? undefined : [name, nearest(name, Object.keys(names))]
}

/** The error in these options, if one of them does not exist. */
export const problem = (given: object, names: object): string | undefined => {
  const found = unknownIn(given, names)
  if (found === undefined) return undefined
  const [name, meant] = found
  return `\`${name}\` is not an option${meant === undefined ? "" : `; did you mean \`${meant}\`?`}`
}

/** An option that does not exist, with the intended name. */
export const unknown = (options: Options): readonly [name: string, meant: string | undefined] | undefined => {
  const found = unknownIn(options, OptionTypes.client)
  if (found !== undefined) return found
  for (const option of Object.keys(OptionTypes.inside) as ReadonlyArray<keyof typeof OptionTypes.inside>) {
    const value = options[option]
    if (typeof value !== "object" || value === null || Effect.isEffect(value)) continue
    const within = unknownIn(value, OptionTypes.inside[option])
    if (within !== undefined) return [`${option}.${within[0]}`, within[1] && `${option}.${within[1]}`]
  }
  return undefined
}

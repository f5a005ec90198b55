/**
 * The options of `npm run cluster`.
 */
import { parseArgs } from "node:util"

export interface Arguments {
  /** Only these; empty: all that are installed. */
  readonly brokers: ReadonlyArray<string>
  readonly seconds: number
  readonly rate: number
  readonly requiresAll: boolean
  readonly writes: boolean
  readonly asksForHelp: boolean
}

export const help = (brokers: ReadonlyArray<string>): string =>
  `npm run cluster -- [options]

  --broker a,b    only these (default: all that are installed)
  --seconds N     how long nodes are killed and cut off, before the rolling restart (default 60)
  --rate N        messages published a second, by all three publishers (default 200)
  --require-all   fails if one of them is not installed
  --write         writes the results into the tables of docs/scaling.md, unless something failed
  --help          this text

Brokers: ${brokers.join(", ")}. Ends with 0 when no broker lost an acknowledged message that it is meant to keep.
`

const options = {
  broker: { type: "string", default: "" },
  seconds: { type: "string", default: "60" },
  rate: { type: "string", default: "200" },
  "require-all": { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

const read = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The options, or the mistake in them. */
export const parse = (args: ReadonlyArray<string>, known: ReadonlyArray<string>): Arguments | string => {
  const values = read(args)
  if (typeof values === "string") return values
  const brokers = values.broker.split(",").filter((name) => name !== "")
  const unknown = brokers.filter((name) => !known.includes(name))
  if (unknown.length > 0) return `--broker: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`
  const numbers = { seconds: Number(values.seconds), rate: Number(values.rate) }
  for (const [name, number] of Object.entries(numbers)) {
    if (!Number.isFinite(number) || number < 1) return `--${name} is a number from 1`
  }
  return {
    brokers,
    ...numbers,
    requiresAll: values["require-all"],
    writes: values.write,
    asksForHelp: values.help
  }
}

/**
 * Stands in for `vitest` where Stryker asks the tests about a mutant: collects tests that `TestRunner` runs by itself.
 *
 * Only what the tests of `src/protocol` use: no hooks, no fixtures, no expectations with snapshots. `npm test` is vitest's.
 *
 * @since 0.1.0
 */
import { format } from "node:util"

// What is not replaced below is vitest's own.
export * from "vitest"

/**
 * @since 0.1.0
 * @category models
 */
export interface Test {
  readonly id: string
  readonly run: () => unknown
}

type Body = (...values: ReadonlyArray<unknown>) => unknown
type Register = (name: string, ...rest: ReadonlyArray<unknown>) => void

let collected: Array<Test> = []
let suites: Array<string> = []

/**
 * The tests that `load` registers, in their order.
 *
 * @since 0.1.0
 * @category operations
 */
export const collect = async (file: string, load: () => Promise<unknown>): Promise<ReadonlyArray<Test>> => {
  collected = []
  suites = [file]
  await load()
  return collected
}

const context = { signal: new AbortController().signal, onTestFinished: () => undefined }

/** Options may stand before the body or after it. */
const bodyOf = (rest: ReadonlyArray<unknown>): Body => {
  const body = rest.find((part) => typeof part === "function")
  if (body === undefined) throw new Error("a test without a body")
  return body as Body
}

const register: Register = (name, ...rest) => {
  const body = bodyOf(rest)
  const title = [...suites, name].join(" > ")
  const repeated = collected.filter(({ id }) => id === title || id.startsWith(`${title} (`)).length
  collected.push({ id: repeated === 0 ? title : `${title} (${repeated + 1})`, run: () => body(context) })
}

const suite: Register = (name, ...rest) => {
  suites.push(name)
  bodyOf(rest)()
  suites.pop()
}

/** `describe.each` and `it.each`: one for each row, whose values also fill the name. */
const each = (to: Register) => (rows: ReadonlyArray<unknown>): Register => (name, ...rest) => {
  const body = bodyOf(rest)
  for (const row of rows) {
    const values = Array.isArray(row) ? row : [row]
    const places = name.match(/%[sidfjo]/g)?.length ?? 0
    to(format(name, ...values.slice(0, places)), () => body(...values))
  }
}

const notHere = () => {
  throw new Error("not known to the tests' stand-in for vitest")
}

const methods = { skip: notHere, skipIf: notHere, runIf: notHere, only: notHere, fails: notHere, for: notHere }

/**
 * @since 0.1.0
 * @category tests
 */
export const it = Object.assign(register, { ...methods, each: each(register) })

/**
 * @since 0.1.0
 * @category tests
 */
export const test = it

/**
 * @since 0.1.0
 * @category tests
 */
export const describe = Object.assign(suite, { ...methods, each: each(suite) })

const stubbed = new Map<PropertyKey, unknown>()

/**
 * @since 0.1.0
 * @category tests
 */
export const vi = {
  stubGlobal: (name: PropertyKey, value: unknown): void => {
    if (!stubbed.has(name)) stubbed.set(name, Reflect.get(globalThis, name))
    Reflect.set(globalThis, name, value)
  },
  unstubAllGlobals: (): void => {
    for (const [name, value] of stubbed) Reflect.set(globalThis, name, value)
    stubbed.clear()
  }
}

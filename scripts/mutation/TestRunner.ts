/**
 * Stryker's test runner for `src/protocol`: its tests take no real time, so all of them run within one process.
 *
 * A worker of vitest for each of thousands of mutants costs a second each, most of it for loading `effect`. Here only
 * the modules of the repository are loaded anew for each mutant, so that none sees what another one left behind. Stryker
 * makes the mutants, says which tests reach each, ends a process that hangs, and reports.
 *
 * @since 0.1.0
 */
import { INSTRUMENTER_CONSTANTS, type MutantCoverage } from "@stryker-mutator/api/core"
import { declareFactoryPlugin, PluginKind } from "@stryker-mutator/api/plugin"
import {
  determineHitLimitReached,
  type DryRunResult,
  DryRunStatus,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult
} from "@stryker-mutator/api/test-runner"
import * as fs from "node:fs"
import * as module from "node:module"
import * as path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { filesUnder } from "../files.ts"
import { collect, type Test, vi } from "./vitest.ts"

/** What measures memory, compares with another codec or tries fifty thousand inputs: none says what a packet must be. */
const excluded = ["Allocation.test.ts", "Differential.test.ts", "Fuzz.test.ts"]

const standIn = new URL("vitest.ts", import.meta.url).href

/** Sources without their types, by file. */
const stripped = new Map<string, string>()

const sourceOf = (file: string): string => {
  const known = stripped.get(file)
  if (known !== undefined) return known
  const source = module.stripTypeScriptTypes(fs.readFileSync(file, "utf8"))
  stripped.set(file, source)
  return source
}

/** Modules that a module with `?run=n` imports from the sandbox are loaded anew too. */
const registerHooks = (sandbox: string): void => {
  const isOurs = (url: string) => url.startsWith(sandbox) && !url.includes("/node_modules/")
  module.registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === "vitest" && context.parentURL !== standIn) return { url: standIn, shortCircuit: true }
      const resolved = next(specifier, context)
      const run = /\?run=\d+$/.exec(context.parentURL ?? "")?.[0]
      return run !== undefined && isOurs(resolved.url) ? { ...resolved, url: resolved.url + run } : resolved
    },
    load: (url, context, next) =>
      /\?run=\d+$/.test(url)
        ? { format: "module", source: sourceOf(fileURLToPath(url.replace(/\?.*$/, ""))), shortCircuit: true }
        : next(url, context)
  })
}

/** What the mutated code reads, and counts in: `InstrumenterContext`, whose fields may also be taken away. */
interface Instrumented {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: MutantCoverage
}

class InProcess implements TestRunner {
  readonly #stryker: Instrumented
  readonly #folder = path.resolve("test/protocol")
  #files: ReadonlyArray<string> = []
  #loads = 0

  constructor() {
    const namespaces: { [namespace: string]: Instrumented } = globalThis as never
    this.#stryker = namespaces[INSTRUMENTER_CONSTANTS.NAMESPACE] ??= {}
  }

  capabilities() {
    return { reloadEnvironment: true }
  }

  init(): Promise<void> {
    registerHooks(pathToFileURL(process.cwd()).href)
    const own = `${process.env.MQTT_MUTATION_MODULE}.test.ts`
    const files = filesUnder(this.#folder, ".test.ts").filter((file) => !excluded.includes(file))
    // The tests named after the module notice most, and a mutant that was noticed is done with.
    this.#files = [...files.filter((file) => file === own), ...files.filter((file) => file !== own)]
    return Promise.resolve()
  }

  async dryRun(): Promise<DryRunResult> {
    const stryker = this.#stryker
    stryker.activeMutant = undefined
    stryker.mutantCoverage = { static: {}, perTest: {} }
    this.#loads++
    const tests: Array<TestResult> = []
    for (const file of this.#files) {
      for (const test of await this.#load(file)) {
        stryker.currentTestId = test.id
        tests.push(await runTest(test))
        stryker.currentTestId = undefined
      }
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: stryker.mutantCoverage }
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const stryker = this.#stryker
    const { activeMutant, hitLimit, mutantActivation, testFilter } = options
    const isStatic = mutantActivation === "static"
    const asked = testFilter === undefined ? undefined : new Set(testFilter)
    const files = this.#files.filter((file) =>
      asked === undefined || testFilter?.some((id) => id.startsWith(`${file} > `)) === true
    )
    stryker.hitCount = hitLimit === undefined ? undefined : 0
    stryker.hitLimit = hitLimit
    stryker.activeMutant = isStatic ? activeMutant.id : undefined
    this.#loads++
    const tests: Array<TestResult> = []
    for (const file of files) {
      for (const test of await this.#loadUnlessBroken(file, isStatic)) {
        if (asked !== undefined && !asked.has(test.id)) continue
        stryker.activeMutant = activeMutant.id
        const result = await runTest(test)
        if (!isStatic) stryker.activeMutant = undefined
        tests.push(result)
        if (result.status === TestStatus.Failed) return this.#verdict(tests)
      }
    }
    return this.#verdict(tests)
  }

  #verdict(tests: Array<TestResult>): MutantRunResult {
    const { hitCount, hitLimit } = this.#stryker
    this.#stryker.activeMutant = undefined
    return toMutantRunResult(determineHitLimitReached(hitCount, hitLimit) ?? { status: DryRunStatus.Complete, tests })
  }

  #load(file: string): Promise<ReadonlyArray<Test>> {
    const url = `${pathToFileURL(path.join(this.#folder, file)).href}?run=${this.#loads}`
    return collect(file, () => import(url))
  }

  /** Tests that a mutant keeps from loading have noticed it. */
  async #loadUnlessBroken(file: string, isMutated: boolean): Promise<ReadonlyArray<Test>> {
    try {
      return await this.#load(file)
    } catch (error) {
      if (!isMutated) throw error
      return [{ id: `${file} loads`, run: () => Promise.reject(error) }]
    }
  }
}

const runTest = async ({ id, run }: Test): Promise<TestResult> => {
  const started = performance.now()
  const result = { id, name: id, timeSpentMs: 0 }
  try {
    await run()
    return { ...result, timeSpentMs: performance.now() - started, status: TestStatus.Success }
  } catch (error) {
    return {
      ...result,
      timeSpentMs: performance.now() - started,
      status: TestStatus.Failed,
      failureMessage: String(error)
    }
  } finally {
    vi.unstubAllGlobals()
  }
}

/**
 * @since 0.1.0
 * @category plugins
 */
export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, "protocol", () => new InProcess())]

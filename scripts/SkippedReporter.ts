/**
 * Says at the end of a test run how many tests were skipped, why, and how to run them.
 *
 * A suite that needs a program names it (`test/support/requirements.ts`); when the program is missing, its name and the
 * package travel to this reporter with each skipped test.
 *
 * With MQTT_REQUIRE_BROKERS=1 a skipped test fails the run and is listed: there, every program is supposed to be
 * installed. Not for a run narrowed by `-t`, where the skipping is intended.
 *
 * @since 0.1.0
 */
import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node"

/**
 * A program that a test needs and this machine does not have.
 *
 * @since 0.2.0
 * @category models
 */
export interface Missing {
  readonly name: string
  /** The packages of Debian that bring it. */
  readonly packages: string
}

declare module "vitest" {
  interface TaskMeta {
    /** Why the suite around a test is skipped. */
    missing?: ReadonlyArray<Missing>
  }
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Reason {
  /** Continues "12 tests ...". */
  readonly reason: string
  /** What makes them run. */
  readonly remedy: string
}

/** More reasons than this share a line. */
const reasonsShown = 6

/**
 * At most ten lines, for tests that were skipped for these reasons. A test that lacks two programs counts for both.
 *
 * @since 0.2.0
 * @category reporters
 */
export const summary = (skipped: ReadonlyArray<ReadonlyArray<Reason>>): ReadonlyArray<string> => {
  if (skipped.length === 0) return ["Skipped  0"]
  const counts = new Map<string, number>()
  const lineOf = ({ reason, remedy }: Reason) => `${reason}: ${remedy}`
  for (const line of skipped.flatMap((reasons) => reasons.map(lineOf))) counts.set(line, (counts.get(line) ?? 0) + 1)
  const all = [...counts].toSorted(([, left], [, right]) => right - left)
  const rest = all.slice(reasonsShown)
  const shown = all.slice(0, reasonsShown).map(([line, count]) => `${String(count).padStart(7)}  ${line}`)
  return [
    `Skipped  ${skipped.length}`,
    ...shown,
    ...(rest.length === 0 ? [] : [`         and ${rest.length} more reasons`]),
    "With MQTT_REQUIRE_BROKERS=1 every test must run: a test whose program is missing fails, and others are listed."
  ]
}

/** Why a test was skipped: for want of a program, because its file says so, or because something failed before it. */
const reasonsOf = (test: TestCase): ReadonlyArray<Reason> => {
  const { missing = [] } = test.meta()
  if (missing.length > 0) {
    return missing.map(({ name, packages }) => ({ reason: `need ${name}`, remedy: `apt-get install ${packages}` }))
  }
  const result = test.result()
  if (result.state === "skipped" && result.note !== undefined) {
    return [{ reason: result.note, remedy: "the test itself decided so" }]
  }
  return test.options.mode === "run"
    ? [{ reason: "did not get to run", remedy: "see the failures above" }]
    : [{ reason: "are marked as skipped or todo", remedy: "MQTT_REQUIRE_BROKERS=1 npm test lists them" }]
}

/**
 * @since 0.1.0
 * @category reporters
 */
export class SkippedReporter implements Reporter {
  #narrowed = false

  onInit(vitest: Vitest): void {
    this.#narrowed = vitest.config.testNamePattern !== undefined
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")])
    if (this.#narrowed) return console.log(`     Skipped  ${skipped.length} (narrowed by -t)\n`)
    for (const line of summary(skipped.map(reasonsOf))) console.log(`     ${line}`)
    console.log()
    if (skipped.length === 0 || process.env.MQTT_REQUIRE_BROKERS !== "1") return
    for (const test of skipped) console.log(`     ${test.module.relativeModuleId}: ${test.fullName}`)
    console.error("With MQTT_REQUIRE_BROKERS=1 no test may be skipped.")
    process.exitCode = 1
  }
}

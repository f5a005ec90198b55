/**
 * Says at the end of a test run how many tests were skipped, and which.
 *
 * With MQTT_REQUIRE_BROKERS=1 a skipped test fails the run: there, every part is supposed to be installed.
 * Not for a run narrowed by `-t`, where skipping is what was asked for.
 *
 * @since 0.1.0
 */
import type { Reporter, TestModule, Vitest } from "vitest/node"

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
    console.log(`     Skipped  ${skipped.length}${this.#narrowed ? " (narrowed by -t)" : ""}\n`)
    if (this.#narrowed || skipped.length === 0) return
    for (const test of skipped) console.log(`     ${test.module.relativeModuleId}: ${test.fullName}`)
    if (process.env.MQTT_REQUIRE_BROKERS !== "1") return
    console.error("With MQTT_REQUIRE_BROKERS=1 no test may be skipped.")
    process.exitCode = 1
  }
}

/**
 * Suites that need programs which npm does not install, such as a real broker.
 *
 * If a program is missing, the suite is skipped, and the last lines of the run say so (`scripts/SkippedReporter.ts`).
 * With MQTT_REQUIRE_BROKERS=1 the suite runs all the same, and fails without the program.
 */
import { describe } from "@effect/vitest"
import type { Missing } from "../../scripts/SkippedReporter.ts"

/** A program, and whether this machine has it. */
export interface Requirement extends Missing {
  readonly isInstalled: () => boolean
}

/** The requirements that this machine does not meet. */
const missing = (requirements: ReadonlyArray<Requirement>): ReadonlyArray<Missing> =>
  process.env.MQTT_REQUIRE_BROKERS === "1"
    ? []
    : requirements.filter(({ isInstalled }) => !isInstalled()).map(({ name, packages }) => ({ name, packages }))

/** A suite that is skipped if one of its requirements is missing. */
export const suiteWith = (requirements: ReadonlyArray<Requirement>, name: string, tests: () => void): void => {
  const reasons = missing(requirements)
  describe.skipIf(reasons.length > 0)(name, { meta: { missing: reasons } }, tests)
}

/**
 * Metrics of Effect 3 in the registry of the test.
 */
import type * as MetricLabel from "effect/MetricLabel"
import type * as Effect4 from "../../../test/through-effect3/effect4.ts"

export const labelsFor = (_services: Effect4.Services): ReadonlyArray<MetricLabel.MetricLabel> => []

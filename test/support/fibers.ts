/**
 * How many fibers an effect has; used by the simulation as well, which runs outside of vitest.
 */
import type { Metric } from "effect"

/** Counts the fibers of effects that have these metrics. */
export const countFibers = () => {
  let fibers = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void fibers++,
    recordFiberEnd: () => void fibers--
  }
  return { metrics, fibers: () => fibers }
}

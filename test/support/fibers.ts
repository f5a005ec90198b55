/**
 * Counts the fibers of effects. The simulation uses it too, and runs outside of vitest.
 */
import type { Metric } from "effect"

/** Counts the fibers of effects that run with these metrics. */
export const countFibers = () => {
  let fibers = 0
  const metrics: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void fibers++,
    recordFiberEnd: () => void fibers--
  }
  return { metrics, fibers: () => fibers }
}

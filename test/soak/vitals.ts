/**
 * The memory of the clients' process that a collection does not free, and its descriptors. The proxy is in the same
 * process.
 */
import * as Fs from "node:fs"

export interface Vitals {
  /** Milliseconds since the run began. */
  readonly at: number
  /** Bytes that are reachable, buffers outside the heap included. */
  readonly heap: number
  readonly resident: number
  readonly descriptors: number
  /** Publishes begun and messages delivered so far. */
  readonly sent: number
  readonly delivered: number
}

export const descriptors = (): number => Fs.existsSync("/proc/self/fd") ? Fs.readdirSync("/proc/self/fd").length : 0

const collectGarbage = (): void => {
  if (globalThis.gc === undefined) throw new Error("run node with --expose-gc, as `npm run soak` does")
  globalThis.gc()
}

export const take = (at: number, sent: number, delivered: number): Vitals => {
  collectGarbage()
  collectGarbage()
  const { arrayBuffers, heapUsed, rss } = process.memoryUsage()
  return { at, heap: heapUsed + arrayBuffers, resident: rss, descriptors: descriptors(), sent, delivered }
}

/** Bytes an hour, by least squares. */
export const slope = (samples: ReadonlyArray<Pick<Vitals, "at" | "heap">>): number => {
  const mean = (of: (sample: Pick<Vitals, "at" | "heap">) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const at = mean((sample) => sample.at)
  const heap = mean((sample) => sample.heap)
  const spread = mean((sample) => (sample.at - at) ** 2)
  return spread === 0 ? 0 : mean((sample) => (sample.at - at) * (sample.heap - heap)) / spread * 3_600_000
}

/**
 * The memory of this process, with its garbage and without it.
 */
import { Effect } from "effect"
import { setImmediate } from "node:timers/promises"
import * as V8 from "node:v8"
import * as Vm from "node:vm"

/** Collects all garbage. Objects that this turn has touched stay reachable until it ends. */
export const collectGarbage: () => void = (() => {
  V8.setFlagsFromString("--expose-gc")
  const collect: () => void = Vm.runInNewContext("gc")
  return () => {
    collect()
    collect()
  }
})()

/** Bytes on the heap and in buffers outside it, garbage included. */
export const bytesInUse = (): number => {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return arrayBuffers + heapUsed
}

/** Bytes that are reachable. */
export const reachableBytes = (): number => {
  collectGarbage()
  return bytesInUse()
}

/** The reachable bytes once this turn is over. */
export const reachableBytesNextTurn: Effect.Effect<number> = Effect.map(
  Effect.promise(() => setImmediate()),
  reachableBytes
)

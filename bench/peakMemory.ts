/**
 * The most memory that the operating system has given this process.
 */
import { readFileSync } from "node:fs"

/**
 * Mebibytes. Linux keeps the peak of the parent in a child's `maxRSS`: each process that a large one starts would count
 * as that large.
 */
export const peakMemory = (): number => {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024
}

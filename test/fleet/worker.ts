/** One run of the fleet in a thread of its own. */
import { Effect } from "effect"
import { parentPort, workerData } from "node:worker_threads"
import * as Fleet from "./Fleet.ts"

// Each failed attempt makes errors, and nobody reads where.
Error.stackTraceLimit = 0

const outcome = await Effect.runPromise(Fleet.run(workerData as Fleet.Options))
// The port of a thread has no origin.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(outcome)

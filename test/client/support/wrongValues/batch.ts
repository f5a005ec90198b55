/**
 * Cases in watched threads: a case that hangs or runs out of memory is a finding, and the other cases go on.
 */
import { Worker } from "node:worker_threads"
import { cases, type Finding } from "./cases.ts"

/** A case takes a few milliseconds; this long without progress it hangs. */
const hangsAfter = 15_000

/** Ends with the case to go on with. */
const runThread = (from: number, to: number, found: (finding: Finding) => void): Promise<number> =>
  new Promise((resolve, reject) => {
    const current = new Int32Array(new SharedArrayBuffer(4))
    current[0] = from
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: { from, to, current },
      resourceLimits: { maxOldGenerationSizeMb: 512 }
    })
    let seen = { index: from, at: Date.now() }
    const broken = (problem: string) => {
      clearInterval(timer)
      const index = Atomics.load(current, 0)
      found({ index, problems: [problem] })
      worker.terminate().then(() => resolve(index + 1), reject)
    }
    const timer = setInterval(() => {
      const index = Atomics.load(current, 0)
      if (index !== seen.index) seen = { index, at: Date.now() }
      else if (Date.now() - seen.at > hangsAfter) broken("the event loop never comes back")
    }, 500)
    worker.on("message", found)
    worker.on("error", (error) => broken(`the thread ended: ${error.message}`))
    worker.on("exit", (code) => {
      clearInterval(timer)
      if (code === 0) resolve(to)
    })
  })

export const runAll = async (from = 0, to = cases.length): Promise<ReadonlyArray<Finding>> => {
  const findings: Array<Finding> = []
  for (let next = from; next < to;) next = await runThread(next, to, (finding) => findings.push(finding))
  return findings
}

/**
 * Before each test of a run through Effect 3: a test of the list of exceptions must fail.
 */
import { beforeEach } from "vitest"
import { exceptionOf, exceptions, most } from "./exceptions.ts"

if (exceptions.length > most) {
  throw new Error(`there are ${exceptions.length} exceptions, and no more than ${most} may be`)
}

beforeEach(({ task }) => {
  if (exceptionOf(task.file.filepath, task.name) !== undefined) Object.assign(task, { fails: true })
})

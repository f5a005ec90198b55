/**
 * `npm run fuzz -- --inputs 1000000 --seed 7`: a long run of the fuzzer, which also measures each input. With `--keep`
 * the inputs that led to something new are written to the corpus.
 */
import { parseArgs } from "node:util"
import { code } from "../../scripts/code.ts"
import { makeKeeper } from "./corpus.ts"
import { isUntouched, run } from "./fuzz.ts"

const { values } = parseArgs({
  options: { inputs: { type: "string", default: "1000000" }, seed: { type: "string" }, keep: { type: "boolean" } }
})
const inputs = Number(values.inputs)
const seed = values.seed === undefined ? Date.now() % 2_147_483_648 : Number(values.seed)
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) {
  console.error("--inputs and --seed are whole numbers, --inputs at least 1")
  process.exit(1)
}

const slowest = 50
/** The inputs that took longer. */
const tooSlow: Array<string> = []
let longest = 0
const keeper = values.keep === true ? makeKeeper() : undefined
const started = performance.now()

try {
  console.log(`fuzz: ${inputs} inputs, seed ${seed}, ${code()}`)
  const result = run({
    inputs,
    seed,
    now: () => performance.now(),
    ...(keeper === undefined ? {} : { onOutcome: keeper.offer }),
    onInput: (index, milliseconds, hex) => {
      longest = Math.max(longest, milliseconds)
      if (milliseconds > slowest) tooSlow.push(`${milliseconds.toFixed(1)} ms, input ${index}, ${hex()}`)
      if ((index + 1) % 100_000 === 0) console.log(`fuzz: ${index + 1} inputs, longest ${longest.toFixed(1)} ms`)
    }
  })
  const seconds = (performance.now() - started) / 1_000
  for (const line of tooSlow) console.error(`fuzz: above ${slowest} ms: ${line}`)
  if (!isUntouched()) console.error("fuzz: a prototype was changed")
  const failed = tooSlow.length > 0 || !isUntouched()
  console.log(
    `fuzz: ${failed ? "FAILED" : "ok"}, ${result.inputs} inputs in ${
      seconds.toFixed(1)
    } s, ${result.refused} refused by ` +
      `${result.rules} rules, ${result.packets} packets, longest input ${longest.toFixed(1)} ms`
  )
  if (keeper !== undefined) console.log(`fuzz: ${keeper.save()} inputs in the corpus`)
  process.exitCode = failed ? 1 : 0
} catch (error) {
  console.error(error)
  console.log(`fuzz: FAILED, run again with --seed ${seed}`)
  process.exitCode = 1
}

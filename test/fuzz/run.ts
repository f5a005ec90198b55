/**
 * `npm run fuzz -- --inputs 1000000 --seed 7 --target store`: a long run of the fuzzer, which also measures each input.
 * Without a target it aims at all of them. With `--keep` the inputs of the decoder that led to something new are written
 * to the corpus.
 */
import { parseArgs } from "node:util"
import { code } from "../../scripts/code.ts"
import { makeKeeper } from "./corpus.ts"
import { isUntouched, run, type TargetName, targetNames } from "./fuzz.ts"

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string" },
    target: { type: "string" },
    keep: { type: "boolean" }
  }
})
const inputs = Number(values.inputs)
const seed = values.seed === undefined ? Date.now() % 2_147_483_648 : Number(values.seed)
if (!Number.isInteger(inputs) || inputs < 1 || !Number.isInteger(seed)) {
  console.error("--inputs and --seed are whole numbers, --inputs at least 1")
  process.exit(1)
}
const target = values.target as TargetName | undefined
if (target !== undefined && !targetNames.includes(target)) {
  console.error(`--target is one of ${targetNames.join(", ")}`)
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
    target,
    now: () => performance.now(),
    ...(keeper === undefined ? {} : { onOutcome: keeper.offer }),
    onInput: (index, milliseconds, describe) => {
      longest = Math.max(longest, milliseconds)
      if (milliseconds > slowest) tooSlow.push(`${milliseconds.toFixed(1)} ms, input ${index}, ${describe()}`)
      if ((index + 1) % 100_000 === 0) console.log(`fuzz: ${index + 1} inputs, longest ${longest.toFixed(1)} ms`)
    }
  })
  const seconds = (performance.now() - started) / 1_000
  for (const line of tooSlow) console.error(`fuzz: above ${slowest} ms: ${line}`)
  if (!isUntouched()) console.error("fuzz: a prototype was changed")
  for (const name of targetNames) {
    const { inputs, refused, results, rules } = result[name]
    if (inputs > 0) {
      console.log(`fuzz: ${name}: ${inputs} inputs, ${refused} refused by ${rules} rules, ${results} results`)
    }
  }
  const failed = tooSlow.length > 0 || !isUntouched()
  console.log(
    `fuzz: ${failed ? "FAILED" : "ok"}, ${inputs} inputs in ${seconds.toFixed(1)} s, longest ${longest.toFixed(1)} ms`
  )
  if (keeper !== undefined) console.log(`fuzz: ${keeper.save()} inputs in the corpus`)
  process.exitCode = failed ? 1 : 0
} catch (error) {
  console.error(error)
  console.log(`fuzz: FAILED, run again with --seed ${seed}`)
  process.exitCode = 1
}

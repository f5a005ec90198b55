/**
 * Inputs of every kind that comes from outside, drawn by a seed: bytes of a network, topics, options, records of a store.
 *
 * `run` throws an error that names target and input when a promise is broken. What each target promises stands with it.
 */
import * as Properties from "../../src/protocol/Properties.ts"
import * as Random from "../protocol/Random.ts"
import type { Input, Outcome } from "./corpus.ts"
import { decoder } from "./decoder.ts"
import { options } from "./options.ts"
import { store } from "./store.ts"
import type { Target, Trial } from "./target.ts"
import { topics } from "./topics.ts"

/** Of a hundred inputs, how many each target gets. A network sends the most. */
const shares = { decoder: 70, topics: 15, options: 5, store: 10 }

export type TargetName = keyof typeof shares

export const targetNames = Object.keys(shares) as ReadonlyArray<TargetName>

export interface Options {
  readonly inputs: number
  readonly seed: number
  /** Default: all of them, in their shares. */
  readonly target?: TargetName | undefined
  /** Called with each input of the decoder and what came of it. */
  readonly onOutcome?: (input: Input, outcome: Outcome) => void
  /** Called after each input, with the milliseconds that it takes by `now`. */
  readonly onInput?: (index: number, milliseconds: number, describe: () => string) => void
  readonly now?: () => number
}

/** What one target met. */
export interface Tally {
  readonly inputs: number
  /** How many were refused, and how many results came out of the others and of what stood before the errors. */
  readonly refused: number
  readonly results: number
  /** How many different rules were broken. */
  readonly rules: number
}

export type Result = { readonly [Name in TargetName]: Tally }

export const run = ({ inputs, now = () => 0, onInput, onOutcome, seed, target }: Options): Result => {
  const random = Random.make(seed)
  const targets: { readonly [Name in TargetName]: Target } = { decoder: decoder(onOutcome), topics, options, store }
  const tallies = { decoder: new Counting(), topics: new Counting(), options: new Counting(), store: new Counting() }
  for (let index = 0; index < inputs; index++) {
    const name = target ?? drawTarget(random)
    const tally = tallies[name]
    const trial = targets[name].draw(random, tally.inputs)
    try {
      const milliseconds = onInput === undefined ? 0 : timeOf(trial, now)
      tally.add(trial)
      onInput?.(index, milliseconds, () => `${name}, ${trial.describe()}`)
    } catch (cause) {
      throw new Error(`seed ${seed}, input ${index}, ${name}, ${trial.describe()}`, { cause })
    }
  }
  return tallies
}

class Counting implements Tally {
  inputs = 0
  refused = 0
  results = 0
  readonly #rules = new Set<string>()

  add(trial: Trial): void {
    const { results, rule } = trial.check()
    this.inputs++
    this.results += results
    if (rule === undefined) return
    this.refused++
    this.#rules.add(rule)
  }

  get rules(): number {
    return this.#rules.size
  }
}

const drawTarget = (random: Random.Random): TargetName => {
  let left = random.integer(1, 100)
  return targetNames.find((name) => (left -= shares[name]) <= 0) ?? "decoder"
}

/** A pause of the machine is not the code's: the shortest of three when the first is long. */
const timeOf = ({ use }: Trial, now: () => number): number => {
  let shortest = Infinity
  for (let attempt = 0; attempt < 3 && shortest > 5; attempt++) {
    const start = now()
    use()
    shortest = Math.min(shortest, now() - start)
  }
  return shortest
}

/** What every object has: an input that reached it would change it for the whole process. */
export const isUntouched = (): boolean =>
  Object.keys(Object.prototype).length === 0 && Object.keys(Properties.none).length === 0 &&
  Object.keys(Array.prototype).length === 0

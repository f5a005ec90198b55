/** What the fuzzer aims at. Each target draws its inputs and judges what comes of them. */
import type { Random } from "../protocol/Random.ts"

/** What became of one input. */
export interface Verdict {
  /** The rule that refused the input, without the values in it; `undefined` if nothing was refused. */
  readonly rule: string | undefined
  /** How many results came out of the input. */
  readonly results: number
}

/** One input. */
export interface Trial {
  /** For a person who wants to try the input again. */
  readonly describe: () => string
  /** What a program does with the input. Only this is timed. */
  readonly use: () => void
  /** Throws an error that names the promise which the code has broken. */
  readonly check: () => Verdict
}

export interface Target {
  readonly draw: (random: Random, index: number) => Trial
}

/** A message without the values in it: two inputs that break the same rule have the same one. */
export const ruleOf = (message: string): string =>
  message.replaceAll(/"(\\.|[^"\\])*"/g, "_").replaceAll(/0x[\da-f]+|\d+/g, "0")

/** Throws with the promise, unless it is kept. */
export const promise = (isKept: boolean, broken: () => string): void => {
  if (!isKept) throw new Error(broken())
}

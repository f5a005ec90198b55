/**
 * The progress of a run of minutes, and the files it leaves at its end: for the soak and the crash test alike.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** Milliseconds between two lines where there is no terminal. */
const logEvery = 30_000

/** The number that an option says; ends the program where it is none, or below `least`. */
export const atLeast = (option: string, text: string, least: number): number => {
  const value = Number(text)
  if (Number.isFinite(value) && value >= least) return value
  console.error(`--${option} is a number from ${least}, not ${text}`)
  process.exit(2)
}

/** Shows the line of each moment: in place on a terminal, now and then elsewhere. */
export const showing = <A extends { readonly elapsed: number }>(lineOf: (progress: A) => string) => {
  let loggedAt = 0
  return (progress: A): void => {
    const line = lineOf(progress)
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[2K${line.slice(0, process.stdout.columns - 1)}`)
    else if (progress.elapsed - loggedAt >= logEvery) {
      loggedAt = progress.elapsed
      console.log(line)
    }
  }
}

/** The same outcome in three forms, and whether each check holds. */
export interface Report<A> {
  readonly text: (outcome: A) => string
  readonly json: (outcome: A) => string
  readonly svg: (outcome: A) => string
  readonly checks: (outcome: A) => ReadonlyArray<{ readonly holds: boolean }>
}

/** Prints the report, writes it to `directory` as files of this name if there is one, and sets the exit code. */
export const conclude = <A>(
  outcome: A,
  { directory, name, report }: {
    readonly name: string
    readonly report: Report<A>
    readonly directory: string | undefined
  }
): void => {
  if (process.stdout.isTTY) process.stdout.write("\r\x1b[2K")
  const text = report.text(outcome)
  console.log(text)
  if (directory !== undefined) {
    Fs.mkdirSync(directory, { recursive: true })
    Fs.writeFileSync(Path.join(directory, `${name}.txt`), text + "\n")
    Fs.writeFileSync(Path.join(directory, `${name}.json`), report.json(outcome) + "\n")
    Fs.writeFileSync(Path.join(directory, `${name}.svg`), report.svg(outcome))
  }
  process.exitCode = report.checks(outcome).every(({ holds }) => holds) ? 0 : 1
}

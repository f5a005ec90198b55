/**
 * A progress bar on standard error, if that is a terminal.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"

/**
 * How far the work is, as the work counts it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  done: number
  /** `undefined` when it is not known. */
  readonly total: number | undefined
  readonly unit: string
}

const width = 30
const interval = 100

/**
 * @since 0.1.0
 * @category conversions
 */
export const toText = ({ done, total, unit }: Progress, seconds: number): string => {
  const rate = `${Math.round(done / Math.max(seconds, 0.001)).toLocaleString("en")} ${unit}/s`
  if (total === undefined) return `${done.toLocaleString("en")} ${unit}  ${rate}`
  const share = total === 0 ? 1 : Math.min(done / total, 1)
  const filled = Math.round(share * width)
  const bar = "#".repeat(filled) + "-".repeat(width - filled)
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)}%  ${rate}`
}

/** Back to the start of the line, and nothing behind. */
const over = "\r\u001b[K"

/**
 * Shows a bar while the work runs, and takes it away at the end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const shown = (progress: Progress) => <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return yield* work
    const started = yield* Clock.currentTimeMillis
    const write = (text: string) => Effect.ignore(Stream.run(Stream.succeed(text), stdio.stderr()))
    const draw = Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => write(over + toText(progress, (now - started) / 1000))
    )
    const drawing = Effect.andThen(Effect.sleep(interval), Effect.repeat(draw, Schedule.spaced(interval)))
    return yield* Effect.raceFirst(work, Effect.andThen(drawing, Effect.never)).pipe(Effect.ensuring(write(over)))
  })

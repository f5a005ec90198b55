/**
 * The exit code of a command, and the words for people.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * The time given with `-W` is over.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", {}) {
  override get message(): string {
    return "Timed out"
  }
}

/**
 * The flags do not fit together.
 *
 * @since 0.1.0
 * @category errors
 */
export class Usage extends Schema.TaggedError<Usage>()("Usage", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/**
 * The command ran, and its result is not good: pings or messages are missing.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unsuccessful extends Schema.TaggedError<Unsuccessful>()("Unsuccessful", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/**
 * Messages are in a store, and not delivered. Nothing has failed.
 *
 * @since 0.2.0
 * @category errors
 */
export class MessagesWait extends Schema.TaggedError<MessagesWait>()("MessagesWait", {
  /** Empty if the output says it already. */
  description: Schema.String
}) {
  override get message(): string {
    return this.description
  }
}

/**
 * @since 0.1.0
 * @category constants
 */
export const codes = {
  success: 0,
  failure: 1,
  usage: 2,
  waiting: 3,
  store: 4,
  timeout: 27,
  interrupted: 130,
  terminated: 143
} as const

/** Recognized by its tags: importing the errors would load all of them before `--help`. */
const isOfStore = (error: unknown): boolean =>
  Predicate.isTagged(error, "MqttError") && Predicate.hasProperty(error, "reason") &&
  Predicate.isTagged(error.reason, "StoreFailed")

const ofError = (error: unknown): number => {
  if (error instanceof TimedOut) return codes.timeout
  if (error instanceof Usage) return codes.usage
  if (error instanceof MessagesWait) return codes.waiting
  if (isOfStore(error)) return codes.store
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? codes.success : codes.usage
  }
  return codes.failure
}

/**
 * @since 0.1.0
 * @category conversions
 */
export const of = (exit: Exit.Exit<unknown, unknown>, signal: "SIGINT" | "SIGTERM" = "SIGINT"): number => {
  if (Exit.isSuccess(exit)) return codes.success
  if (!Cause.hasInterruptsOnly(exit.cause)) return ofError(Cause.squash(exit.cause))
  return signal === "SIGTERM" ? codes.terminated : codes.interrupted
}

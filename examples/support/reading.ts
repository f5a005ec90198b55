/**
 * A reading of a machine: what the first run publishes and the dashboard shows, in a browser too.
 */
import * as Schema from "effect/Schema"

export const Reading = Schema.Struct({
  /** Counts up from 1, so that a missing one shows. */
  number: Schema.Int,
  /** Processes that wanted to run, on average over the last minute. */
  load: Schema.Finite,
  memoryUsed: Schema.Int,
  memoryTotal: Schema.Int,
  /** The longest since the last reading, milliseconds. */
  eventLoopDelay: Schema.Finite,
  /** Of the machine, seconds. */
  uptime: Schema.Int
})
export type Reading = typeof Reading.Type

/** What travels as the payload. */
export const ReadingJson = Schema.fromJsonString(Reading)

/** One that may come later than it was taken; milliseconds since 1970. */
export const DatedReading = Schema.Struct({ ...Reading.fields, at: Schema.Finite })
export type DatedReading = typeof DatedReading.Type

export const DatedReadingJson = Schema.fromJsonString(DatedReading)

/** What the server of the dashboard tells its page. */
export const Settings = Schema.Struct({
  topic: Schema.String,
  username: Schema.optional(Schema.String),
  password: Schema.optional(Schema.String)
})
export type Settings = typeof Settings.Type

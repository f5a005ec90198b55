/**
 * A reading of a machine. The first run publishes readings, and the dashboard shows them, in a browser too.
 */
import * as Schema from "effect/Schema"

export const Reading = Schema.Struct({
  /** Counts up from 1, so that a missing one shows. */
  number: Schema.Int,
  /** The number of processes ready to run, on average over the last minute. */
  load: Schema.Finite,
  memoryUsed: Schema.Int,
  memoryTotal: Schema.Int,
  /** The longest delay since the last reading, milliseconds. */
  eventLoopDelay: Schema.Finite,
  /** Of the machine, seconds. */
  uptime: Schema.Int
})
export type Reading = typeof Reading.Type

/** The payload of a reading. */
export const ReadingJson = Schema.fromJsonString(Reading)

/** A reading with the time at which it was taken, milliseconds since 1970, because it may arrive later. */
export const DatedReading = Schema.Struct({ ...Reading.fields, at: Schema.Finite })
export type DatedReading = typeof DatedReading.Type

export const DatedReadingJson = Schema.fromJsonString(DatedReading)

/** The settings that the server of the dashboard gives to its page. */
export const Settings = Schema.Struct({
  topic: Schema.String,
  username: Schema.optional(Schema.String),
  password: Schema.optional(Schema.String)
})
export type Settings = typeof Settings.Type

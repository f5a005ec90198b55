/**
 * A run as a list of moments, each with a sentence: for a reader who steps through it.
 */
import type { Flight } from "./flights.ts"
import type { Outcome } from "./Outcome.ts"
import type { Note, PacketView } from "./Recorder.ts"
import type { Record } from "./run.ts"

export interface Moment {
  readonly at: number
  readonly kind: "happened" | "packet" | "lost" | "state" | "handler" | "publish"
  readonly words: string
}

/** Milliseconds as seconds, for people. */
export const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2)} s`

const packetWords = ({ identifier, isRepeated, message, qos, reasonCode, sessionPresent, type }: PacketView): string =>
  [
    type.toUpperCase(),
    ...message === undefined ? [] : [message],
    ...qos === undefined ? [] : [`QoS ${qos}`],
    ...identifier === undefined ? [] : [`identifier ${identifier}`],
    ...isRepeated ? ["again (DUP)"] : [],
    ...sessionPresent === undefined ? [] : [sessionPresent ? "the session is there" : "a new session"],
    ...reasonCode === undefined || reasonCode === 0 ? [] : [`code 0x${reasonCode.toString(16).padStart(2, "0")}`]
  ].join(", ")

const flightMoment = ({ client, direction, isLost, packet, sentAt }: Flight): Moment => ({
  at: sentAt,
  kind: isLost ? "lost" : "packet",
  words: `${direction === "out" ? `${client} → broker` : `broker → ${client}`}: ${packetWords(packet)}${
    isLost ? ". It never arrives" : ""
  }`
})

const stateWords = { Connecting: "connects", Connected: "is connected", Disconnected: "is offline", Closed: "closes" }

const noteMoment = (at: number, note: Note): ReadonlyArray<Moment> => {
  switch (note._tag) {
    case "Happened":
      return [{ at, kind: "happened", words: note.words }]
    case "State":
      return [{
        at,
        kind: "state",
        words: `${note.client} ${stateWords[note.state]}${note.why === "" ? "" : `: ${note.why}`}`
      }]
    case "Published":
      return [{ at, kind: "publish", words: `${note.client} publishes ${note.message}` }]
    case "PublishFailed":
      return [{ at, kind: "lost", words: `The publish of ${note.message} fails: ${note.reason}` }]
    case "Handled":
      return [{ at, kind: "handler", words: `station handles ${note.message}` }]
    case "HandlerFailed":
      return [{ at, kind: "lost", words: `The handler fails for ${note.message}` }]
    default:
      return []
  }
}

/** All moments, in their order. */
export const of = (record: Record, { flights }: Outcome): ReadonlyArray<Moment> =>
  [
    ...record.notes.flatMap(({ at, note }) => noteMoment(at, note)),
    ...flights.map(flightMoment)
  ].sort((one, other) => one.at - other.at)

/** The time of the next moment after a time, or the end. */
export const next = (moments: ReadonlyArray<Moment>, after: number, end: number): number =>
  moments.find(({ at }) => at > after)?.at ?? end

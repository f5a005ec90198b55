/**
 * Which packet connections keep ending with, and how the client finds out.
 *
 * Some servers hang up on a packet instead of refusing it. Servers answer in order, so the client suspects the
 * unanswered packet that it sent first. It gets innocent packets through by sending doubtful ones alone: the window for
 * messages grows from one, and doubtful Topic Filters are requested one after another, behind everything else.
 *
 * Pure: no clock and no connection. The session names the packet a connection ended with; the supervisor decides when a
 * suspect is given up (`retransmit`).
 */
import type { PacketIdentifier } from "../../protocol/Packet.ts"

/** A message, by its owner. */
interface UnansweredMessage<R> {
  readonly packet: "PUBLISH" | "PUBREL"
  readonly owner: R
  readonly packetIdentifier: PacketIdentifier
}

/** Topic Filters that one packet names. */
interface UnansweredFilters {
  readonly packet: "SUBSCRIBE" | "UNSUBSCRIBE"
  readonly topicFilters: ReadonlyArray<string>
}

/** The packet that was sent first among all unanswered ones when the connection ended. */
export type Unanswered<R> = UnansweredMessage<R> | UnansweredFilters

/** One message or one Topic Filter that the last connections ended with. */
export interface Suspect<R> {
  readonly packet: Unanswered<R>["packet"]
  /** The same value for the same message or Topic Filter. */
  readonly culprit: R | string
  /** The identifier of a message. */
  readonly packetIdentifier: PacketIdentifier | undefined
  /** Connections in a row that ended with it. */
  readonly deaths: number
}

export interface Suspicion<R> {
  /** `undefined` when nothing was unanswered, or when it may be any of several Topic Filters. */
  readonly suspect: Suspect<R> | undefined
  /** The next connection begins with one message at a time. */
  readonly isWary: boolean
  /** Connections that ended with a Topic Filter's packet unanswered, since the server answered it last. */
  readonly deaths: ReadonlyMap<string, number>
  /** Topic Filters that are requested last, one after another: connections ended with each of them alone. */
  readonly setApart: ReadonlySet<string>
}

export const none: Suspicion<never> = { suspect: undefined, isWary: false, deaths: new Map(), setApart: new Set() }

/** From this many connections on that ended with the same packet, it is no chance any more. */
const deathsOfASuspect = 2

/** A connection ended. `isWindowOpen` says whether its window for messages had grown to its full size. */
export const ended = <R>(
  self: Suspicion<R>,
  unanswered: Unanswered<R> | undefined,
  isWindowOpen: boolean
): Suspicion<R> => {
  if (unanswered === undefined) return { ...self, suspect: undefined, isWary: false }
  return "topicFilters" in unanswered
    ? endedWithFilters(self, unanswered)
    : endedWithMessage(self, unanswered, isWindowOpen)
}

const endedWithMessage = <R>(
  self: Suspicion<R>,
  { owner, packet, packetIdentifier }: UnansweredMessage<R>,
  isWindowOpen: boolean
): Suspicion<R> => {
  const deaths = self.suspect?.culprit === owner ? self.suspect.deaths + 1 : 1
  // The window grows from one: the server acknowledges innocent messages before the culprit takes them along.
  const isWary = deaths >= deathsOfASuspect || !isWindowOpen
  return { ...self, isWary, suspect: { packet, culprit: owner, packetIdentifier, deaths } }
}

const endedWithFilters = <R>(
  self: Suspicion<R>,
  { packet, topicFilters }: UnansweredFilters
): Suspicion<R> => {
  const deaths = new Map(self.deaths)
  for (const topicFilter of topicFilters) deaths.set(topicFilter, deathsOf(self, topicFilter) + 1)
  const [topicFilter, ...others] = topicFilters
  // Requesting each filter alone will show which of several it is.
  if (topicFilter === undefined || others.length > 0) return { ...self, suspect: undefined, isWary: false, deaths }
  const ofOne = deaths.get(topicFilter) ?? 1
  const setApart = ofOne >= deathsOfASuspect ? new Set([...self.setApart, topicFilter]) : self.setApart
  const suspect = { packet, culprit: topicFilter, packetIdentifier: undefined, deaths: ofOne }
  return { suspect, isWary: false, deaths, setApart }
}

/** The server answered for these Topic Filters, or nobody wants them any more: they are no longer doubtful. */
export const answered = <R>(self: Suspicion<R>, topicFilters: ReadonlyArray<string>): Suspicion<R> => {
  if (!topicFilters.some((topicFilter) => self.deaths.has(topicFilter))) return self
  const deaths = new Map(self.deaths)
  const setApart = new Set(self.setApart)
  for (const topicFilter of topicFilters) {
    deaths.delete(topicFilter)
    setApart.delete(topicFilter)
  }
  return { ...self, deaths, setApart }
}

/** The suspect is given up: nobody waits for it any more, even if the server still answers it. */
export const givenUp = <R>(self: Suspicion<R>): Suspicion<R> => {
  const setApart = [...self.setApart].filter((topicFilter) => topicFilter !== self.suspect?.culprit)
  return { ...self, suspect: undefined, setApart: new Set(setApart) }
}

const deathsOf = (self: Suspicion<unknown>, topicFilter: string): number => self.deaths.get(topicFilter) ?? 0

/** Whether a Topic Filter must be requested alone. */
export const isDoubtful = (self: Suspicion<unknown>, topicFilter: string): boolean =>
  deathsOf(self, topicFilter) >= deathsOfASuspect

/** Whether a Topic Filter waits until everything before it is answered (`next`). */
export const isSetApart = (self: Suspicion<unknown>, topicFilter: string): boolean => self.setApart.has(topicFilter)

/** Of the Topic Filters set apart, the next `wanted` one, if any. To be requested when nothing else is unanswered. */
export const next = (
  self: Suspicion<unknown>,
  wanted: (topicFilter: string) => boolean
): string | undefined => {
  for (const topicFilter of self.setApart) if (wanted(topicFilter)) return topicFilter
  return undefined
}

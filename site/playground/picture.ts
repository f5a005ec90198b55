/**
 * A run as shapes: a lane for each client and one for the broker, packets between them, and time to the right.
 *
 * Lengths are pixels, times milliseconds. `Timeline.vue` draws the shapes.
 */
import type { Flight } from "./flights.ts"
import type { Outcome } from "./Outcome.ts"
import type { Levels, Noted } from "./Recorder.ts"
import type { Record } from "./run.ts"
import { scenarioOf } from "./scenarios.ts"

/** Less, and packets half a second apart could not be told apart. */
const leastPixelsPerSecond = 13

export const height = { axis: 22, lane: 44, gap: 42, dots: 18 }

/** How far to the right something is that happens at a time. */
export type Scale = (milliseconds: number) => number

/** The scale with which a run fills a width, or more if the width is too small for it. */
export const scaleFor = (end: number, width: number): Scale => {
  const pixelsPerSecond = Math.max(leastPixelsPerSecond, (width * 1000) / end)
  return (milliseconds) => (milliseconds * pixelsPerSecond) / 1000
}

export interface Lane {
  readonly name: string
  readonly top: number
  readonly isBroker: boolean
}

export interface Band {
  readonly lane: Lane
  readonly state: string
  readonly x: number
  readonly width: number
  readonly title: string
}

/** How much waits, as the outline of an area that stands on the bottom of its lane. */
export interface Area {
  readonly lane: Lane
  readonly kind: keyof Levels
  readonly points: string
  readonly most: number
}

export interface Line {
  readonly kind: "publish" | "acknowledgement" | "connection" | "subscription" | "ping"
  readonly isLost: boolean
  readonly isRepeated: boolean
  readonly x1: number
  readonly y1: number
  readonly x2: number
  readonly y2: number
}

export interface Dot {
  readonly kind: "published" | "handled" | "repeated" | "failed"
  readonly x: number
  readonly y: number
}

export interface Shade {
  readonly x: number
  readonly width: number
  readonly words: string
}

export interface Picture {
  readonly width: number
  readonly height: number
  readonly lanes: ReadonlyArray<Lane>
  readonly bands: ReadonlyArray<Band>
  readonly areas: ReadonlyArray<Area>
  readonly lines: ReadonlyArray<Line>
  readonly dots: ReadonlyArray<Dot>
  readonly shades: ReadonlyArray<Shade>
  /** Each five seconds. */
  readonly ticks: ReadonlyArray<{ readonly x: number; readonly text: string }>
}

/** Publishers above the broker, the station below. */
const lanesOf = (record: Record): ReadonlyArray<Lane> => {
  const { programs } = scenarioOf(record.setting.scenario)
  const publishers = programs.filter(({ kind }) => kind !== "subscriber").map(({ name }) => name)
  const subscribers = programs.filter(({ kind }) => kind === "subscriber").map(({ name }) => name)
  return [...publishers.toReversed(), "broker", ...subscribers].map((name, index) => ({
    name,
    top: height.axis + height.dots + index * (height.lane + height.gap),
    isBroker: name === "broker"
  }))
}

const bandsOf = (xOf: Scale, lane: Lane, notes: ReadonlyArray<Noted>, end: number): ReadonlyArray<Band> => {
  const changes = notes.flatMap(({ at, note }) => {
    if (note._tag === "State" && note.client === lane.name) return [{ at, state: note.state, why: note.why }]
    return note._tag === "Died" && note.client === lane.name ? [{ at, state: "Closed", why: "killed" }] : []
  })
  return changes.map(({ at, state, why }, index) => ({
    lane,
    state,
    x: xOf(at),
    width: xOf((changes[index + 1]?.at ?? end) - at),
    title: why === "" ? state : `${state}: ${why}`
  }))
}

/** The band of the state takes the upper part of a lane. */
const bandHeight = 12

const areaOf = (
  xOf: Scale,
  lane: Lane,
  kind: keyof Levels,
  notes: ReadonlyArray<Noted>,
  end: number
): ReadonlyArray<Area> => {
  const levels = notes.flatMap(({ at, note }) =>
    note._tag === "Levels" && note.client === lane.name ? [{ at, level: note[kind] }] : []
  )
  const most = Math.max(0, ...levels.map(({ level }) => level))
  if (most === 0) return []
  const bottom = lane.top + height.lane
  const room = height.lane - bandHeight - 4
  const yOf = (level: number): number => bottom - (room * level) / Math.max(most, 5)
  let last = bottom
  const corners = levels.flatMap(({ at, level }) => {
    const y = yOf(level)
    const step = [`${xOf(at)},${last}`, `${xOf(at)},${y}`]
    last = y
    return step
  })
  const points = [`${xOf(levels[0]?.at ?? 0)},${bottom}`, ...corners, `${xOf(end)},${last}`, `${xOf(end)},${bottom}`]
  return [{ lane, kind, points: points.join(" "), most }]
}

const kinds: { readonly [type: string]: Line["kind"] | undefined } = {
  Publish: "publish",
  Connect: "connection",
  Connack: "connection",
  Disconnect: "connection",
  Subscribe: "subscription",
  Suback: "subscription",
  Unsubscribe: "subscription",
  Unsuback: "subscription",
  Pingreq: "ping",
  Pingresp: "ping"
}

const lineOf = (xOf: Scale, lanes: ReadonlyArray<Lane>, flight: Flight): ReadonlyArray<Line> => {
  const client = lanes.find(({ name }) => name === flight.client)
  const broker = lanes.find(({ isBroker }) => isBroker)
  if (client === undefined || broker === undefined) return []
  const isAbove = client.top < broker.top
  const clientY = client.top + (isAbove ? height.lane : 0)
  const brokerY = broker.top + (isAbove ? 0 : height.lane)
  const [from, to] = flight.direction === "out" ? [clientY, brokerY] : [brokerY, clientY]
  const middle = from + (to - from) * 0.6
  return [{
    kind: kinds[flight.packet.type] ?? "acknowledgement",
    isLost: flight.isLost,
    isRepeated: flight.packet.isRepeated,
    x1: xOf(flight.sentAt),
    y1: from,
    x2: xOf(flight.arrivedAt ?? flight.sentAt),
    y2: flight.isLost ? middle : to
  }]
}

const dotsOf = (xOf: Scale, lanes: ReadonlyArray<Lane>, { notes }: Record): ReadonlyArray<Dot> => {
  const station = lanes.at(-1)
  const seen = new Set<string>()
  return notes.flatMap(({ at, note }): ReadonlyArray<Dot> => {
    const x = xOf(at)
    const below = station === undefined ? 0 : station.top + height.lane + height.dots / 2
    if (note._tag === "Published") {
      const lane = lanes.find(({ name }) => name === note.client)
      return lane === undefined ? [] : [{ kind: "published", x, y: lane.top - 5 }]
    }
    if (note._tag === "HandlerFailed") return [{ kind: "failed", x, y: below }]
    if (note._tag !== "Handled") return []
    const isRepeated = seen.has(note.message)
    seen.add(note.message)
    return [{ kind: isRepeated ? "repeated" : "handled", x, y: below }]
  })
}

export const of = (record: Record, { flights }: Outcome, xOf: Scale): Picture => {
  const { end, notes } = record
  const lanes = lanesOf(record)
  const clients = lanes.filter(({ isBroker }) => !isBroker)
  const bottom = Math.max(...lanes.map(({ top }) => top)) + height.lane + height.dots
  return {
    width: xOf(end),
    height: bottom,
    lanes,
    bands: clients.flatMap((lane) => bandsOf(xOf, lane, notes, end)),
    areas: clients.flatMap((lane) =>
      (["outbox", "inFlight", "buffered"] as const).flatMap((kind) => areaOf(xOf, lane, kind, notes, end))
    ),
    lines: flights.flatMap((flight) => lineOf(xOf, lanes, flight)),
    dots: dotsOf(xOf, lanes, record),
    shades: notes.flatMap(({ at, note }) =>
      note._tag === "Happened" && note.lasts > 0 ? [{ x: xOf(at), width: xOf(note.lasts), words: note.words }] : []
    ),
    // The words of the last one need room, too.
    ticks: Array.from({ length: Math.ceil((end - 2500) / 5000) }, (_, index) => ({
      x: xOf(index * 5000),
      text: `${index * 5} s`
    }))
  }
}

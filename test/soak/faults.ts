/**
 * The faults of the network: a row for each kind. A seed decides on kind, place and duration.
 */
import { Effect } from "effect"
import type * as Random from "../protocol/Random.ts"
import type { Cut, Direction, Flow, Line } from "./Line.ts"

interface Kind {
  readonly name: string
  /** How often, against the others. */
  readonly weight: number
  /** How many lines it may meet at once, when it does not meet all. */
  readonly most: number
  /** Milliseconds; one that has no length is over at once. */
  readonly length?: readonly [number, number]
  /** Does it to one line; returns what ends it. */
  readonly strike: (line: Line, random: Random.Random) => () => void
}

const over = () => {}
const pass: Flow = { _tag: "Pass" }
const directions: ReadonlyArray<Direction> = ["toServer", "toClient"]
const cuts: ReadonlyArray<Cut> = ["close", "reset"]

const cut = (how: Cut): Kind["strike"] => (line) => {
  line.cut(how)
  return over
}

const flowing = (flow: (random: Random.Random) => Flow): Kind["strike"] => (line, random) => {
  const flows = flow(random)
  for (const direction of directions) line.flow(direction, flows)
  return () => {
    for (const direction of directions) line.flow(direction, pass)
  }
}

/** What is swallowed does not come back: at the end, connections that are still open end without it. */
const swallowing = (swallowed: ReadonlyArray<Direction>): Kind["strike"] => (line) => {
  for (const direction of swallowed) line.flow(direction, { _tag: "Hold" })
  return () => {
    line.cut("reset")
    for (const direction of swallowed) line.flow(direction, pass)
  }
}

export const kinds: ReadonlyArray<Kind> = [
  { name: "cut, FIN", weight: 4, most: 10, strike: cut("close") },
  { name: "cut, RST", weight: 4, most: 10, strike: cut("reset") },
  {
    name: "cut after n bytes",
    weight: 6,
    most: 10,
    strike: (line, random) => {
      line.cutAfter(random.pick(directions), random.integer(1, 400), random.pick(cuts))
      return over
    }
  },
  {
    name: "delay",
    weight: 3,
    most: 20,
    length: [1000, 5000],
    strike: flowing((random) => ({ _tag: "Delay", milliseconds: random.integer(20, 500) }))
  },
  { name: "a byte a millisecond", weight: 3, most: 6, length: [1000, 5000], strike: flowing(() => ({ _tag: "Drip" })) },
  {
    name: "small chunks",
    weight: 3,
    most: 10,
    length: [1000, 5000],
    strike: flowing((random) => ({ _tag: "Chunk", bytes: random.integer(2, 40) }))
  },
  {
    name: "stall, then all of it",
    weight: 3,
    most: 10,
    length: [500, 6000],
    strike: flowing(() => ({ _tag: "Hold" }))
  },
  { name: "black hole to server", weight: 2, most: 10, length: [1000, 6000], strike: swallowing(["toServer"]) },
  { name: "black hole to client", weight: 2, most: 10, length: [1000, 6000], strike: swallowing(["toClient"]) },
  { name: "black hole both ways", weight: 2, most: 10, length: [1000, 6000], strike: swallowing(directions) },
  {
    name: "connections refused",
    weight: 3,
    most: 20,
    length: [300, 3000],
    strike: (line) => {
      line.refuse()
      return () => Effect.runFork(line.listen())
    }
  },
  {
    name: "accepted, then silence",
    weight: 3,
    most: 20,
    length: [500, 4000],
    strike: (line) => {
      line.isSilent = true
      return () => {
        line.isSilent = false
      }
    }
  }
]

const weights = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind))

/** One of ten meets everybody. */
const meetsAll = 0.1

const chosen = (random: Random.Random, lines: ReadonlyArray<Line>, most: number): ReadonlyArray<Line> => {
  const left = [...lines]
  const count = Math.min(left.length, random.integer(1, most))
  return Array.from({ length: count }, () => left.splice(random.integer(0, left.length - 1), 1)[0])
}

/** Something that goes wrong: its name, and an effect that lasts as long as it does; interrupted, it ends sooner. */
export interface Fault {
  readonly name: string
  readonly effect: Effect.Effect<void>
}

/** The next fault. One that lasts meets only lines that nothing lasting is wrong with. */
export const next = (random: Random.Random, lines: ReadonlyArray<Line>, now: () => number): Fault => {
  const { length, most, name, strike } = random.pick(weights)
  const all = random.chance(meetsAll) && most >= 10
  const free = length === undefined ? lines : lines.filter(({ isImpeded }) => !isImpeded)
  const met = all ? free : chosen(random, free, most)
  const lasts = length === undefined ? 0 : random.integer(...length)
  const begin = Effect.sync(() =>
    met.map((line) => {
      line.timeline.add(`fault: ${name}${lasts === 0 ? "" : ` for ${lasts} ms`}`)
      line.isImpeded = lasts > 0
      const clear = strike(line, random)
      return () => {
        line.timeline.add(`fault over: ${name}`)
        line.isImpeded = false
        line.wholeSince = now()
        clear()
      }
    })
  )
  if (lasts === 0) return { name, effect: Effect.asVoid(begin) }
  return {
    name,
    effect: Effect.acquireUseRelease(
      begin,
      () => Effect.sleep(lasts),
      (clears) => Effect.sync(() => clears.forEach((clear) => clear()))
    )
  }
}

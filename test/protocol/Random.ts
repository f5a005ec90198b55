/**
 * A small seeded generator (mulberry32): the same seed gives the same run, and a failing test prints its seed.
 */
export interface Random {
  /** A whole number from `minimum` to `maximum`, both included. */
  readonly integer: (minimum: number, maximum: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <A>(values: ReadonlyArray<A>) => A
  readonly bytes: (length: number) => Uint8Array
}

/**
 * How often a property is tried: `count` times, or a fiftieth of it, but not less than 25, in `npm run mutation`, where
 * every mutant meets all tests that reach it.
 */
export const rounds = (count: number): number =>
  process.env.MQTT_MUTATION === "1" ? Math.min(count, Math.max(25, Math.ceil(count / 50))) : count

export const make = (seed: number): Random => {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const integer = (minimum: number, maximum: number): number => minimum + Math.floor(next() * (maximum - minimum + 1))
  return {
    integer,
    chance: (probability) => next() < probability,
    pick: (values) => values[integer(0, values.length - 1)],
    bytes: (length) => {
      const bytes = new Uint8Array(length)
      for (let index = 0; index < length; index++) bytes[index] = integer(0, 255)
      return bytes
    }
  }
}

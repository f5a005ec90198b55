/**
 * Packet Identifiers in use, each with a value, as an immutable pool.
 *
 * One pool serves PUBLISH, SUBSCRIBE and UNSUBSCRIBE, so an identifier is never given out while one of them has it. The
 * session decides which request waits for a free identifier and in which order messages are sent again. A table of
 * three levels whose pages are shared between values; a batch copies each page it touches once. MQTT 5.0 section 2.2.1
 * `[MQTT-2.2.1-3]`, MQTT 3.1.1 section 2.3.1 `[MQTT-2.3.1-2]`.
 *
 * @since 0.1.0
 */
import type { PacketIdentifier } from "./Packet.ts"

/** Marks a slot whose identifier is not in use, so that the pool can hold any value. */
const free = Symbol("free")

/** A token of a batch: the batch may change in place the pages that carry it. */
interface Owner {
  readonly _tag: "Owner"
}

/**
 * A class instead of an object literal, for the sake of the garbage collector: V8 may allocate literals as old objects
 * when many messages are in flight.
 */
class Page<Slot> {
  readonly owner: Owner
  /** How many identifiers are in use on this page and below it. */
  count: number
  readonly slots: Array<Slot>

  constructor(owner: Owner, count: number, slots: Array<Slot>) {
    this.owner = owner
    this.count = count
    this.slots = slots
  }
}

// An identifier is 6 bits of root, 5 of branch, 5 of leaf. Small pages keep a batch of one cheap: it copies three.
const leafSize = 32
const branchSize = 32 * leafSize
const rootSize = 64
const branchShift = 5
const rootShift = 10
const mask = 31

type Leaf<A> = Page<A | typeof free>
type Branch<A> = Page<Leaf<A> | undefined>
type Root<A> = Page<Branch<A> | undefined>

/**
 * The largest Packet Identifier, and the number of identifiers.
 *
 * @since 0.1.0
 * @category constants
 */
export const maximum = 65_535

const isIdentifier = (identifier: number): boolean => identifier >= 1 && identifier <= maximum

/**
 * Values by Packet Identifier.
 *
 * @since 0.1.0
 * @category models
 */
export interface PacketIdentifiers<out A> {
  /** How many are in use. */
  readonly size: number
  /** The identifier that `allocate` returned last, 0 at first. */
  readonly last: number
  /** Never present: it tells the compiler the type of the values. */
  readonly "~value"?: A
}

/** A pool together with its table, which only the functions of this module read. */
interface Pool<out A> extends PacketIdentifiers<A> {
  readonly root: Root<A>
}

const rootOf = <A>(self: PacketIdentifiers<A>): Root<A> => (self as Pool<A>).root

/**
 * The operations that change a pool in place, during one `mutate`. Identifiers that do not exist (0, 65,536) are never
 * in use.
 *
 * @since 0.1.0
 * @category models
 */
export interface Batch<A> {
  readonly size: number
  get(identifier: PacketIdentifier): A | undefined
  has(identifier: PacketIdentifier): boolean
  /** Takes the next free identifier, or returns 0 when all are in use. */
  allocate(value: A): PacketIdentifier
  /** Replaces the value, or takes this very identifier if it is free. */
  set(identifier: PacketIdentifier, value: A): void
  /** Returns whether the identifier was in use. */
  release(identifier: PacketIdentifier): boolean
}

const noOwner: Owner = { _tag: "Owner" }
const emptyLeafSlots: ReadonlyArray<typeof free> = Array.from({ length: leafSize }, () => free)
const emptyBranchSlots: ReadonlyArray<undefined> = Array.from({ length: branchSize / leafSize }, () => undefined)
const emptyRoot: Root<never> = new Page(noOwner, 0, Array.from({ length: rootSize }, () => undefined))

const copy = <Slot>({ count, slots }: Page<Slot>, owner: Owner): Page<Slot> => new Page(owner, count, slots.slice())

const lookup = <A>(root: Root<A>, identifier: number): A | typeof free => {
  if (!isIdentifier(identifier)) return free
  const leaf = root.slots[identifier >>> rootShift]?.slots[(identifier >>> branchShift) & mask]
  return leaf === undefined ? free : leaf.slots[identifier & mask]
}

/** The first free identifier from this one up, or 0. Full pages are skipped by their counts, so it takes few steps. */
const nextFree = <A>(root: Root<A>, from: number): number => {
  let identifier = from
  while (identifier <= maximum) {
    const branch = root.slots[identifier >>> rootShift]
    if (branch === undefined) return identifier
    const leaf = branch.slots[(identifier >>> branchShift) & mask]
    if (leaf === undefined) return identifier
    if (branch.count === branchSize) identifier = (identifier | (branchSize - 1)) + 1
    else if (leaf.count === leafSize) identifier = (identifier | mask) + 1
    else if (leaf.slots[identifier & mask] === free) return identifier
    else identifier++
  }
  return 0
}

class TableBatch<A> implements Batch<A> {
  #owner: Owner = { _tag: "Owner" }
  #root: Root<A>
  #last: number

  constructor(from: PacketIdentifiers<A>) {
    this.#root = rootOf(from)
    this.#last = from.last
  }

  get size(): number {
    return this.#root.count
  }

  get(identifier: PacketIdentifier): A | undefined {
    const slot = lookup(this.#root, identifier)
    return slot === free ? undefined : slot
  }

  has(identifier: PacketIdentifier): boolean {
    return lookup(this.#root, identifier) !== free
  }

  allocate(value: A): PacketIdentifier {
    const root = this.#root
    if (root.count === maximum) return 0
    const identifier = nextFree(root, this.#last + 1) || nextFree(root, 1)
    this.#last = identifier
    this.set(identifier, value)
    return identifier
  }

  set(identifier: PacketIdentifier, value: A): void {
    if (!isIdentifier(identifier)) return
    const root = this.#ownRoot()
    const branch = this.#ownBranch(root, identifier)
    const leaf = this.#ownLeaf(branch, identifier)
    if (leaf.slots[identifier & mask] === free) {
      leaf.count++
      branch.count++
      root.count++
    }
    leaf.slots[identifier & mask] = value
  }

  release(identifier: PacketIdentifier): boolean {
    if (!this.has(identifier)) return false
    const root = this.#ownRoot()
    const branch = this.#ownBranch(root, identifier)
    root.count--
    // An empty page is dropped: a pool whose numbers have gone all the way round is as small as a new one.
    if (--branch.count === 0) {
      root.slots[identifier >>> rootShift] = undefined
      return true
    }
    const leaf = this.#ownLeaf(branch, identifier)
    leaf.slots[identifier & mask] = free
    if (--leaf.count === 0) branch.slots[(identifier >>> branchShift) & mask] = undefined
    return true
  }

  /** The value the batch made. Later changes to the batch copy pages again, so they do not affect this value. */
  commit(from: PacketIdentifiers<A>): PacketIdentifiers<A> {
    this.#owner = { _tag: "Owner" }
    if (this.#root === rootOf(from) && this.#last === from.last) return from
    const pool: Pool<A> = { size: this.#root.count, last: this.#last, root: this.#root }
    return pool
  }

  #ownRoot(): Root<A> {
    return this.#root.owner === this.#owner ? this.#root : this.#root = copy(this.#root, this.#owner)
  }

  #ownBranch(root: Root<A>, identifier: number): Branch<A> {
    const branch = root.slots[identifier >>> rootShift]
    if (branch !== undefined && branch.owner === this.#owner) return branch
    return root.slots[identifier >>> rootShift] = branch === undefined
      ? new Page(this.#owner, 0, emptyBranchSlots.slice())
      : copy(branch, this.#owner)
  }

  #ownLeaf(branch: Branch<A>, identifier: number): Leaf<A> {
    const leaf = branch.slots[(identifier >>> branchShift) & mask]
    if (leaf !== undefined && leaf.owner === this.#owner) return leaf
    return branch.slots[(identifier >>> branchShift) & mask] = leaf === undefined
      ? new Page(this.#owner, 0, emptyLeafSlots.slice())
      : copy(leaf, this.#owner)
  }
}

/**
 * The pool with every identifier free.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty = <A>(): PacketIdentifiers<A> => emptyPool

const emptyPool: Pool<never> = { size: 0, last: 0, root: emptyRoot }

/**
 * The value of the identifier, or `undefined` when it is not in use.
 *
 * @since 0.1.0
 * @category getters
 */
export const get = <A>(self: PacketIdentifiers<A>, identifier: PacketIdentifier): A | undefined => {
  const slot = lookup(rootOf(self), identifier)
  return slot === free ? undefined : slot
}

/**
 * Whether the identifier is in use.
 *
 * @since 0.1.0
 * @category getters
 */
export const has = <A>(self: PacketIdentifiers<A>, identifier: PacketIdentifier): boolean =>
  lookup(rootOf(self), identifier) !== free

/**
 * Calls `f` for each identifier in use, from the lowest to the highest. Once the numbers have wrapped, that is not the
 * order in which they were given.
 *
 * @since 0.1.0
 * @category getters
 */
export const forEach = <A>(
  self: PacketIdentifiers<A>,
  f: (value: A, identifier: PacketIdentifier) => void
): void => {
  rootOf(self).slots.forEach((branch, high) =>
    branch?.slots.forEach((leaf, middle) =>
      leaf?.slots.forEach((slot, low) => {
        if (slot !== free) f(slot, (high << rootShift) | (middle << branchShift) | low)
      })
    )
  )
}

/**
 * The values of the identifiers in use, by identifier.
 *
 * @since 0.1.0
 * @category getters
 */
export const values = <A>(self: PacketIdentifiers<A>): Array<A> => {
  const all: Array<A> = []
  forEach(self, (value) => all.push(value))
  return all
}

/**
 * Takes the next free identifier after the last one given, going from 65,535 back to 1. Returns `undefined` when all
 * are in use.
 *
 * @since 0.1.0
 * @category operations
 */
export const allocate = <A>(
  self: PacketIdentifiers<A>,
  value: A
): readonly [identifier: PacketIdentifier, self: PacketIdentifiers<A>] | undefined => {
  const batch = new TableBatch(self)
  const identifier = batch.allocate(value)
  return identifier === 0 ? undefined : [identifier, batch.commit(self)]
}

/**
 * Replaces the value of an identifier, or takes this very identifier: a server chooses its identifiers itself.
 *
 * @since 0.1.0
 * @category operations
 */
export const set = <A>(self: PacketIdentifiers<A>, identifier: PacketIdentifier, value: A): PacketIdentifiers<A> => {
  const batch = new TableBatch(self)
  batch.set(identifier, value)
  return batch.commit(self)
}

/**
 * Frees the identifier. If it is already free, the pool stays as it is.
 *
 * @since 0.1.0
 * @category operations
 */
export const release = <A>(self: PacketIdentifiers<A>, identifier: PacketIdentifier): PacketIdentifiers<A> => {
  const batch = new TableBatch(self)
  batch.release(identifier)
  return batch.commit(self)
}

/**
 * Does many operations at the price of one new value. `self` and every earlier value stay unchanged.
 *
 * @since 0.1.0
 * @category operations
 */
export const mutate = <A>(self: PacketIdentifiers<A>, f: (batch: Batch<A>) => void): PacketIdentifiers<A> => {
  const batch = new TableBatch(self)
  f(batch)
  return batch.commit(self)
}

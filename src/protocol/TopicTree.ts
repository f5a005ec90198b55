/**
 * Who is to receive a message: values held under Topic Filters, found by Topic Name.
 *
 * A filter without wildcards is one `Map` lookup on the whole name. The others share a tree with one step for each
 * level of the name, however many there are. The tree is mutable and has one owner: it belongs inside the object that
 * keeps subscriptions, and is not shared. `Topic.matches` defines matching, and filters must be valid. MQTT 5.0 and
 * 3.1.1 section 4.7.
 *
 * @since 0.1.0
 */
import * as Topic from "./Topic.ts"

/**
 * Values by Topic Filter. A value may stand under any number of filters, and more than once under one.
 *
 * @since 0.1.0
 * @category models
 */
export interface TopicTree<in out A> {
  /** How many filters hold a value. */
  readonly size: number
  /** How many levels the tree of wildcard filters has now; 0 when it is empty. */
  readonly levels: number
  /** The filters that hold a value, in the order they were added. */
  filters(): IterableIterator<string>
  /** The values under exactly this filter, in the order they were added. */
  values(filter: string): ReadonlyArray<A>
  /** Adds the value. Returns whether the filter is new. */
  add(filter: string, value: A): boolean
  /** Removes the value once. Returns whether the filter went with it. Does nothing if the value is not there. */
  remove(filter: string, value: A): boolean
  /**
   * Appends the values of every matching filter, in no particular order. A value under two matching filters is appended
   * twice. A shared filter matches by the filter inside it.
   */
  match(topic: string, into: Array<A>): void
}

/** One filter as it was added, and its values. */
interface Entry<A> {
  readonly filter: string
  readonly values: Array<A>
}

/** `$share/x/a`, `$share/y/a` and `a` are three entries that match the same topics. There are few, mostly one. */
type Entries<A> = Array<Entry<A>>

/** The filters that begin with the same levels. `Map` because a level may be called `__proto__`. */
interface Level<A> {
  /** The name of this level and the level above it; the root has neither. */
  readonly parent: Level<A> | undefined
  readonly name: string
  literals: Map<string, Level<A>> | undefined
  /** The level under "+". */
  anyOne: Level<A> | undefined
  /** Filters that end here. */
  ending: Entries<A> | undefined
  /** Filters that have "#" below this level. */
  endingInHash: Entries<A> | undefined
  /** While matching: another level that the same part of the name leads to. A list in place: a match builds none. */
  alsoReached: Level<A> | undefined
}

const makeLevel = <A>(parent: Level<A> | undefined, name: string): Level<A> => ({
  parent,
  name,
  literals: undefined,
  anyOne: undefined,
  ending: undefined,
  endingInHash: undefined,
  alsoReached: undefined
})

const isEmpty = <A>(level: Level<A>): boolean =>
  level.ending === undefined && level.endingInHash === undefined && level.anyOne === undefined &&
  level.literals === undefined

class Tree<A> implements TopicTree<A> {
  readonly #byFilter = new Map<string, Entry<A>>()
  /** Filters without wildcards, by the name they match. */
  readonly #exact = new Map<string, Entries<A>>()
  readonly #root: Level<A> = makeLevel<A>(undefined, "")
  #levels = 0

  get size(): number {
    return this.#byFilter.size
  }

  get levels(): number {
    return this.#levels
  }

  filters(): IterableIterator<string> {
    return this.#byFilter.keys()
  }

  values(filter: string): ReadonlyArray<A> {
    return this.#byFilter.get(filter)?.values.slice() ?? []
  }

  add(filter: string, value: A): boolean {
    const known = this.#byFilter.get(filter)
    if (known !== undefined) {
      known.values.push(value)
      return false
    }
    const entry: Entry<A> = { filter, values: [value] }
    this.#byFilter.set(filter, entry)
    this.#update(filter, (entries) => entries === undefined ? [entry] : [...entries, entry])
    return true
  }

  remove(filter: string, value: A): boolean {
    const entry = this.#byFilter.get(filter)
    const index = entry === undefined ? -1 : entry.values.indexOf(value)
    if (entry === undefined || index < 0) return false
    entry.values.splice(index, 1)
    if (entry.values.length > 0) return false
    this.#byFilter.delete(filter)
    this.#update(filter, (entries) => {
      const rest = entries?.filter((other) => other !== entry)
      return rest?.length === 0 ? undefined : rest
    })
    return true
  }

  match(topic: string, into: Array<A>): void {
    collect(this.#exact.get(topic), into)
    const root = this.#root
    // [MQTT-4.7.2-1]: a leading wildcard does not match a topic that begins with "$".
    const isSystem = topic.startsWith("$")
    if (!isSystem) collect(root.endingInHash, into)

    // All levels that the first parts of the name lead to. Once there are none, the rest of the name is not read.
    let reached: Level<A> | undefined = isEmpty(root) ? undefined : root
    for (let start = 0; reached !== undefined;) {
      const slash = topic.indexOf("/", start)
      const isLast = slash < 0
      reached = step(reached, topic, start, isLast ? topic.length : slash, isSystem && start === 0)
      for (let level = reached; level !== undefined; level = level.alsoReached) {
        collect(level.endingInHash, into)
        if (isLast) collect(level.ending, into)
      }
      if (isLast) return
      start = slash + 1
    }
  }

  /** Replaces the list of entries that match the same topics as this filter. */
  #update(filter: string, change: (entries: Entries<A> | undefined) => Entries<A> | undefined): void {
    const pattern = Topic.parseSharedFilter(filter)?.topicFilter ?? filter
    if (!Topic.hasWildcard(pattern)) {
      const entries = change(this.#exact.get(pattern))
      if (entries === undefined) this.#exact.delete(pattern)
      else this.#exact.set(pattern, entries)
      return
    }
    const level = this.#levelOf(pattern)
    if (pattern.endsWith("#")) level.endingInHash = change(level.endingInHash)
    else level.ending = change(level.ending)
    this.#prune(level)
  }

  /** The level where the filter ends or has its "#". Missing levels are made. */
  #levelOf(pattern: string): Level<A> {
    let level = this.#root
    for (let start = 0; start <= pattern.length;) {
      const slash = pattern.indexOf("/", start)
      const end = slash < 0 ? pattern.length : slash
      const name = pattern.slice(start, end)
      if (name === "#") return level
      level = (name === "+" ? level.anyOne : level.literals?.get(name)) ?? this.#addChild(level, name)
      start = end + 1
    }
    return level
  }

  #addChild(parent: Level<A>, name: string): Level<A> {
    const child = makeLevel(parent, name)
    this.#levels++
    if (name === "+") parent.anyOne = child
    else (parent.literals ??= new Map()).set(name, child)
    return child
  }

  /** Removes empty levels, upwards. */
  #prune(from: Level<A>): void {
    for (let level = from; level.parent !== undefined && isEmpty(level); level = level.parent) {
      const { name, parent } = level
      this.#levels--
      level.alsoReached = undefined
      if (name === "+") parent.anyOne = undefined
      else if (parent.literals?.delete(name) && parent.literals.size === 0) parent.literals = undefined
    }
  }
}

/** The levels that one part of the name leads to; only literal ones when wildcards do not count. */
const step = <A>(
  from: Level<A>,
  topic: string,
  start: number,
  end: number,
  literalOnly: boolean
): Level<A> | undefined => {
  let name: string | undefined
  let reached: Level<A> | undefined
  for (let level: Level<A> | undefined = from; level !== undefined; level = level.alsoReached) {
    const anyOne = level.anyOne
    if (anyOne !== undefined && !literalOnly) {
      anyOne.alsoReached = reached
      reached = anyOne
    }
    if (level.literals === undefined) continue
    const literal = level.literals.get(name ??= topic.slice(start, end))
    if (literal !== undefined) {
      literal.alsoReached = reached
      reached = literal
    }
  }
  return reached
}

/** Counted loops: this runs for every message, and most lists have one element. */
const collect = <A>(entries: Entries<A> | undefined, into: Array<A>): void => {
  if (entries === undefined) return
  for (let index = 0; index < entries.length; index++) {
    const values = entries[index].values
    for (let position = 0; position < values.length; position++) into.push(values[position])
  }
}

/**
 * An empty tree.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(): TopicTree<A> => new Tree<A>()

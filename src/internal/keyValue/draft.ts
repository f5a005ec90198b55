/** Drafts a commit: from its changes to the batch to write, and the index afterwards. Pure. */
import * as Base64 from "effect/encoding/Base64"
import { type Change, type Table, tables } from "../store/port.ts"
import { type Batch, firstPageOf, groupOf, largestInPage, type Names, names, pageOf } from "./layout.ts"
import { seal } from "./sealed.ts"

/** The records of a page by their keys, in order, each in Base64; `null` for a value that has a name of its own. */
export type Entries = ReadonlyMap<number, string | null>

/** The pages of each table that have records, in order. */
export type Index = { readonly [Name in Table]: ReadonlyArray<number> }

export const emptyIndex: Index = { message: [], exchange: [], received: [], client: [] }

/** How many elements of a sorted array are less than the value. */
const countBelow = (sorted: ReadonlyArray<number>, value: number): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

const includes = (sorted: ReadonlyArray<number>, value: number): boolean => sorted[countBelow(sorted, value)] === value

/** The pages in order, beginning with the page of the key. */
export const pagesFrom = (pages: ReadonlyArray<number>, key: number): ReadonlyArray<number> =>
  pages.slice(countBelow(pages, pageOf(key)))

/** The changes of one table, without the changes before its last `Clear`, which have no effect. */
export interface TableChanges {
  readonly table: Table
  readonly isCleared: boolean
  readonly changes: ReadonlyArray<Exclude<Change, { readonly _tag: "Clear" }>>
}

export const byTable = (changes: ReadonlyArray<Change>): ReadonlyArray<TableChanges> =>
  tables.flatMap((table) => {
    const all = changes.filter((change) => change.table === table)
    if (all.length === 0) return []
    const lastClear = all.findLastIndex(({ _tag }) => _tag === "Clear")
    const after = all.slice(lastClear + 1).filter((change) => change._tag !== "Clear")
    return [{ table, isCleared: lastClear !== -1, changes: after }]
  })

/**
 * The pages with records that the changes need to know. If a table is cleared, these are all of its pages, because of
 * its large values.
 */
export const pagesToKnow = (index: Index, { changes, isCleared, table }: TableChanges): ReadonlyArray<number> => {
  const pages = index[table]
  return isCleared ? pages : [...new Set(changes.map(({ key }) => pageOf(key)))].filter((page) => includes(pages, page))
}

export interface Drafted {
  readonly batch: Batch
  readonly index: Index
  /** The changed pages that have records, by their names. */
  readonly pages: ReadonlyMap<string, Entries>
}

/** The new text under each name; `undefined` if nothing. */
type Outcomes = Map<string, string | undefined>

export class Draft {
  readonly #clientId: string
  readonly #names: Names
  readonly #outcomes: Outcomes = new Map()
  readonly #pages = new Map<string, Entries>()
  #index: Index

  constructor(clientId: string, index: Index) {
    this.#clientId = clientId
    this.#names = names(clientId)
    this.#index = index
  }

  /**
   * `known` has all pages of a table that is cleared, and otherwise the pages of the changed records, if they have
   * records.
   */
  change({ changes, isCleared, table }: TableChanges, known: ReadonlyMap<number, Entries>): void {
    const drafts = new Map<number, Map<number, string | null>>()
    for (const [page, entries] of known) {
      drafts.set(page, new Map(isCleared ? [] : entries))
      if (isCleared) entries.forEach((value, key) => this.#forget(table, key, value))
    }
    for (const change of changes) {
      const page = pageOf(change.key)
      const draft = drafts.get(page) ?? new Map<number, string | null>()
      drafts.set(page, draft)
      this.#forget(table, change.key, draft.get(change.key))
      if (change._tag === "Remove") draft.delete(change.key)
      else draft.set(change.key, this.#keep(table, change.key, change.value))
    }
    for (const [page, draft] of drafts) this.#write(this.#names.page(table, page), draft)
    this.#reindex(table, drafts)
  }

  get drafted(): Drafted {
    const set: Array<readonly [string, string]> = []
    const remove: Array<string> = []
    for (const [name, text] of this.#outcomes) {
      if (text === undefined) remove.push(name)
      else set.push([name, text])
    }
    return { batch: { set, remove }, index: this.#index, pages: this.#pages }
  }

  #forget(table: Table, key: number, value: string | null | undefined): void {
    if (value === null) this.#outcomes.set(this.#names.value(table, key), undefined)
  }

  /** The entry of a value in its page. */
  #keep(table: Table, key: number, value: Uint8Array): string | null {
    const encoded = Base64.encode(value)
    if (value.length <= largestInPage) return encoded
    this.#outcomes.set(this.#names.value(table, key), seal(encoded))
    return null
  }

  #write(name: string, draft: Entries): void {
    if (draft.size === 0) {
      this.#outcomes.set(name, undefined)
      return
    }
    const entries = [...draft].sort(([one], [other]) => one - other)
    this.#outcomes.set(name, seal(entries))
    this.#pages.set(name, new Map(entries))
  }

  #reindex(table: Table, drafts: ReadonlyMap<number, Entries>): void {
    const before = this.#index[table]
    const began = [...drafts].filter(([page, { size }]) => size > 0 && !includes(before, page)).map(([page]) => page)
    const ended = new Set([...drafts].filter(([, { size }]) => size === 0).map(([page]) => page))
    const isSame = began.length === 0 && !before.some((page) => ended.has(page))
    if (isSame) return
    const after = [...before.filter((page) => !ended.has(page)), ...began].sort((one, other) => one - other)
    this.#index = { ...this.#index, [table]: after }
    for (const group of new Set([...began, ...ended].map(groupOf))) {
      const pages = after.slice(countBelow(after, firstPageOf(group)), countBelow(after, firstPageOf(group + 1)))
      this.#outcomes.set(this.#names.group(table, group), pages.length === 0 ? undefined : seal(pages))
    }
    if (groupsOf(after).join() === groupsOf(before).join()) return
    this.#outcomes.set(this.#names.root, seal({ clientId: this.#clientId, ...groupsOfTables(this.#index) }))
  }
}

const groupsOf = (pages: ReadonlyArray<number>): ReadonlyArray<number> => [...new Set(pages.map(groupOf))]

const groupsOfTables = (index: Index): { readonly [Name in Table]: ReadonlyArray<number> } => ({
  message: groupsOf(index.message),
  exchange: groupsOf(index.exchange),
  received: groupsOf(index.received),
  client: groupsOf(index.client)
})

/**
 * Random changes, pages and openings, compared with a model of the records that a store must have. A seed always draws
 * the same.
 */
import * as Effect from "effect/Effect"
import { type Change, type OpenStore, type StoredRecord, type Table, tables } from "../../internal/store/port.ts"
import { clear, manyBytes, put, randomOf, remove, whole } from "./Records.ts"
import { mustBe, mustHave, type Rule } from "./Rule.ts"

type Model = ReadonlyMap<Table, Map<number, Uint8Array>>

const emptyModel = (): Model => new Map(tables.map((table) => [table, new Map<number, Uint8Array>()]))

const change = (model: Model, one: Change): void => {
  const table = model.get(one.table)
  if (one._tag === "Put") table?.set(one.key, one.value.slice())
  else if (one._tag === "Remove") table?.delete(one.key)
  else table?.clear()
}

const recordsOf = (model: Model, table: Table): ReadonlyArray<StoredRecord> =>
  [...model.get(table) ?? []].map(([key, value]) => ({ key, value })).sort((one, other) => one.key - other.key)

const draws = (seed: number) => {
  const random = randomOf(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const table = (): Table => tables[below(tables.length)] ?? "message"
  /** Mostly few keys, so that changes meet. */
  const key = () => random() < 0.9 ? below(20) : below(Number.MAX_SAFE_INTEGER)
  const one = (): Change => {
    const which = random()
    if (which < 0.6) return put(key(), manyBytes(below(100)), table())
    return which < 0.97 ? remove(key(), table()) : clear(table())
  }
  return {
    table,
    batch: () => whole(below(12)).map(one),
    page: () => ({ after: below(22) - 1, limit: 1 + below(10) })
  }
}

type Draws = ReturnType<typeof draws>

const batches = Effect.fnUntraced(function*(store: OpenStore, model: Model, draw: Draws, when: string) {
  for (const table of tables) yield* mustHave(store, table, recordsOf(model, table), `${when}, when it was opened`)
  for (const number of whole(20)) {
    const batch = draw.batch()
    yield* store.commit(batch)
    for (const one of batch) change(model, one)
    const table = draw.table()
    const page = draw.page()
    const expected = recordsOf(model, table).filter(({ key }) => key > page.after).slice(0, page.limit)
    const found = yield* store.read(table, page)
    yield* mustBe(found, expected, `${when}, after batch ${number + 1}, in ${table} after ${page.after}`)
  }
  for (const table of tables) yield* mustHave(store, table, recordsOf(model, table), `${when}, before it was closed`)
})

/**
 * The rule of one seed.
 */
export const rule = (seed: number): Rule => ({
  promise: `random changes and pages give the right records (seed ${seed})`,
  test: Effect.fnUntraced(function*(place) {
    const model = emptyModel()
    const draw = draws(seed)
    for (const life of whole(4)) {
      yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* place
        const open = yield* store.open("gateway")
        yield* batches(open, model, draw, `in life ${life + 1}`)
      }))
    }
  })
})

/**
 * The rules for the owners of records: one owner at a time, client identifiers apart, and records that outlast the open
 * store.
 */
import * as Effect from "effect/Effect"
import { type Store, tables } from "../../internal/store/port.ts"
import type { MqttError } from "../../MqttError.ts"
import { put, putOf, recordOf, valueOf, whole } from "./Records.ts"
import { mustHave, type Place, type Rule, type Seen, seen } from "./Rule.ts"

/** The store of one place, made a second time. */
const another = (place: Place) => place

const kept: Rule = {
  promise: "records are still there after the store was closed and opened again",
  test: Effect.fnUntraced(function*(place) {
    const stores = [yield* place, yield* another(place)]
    const [first] = stores
    if (first === undefined) return
    yield* Effect.scoped(
      Effect.flatMap(
        first.open("gateway"),
        (open) => open.commit(tables.flatMap((table) => whole(100).map((key) => putOf(key, table))))
      )
    )
    for (const [index, store] of stores.entries()) {
      const when = `after it was opened again through the ${index === 0 ? "same store" : "store made a second time"}`
      yield* Effect.scoped(Effect.gen(function*() {
        const open = yield* store.open("gateway")
        for (const table of tables) yield* mustHave(open, table, whole(100).map((key) => recordOf(key)), when)
      }))
    }
  })
}

const lastOfMany: Rule = {
  promise: "the last change of every life of the store is there in the next one",
  test: Effect.fnUntraced(function*(place) {
    const store = yield* place
    for (const life of whole(20)) {
      yield* Effect.scoped(Effect.gen(function*() {
        const open = yield* store.open("gateway")
        yield* mustHave(open, "message", whole(life).map((key) => recordOf(key)), `in life ${life + 1}`)
        yield* open.commit([putOf(life)])
      }))
    }
  })
}

/** Odd characters, names with a meaning in file systems, and identifiers that differ in little. */
const clientIds = [
  "",
  "gateway",
  "Gateway",
  "GATEWAY",
  " gateway",
  "gateway ",
  "gateway.",
  "/",
  "a/b",
  "a\\b",
  "a%2Fb",
  "a%2fb",
  "a:b",
  "a_b",
  "a-b",
  "a+b",
  "a b",
  ".",
  "..",
  "../gateway",
  "%",
  "%25",
  ":",
  "*",
  "?",
  "~",
  "'",
  "\"",
  "`",
  "$",
  "CON",
  "message",
  "__proto__",
  "straße",
  "caf\u00e9",
  "cafe\u0301",
  "\u{1f4e1}",
  "\ufeffgateway",
  "x".repeat(128),
  `${"x".repeat(127)}y`,
  `${"x".repeat(127)}X`,
  "/".repeat(128),
  "\u{1f4e1}".repeat(128),
  "z".repeat(1000),
  `${"z".repeat(999)}y`
]

const shown = (clientId: string): string =>
  clientId.length > 40 ? `${JSON.stringify(clientId.slice(0, 20))}... of ${clientId.length}` : JSON.stringify(clientId)

const isInUse = ({ reason }: MqttError): boolean => reason._tag === "StoreFailed" && reason.problem === "InUse"

const openBesideOthers = (store: Store, clientId: string) =>
  Effect.catchIf(
    store.open(clientId),
    isInUse,
    () => seen(`${shown(clientId)} is in use while other client identifiers are open`)
  )

const identifiers: Rule = {
  promise: "each client identifier has its own records, whatever its characters and however similar the identifiers",
  test: Effect.fnUntraced(function*(place) {
    const store = yield* place
    yield* Effect.scoped(Effect.forEach(clientIds, (clientId, index) =>
      Effect.gen(function*() {
        const open = yield* openBesideOthers(store, clientId)
        yield* mustHave(open, "client", [], `in the new store of ${shown(clientId)}`)
        yield* open.commit([put(1, valueOf(index), "client")])
      }), { discard: true }))
    for (const [index, clientId] of clientIds.entries()) {
      yield* Effect.scoped(
        Effect.flatMap(
          store.open(clientId),
          (open) => mustHave(open, "client", [recordOf(1, index)], `opened again for ${shown(clientId)}`)
        )
      )
    }
  })
}

const mustBeInUse = Effect.fnUntraced(function*(store: Store, how: string) {
  const attempt: Effect.Effect<MqttError | undefined, MqttError> = Effect.scoped(store.open("gateway")).pipe(
    Effect.as(undefined),
    Effect.catch((error) => Effect.succeed(error))
  )
  const error = yield* attempt
  if (error === undefined) return yield* seen(`it was opened a second time ${how}`)
  const { reason } = error
  if (reason._tag === "StoreFailed" && reason.problem === "InUse" && reason.operation === "open") return
  const what = reason._tag === "StoreFailed" ? `StoreFailed ${reason.problem} on ${reason.operation}` : reason._tag
  return yield* seen(`opening it a second time ${how} failed with ${what} instead of StoreFailed InUse on open`)
})

const isOpen = (store: Store): Effect.Effect<void, Seen | MqttError> =>
  Effect.scoped(Effect.flatMap(store.open("gateway"), (open) => open.commit([putOf(1)])))

const owner: Rule = {
  promise:
    "while a client identifier is open, opening it again fails with StoreFailed InUse; after its end it succeeds",
  test: Effect.fnUntraced(function*(place) {
    const store = yield* place
    const other = yield* another(place)
    yield* Effect.scoped(Effect.gen(function*() {
      const open = yield* store.open("gateway")
      yield* mustBeInUse(store, "through the same store")
      yield* mustBeInUse(store, "after an attempt that was refused")
      yield* Effect.scoped(store.open("another client"))
      if (other !== store) yield* mustBeInUse(other, "through a store made a second time")
      yield* open.commit([putOf(2)])
      yield* mustHave(open, "message", [recordOf(2)], "in the first one after others were refused")
    }))
    yield* isOpen(other)
    yield* isOpen(store)
  })
}

export const rules: ReadonlyArray<Rule> = [kept, lastOfMany, identifiers, owner]

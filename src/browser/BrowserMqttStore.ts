/**
 * A store in IndexedDB, for pages that are closed and opened again.
 *
 * One database of the site has the records of all client identifiers, and a commit is one transaction. If the browser
 * dies, everything committed remains, and nothing of an unfinished commit.
 *
 * **One owner.** A lock of the Web Locks API keeps other tabs, windows and workers out; the browser frees it when its page
 * is closed, or dies. A page that has no such locks, because it was loaded over `http:` from elsewhere than localhost, gets
 * no store: opening it fails with `Unavailable`.
 *
 * **What the browser may do.** It deletes the data of sites when the disk runs full, beginning with the sites that
 * nobody has visited for long. Some browsers delete it after days without a visit; see `persist`. A private window has
 * it until it is closed, or not at all. A person who deletes the data of the site by hand deletes this too: the store
 * fails with `Closed` then.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as OptionNames from "../internal/optionNames.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttStore from "../MqttStore.ts"
import * as Database from "./internal/store/database.ts"
import * as Failures from "./internal/store/failures.ts"
import * as WebLock from "./internal/store/webLock.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** The name of the database. Default: `"effect-mqtt"`. */
  readonly name?: string | undefined
  /**
   * How durable a commit is. `"normal"`: it survives the death of the page or the browser; if the power fails, the last
   * commits may be gone. `"full"`: it survives a power failure too, if the browser has the durability `strict` of
   * IndexedDB; every commit waits for the disk. Default: `"normal"`.
   */
  readonly sync?: "normal" | "full" | undefined
  /**
   * Whether to ask the browser to keep the data of the site until a person deletes it (`navigator.storage.persist`).
   * Some browsers ask the person then, others decide by themselves, and the answer may be no. Opening the store does
   * not wait for it. Default: `false`.
   */
  readonly persist?: boolean | undefined
}

const durabilities = { normal: "relaxed", full: "strict" } as const

const names: OptionNames.Names<Options> = { name: true, sync: true, persist: true }

type Problem = readonly [option: string, description: string]

const unknownOption = (options: Options): Problem | undefined => {
  const name = Object.keys(options).find((option) => !Object.hasOwn(names, option))
  if (name === undefined) return undefined
  const meant = OptionNames.nearest(name, Object.keys(names))
  return [name, meant === undefined ? "is not an option" : `is not an option; did you mean \`${meant}\`?`]
}

const problemOf = (options: Options): Problem | undefined => {
  const isObject: boolean = Predicate.isObject(options)
  if (!isObject) return ["options", "is not an object"]
  const { name, persist, sync } = options
  const problem = unknownOption(options)
  if (problem !== undefined) return problem
  if (name !== undefined && (typeof name !== "string" || name === "")) return ["name", "must be the name of a database"]
  if (sync !== undefined && !Object.hasOwn(durabilities, sync)) return ["sync", "must be \"normal\" or \"full\""]
  if (persist !== undefined && typeof persist !== "boolean") return ["persist", "must be `true` or `false`"]
  return undefined
}

/** Asks, and does not wait for the answer. */
const askToPersist: Effect.Effect<void> = Effect.sync(() => {
  const { navigator } = globalThis as { readonly navigator?: { readonly storage?: StorageManager } }
  navigator?.storage?.persist?.().catch(() => false)
})

const open = Effect.fnUntraced(function*(
  options: { readonly name: string; readonly clientId: string; readonly durability: IDBTransactionDurability }
): Effect.fn.Return<MqttStore.OpenStore, MqttError.MqttError, Scope.Scope> {
  const { clientId, durability, name } = options
  const failures = Failures.make(`IndexedDB ${name}`)
  const lock = yield* WebLock.take(JSON.stringify(["effect-mqtt", name, clientId]), failures)
  const database = yield* Database.open(name, failures)
  lock.whenLost(() => database.close())
  return Database.records(database, { clientId, durability, failures })
})

/**
 * A store in the database. Nothing is made or opened before a client opens it. Fails with `InvalidOptions` for an option
 * that cannot work.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<MqttStore.Store, MqttError.MqttError> =>
  Effect.suspend(() => {
    const problem = problemOf(options)
    if (problem !== undefined) {
      const [option, description] = problem
      return Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))
    }
    const { name = "effect-mqtt", persist = false, sync = "normal" } = options
    const durability = durabilities[sync]
    return Effect.succeed({
      name: `IndexedDB ${name}`,
      open: (clientId) => {
        const opened = open({ name, clientId, durability })
        return persist ? Effect.tap(opened, () => askToPersist) : opened
      }
    })
  })

/**
 * **Example** (A page whose messages outlive it)
 *
 * ```ts
 * import { BrowserMqtt, BrowserMqttStore } from "effect-mqtt/browser"
 *
 * const client = BrowserMqtt.layer({
 *   url: "wss://broker.example/mqtt",
 *   clientId: "form-of-ada",
 *   session: "persistent",
 *   initialConnection: "retry",
 *   store: BrowserMqttStore.layer({ name: "form" })
 * })
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<never, MqttError.MqttError> => MqttStore.layer(make(options))

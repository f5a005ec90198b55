/**
 * A store in files, for services, gateways and devices: SQLite, which is part of Node 22.19 and newer.
 *
 * There is one database for each client identifier in a directory, in the format of write-ahead logs. If the process
 * dies, everything it has committed remains, and nothing of an unfinished commit. Others may read a database that is in
 * use.
 *
 * Opening looks at every page of a database of up to 128 MiB, and every value has a checksum. Damage is reported as
 * `Corrupt`, when it is opened or when the value is read, and the files stay as they are.
 *
 * SQLite is synchronous: the event loop stands still during a read or a commit. That is microseconds for a record, a few
 * milliseconds for a thousand, and as long as the disk needs with `sync: "full"`.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { pathProblem } from "../internal/misplacedSecret.ts"
import * as OptionNames from "../internal/optionNames.ts"
import * as MqttError from "../MqttError.ts"
import * as MqttStore from "../MqttStore.ts"
import { attempt } from "./internal/store/failures.ts"
import { filesOf, ownerOf } from "./internal/store/fileNames.ts"
import * as Owned from "./internal/store/owned.ts"
import * as Reader from "./internal/store/reader.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** A directory. If there is none, it is made; only the owner of the process may use it and its files. */
  readonly path: string
  /**
   * How durable a commit is. `"normal"`: it survives the death of the process; if the power fails, the last commits may
   * be gone, and earlier commits are whole. `"full"`: it survives a power failure too; every commit waits for the disk.
   * Default: `"normal"`.
   */
  readonly sync?: "normal" | "full" | undefined
  /**
   * The size of the database of a client identifier, at least 65,536. A commit that needs more fails with `Full`. The
   * log beside the database comes on top, usually a few MiB. Default: as much as the disk has.
   */
  readonly maximumBytes?: number | undefined
}

const leastBytes = 65_536

const names: OptionNames.Names<Options> = { path: true, sync: true, maximumBytes: true }

const invalid = (option: string, description: string) =>
  Effect.fail(MqttError.fromReason(new MqttError.InvalidOptions({ option, description })))

type Problem = readonly [option: string, description: string]

const unknownOption = (options: Options): Problem | undefined => {
  const name = Object.keys(options).find((option) => !Object.hasOwn(names, option))
  if (name === undefined) return undefined
  const meant = OptionNames.nearest(name, Object.keys(names))
  return [name, meant === undefined ? "is not an option" : `is not an option; did you mean \`${meant}\`?`]
}

const pathOfDirectory = (path: string): Problem | undefined => {
  if (typeof path !== "string" || path === "") return ["path", "must be the path of a directory"]
  const problem = pathProblem(path)
  return problem === undefined ? undefined : ["path", problem]
}

const problemOf = (options: Options): Problem | undefined => {
  if (!Predicate.isObject(options)) return ["options", "is not an object"]
  const { maximumBytes, path, sync } = options
  const problem = unknownOption(options) ?? pathOfDirectory(path)
  if (problem !== undefined) return problem
  if (sync !== undefined && sync !== "normal" && sync !== "full") return ["sync", "must be \"normal\" or \"full\""]
  if (maximumBytes === undefined || (Number.isSafeInteger(maximumBytes) && maximumBytes >= leastBytes)) return undefined
  return ["maximumBytes", `must be a whole number of at least ${leastBytes}`]
}

/**
 * A store in a directory. Nothing is made or opened before a client opens it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<MqttStore.Store, MqttError.MqttError> =>
  Effect.suspend(() => {
    const problem = problemOf(options)
    if (problem !== undefined) return invalid(...problem)
    const { maximumBytes, sync = "normal" } = options
    const name = Path.resolve(options.path)
    return Effect.succeed({
      name,
      open: (clientId) => Owned.open({ directory: name, clientId, sync, maximumBytes })
    })
  })

/**
 * **Example** (Messages that outlive the process)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { NodeMqtt, NodeMqttStore } from "effect-mqtt/node"
 *
 * const client = NodeMqtt.layer({ url: "mqtt://localhost", clientId: "gateway", session: "persistent" }).pipe(
 *   Layer.provide(NodeMqttStore.layer({ path: "/var/lib/gateway/mqtt" }))
 * )
 * ```
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<never, MqttError.MqttError> => MqttStore.layer(make(options))

/**
 * The records of a client identifier, for reading only, even while a client has the store. If there is no store of that
 * client identifier, it fails with `Unavailable` and makes none. It may leave an empty log beside the database.
 *
 * @since 0.2.0
 * @category reading
 */
export const openReadOnly = (
  options: { readonly path: string; readonly clientId: string }
): Effect.Effect<Pick<MqttStore.OpenStore, "read">, MqttError.MqttError, Scope.Scope> =>
  Reader.open(filesOf(Path.resolve(options.path), options.clientId).database)

const clientIdOf = (directory: string, name: string): Effect.Effect<ReadonlyArray<string>, MqttError.MqttError> => {
  const owner = ownerOf(directory, name)
  if (owner === undefined) return Effect.succeed([])
  return "clientId" in owner ? Effect.succeed([owner.clientId]) : Reader.clientIdOf(owner.database)
}

/**
 * The client identifiers whose stores are in a directory, in alphabetical order.
 *
 * @since 0.2.0
 * @category reading
 */
export const clientIds = (path: string): Effect.Effect<ReadonlyArray<string>, MqttError.MqttError> =>
  Effect.gen(function*() {
    const directory = Path.resolve(path)
    const names = yield* attempt(directory, "open", () => Fs.readdirSync(directory))
    const owners = yield* Effect.forEach(names, (name) => clientIdOf(directory, name))
    return owners.flat().sort()
  })

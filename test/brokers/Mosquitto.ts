/**
 * mosquitto as a process of its own on a free loopback port, with the configuration a suite asks for.
 */
import { layer as suiteWithLayer, type Vitest } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import * as Crypto from "node:crypto"
import * as Path from "node:path"
import { type Requirement, suiteWith } from "../support/requirements.ts"
import { Broker } from "./Broker.ts"
import * as port from "./port.ts"
import * as Process from "./Process.ts"

/** Where it is. */
export const executable = Process.find("mosquitto")

export const requirement: Requirement = {
  name: "mosquitto",
  packages: "mosquitto",
  isInstalled: () => executable !== undefined
}

export interface Options {
  /** Lines of mosquitto.conf, below those for the listener. Default: anybody may connect. */
  readonly configuration?: ReadonlyArray<string>
  /** Files it reads, by name; `{folder}` in the configuration is where they are. */
  readonly files?: { readonly [name: string]: string }
  /** More listeners by name, each with its lines; their ports are in `Listeners`. */
  readonly listeners?: { readonly [name: string]: ReadonlyArray<string> }
}

/** The ports of the listeners that have a name. */
export class Listeners extends Context.Service<Listeners, {
  readonly port: (name: string) => number
}>()("test/MosquittoListeners") {}

/** One that runs. */
export interface Running {
  readonly host: string
  readonly port: number
  /** Of the listeners that have a name. */
  readonly ports: ReadonlyMap<string, number>
  /** Ends it at once, without a chance to write anything down. */
  readonly kill: Effect.Effect<void>
  /** Asks it to write its sessions down now. */
  readonly save: Effect.Effect<void>
  /** Asks it to end, and waits until it has. */
  readonly stop: Effect.Effect<void>
}

/** Starts one that runs until the scope ends. */
export const start = Effect.fnUntraced(function*(options: Options = {}): Effect.fn.Return<Running, never, Scope.Scope> {
  const [home, listeningPort] = yield* Effect.all([Process.folder("mosquitto"), port.free])
  const { configuration = ["allow_anonymous true"], files = {}, listeners = {} } = options
  const ports = new Map<string, number>()
  for (const name of Object.keys(listeners)) ports.set(name, yield* port.free)
  const lines = [
    // Started by root it would become a user who may not read the files.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
    // What is said of one listener is then said of no other.
    ...(ports.size === 0 ? [] : ["per_listener_settings true"]),
    `listener ${listeningPort} ${port.host}`,
    "log_dest stderr",
    ...configuration,
    ...Object.entries(listeners).flatMap(([name, lines]) => [`listener ${ports.get(name)} ${port.host}`, ...lines])
  ].map((line) => line.replaceAll("{folder}", home))
  Process.write(home, { ...files, "mosquitto.conf": lines.join("\n") + "\n" })
  const { kill, signal, stop } = yield* Process.start({
    name: "mosquitto",
    command: executable ?? "mosquitto",
    arguments: ["-c", Path.join(home, "mosquitto.conf")],
    ports: [listeningPort, ...ports.values()]
  })
  return { host: port.host, port: listeningPort, ports, kill, save: signal("SIGUSR1"), stop }
})

export const layer = (options: Options = {}): Layer.Layer<Broker | Listeners> =>
  Layer.effectContext(
    Effect.map(start(options), (running) =>
      Context.make(Broker, running).pipe(
        Context.add(Listeners, { port: (name) => running.ports.get(name) ?? 0 })
      ))
  )

/** A line of a password file: PBKDF2 with SHA-512. */
export const passwordLine = (username: string, password: string): string => {
  const salt = Crypto.randomBytes(12)
  const hash = Crypto.pbkdf2Sync(password, salt, 101, 64, "sha512")
  return `${username}:$7$101$${salt.toString("base64")}$${hash.toString("base64")}\n`
}

export interface SuiteOptions extends Options {
  /** Programs that the tests need besides mosquitto. */
  readonly alsoNeeds?: ReadonlyArray<Requirement>
}

/** Tests that share one mosquitto. */
export const suite = (
  name: string,
  options: SuiteOptions,
  tests: (it: Vitest.MethodsNonLive<Broker | Listeners>) => void
): void => {
  suiteWith([requirement, ...options.alsoNeeds ?? []], name, () => {
    suiteWithLayer(layer(options), { excludeTestServices: true })(tests)
  })
}

/**
 * Three nodes of a broker that form one cluster on this machine: each can be killed, stopped in order, and started
 * again in its own folder.
 */
import { Effect, Exit, Schedule, Scope } from "effect"
import * as Fs from "node:fs"
import { stripVTControlCharacters } from "node:util"
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import type * as Process from "../brokers/Process.ts"

/** One process of a node, from its start until it answers clients and has found its cluster. */
type Start = Effect.Effect<Process.Running, never, Scope.Scope>

export interface NodeOptions {
  readonly name: string
  /** The port for MQTT. */
  readonly port: number
  readonly start: Start
  /** Where it writes its log, if it does not print it. */
  readonly logFile?: string
}

export class Node {
  readonly name: string
  readonly #options: NodeOptions
  readonly #logs: Array<() => string> = []
  #running: { readonly process: Process.Running; readonly scope: Scope.Closeable } | undefined

  constructor(options: NodeOptions) {
    this.name = options.name
    this.#options = options
  }

  /** `undefined` while it does not run: nobody else may be met on its port. */
  get port(): number | undefined {
    return this.#running === undefined ? undefined : this.#options.port
  }

  /** It is a member of the cluster again when this ends. */
  get start(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const scope = yield* Scope.make()
      const process = yield* this.#options.start.pipe(
        Scope.provide(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      this.#logs.push(process.log)
      this.#running = { process, scope }
    })
  }

  /** SIGKILL. */
  get kill(): Effect.Effect<void> {
    return this.#end((process) => process.kill)
  }

  /** SIGTERM, and SIGKILL only if it does not end. */
  get stop(): Effect.Effect<void> {
    return this.#end((process) => process.stop)
  }

  #end(how: (process: Process.Running) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const running = this.#running
      this.#running = undefined
      return running === undefined
        ? Effect.void
        : Effect.andThen(how(running.process), Scope.close(running.scope, Exit.void))
    })
  }

  /** Its log over all its processes, the oldest line first. */
  get log(): ReadonlyArray<string> {
    const { logFile } = this.#options
    const written = logFile !== undefined && Fs.existsSync(logFile) ? [Fs.readFileSync(logFile, "utf8")] : []
    return [...this.#logs.map((log) => log()), ...written]
      .flatMap((text) => stripVTControlCharacters(text).split("\n"))
      .filter((line) => line !== "")
  }
}

export interface Cluster {
  readonly nodes: ReadonlyArray<Node>
  /** Completes when each replica has caught up, so that any one node may go. */
  readonly inStep: Effect.Effect<void>
}

export interface Subject {
  readonly name: string
  readonly title: string
  /** The Debian package. */
  readonly install: string
  /** The version that is installed; `undefined` when none is. */
  readonly version: Effect.Effect<string | undefined>
  readonly protocolVersion: ProtocolVersion
  /**
   * Why this version loses acknowledged messages although nothing is wrong with the client; `undefined` if it must not.
   */
  readonly losesBecause: (version: string) => string | undefined
  /** How the messages of sessions are kept, for the report. */
  readonly storage: string
  /** Lines of its log that tell of a fault, rather than of daily work. */
  readonly isTelling: (line: string) => boolean
  /** The cluster is complete when this ends; its nodes end with the scope. */
  readonly form: Effect.Effect<Cluster, never, Scope.Scope>
}

/** A node for as long as the scope; it does not run yet. */
export const node = (options: NodeOptions): Effect.Effect<Node, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => new Node(options)), (node) => node.stop)

/** Asks again until the answer is yes, and dies with `what` when the deadline comes. */
export const until = (what: string, isSo: Effect.Effect<boolean>, seconds: number): Effect.Effect<void> =>
  isSo.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOrElse({
      duration: seconds * 1000,
      orElse: () => Effect.die(new Error(`not within ${seconds} seconds: ${what}`))
    }),
    Effect.asVoid
  )

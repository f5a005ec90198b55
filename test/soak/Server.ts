/**
 * mosquitto with its sessions on disk: stopped in order, or killed, and started again.
 */
import { Effect, Exit, Schedule, Scope } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Process from "../brokers/Process.ts"

/**
 * Nothing is dropped for want of room. mosquitto writes everything down at once, in its only thread: after each change,
 * as `autosave_on_changes` would have it, takes all its time as soon as much is in flight. So it is told when to save.
 *
 * mosquitto before 2.0.13 loses count of what is in flight once messages wait for its window (its issue 2306): it then
 * sends more than our Receive Maximum, which ends the connection again and again, newer messages before older ones, and
 * after a restart finished QoS 2 messages once more. So no window here is ever full. 65535 would mean 0, and with 0 every
 * restart forgets which QoS 2 messages were received.
 */
const configuration = (home: string): ReadonlyArray<string> => [
  "allow_anonymous true",
  "persistence true",
  `persistence_location ${home}/`,
  "autosave_interval 0",
  "max_queued_messages 0",
  "max_queued_bytes 0",
  "max_inflight_messages 65534",
  "set_tcp_nodelay true",
  "log_type error"
]

/** Milliseconds; a kill costs what was acknowledged after the last one. */
const saveEvery = 400

interface Running {
  readonly broker: Mosquitto.Running
  readonly scope: Scope.Closeable
}

export class Server {
  readonly #home: string
  #running: Running | undefined
  constructor(home: string) {
    this.#home = home
  }

  get start(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const scope = yield* Scope.make()
      const broker = yield* Mosquitto.start({ configuration: configuration(this.#home) }).pipe(Scope.provide(scope))
      this.#running = { broker, scope }
    })
  }

  /** While it runs: each start is on another one, and what it had may be somebody else's now. */
  get port(): number | undefined {
    return this.#running?.broker.port
  }

  /** Saves now and then, for ever. */
  get keepSaving(): Effect.Effect<void> {
    return Effect.suspend(() => this.#running === undefined ? Effect.void : this.#running.broker.save).pipe(
      Effect.repeat(Schedule.spaced(saveEvery)),
      Effect.asVoid
    )
  }

  /** It has just saved. */
  get saved(): Effect.Effect<void> {
    const file = Path.join(this.#home, "mosquitto.db")
    return Effect.suspend(() =>
      Fs.existsSync(file) && Date.now() - Fs.statSync(file).mtimeMs < saveEvery ? Effect.void : Effect.fail("not yet")
    ).pipe(Effect.retry(Schedule.spaced("10 millis")), Effect.orDie)
  }

  /** SIGTERM: it writes down everything it has acknowledged. */
  get stop(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const running = this.#running
      this.#running = undefined
      return running === undefined ? Effect.void : Scope.close(running.scope, Exit.void)
    })
  }

  /** SIGKILL: what it acknowledged a moment ago may be lost. */
  get kill(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const running = this.#running
      this.#running = undefined
      return running === undefined
        ? Effect.void
        : Effect.andThen(running.broker.kill, Scope.close(running.scope, Exit.void))
    })
  }
}

export const make = Effect.gen(function*() {
  const server = new Server(yield* Process.folder("soak"))
  yield* Effect.addFinalizer(() => server.stop)
  yield* server.start
  yield* Effect.forkScoped(server.keepSaving)
  return server
})

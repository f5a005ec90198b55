/**
 * Which of several endpoints an attempt goes to.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { NetworkConnection } from "../../MqttTransport.ts"

/**
 * `inOrder`: the first, and the next after each attempt that failed; from the first again once a server has answered for
 * `stableAfter`. `roundRobin`: each attempt goes to the endpoint after the last one. `random`: in a random order, all of them
 * before an endpoint comes again.
 *
 * @since 0.1.0
 * @category models
 */
export type EndpointPolicy = "inOrder" | "roundRobin" | "random"

export class EndpointChoice {
  readonly #policy: EndpointPolicy
  /** Milliseconds. */
  readonly #stableAfter: number
  #position = 0
  #order: ReadonlyArray<number> = []
  #open = 0

  constructor(policy: EndpointPolicy, stableAfter: Duration.Input) {
    this.#policy = policy
    this.#stableAfter = Duration.toMillis(stableAfter)
  }

  /** The index of the endpoint whose turn it is. */
  next(count: number): Effect.Effect<number> {
    return this.#policy === "random" ? this.#shuffled(count) : Effect.sync(() => this.#position++ % count)
  }

  #shuffled(count: number): Effect.Effect<number> {
    return Effect.gen({ self: this }, function*() {
      if (this.#order.length !== count || this.#position >= count) {
        this.#order = yield* Random.shuffle(Array.from({ length: count }, (_, index) => index))
        this.#position = 0
      }
      return this.#order[this.#position++]
    })
  }

  /** Whether a connection is open, over which the endpoint was not lost. */
  get isConnected(): boolean {
    return this.#open > 0
  }

  /**
   * The connection that opened. Notes in its scope how long its server has answered: a server that accepts connections
   * and never sends a byte is not stable, however long the client waits for it.
   */
  opened(network: NetworkConnection): Effect.Effect<NetworkConnection, never, Scope.Scope> {
    return Effect.suspend(() => {
      this.#open++
      let answeredAt: number | undefined
      const ended = Effect.map(
        milliseconds,
        (now) => this.#ended(answeredAt === undefined ? undefined : now - answeredAt)
      )
      const answered = Effect.tap(network.pull, () =>
        Effect.map(milliseconds, (now) => {
          answeredAt = now
        }))
      const pull = Effect.suspend(() => answeredAt === undefined ? answered : network.pull)
      return Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, ended)).pipe(
        Effect.as({ pull, write: network.write, abort: network.abort })
      )
    })
  }

  #ended(lifetime: number | undefined): void {
    this.#open--
    if (lifetime === undefined || lifetime < this.#stableAfter) return
    if (this.#policy === "inOrder") this.#position = 0
    this.#order = []
  }
}

const milliseconds = Effect.map(Clock.Clock, (clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6)

export const make = (policy: EndpointPolicy, stableAfter: Duration.Input = 10_000): EndpointChoice =>
  new EndpointChoice(policy, stableAfter)

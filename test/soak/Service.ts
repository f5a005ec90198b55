/**
 * Calls of Effect RPC in the traffic of the soak: who serves, who calls, and how the calls end.
 *
 * A call may fail, with a reason: a killed broker forgets what it has not saved. No call may have the answer of another
 * one, and none may end neither way.
 */
import { Effect, Layer, Schema, Scope } from "effect"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import { MqttClient } from "../../src/index.ts"
import { MqttRpc } from "../../src/rpc/index.ts"
import type { Client } from "./Clients.ts"
import { until } from "./until.ts"

const Calculator = RpcGroup.make(
  Rpc.make("Square", { payload: { number: Schema.Int }, success: Schema.Int })
)

const handlers = Calculator.toLayer({ Square: ({ number }) => Effect.succeed(number ** 2) })

/**
 * A service for each server: mosquitto 2.0.11 forgets a Shared Subscription when it starts again. Until the servers of a
 * group are back, it would say that there is none, and the calls would end at once.
 */
const prefixOf = (index: number): string => `soak-service/${index}`

/** Longer than any outage of the soak, and short enough that a lost call ends before the soak does. */
const patience = { acceptTimeout: "20 seconds", lease: "20 seconds" } as const

/** Milliseconds between two calls of one client. */
const gap = 200

/** Seconds: a call ends within the two of them. */
const endsWithin = 45

/** The call after the repair of the network is answered within this time. */
const answeredWithin = "30 seconds"

/** How the calls ended. */
export interface Calls {
  made: number
  answered: number
  /** The answer of another call. */
  wrong: number
  readonly failed: Map<string, number>
}

/** Calls survive reconnects if the sessions of both sides are persistent. */
const takesPart = ({ party }: Client, index: number): boolean => party.session === "persistent" && index % 3 === 0

const withClient = ({ mqtt }: Client) => Layer.succeed(MqttClient.MqttClient, mqtt)

const serve = (client: Client, index: number) =>
  Layer.build(
    RpcServer.layer(Calculator).pipe(
      Layer.provide(handlers),
      Layer.provide(MqttRpc.layerServerProtocol({ prefix: prefixOf(index) })),
      Layer.provide(Layer.merge(RpcSerialization.layerJson, withClient(client)))
    )
  )

const callerOf = Effect.fnUntraced(function*(client: Client, index: number) {
  const protocol = yield* Layer.build(
    MqttRpc.layerClientProtocol({ prefix: prefixOf(index), ...patience }).pipe(
      Layer.provide(Layer.merge(RpcSerialization.layerJson, withClient(client)))
    )
  )
  return yield* Effect.provideContext(RpcClient.make(Calculator), protocol)
})

export interface Service {
  readonly calls: Calls
  /** Calls until it is told to stop. */
  readonly run: (isOver: () => boolean) => Effect.Effect<void, never, Scope.Scope>
  /** Once the network is whole: waits for the calls that are under way, and calls with each client again. */
  readonly settled: Effect.Effect<{ readonly open: number; readonly unanswered: number }>
}

/** Serves with subscribers and calls with publishers, for as long as the scope. */
export const make = Effect.fnUntraced(function*(
  publishers: ReadonlyArray<Client>,
  subscribers: ReadonlyArray<Client>
) {
  const calls: Calls = { made: 0, answered: 0, wrong: 0, failed: new Map() }
  let open = 0
  yield* Effect.forEach(subscribers.filter(takesPart), serve)
  const callers = yield* Effect.forEach(publishers.filter(takesPart), callerOf)

  const call = Effect.fnUntraced(function*(caller: typeof callers[number]) {
    const number = calls.made++
    open++
    const answer = yield* caller.Square({ number })
    if (answer === number ** 2) calls.answered++
    else calls.wrong++
  }, (calling) =>
    calling.pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          const reason = MqttRpc.failureOf(error)?.reason ?? error.message
          calls.failed.set(reason, (calls.failed.get(reason) ?? 0) + 1)
        })
      ),
      Effect.ensuring(Effect.sync(() => open--))
    ))

  const run = Effect.fnUntraced(function*(isOver: () => boolean) {
    const scope = yield* Scope.Scope
    while (!isOver()) {
      yield* Effect.forEach(callers, (caller) => Effect.forkIn(Effect.ignore(call(caller)), scope), { discard: true })
      yield* Effect.sleep(gap)
    }
  })

  const settled = Effect.gen(function*() {
    yield* until(() => open === 0, endsWithin)
    const stillOpen = open
    const [, unanswered] = yield* Effect.partition(
      callers,
      (caller) => Effect.timeout(call(caller), answeredWithin),
      { concurrency: "unbounded" }
    )
    return { open: stillOpen, unanswered: unanswered.length }
  })

  return { calls, run, settled } satisfies Service
})

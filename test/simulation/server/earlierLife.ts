/**
 * A program with the client identifier of this run that died before it: the server still has its session, with messages
 * whose exchange is not finished.
 */
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as MqttClient from "../../../src/MqttClient.ts"
import { MqttTransport } from "../../../src/MqttTransport.ts"
import { FakeNetwork, type MemoryBroker } from "../../../src/testing/index.ts"
import type { Observations } from "../Observations.ts"
import type { Plan } from "../Plan.ts"

export const earlierLife = Effect.fnUntraced(function*({ broker, count, observations, options, plan }: {
  readonly plan: Plan
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly observations: Observations
  readonly options: MqttClient.Options
  readonly count: number
}) {
  // Long enough that no keep alive and no timeout gets in the way.
  const slow = { keepAlive: "60 seconds", responseTimeout: "60 seconds" } as const
  const { latency } = plan.network
  const { network, transport } = yield* FakeNetwork.make(broker.accept, { latency, connectDelay: 0 })
  const scope = yield* Scope.make()
  const client = yield* MqttClient.make({ ...options, ...slow }).pipe(
    Effect.provideService(MqttTransport, transport),
    Scope.provide(scope),
    Effect.orDie
  )
  yield* TestClock.adjust(latency * 4 + 10)
  yield* broker.holdAcknowledgements()
  for (let index = 0; index < count; index++) {
    yield* Effect.forkIn(Effect.ignore(client.publish("before", `before ${index}`, { qos: 2 })), scope)
  }
  // It completes the identifiers that it is going to use before it uses them.
  yield* TestClock.adjust(latency * 4 + 10)
  yield* network.drop
  yield* Effect.forkIn(Scope.close(scope, Exit.void), yield* Effect.scope)
  yield* broker.kick(options.clientId ?? "")
  yield* TestClock.adjust(2000)
  yield* broker.releaseAcknowledgements()
  observations.before = {
    packets: (yield* broker.packets()).length,
    messages: (yield* broker.messages).length,
    violations: (yield* broker.violations).length
  }
})

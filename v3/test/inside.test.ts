/**
 * `disconnect`, and the end of the scope, from within what the client runs for the program: it ends the client and returns.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schedule, Scope, TestClock } from "effect"
import { MqttClient } from "effect-mqtt-v3"
import { FakeNetwork } from "effect-mqtt-v3/testing"
import { broker } from "./support.ts"

type Client = MqttClient.MqttClient["Type"]

const hooks: Record<string, (end: Effect.Effect<void>) => MqttClient.Options> = {
  "credentials": (end) => ({ credentials: Effect.as(end, {}) }),
  "escalate": (end) => ({ escalate: { after: 1, run: () => end } }),
  "escalate, in a fiber that it waits for": (end) => ({
    escalate: { after: 1, run: () => Effect.flatMap(Effect.fork(end), Fiber.join) }
  }),
  "reconnect": (end) => ({
    reconnect: Schedule.spaced("1 second").pipe(Schedule.addDelayEffect(() => Effect.as(end, "0 seconds")))
  })
}

const ways: Record<string, (client: Client, scope: Scope.CloseableScope) => Effect.Effect<void>> = {
  "`disconnect`": (client) => client.disconnect,
  "the end of its scope": (_client, scope) => Scope.close(scope, Exit.void)
}

describe("a client ends, and its hook goes on,", () => {
  for (const [how, way] of Object.entries(ways)) {
    for (const [where, options] of Object.entries(hooks)) {
      it.scoped(`with ${how} in ${where}`, () =>
        Effect.gen(function*() {
          const network = yield* FakeNetwork.FakeNetwork
          const scope = yield* Scope.make()
          const ready = yield* Deferred.make<Client>()
          let returned = 0
          // The first connection is made before anything can be ended.
          const end = Effect.flatMap(Deferred.poll(ready), (client) =>
            client._tag === "None" ? Effect.void : Effect.zipRight(
              Effect.flatMap(client.value, (mqtt) =>
                way(mqtt, scope)),
              Effect.sync(() => {
                returned++
              })
            ))
          const mqtt = yield* Scope.extend(MqttClient.make({ clientId: "client", ...options(end) }), scope)
          yield* Deferred.succeed(ready, mqtt)
          yield* network.reset
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual(yield* mqtt.state.get, { _tag: "Closed", error: undefined })
          assert.strictEqual(returned, 1)
          const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
          yield* TestClock.adjust("1 second")
          assert.isNotNull(yield* Fiber.poll(closing))
        }).pipe(Effect.provide(broker)), 5_000)
    }
  }
})

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { MqttClient, MqttStore } from "effect-mqtt"
import { FakeNetwork, MemoryBroker } from "effect-mqtt/testing"
import { HttpRouter } from "effect/http"
import { TestClock } from "effect/testing"
import { routes } from "./http.ts"

/** The client of another start of the gateway. */
const client = () =>
  MqttClient.layer({ clientId: "gateway", session: "persistent", initialConnection: "retry", metrics: true })

/** The answer of the gateway to a request, without a server in between. */
const answer = Effect.fnUntraced(function*(request: Request) {
  const { handler } = HttpRouter.toWebHandler(routes, { disableLogger: true })
  const context = Context.pick(MqttClient.MqttClient)(yield* Effect.context<MqttClient.MqttClient>())
  const response = yield* Effect.promise(() => handler(request, context))
  return { status: response.status, text: yield* Effect.promise(() => response.text()) }
})

const get = (path: string) => answer(new Request(`http://gateway${path}`))

const post = (path: string, body: object) =>
  answer(new Request(`http://gateway${path}`, { method: "POST", body: JSON.stringify(body) }))

describe("readings", () => {
  it.effect("that were accepted without a broker are delivered by the next start", () =>
    Effect.gen(function*() {
      const broker = yield* MemoryBroker.MemoryBroker
      const network = yield* FakeNetwork.FakeNetwork
      yield* network.hangConnect(1)
      yield* Effect.gen(function*() {
        const { status } = yield* post("/machines/oven/readings", { number: 1, celsius: 58.5 })
        assert.strictEqual(status, 202)
      }).pipe(Effect.provide(client()))
      assert.deepStrictEqual(yield* broker.messages, [])
      yield* TestClock.adjust("5 seconds").pipe(Effect.provide(client()))
      const [reading] = yield* broker.messages
      assert.strictEqual(reading?.topic, "hall/oven/reading")
      assert.strictEqual(reading?.text, "{\"number\":1,\"celsius\":58.5}")
    }).pipe(Effect.provide(Layer.merge(MemoryBroker.layer(), MqttStore.layerMemory))))

  it.effect("that are none are refused", () =>
    Effect.gen(function*() {
      const { status, text } = yield* post("/machines/oven/readings", { number: 1, celsius: "hot" })
      assert.strictEqual(status, 400)
      assert.include(text, "celsius")
    }).pipe(Effect.provide(Layer.provideMerge(client(), MemoryBroker.layer()))))
})

describe("the supervisor", () => {
  it.effect("sees an outage, and that no restart is wanted", () =>
    Effect.gen(function*() {
      const network = yield* FakeNetwork.FakeNetwork
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* get("/ready")).status, 200)
      assert.include((yield* get("/metrics")).text, "mqtt_client_connected")
      yield* network.refuseConnect(3)
      yield* network.reset
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* get("/ready")).status, 503)
      assert.strictEqual((yield* get("/live")).status, 200)
    }).pipe(Effect.provide(Layer.provideMerge(client(), MemoryBroker.layer()))))
})

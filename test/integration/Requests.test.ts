/**
 * Requests and answers through a real broker.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, Fiber, Queue, Schedule } from "effect"
import * as Broker from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Wire from "../brokers/Wire.ts"

describe("requests", () => {
  Mosquitto.suite("mosquitto", {}, (it) => {
    for (const qos of [0, 1, 2] as const) {
      it.effect(
        `hundreds at once, shared by two responders, each with its own answer (QoS ${qos})`,
        () =>
          Effect.gen(function*() {
            const topic = `requests/${qos}`
            const names = ["a", "b"]
            yield* Effect.forEach(names, (name) =>
              Effect.flatMap(Broker.client(), (mqtt) =>
                mqtt.respond(`$share/pool/${topic}`, ({ text }) =>
                  Effect.succeed(`${name} ${text}`), {
                  concurrency: 10
                })
                  .pipe(Effect.forkScoped({ startImmediately: true }))))
            const mqtt = yield* Broker.client()
            // A first answer says that somebody has subscribed, and the next one that the other has.
            yield* Effect.forEach(names, (name) =>
              Effect.repeat(
                Effect.orElseSucceed(
                  Effect.map(mqtt.request(topic, "?", { qos: 1, timeout: "1 second" }), ({ text }) =>
                    text),
                  () =>
                    ""
                ),
                { until: (text) => text === `${name} ?` }
              ))
            const texts = Array.makeBy(300, String)
            const answers = yield* Effect.forEach(texts, (text) => mqtt.request(topic, text, { qos }), {
              concurrency: "unbounded"
            })
            assert.deepStrictEqual(answers.map(({ text }) => text.split(" ")[1]), texts)
            assert.deepStrictEqual([...new Set(answers.map(({ text }) => text.split(" ")[0]))].sort(), names)
            assert.isTrue(answers.every((answer) => answer.qos === qos))
          }),
        30_000
      )
    }

    it.effect("nobody subscribes: mosquitto says so, and the request fails at once", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        const { reason } = yield* Effect.flip(mqtt.request("requests/nobody", "x", { timeout: "1 minute" }))
        assert.strictEqual(reason._tag, "NoResponder")
      }))

    it.effect("the answer comes while the asker is away: a persistent session has it", () =>
      Effect.gen(function*() {
        const clientId = "requests-away"
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ clientId, session: "persistent", reconnect: Schedule.spaced("200 millis") })
        const other = yield* Broker.client()
        const requests = yield* Broker.subscribed(other, "requests/away", { qos: 1 })
        const asking = yield* Effect.forkScoped(mqtt.request("requests/away", "x"))
        const { packet: { properties } } = yield* Queue.take(requests)
        const { correlationData = assert.fail("no Correlation Data"), responseTopic = assert.fail("none") } = properties
        yield* wire.cut
        yield* other.publish(responseTopic, "answer", { qos: 1, properties: { correlationData } })
        assert.strictEqual((yield* Fiber.join(asking)).text, "answer")
        assert.strictEqual(wire.recordings.length, 2)
        assert.strictEqual(responseTopic, `response/${clientId}`)
      }))
  })
})

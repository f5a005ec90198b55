/**
 * A server that sends its clients to another one, both on real sockets. MQTT 5.0 section 4.11.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, SubscriptionRef } from "effect"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { connected, quietly, soon } from "../brokers/Broker.ts"

const server = Effect.gen(function*() {
  const broker = Context.get(yield* Layer.build(MemoryBroker.layer()), MemoryBroker.MemoryBroker)
  return { broker, ...(yield* NodeMemoryBroker.listen(broker)) }
})

describe("Server Reference", () => {
  it.live("R63 0x9D leads to another port at once and from then on, and messages arrive there", () =>
    Effect.gen(function*() {
      const [old, other] = yield* Effect.all([server, server])
      yield* old.broker.refuseSession(0x9d, { properties: { serverReference: `${other.host}:${other.port}` } })
      const layer = NodeMqtt.layer({
        url: old.url,
        clientId: "client",
        reconnect: soon,
        followServerReference: { maximumHops: 1 }
      })
      const mqtt = Context.get(yield* Layer.build(layer), MqttClient.MqttClient)
      yield* mqtt.publish("t", "1", { qos: 1 })
      yield* other.broker.kick("client")
      yield* mqtt.publish("t", "2", { qos: 1 })
      assert.strictEqual((yield* connected(mqtt)).serverReference, `${other.host}:${other.port}`)
      assert.strictEqual((yield* other.broker.messages).length, 2)
      assert.strictEqual((yield* old.broker.messages).length, 0)
      assert.strictEqual((yield* SubscriptionRef.get(mqtt.state))._tag, "Connected")
    }).pipe(Effect.scoped, quietly))
})

// Shows authentication in several steps, MQTT 5.0: with SCRAM-SHA-256 the password never leaves this side, and the
// server proves that it knows the password too; a token is renewed on the same connection before it expires. Ends by
// itself; fails if either did not work. Brings its own broker with one account. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Context, Effect, Layer, Redacted } from "effect"
import { MqttAuthentication, MqttClient } from "../src/index.ts"
import { NodeMqtt } from "../src/node/index.ts"
import { NodeMemoryBroker } from "../src/testing/node/index.ts"
import * as Example from "./support/example.ts"
import * as Scram from "./support/scramServer.ts"

const account = { username: "sensor-1", password: "correct horse", salt: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 }

/** Starts a broker, and returns a function that connects a client to it. */
const brokerThat = Effect.fnUntraced(function*(options: NodeMemoryBroker.Options) {
  const { url } = Context.get(yield* Layer.build(NodeMemoryBroker.layer(options)), NodeMemoryBroker.NodeMemoryBroker)
  return (authentication: MqttAuthentication.MqttAuthentication) =>
    Effect.map(
      Layer.build(NodeMqtt.layer({ url, authentication })),
      (context) => Context.get(context, MqttClient.MqttClient)
    )
})

const scram = Effect.gen(function*() {
  const connect = yield* brokerThat({ exchangeAuthentication: Scram.exchange(account) })
  const scramAs = (password: string) =>
    MqttAuthentication.scramSha256({ username: account.username, password: Redacted.make(password) })
  const mqtt = yield* connect(scramAs(account.password))
  yield* mqtt.publish("site/1/temperature", "21.5", { qos: 1 })
  yield* Effect.log("SCRAM: connected and published")
  yield* mqtt.reauthenticate
  yield* Effect.log("SCRAM: authenticated again on the same connection")
  const error = yield* Effect.flip(connect(scramAs("wrong")))
  yield* Effect.log(`SCRAM: ${error.message}`)
}).pipe(Effect.scoped)

const lifetime = 1000

const token = Effect.gen(function*() {
  let taken = 0
  const connect = yield* brokerThat({
    exchangeAuthentication: ({ data }) => {
      const age = Date.now() - Number(new TextDecoder().decode(data))
      if (!(age < lifetime)) return { _tag: "Refuse", reasonCode: 0x87 }
      taken++
      return { _tag: "Success" }
    }
  })
  // A real token comes from an identity provider; this one is the time at which it was made.
  const mqtt = yield* connect(MqttAuthentication.token({
    method: "TIMESTAMP",
    token: Effect.sync(() => ({ token: Redacted.make(`${Date.now()}`), expiresAt: Date.now() + lifetime }))
  }))
  yield* Effect.sleep("3500 millis")
  const { connections } = yield* mqtt.stats
  yield* Effect.log(`Token: ${taken} tokens of ${lifetime} ms were taken on ${connections} connection`)
  yield* Example.expect(taken >= 3 && connections === 1, "the token was not renewed")
}).pipe(Effect.scoped)

Effect.andThen(scram, token).pipe(
  Example.onceOrForever,
  NodeRuntime.runMain
)

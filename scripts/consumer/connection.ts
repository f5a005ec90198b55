/** One connection, a transport of one's own, stores, a probe, and the ways to authenticate. */
import {
  KeyValueMqttStore,
  MqttAuthentication,
  MqttConnection,
  MqttMetrics,
  MqttStore,
  MqttTransport,
  NetworkProbe
} from "effect-mqtt"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export const connected = MqttConnection.make({ clientId: "library" })
export const sent = Effect.map(connected, ({ send }) => send)
export const everything = Effect.map(connected, (connection) => ({ ...connection }))
export const transport = Effect.map(MqttTransport.MqttTransport, ({ open }) => open)
export const probe = NetworkProbe.layer()
export const store = MqttStore.layerMemory
export const memory = MqttStore.makeMemory
export const onKeyValueStore = KeyValueMqttStore.layer
export const metrics = MqttMetrics.all
export const token = MqttAuthentication.token({
  method: "K8S-SAT",
  token: Effect.succeed({ token: Redacted.make("token") })
})
export const scram = MqttAuthentication.scramSha256({ username: "ada", password: Redacted.make("secret") })
export const begun = token.start

/** Typed topics with parameters and schemas, and each of their members. */
import { MqttTopic } from "effect-mqtt"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const temperature = MqttTopic.make("site/{site}/temperature/{sensor}", {
  sensor: Schema.FiniteFromString,
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
})
export const files = MqttTopic.make("files/{path...}", { payload: MqttTopic.bytes })
export const chosen = (site: string) => MqttTopic.makeResult(`${site}/{name}`, { payload: Schema.String })

export const topic = temperature.topic({ site: "north", sensor: 7 })
export const parsed = temperature.parse("site/north/temperature/7")
export const shared = temperature.shared("workers")
export const published = temperature.publish({ site: "north", sensor: 7 }, { celsius: 21.5 }, { qos: 1 })
export const subscribed = temperature.subscribe({ qos: 1 })
export const messages = temperature.messages()
export const next = temperature.next({ timeout: "1 second" })
export const deliveries = temperature.deliveries()
export const withFailures = temperature.subscribeWithFailures()
export const consumed = temperature.consume(({ payload }) => Effect.log(payload.celsius))
export const latest = temperature.latest({ site: "north", sensor: 7 })
export const latestText = MqttTopic.latest("status")
export const restart = MqttTopic.makeRequest("devices/{device}/restart", {
  payload: MqttTopic.json(Schema.Struct({ isForced: Schema.Boolean })),
  answer: Schema.String,
  failure: MqttTopic.json(Schema.Struct({ seconds: Schema.Finite }))
})
export const chosenRequest = (site: string) =>
  MqttTopic.makeRequestResult(`${site}/{name}`, { payload: Schema.String, answer: MqttTopic.bytes })
export const requested = restart.request({ device: "7" }, { isForced: true }, { timeout: "1 second" })
export const responding = restart.respond(() => Effect.fail({ seconds: 1 }), { share: "devices" })
export const everything = { ...temperature, ...restart }

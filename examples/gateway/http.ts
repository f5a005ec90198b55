import { Effect, Layer, Schema } from "effect"
import { MqttClient } from "effect-mqtt"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Reading, Temperature } from "./messages.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Temperature))

/** A machine hands over a reading. The answer 202 means that it is stored and will be delivered. */
const readings = HttpRouter.add(
  "POST",
  "/machines/:machine/readings",
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const parameters = yield* HttpRouter.schemaPathParams(Schema.Struct({ machine: Schema.String }))
    const reading = yield* HttpServerRequest.schemaBodyJson(Temperature)
    const topic = yield* Effect.fromResult(Reading.topic(parameters))
    yield* Effect.asVoid(mqtt.publishAsync(topic, yield* encode(reading), { qos: 1 }))
    return HttpServerResponse.empty({ status: 202 })
  }).pipe(
    Effect.catchTag(
      ["SchemaError", "MqttEncodeError"],
      ({ message }) => Effect.succeed(HttpServerResponse.text(message, { status: 400 }))
    ),
    Effect.catchTag("MqttError", ({ message }) => Effect.succeed(HttpServerResponse.text(message, { status: 503 })))
  )
)

const health = Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.health)

/** Fails if only a restart of the process helps. */
const live = HttpRouter.add(
  "GET",
  "/live",
  Effect.flatMap(health, (health) => HttpServerResponse.json(health, { status: health.isClosed ? 503 : 200 }))
)

/** Fails while there is no connection to the broker. */
const ready = HttpRouter.add(
  "GET",
  "/ready",
  Effect.flatMap(health, (health) => HttpServerResponse.json(health, { status: health.status === "down" ? 503 : 200 }))
)

/** For machines, for the supervisor of the process, and for Prometheus. */
export const routes = Layer.mergeAll(readings, live, ready, PrometheusMetrics.layerHttp())

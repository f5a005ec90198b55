import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer } from "effect"
import { NodeMqtt, NodeMqttConfig } from "effect-mqtt/node"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { Otlp, OtlpSerialization } from "effect/observability"
import { createServer } from "node:http"
import { commands, deliver, Machines } from "./gateway.ts"
import { routes } from "./http.ts"

/** The environment has the server, the identifier and the store; the options on which the service relies are here. */
const client = NodeMqtt.layerConfig(
  NodeMqttConfig.merge(NodeMqttConfig.environment, {
    session: Config.succeed("persistent"),
    initialConnection: Config.succeed("retry"),
    presence: { topic: Config.map(Config.String("MQTT_CLIENT_ID"), (clientId) => `${clientId}/status`) },
    metrics: Config.succeed(true),
    tracing: Config.succeed({})
  })
)

const server = HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provide(NodeHttpServer.layerConfig(createServer, {
    host: Config.String("HTTP_HOST").pipe(Config.withDefault("127.0.0.1")),
    port: Config.Port("HTTP_PORT").pipe(Config.withDefault(8080)),
    // How long requests under way may take at the end.
    gracefulShutdownTimeout: Config.succeed("2 seconds")
  }))
)

/** Exports traces and metrics to the collector at OTEL_EXPORTER_OTLP_ENDPOINT, or nowhere without this variable. */
const telemetry = Otlp.layerFromConfig({ resource: { serviceName: "gateway" } }).pipe(
  Layer.provide(OtlpSerialization.layerJson),
  Layer.provide(FetchHttpClient.layer)
)

// SIGTERM interrupts both: the server takes no more requests, commands under way are finished, and all messages are
// delivered.
Effect.raceFirst(NodeMqtt.launch(server), commands).pipe(
  Effect.ensuring(deliver),
  Effect.provide(Layer.merge(client, Machines.layer).pipe(Layer.provideMerge(telemetry))),
  NodeRuntime.runMain
)

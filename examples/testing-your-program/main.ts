import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { NodeMqtt } from "effect-mqtt/node"
import { gateway, options } from "./gateway.ts"

gateway.pipe(
  Effect.provide(NodeMqtt.layer({ url: "mqtt://localhost:1883", ...options })),
  NodeRuntime.runMain
)

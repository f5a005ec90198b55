/** A service of Effect RPC over MQTT, and a client of it. */
import { MqttRpc } from "effect-mqtt/rpc"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Rpc, RpcClient, type RpcClientError, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import * as Schema from "effect/Schema"

export const calculator = RpcGroup.make(
  Rpc.make("Square", { payload: { number: Schema.Finite }, success: Schema.Finite })
)

export const server = RpcServer.layer(calculator).pipe(
  Layer.provide(calculator.toLayer({ Square: ({ number }) => Effect.succeed(number ** 2) })),
  Layer.provide(MqttRpc.layerServerProtocol({ prefix: "calculator", group: "servers", maximumCalls: 100 })),
  Layer.provide(RpcSerialization.layerJson)
)

export const square = Effect.gen(function*() {
  const client = yield* RpcClient.make(calculator)
  return yield* client.Square({ number: 12 })
}).pipe(
  Effect.scoped,
  Effect.provide(
    MqttRpc.layerClientProtocol({ prefix: "calculator", lease: "10 seconds", qos: 2 }).pipe(
      Layer.provide(RpcSerialization.layerJson)
    )
  )
)

export const mayHaveRun = (error: RpcClientError.RpcClientError): boolean | undefined =>
  MqttRpc.failureOf(error)?.mayHaveRun

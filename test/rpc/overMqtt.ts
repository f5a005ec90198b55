/**
 * The service over MQTT, on the broker in memory.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { RpcClient, type RpcClientError, RpcSerialization, RpcServer } from "effect/rpc"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import { MqttRpc } from "../../src/rpc/index.ts"
import type { Client, Kit } from "../support/scenario.ts"
import { complete } from "../support/time.ts"
import { handlers, type Probe, Service } from "./service.ts"

export type Serialization = Layer.Layer<RpcSerialization.RpcSerialization>

export type ServiceClient = RpcClient.FromGroup<typeof Service, RpcClientError.RpcClientError>

export const prefix = "service"

/** Survives reconnects. */
export const persistent = (clientId: string): MqttClient.Options => ({
  clientId,
  session: "cleanStartThenPersistent"
})

/** A server on this client, for as long as the scope. */
export const serve = (
  mqtt: Client,
  probe: Probe,
  options: Partial<MqttRpc.ServerOptions> = {},
  serialization: Serialization = RpcSerialization.layerJson
): Effect.Effect<void, MqttError, Scope.Scope> =>
  RpcServer.layer(Service).pipe(
    Layer.provide(handlers(probe)),
    Layer.provide(MqttRpc.layerServerProtocol({ prefix, ...options })),
    Layer.provide(serialization),
    Layer.provide(Layer.succeed(MqttClient.MqttClient)(mqtt)),
    Layer.build,
    complete
  )

/** A client of the service on this client, for as long as the scope. */
export const use = (
  mqtt: Client,
  options: Partial<MqttRpc.ClientOptions> = {},
  serialization: Serialization = RpcSerialization.layerJson
): Effect.Effect<ServiceClient, MqttError, Scope.Scope> =>
  MqttRpc.layerClientProtocol({ prefix, ...options }).pipe(
    Layer.provide(serialization),
    Layer.provide(Layer.succeed(MqttClient.MqttClient)(mqtt)),
    Layer.build,
    Effect.flatMap((context) =>
      Effect.provideService(RpcClient.make(Service), RpcClient.Protocol, Context.get(context, RpcClient.Protocol))
    ),
    complete
  )

/** A server and a client of it, each with a connection of its own. */
export const both = Effect.fnUntraced(function*(
  kit: Kit,
  probe: Probe,
  { client, serialization, server }: {
    readonly client?: Partial<MqttRpc.ClientOptions>
    readonly server?: Partial<MqttRpc.ServerOptions>
    readonly serialization?: Serialization
  } = {}
) {
  yield* serve(yield* kit.connect(persistent("server")), probe, server, serialization)
  return yield* use(yield* kit.connect(persistent("client")), client, serialization)
})

/**
 * A service under a key of the program's own, so that a program can have several of them.
 *
 * Knows nothing of MQTT: `MqttClient.Service` says which service it is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * The class that `MqttClient.Service` makes: `Of` is `typeof MqttClient.MqttClient`, and the class is the key of a client
 * beside others.
 *
 * **Example** (Two clients and a typed topic)
 *
 * ```ts
 * import { Config, Effect, Layer, Schema, Stream } from "effect"
 * import { MqttClient, MqttTopic } from "effect-mqtt"
 * import { NodeMqtt, NodeMqttConfig } from "effect-mqtt/node"
 *
 * class Edge extends MqttClient.Service<Edge>()("Edge") {}
 * class Cloud extends MqttClient.Service<Cloud>()("Cloud") {}
 *
 * const Temperature = MqttTopic.make("site/{site}/temperature", {
 *   payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
 * })
 *
 * const program = Effect.gen(function*() {
 *   const cloud = yield* Cloud
 *   yield* cloud.publish("gateway/state", "up", { qos: 1 })
 *   yield* Temperature.publish({ site: "north" }, { celsius: 21.5 }).pipe(Cloud.provide)
 *   yield* Temperature.messages().pipe(
 *     Stream.provide(Edge.layerClient),
 *     Stream.runForEach(({ payload }) => Effect.log(payload.celsius))
 *   )
 * })
 *
 * const clients = Layer.mergeAll(
 *   Edge.layer(NodeMqtt.layer({ url: "mqtt://localhost:1883" })),
 *   Cloud.layer(NodeMqtt.layerConfig(Config.nested(NodeMqttConfig.options, "CLOUD")))
 * )
 * ```
 *
 * @since 0.2.0
 * @category services
 */
export interface ServiceClass<in out Self, in out Key extends string, in out Of extends Context.Key<unknown, unknown>>
  extends Context.ServiceClass<Self, Key, Of["Service"]>
{
  /**
   * The client of a layer under this key. It fails as that layer does. A layer that is given to several of these classes
   * is one client, as everywhere in Effect; `Layer.fresh` makes another.
   */
  readonly layer: <E, R>(client: Layer.Layer<Of["Identifier"], E, R>) => Layer.Layer<Self, E, R>
  /** This client as the `MqttClient` of an effect that needs one, such as the `publish` of a typed topic. */
  readonly provide: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, Of["Identifier"]> | Self>
  /** This client as the `MqttClient` of a stream or a layer, for `Stream.provide` and `Layer.provide`. */
  readonly layerClient: Layer.Layer<Of["Identifier"], never, Self>
}

/** A class that is a key of this kind. */
export const ownService = <Self, const Key extends string, Of extends Context.Key<unknown, unknown>>(
  key: Key,
  client: Context.Key<Of["Identifier"], Of["Service"]>
): ServiceClass<Self, Key, Of> =>
  class extends Context.Service<Self, Of["Service"]>()(key) {
    static readonly layer = <E, R>(of: Layer.Layer<Of["Identifier"], E, R>) =>
      Layer.provide(Layer.effect(this, client), of)
    static readonly provide = Effect.provideServiceEffect(client, this)
    // Not memoized: further inside, another client may stand under this key.
    static readonly layerClient = Layer.fresh(Layer.effect(client, this))
  }

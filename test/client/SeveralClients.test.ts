/**
 * Several clients in one program, as services of the program's own.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Config, Context, Effect, Fiber, Layer, Schema, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { expectTypeOf } from "vitest"
import { BrowserMqtt } from "../../src/browser/index.ts"
import { MqttClient, type MqttError, MqttTopic, MqttTransport } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { type Client, connections, type Kit, scenario, sent } from "../support/scenario.ts"
import { complete, connected, roundTrip } from "../support/time.ts"

class Edge extends MqttClient.Service<Edge>()("Edge") {}
class Cloud extends MqttClient.Service<Cloud>()("Cloud") {}

const Temperature = MqttTopic.make("site/{site}/temperature", {
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
})

type Place = Pick<Kit, "broker" | "transport" | "version">

/** The layer of a client of a broker. */
const clientOf = ({ transport, version }: Place, clientId: string) =>
  MqttClient.layer({ clientId, protocolVersion: version }).pipe(
    Layer.provide(Layer.succeed(MqttTransport.MqttTransport)(transport))
  )

/** A second broker, on a network of its own. */
const anotherPlace = ({ version }: Kit): Effect.Effect<Place, never, Scope.Scope> =>
  Effect.map(Layer.build(Layer.fresh(MemoryBroker.layer())), (services) => ({
    version,
    broker: Context.get(services, MemoryBroker.MemoryBroker),
    transport: Context.get(services, MqttTransport.MqttTransport)
  }))

/** Who published what, to a broker. */
const published = ({ broker }: Place) =>
  Effect.map(broker.messages, (messages) => messages.map(({ clientId, topic }) => `${clientId} ${topic}`))

describe("MqttClient.Service", () => {
  scenario("each key is a client of its own, which ends with its layer", {}, (kit) =>
    Effect.gen(function*() {
      const clients = Layer.mergeAll(Edge.layer(clientOf(kit, "edge")), Cloud.layer(clientOf(kit, "cloud")))
      const program = Effect.gen(function*() {
        const edge = yield* Edge
        const cloud = yield* Cloud
        yield* edge.publish("from/edge", "", { qos: 1 })
        yield* cloud.publish("from/cloud", "", { qos: 1 })
      })
      yield* complete(Effect.provide(program, clients))
      assert.deepStrictEqual(yield* published(kit), ["edge from/edge", "cloud from/cloud"])
      yield* TestClock.adjust(roundTrip)
      for (const clientId of ["edge", "cloud"]) assert.lengthOf(yield* sent(kit, "Disconnect", clientId), 1)
    }))

  scenario(
    "one typed topic works on each, and on one within the handler of the other",
    {},
    (kit) =>
      Effect.gen(function*() {
        const far = yield* anotherPlace(kit)
        const bridge = Temperature.consume(({ parameters, payload }) =>
          Temperature.publish(parameters, payload, { qos: 1 }).pipe(Cloud.provide)
        ).pipe(Edge.provide)
        const clients = Layer.mergeAll(Edge.layer(clientOf(kit, "edge")), Cloud.layer(clientOf(far, "cloud")))
        yield* Effect.forkScoped(Effect.provide(bridge, clients), { startImmediately: true })
        yield* TestClock.adjust(connected + roundTrip)
        yield* far.broker.holdAcknowledgements("Puback")
        yield* kit.broker.publish("site/north/temperature", "{\"celsius\":1}", { qos: 1 })
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(yield* published(far), ["cloud site/north/temperature"])
        assert.lengthOf(yield* sent(kit, "Puback", "edge"), 0)
        yield* far.broker.releaseAcknowledgements()
        yield* TestClock.adjust(roundTrip)
        assert.lengthOf(yield* sent(kit, "Puback", "edge"), 1)
      })
  )

  scenario(
    "streams and layers that need a client have this one through layerClient",
    {},
    (kit) =>
      Effect.gen(function*() {
        const far = yield* anotherPlace(kit)
        const service = Layer.effectDiscard(Temperature.publish({ site: "north" }, { celsius: 1 }, { qos: 1 }))
        const program = Effect.gen(function*() {
          const first = yield* Temperature.messages().pipe(
            Stream.provide(Edge.layerClient),
            Stream.runHead,
            Effect.forkChild
          )
          yield* TestClock.adjust(roundTrip)
          yield* kit.broker.publish("site/south/temperature", "{\"celsius\":2}")
          yield* Effect.provide(Effect.void, Layer.provide(service, Cloud.layerClient))
          return yield* Fiber.join(first)
        })
        const clients = Layer.mergeAll(Edge.layer(clientOf(kit, "edge")), Cloud.layer(clientOf(far, "cloud")))
        const first = yield* complete(Effect.provide(program, clients))
        assert.deepStrictEqual(first.pipe(Effect.fromOption, Effect.map(({ payload }) => payload), Effect.runSync), {
          celsius: 2
        })
        assert.deepStrictEqual(yield* published(far), ["cloud site/north/temperature"])
      })
  )

  scenario(
    "layerClient is the client that stands under the key there, not an outer one",
    {},
    (kit) =>
      Effect.gen(function*() {
        const publish = (site: string) =>
          Temperature.publish({ site }, { celsius: 1 }, { qos: 1 }).pipe(Effect.provide(Edge.layerClient))
        const inner = Effect.provide(publish("inner"), Edge.layer(clientOf(kit, "inner")))
        const outer = Effect.andThen(publish("outer"), inner).pipe(
          Effect.provide(Layer.provideMerge(Edge.layerClient, Edge.layer(clientOf(kit, "outer"))))
        )
        yield* complete(outer)
        assert.deepStrictEqual(yield* published(kit), [
          "outer site/outer/temperature",
          "inner site/inner/temperature"
        ])
      })
  )

  scenario(
    "a layer given to two keys is one client; made twice, or fresh, it is two",
    {},
    (kit) =>
      Effect.gen(function*() {
        const make = () => clientOf(kit, "")
        const one = make()
        const cases: ReadonlyArray<readonly [number, typeof one, typeof one]> = [
          [1, one, one],
          [2, make(), make()],
          [2, one, Layer.fresh(one)]
        ]
        for (const [count, edge, cloud] of cases) {
          const before = yield* connections(kit)
          const areSame = Effect.gen(function*() {
            return (yield* Edge) === (yield* Cloud)
          })
          const isOne = yield* complete(
            Effect.provide(areSame, Layer.mergeAll(Edge.layer(edge), Cloud.layer(cloud)))
          )
          assert.strictEqual((yield* connections(kit)) - before, count)
          assert.strictEqual(isOne, count === 1)
        }
      })
  )

  scenario("its layer fails as the layer of the client does", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.network.refuseConnect(1)
      const error = yield* complete(
        Effect.flip(Effect.provide(Effect.asVoid(Edge), Edge.layer(clientOf(kit, "edge"))))
      )
      assert.strictEqual(error.reason._tag, "PortRefused")
    }))

  it.effect("a key that nothing was provided for is told by its name", () =>
    Effect.gen(function*() {
      // As a program in JavaScript does.
      const unprovided = Edge.useSync(() => {}) as Effect.Effect<void>
      const cause = yield* Effect.flip(Effect.sandbox(unprovided))
      assert.include(String(cause), "Edge")
    }))
})

describe("the types of MqttClient.Service", () => {
  const layer = MqttClient.layer()

  it("are those of a service with the shape of MqttClient", () => {
    expectTypeOf(Effect.map(Edge, (edge) => edge)).toEqualTypeOf<Effect.Effect<Client, never, Edge>>()
    expectTypeOf(Edge.key).toEqualTypeOf<"Edge">()
    expectTypeOf(Edge.layer(layer)).toEqualTypeOf<
      Layer.Layer<Edge, MqttError.MqttError, MqttTransport.MqttTransport>
    >()
    expectTypeOf(Edge.layer(BrowserMqtt.layer({ url: "/mqtt" }))).toEqualTypeOf<
      Layer.Layer<Edge, MqttError.MqttError>
    >()
    expectTypeOf(Edge.layer(NodeMqtt.layerConfig())).toEqualTypeOf<
      Layer.Layer<Edge, MqttError.MqttError | Config.ConfigError>
    >()
    expectTypeOf(Edge.layerClient).toEqualTypeOf<Layer.Layer<MqttClient.MqttClient, never, Edge>>()
  })

  it("keep clients apart: one key does not stand for another, nor for MqttClient", () => {
    const publish = Temperature.publish({ site: "north" }, { celsius: 1 })
    expectTypeOf<Effect.Services<typeof publish>>().toEqualTypeOf<MqttClient.MqttClient>()
    const onEdge = Edge.provide(publish)
    expectTypeOf<Effect.Services<typeof onEdge>>().toEqualTypeOf<Edge>()
    const withCloud = Effect.provide(onEdge, Cloud.layer(layer))
    expectTypeOf<Effect.Services<typeof withCloud>>().toEqualTypeOf<Edge | MqttTransport.MqttTransport>()
    const withEdgeOnly = Effect.provide(publish, Edge.layer(layer))
    expectTypeOf<Effect.Services<typeof withEdgeOnly>>().toEqualTypeOf<
      MqttClient.MqttClient | MqttTransport.MqttTransport
    >()
  })

  it("take no layer of anything else", () => {
    // @ts-expect-error: a transport is no client
    Edge.layer(Layer.succeed(MqttTransport.MqttTransport)({ open: Effect.die("never"), endpoint: "nowhere" }))
  })
})

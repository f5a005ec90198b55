/**
 * Spans of Effect 3 that cross the broker.
 */
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Layer, Option, Stream, Tracer } from "effect"
import { MqttClient, MqttTracing } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"
import { brokerAndClient } from "./support.ts"

const parentIdOf = (span: Tracer.Span | undefined): string | undefined =>
  Option.getOrUndefined(Option.map(span?.parent ?? Option.none(), ({ spanId }) => spanId))

/** Runs a test with a tracer that keeps the spans it makes. */
const recorded = <A, E, R>(test: (named: (name: string) => Tracer.Span | undefined) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(Effect.tracer, (native) => {
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (...options) => {
        const span = native.span(...options)
        spans.push(span)
        return span
      },
      context: (run) => run()
    })
    return Effect.provide(test((name) => spans.find((span) => span.name === name)), Layer.setTracer(tracer))
  })

const traceparentOf = (span: Tracer.Span | undefined): string => `00-${span?.traceId}-${span?.spanId}-01`

it.scoped("a publish is a child of the program's span, and its handler a child of the publish", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const server = yield* MemoryBroker.MemoryBroker
      const isHandled = yield* Deferred.make<void>()
      const handler = () => Effect.withSpan(Deferred.succeed(isHandled, undefined), "work")
      yield* Effect.forkScoped(mqtt.consume("site/+", handler, { qos: 1 }))
      yield* server.awaitPacket("client", "Subscribe")
      yield* Effect.withSpan(mqtt.publish("site/a", "21", { qos: 1 }), "program")
      yield* Deferred.await(isHandled)
      yield* server.awaitPacket("client", "Puback")
      const [program, publish, process, work] = ["program", "publish", "process site/+", "work"].map(named)
      assert.strictEqual(parentIdOf(publish), program?.spanId)
      assert.strictEqual(parentIdOf(process), publish?.spanId)
      assert.strictEqual(parentIdOf(work), process?.spanId)
      assert.strictEqual(work?.traceId, program?.traceId)
      assert.strictEqual(publish?.kind, "producer")
      assert.strictEqual(publish?.attributes.get("messaging.destination.name"), "site/a")
      assert.strictEqual(publish?.status._tag, "Ended")
      assert.strictEqual(process?.status._tag, "Ended")
      const [message] = yield* server.messages
      assert.deepStrictEqual(message.properties.userProperties, [["traceparent", traceparentOf(publish)]])
    }).pipe(Effect.provide(brokerAndClient({ tracing: {} })))
  ))

it.scoped("the span of a publish ends as the publish does, with the error of this package", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const exit = yield* Effect.exit(mqtt.publish("site/+", "21", { qos: 1 }))
      assert.isTrue(Exit.isFailure(exit))
      const status = named("publish")?.status
      assert.deepStrictEqual(status?._tag === "Ended" ? status.exit : status, exit)
    }).pipe(Effect.provide(brokerAndClient({ tracing: {} })))
  ))

it.scoped("with `link` a handler begins a trace of its own, which is linked to that of the publish", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const server = yield* MemoryBroker.MemoryBroker
      yield* Effect.forkScoped(mqtt.consume("site/+", () => Effect.void, { qos: 1 }))
      yield* server.awaitPacket("client", "Subscribe")
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      yield* server.awaitPacket("client", "Puback")
      const [publish, process] = ["publish", "process site/+"].map(named)
      assert.isTrue(process !== undefined && Option.isNone(process.parent))
      assert.deepStrictEqual(process?.links.map(({ span }) => span.spanId), [publish?.spanId])
      assert.notStrictEqual(process?.traceId, publish?.traceId)
    }).pipe(Effect.provide(brokerAndClient({ tracing: { consume: "link" } })))
  ))

it.scoped("each message of a subscription may have a span, in the trace it came with", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const messages = yield* mqtt.subscribe("site/+", { qos: 1 })
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      yield* messages.pipe(
        Stream.take(1),
        Stream.runForEach((message) =>
          Effect.void.pipe(
            Effect.withSpan("work"),
            MqttTracing.withMessageSpan(message, { topicFilter: "site/+", attributes: { plant: 7 } })
          )
        )
      )
      const [publish, process, work] = ["publish", "process site/+", "work"].map(named)
      assert.strictEqual(parentIdOf(process), publish?.spanId)
      assert.strictEqual(parentIdOf(work), process?.spanId)
      assert.strictEqual(process?.kind, "consumer")
      assert.strictEqual(process?.attributes.get("messaging.message.body.size"), 2)
      assert.strictEqual(process?.attributes.get("plant"), 7)
    }).pipe(Effect.provide(brokerAndClient({ tracing: {} })))
  ))

it.scoped("a message without a context begins a trace, whatever span the program is in", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const messages = yield* mqtt.subscribe("site/+", { qos: 1 })
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      yield* messages.pipe(
        Stream.take(1),
        Stream.runForEach((message) => Effect.void.pipe(MqttTracing.withMessageSpan(message))),
        Effect.withSpan("program")
      )
      const process = named("process")
      assert.isTrue(process !== undefined && Option.isNone(process.parent))
    }).pipe(Effect.provide(brokerAndClient()))
  ))

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

it.scoped("what other systems say of a trace goes on with what is published inside it", () =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    const server = yield* MemoryBroker.MemoryBroker
    const handler = () => mqtt.publish("answer", "", { qos: 1 })
    yield* Effect.forkScoped(mqtt.consume("site/+", handler, { qos: 1 }))
    yield* server.awaitPacket("client", "Subscribe")
    const userProperties = [["traceparent", traceparent], ["tracestate", "vendor=1"]] as const
    yield* mqtt.publish("site/a", "21", { qos: 1, properties: { userProperties } })
    const [answer] = yield* server.awaitMessages("answer")
    const properties = new Map(answer.properties.userProperties)
    assert.strictEqual(properties.get("tracestate"), "vendor=1")
    assert.strictEqual(properties.get("traceparent")?.slice(3, 35), traceparent.slice(3, 35))
  }).pipe(Effect.provide(brokerAndClient({ tracing: {} }))))

it("a span and User Properties say the same", () => {
  const userProperties = [["traceparent", traceparent], ["tracestate", "vendor=1"]] as const
  const span = MqttTracing.fromUserProperties(userProperties)
  assert.strictEqual(span?.spanId, "b7ad6b7169203331")
  assert.deepStrictEqual(span && MqttTracing.toUserProperties(span), userProperties)
  assert.isUndefined(MqttTracing.fromUserProperties([["traceparent", "none"]]))
})

it.scoped("without tracing in a part of the program, a publish there has no span and carries none", () =>
  recorded((named) =>
    Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const server = yield* MemoryBroker.MemoryBroker
      yield* Effect.withTracerEnabled(mqtt.publish("site/a", "21", { qos: 1 }), false)
      assert.isUndefined(named("publish"))
      const [message] = yield* server.messages
      assert.isUndefined(message.properties.userProperties)
      yield* mqtt.publish("site/a", "21", { qos: 1 })
      assert.isDefined(named("publish"))
    }).pipe(Effect.provide(brokerAndClient({ tracing: {} })))
  ))

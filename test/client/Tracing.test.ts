/**
 * Spans of publishing and processing, and the context that travels with a message.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Logger, Option, Redacted, References, type Scope, Stream, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { MqttMessage } from "../../src/MqttMessage.ts"
import * as MqttTracing from "../../src/MqttTracing.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { UserProperty } from "../../src/protocol/Properties.ts"
import { reasonOf } from "../support/reasons.ts"
import { clientId, type Kit, record, scenario, sent } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

/** A tracer that keeps what it was asked for. */
const recorder = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const traced = (
  name: string,
  versions: ReadonlyArray<Packet.ProtocolVersion>,
  tell: (kit: Kit, spans: ReadonlyArray<Tracer.NativeSpan>) => Effect.Effect<unknown, unknown, Scope.Scope>
) =>
  scenario(name, { versions }, (kit) => {
    const { spans, tracer } = recorder()
    return Effect.provideService(tell(kit, spans), Tracer.Tracer, tracer)
  })

const named = (spans: ReadonlyArray<Tracer.NativeSpan>, name: string) => spans.filter((span) => span.name === name)

const parentOf = ({ parent }: Tracer.Span) => Option.getOrUndefined(parent)

const userPropertiesOf = (kit: Kit) =>
  Effect.map(sent(kit, "Publish"), (packets) => packets.map(({ properties }) => properties.userProperties))

const trace = "0af7651916cd43dd8448eb211c80319c"
const parent = "b7ad6b7169203331"
const traceparent = `00-${trace}-${parent}-01`

/** Consumes `t` until the scope ends. */
const consuming = Effect.fnUntraced(function*<E>(consumption: Effect.Effect<void, E>) {
  yield* Effect.forkScoped(consumption, { startImmediately: true })
  yield* TestClock.adjust(roundTrip)
})

const publishFromElsewhere = ({ broker }: Kit, userProperties?: ReadonlyArray<UserProperty>) =>
  Effect.andThen(
    broker.publish("t", "hello", {
      qos: 1,
      ...(userProperties === undefined ? {} : { properties: { userProperties } })
    }),
    TestClock.adjust(2 * roundTrip)
  )

describe("a client that traces", () => {
  traced("has a span from the call to the acknowledgement", ["3.1.1", "5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ tracing: {} })
      const publishing = yield* begin(Effect.withSpan(mqtt.publish("site/1", "secret", { qos: 1 }), "outer"))
      yield* TestClock.adjust(1)
      const [span] = named(spans, "publish")
      assert.strictEqual(span.status._tag, "Started")
      assert.strictEqual(parentOf(span)?.spanId, named(spans, "outer")[0].spanId)
      yield* complete(Fiber.join(publishing))
      assert(span.status._tag === "Ended")
      assert.strictEqual(span.status.endTime - span.status.startTime, BigInt(roundTrip) * 1_000_000n)
      assert.strictEqual(span.kind, "producer")
      assert.deepStrictEqual(Object.fromEntries(span.attributes), {
        "messaging.system": "mqtt",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "site/1",
        "messaging.message.body.size": 6,
        "messaging.client.id": clientId,
        "mqtt.qos": 1,
        "mqtt.retain": false,
        "mqtt.reason_code": 0
      })
    }))

  traced("puts its context behind the User Properties there are", ["5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ tracing: {} })
      const userProperties = [["b", "1"], ["a", "2"], ["b", "3"]] as const
      yield* complete(mqtt.publish("t", "", { qos: 1, properties: { contentType: "text/plain", userProperties } }))
      const [{ spanId, traceId }] = named(spans, "publish")
      const [{ properties }] = yield* sent(kit, "Publish")
      assert.deepStrictEqual(properties, {
        contentType: "text/plain",
        userProperties: [...userProperties, ["traceparent", `00-${traceId}-${spanId}-01`]]
      })
    }))

  traced(
    "leaves a context that the program gives alone, and none where it may not",
    ["5.0"],
    (kit) =>
      Effect.gen(function*() {
        const given = [["traceparent", traceparent], ["x", "y"]] as const
        const mqtt = yield* kit.connect({ tracing: {} })
        yield* complete(mqtt.publish("t", "", { qos: 1, properties: { userProperties: given } }))
        yield* complete(Effect.withTracerEnabled(mqtt.publish("t", "", { qos: 1 }), false))
        yield* complete(mqtt.disconnect)
        const silent = yield* kit.connect({ tracing: { propagate: false } })
        yield* complete(silent.publish("t", "", { qos: 1 }))
        assert.deepStrictEqual(yield* userPropertiesOf(kit), [given, undefined, undefined])
      })
  )

  traced(
    "says nothing that 3.1.1 cannot, also not to a server it does not know yet",
    ["3.1.1"],
    (kit, spans) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ tracing: {} })
        yield* complete(mqtt.publish("t", "1", { qos: 1 }))
        yield* kit.network.refuseConnect(1)
        const fiber = yield* kit.start({
          tracing: {},
          clientId: "other",
          protocolVersion: "auto",
          initialConnection: "retry"
        })
        const other = yield* complete(Fiber.join(fiber))
        const publishing = yield* begin(other.publish("t", "2", { qos: 1 }))
        yield* complete(Fiber.join(publishing))
        assert.strictEqual(named(spans, "publish").length, 2)
        const [packet] = yield* sent(kit, "Publish", "other")
        assert.isUndefined(packet.properties.userProperties)
      })
  )

  traced(
    "ends its spans whatever way a publish ends, with the reason",
    ["5.0"],
    (kit, spans) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ tracing: {} })
        yield* reasonOf(mqtt.publish("no/+/topic", ""))
        yield* kit.network.refuseConnect(1)
        yield* kit.network.reset
        yield* TestClock.adjust(roundTrip)
        yield* reasonOf(mqtt.publish("t", "", { qos: 1, whenOffline: "fail" }))
        const waiting = yield* begin(mqtt.publish("t", "", { qos: 1 }))
        yield* complete(Fiber.interrupt(waiting))
        yield* complete(Effect.flatten(mqtt.publishAsync("t", "", { qos: 1 })))
        yield* complete(Stream.run(Stream.make({ topic: "t", payload: "", qos: 1 as const }), mqtt.publishSink))
        const ends = named(spans, "publish").map(({ attributes, status }) =>
          status._tag === "Ended" ? attributes.get("error.type") ?? status.exit._tag : status._tag
        )
        assert.deepStrictEqual(ends, ["InvalidRequest", "Offline", "Failure", "Success", "Success"])
        yield* TestClock.adjust(reconnected)
      })
  )

  for (const consume of ["parent", "link"] as const) {
    traced(
      `consumes in a span of its own, with the message's context as its ${consume}`,
      ["5.0"],
      (kit, spans) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ tracing: { consume } })
          yield* consuming(mqtt.consume("t", () => Effect.withSpan(Effect.void, "inner")))
          yield* publishFromElsewhere(kit, [["a", "b"], ["traceparent", traceparent]])
          const [span] = named(spans, "process t")
          const { attributes, kind, links, status, traceId } = span
          assert.strictEqual(kind, "consumer")
          assert.strictEqual(status._tag, "Ended")
          assert.strictEqual(attributes.get("messaging.destination.template"), "t")
          assert.strictEqual(parentOf(named(spans, "inner")[0]), span)
          if (consume === "parent") {
            assert.deepStrictEqual([traceId, parentOf(span)?.spanId, links.length], [trace, parent, 0])
          } else {
            assert.isUndefined(parentOf(span))
            assert.notStrictEqual(traceId, trace)
            assert.deepStrictEqual(links.map(({ span }) => [span.traceId, span.spanId]), [[trace, parent]])
          }
        })
    )
  }

  traced(
    "a message without a context starts a trace, whatever span consumes",
    ["3.1.1", "5.0"],
    (kit, spans) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ tracing: {} })
        yield* consuming(Effect.withSpan(mqtt.consume(["t", "u"], () => Effect.void), "program"))
        yield* publishFromElsewhere(kit)
        yield* publishFromElsewhere(kit)
        const [first, second] = named(spans, "process")
        assert.isUndefined(parentOf(first))
        assert.notStrictEqual(first.traceId, second.traceId)
      })
  )

  traced(
    "what a handler publishes goes on with the trace and its tracestate",
    ["5.0"],
    (kit, spans) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ tracing: {} })
        yield* consuming(mqtt.respond("t", () => Effect.withSpan(Effect.succeed("answer"), "inner")))
        yield* kit.broker.publish("t", "", {
          qos: 1,
          properties: {
            responseTopic: "answers",
            userProperties: [["traceparent", traceparent], ["tracestate", "vendor=1, other=2"]]
          }
        })
        yield* TestClock.adjust(3 * roundTrip)
        const [{ spanId, traceId }] = named(spans, "publish")
        assert.strictEqual(traceId, trace)
        assert.deepStrictEqual(yield* userPropertiesOf(kit), [
          [["traceparent", `00-${trace}-${spanId}-01`], ["tracestate", "vendor=1,other=2"]]
        ])
      })
  )

  traced("a handler that fails fails its span", ["5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ tracing: {} })
      yield* consuming(mqtt.consume("t", () => {
        throw new Error("a bug")
      }, { onFailure: "acknowledge" }))
      yield* publishFromElsewhere(kit)
      const [{ status }] = named(spans, "process t")
      assert(status._tag === "Ended")
      assert.strictEqual(status.exit._tag, "Failure")
    }))

  traced("two clients join one trace across the broker", ["5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const sender = yield* kit.connect({ tracing: {} })
      const receiver = yield* kit.connect({ clientId: "receiver", tracing: {} })
      yield* consuming(receiver.consume("t", () => Effect.void))
      yield* complete(sender.publish("t", "", { qos: 1 }))
      yield* TestClock.adjust(roundTrip)
      const [publish] = named(spans, "publish")
      const [process] = named(spans, "process t")
      assert.deepStrictEqual([process.traceId, parentOf(process)?.spanId], [publish.traceId, publish.spanId])
    }))
})

describe("a client that does not", () => {
  traced("has no spans and adds nothing", ["5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* consuming(mqtt.consume("t", () => Effect.void))
      yield* complete(mqtt.publish("t", "", { qos: 1 }))
      assert.isEmpty(spans)
      assert.deepStrictEqual(yield* userPropertiesOf(kit), [undefined])
    }))

  traced("can put a message of a subscription into a span by hand", ["5.0"], (kit, spans) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { messages } = yield* Effect.flatMap(complete(mqtt.subscribe("t", { qos: 1 })), record)
      yield* publishFromElsewhere(kit, [["traceparent", traceparent]])
      const [message] = messages
      yield* Effect.void.pipe(MqttTracing.withMessageSpan(message, { attributes: { site: 1 } }))
      const [span] = named(spans, "process")
      assert.deepStrictEqual([span.traceId, span.attributes.get("site")], [trace, 1])
    }))
})

describe("traceparent", () => {
  const contextOf = (...values: ReadonlyArray<string>) =>
    MqttTracing.fromUserProperties(values.map((value) => ["traceparent", value] as const))

  it.each<readonly [string, string, boolean]>([
    ["sampled", traceparent, true],
    ["not sampled", `00-${trace}-${parent}-00`, false],
    ["flags that are not known yet", `00-${trace}-${parent}-ff`, true],
    ["a later version", `cc-${trace}-${parent}-01`, true],
    ["a later version that says more", `cc-${trace}-${parent}-01-what-ever`, true]
  ])("is taken: %s", (_, value, sampled) => {
    const context = contextOf(value)
    assert.deepStrictEqual([context?.traceId, context?.spanId, context?.sampled], [trace, parent, sampled])
  })

  it.each([
    ["empty", ""],
    ["capitals", traceparent.toUpperCase()],
    ["no trace", `00-${"0".repeat(32)}-${parent}-01`],
    ["no span", `00-${trace}-${"0".repeat(16)}-01`],
    ["version ff", `ff-${trace}-${parent}-01`],
    ["version 00 that says more", `${traceparent}-x`],
    ["too short", traceparent.slice(0, -1)],
    ["too long", `${traceparent}0`],
    ["spaces", ` ${traceparent}`],
    ["a line break behind it", `${traceparent}\n`],
    ["a line break in what a later version says", `cc-${trace}-${parent}-01-\n`],
    ["no hexadecimal digits", `00-${"g".repeat(32)}-${parent}-01`],
    ["endless", "00-".repeat(20_000)],
    ["markup", "<script>alert(1)</script>"]
  ])("is ignored: %s", (_, value) => {
    assert.isUndefined(contextOf(value))
  })

  it("is ignored when there are two", () => {
    assert.isUndefined(contextOf(traceparent, traceparent))
    assert.isUndefined(contextOf())
  })

  const traceStateOf = (...values: ReadonlyArray<string>) => {
    const context = MqttTracing.fromUserProperties([
      ["traceparent", traceparent],
      ...values.map((value) => ["tracestate", value] as const)
    ])
    assert.isDefined(context)
    return Context.get(context.annotations, MqttTracing.TraceState)
  }

  it.each([
    ["one member", ["a=1"], "a=1"],
    ["spaces between members", ["a=1 , b@c=2,"], "a=1,b@c=2"],
    ["two properties", ["a=1", "b=2"], "a=1,b=2"],
    ["no value", ["a="], undefined],
    ["no key", ["=1"], undefined],
    ["a character of no text", ["a=\u0007"], undefined],
    ["too many members", [Array.from({ length: 33 }, (_, index) => `k${index}=v`).join(",")], undefined],
    ["too long", ["a", "b", "c"].map((key) => `${key}=${"x".repeat(200)}`), undefined]
  ])("tracestate with %s", (_, values, expected) => {
    assert.strictEqual(traceStateOf(...values), expected)
  })

  it("a hostile one does no harm to the handler", () => {
    const packet: Packet.Publish = {
      _tag: "Publish",
      topic: "t",
      payload: new Uint8Array(),
      qos: 0,
      retain: false,
      dup: false,
      packetIdentifier: 0,
      properties: { userProperties: [["traceparent", "00-__proto__"], ["tracestate", "a=1"]] }
    }
    const { spans, tracer } = recorder()
    Effect.runSync(
      Effect.void.pipe(
        MqttTracing.withMessageSpan(new MqttMessage(packet)),
        Effect.provideService(Tracer.Tracer, tracer)
      )
    )
    assert.isUndefined(parentOf(spans[0]))
  })
})

describe("logs", () => {
  scenario(
    "tell of a connection's life, with the client and the endpoint, and no secrets",
    { versions: ["5.0"] },
    (kit) => {
      const lines: Array<ReadonlyArray<unknown>> = []
      const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
        const { clientId: client, endpoint } = fiber.getRef(References.CurrentLogAnnotations)
        lines.push([logLevel, String(message).split(";")[0].replace(/: .*/, ""), client, endpoint])
      })
      const endpoint = "mqtt://broker.test:1883"
      return Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* complete(mqtt.publish("t", "canary", { qos: 1 }))
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected)
        yield* complete(mqtt.disconnect)
        const [connected, lost, again, closed] = lines
        assert.deepStrictEqual(connected, ["Debug", "Connected", clientId, endpoint])
        assert.deepStrictEqual([lost[0], lost[2]], ["Warn", clientId])
        assert.deepStrictEqual(again, ["Info", "Connected again", clientId, endpoint])
        assert.deepStrictEqual(closed, ["Debug", "Closed", clientId, endpoint])
        assert.notInclude(JSON.stringify(lines), "canary")
      }).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Debug"))
    }
  )

  scenario("have every packet at the level Trace, and no payload", { versions: ["5.0"] }, (kit) => {
    const lines: Array<readonly [string, Readonly<Record<string, unknown>>]> = []
    const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
      const { clientId: _, endpoint: __, ...details } = fiber.getRef(References.CurrentLogAnnotations)
      if (logLevel === "Trace") lines.push([String(message), details])
    })
    return Effect.gen(function*() {
      const mqtt = yield* kit.connect({ username: "canary", password: Redacted.make("canary") })
      yield* Effect.asVoid(complete(mqtt.subscribe("a/#")))
      yield* complete(mqtt.publish("t", "canary", { qos: 1 }))
      assert.deepStrictEqual(lines, [
        ["sent CONNECT", {}],
        ["received CONNACK", { sessionPresent: false, reasonCode: 0 }],
        ["sent SUBSCRIBE", { packetIdentifier: 1, topicFilters: ["a/#"] }],
        ["received SUBACK", { packetIdentifier: 1, reasonCodes: [0] }],
        ["sent PUBLISH", { topic: "t", qos: 1, retain: false, dup: false, packetIdentifier: 2, bytes: 6 }],
        ["received PUBACK", { packetIdentifier: 2, reasonCode: 0 }]
      ])
      assert.notInclude(JSON.stringify(lines), "canary")
      yield* complete(mqtt.disconnect)
    }).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Trace"))
  })
})

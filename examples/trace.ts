// Shows a trace that crosses the broker: two processes, a sensor and an archive, export spans and metrics to a
// collector, which this program fakes and whose one trace it prints. Ends by itself within seconds; fails if the spans
// are not joined. Own broker, or the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Deferred, Effect, Layer, Option, Redacted, Schedule, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import * as Http from "node:http"
import { MqttClient } from "../src/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"

/** From the command line: the role of this process, and the identifier of this run for its topic. */
const [, , role, run = randomUUID().slice(0, 8)] = process.argv
const isForever = process.argv.includes("--forever")
const topic = `effect-mqtt/${run}/temperature`

// ---------------------------------------------------------------------------
// The two processes
// ---------------------------------------------------------------------------

/** A process ends at the end of its standard input, so it also ends if its parent is killed. */
const toldToEnd = Effect.callback<void>((resume) => {
  process.stdin.once("end", () => resume(Effect.void))
  process.stdin.resume()
})

/** Publishes inside a span of its own; the client adds one for the message and sends its context along. */
const sensor = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* Effect.succeed("21.5").pipe(
    Effect.delay("5 millis"),
    Effect.withSpan("read the sensor"),
    Effect.flatMap((reading) => mqtt.publish(topic, reading, { qos: 1 })),
    Effect.withSpan("measure"),
    Effect.repeat(Schedule.spaced("500 millis")),
    Effect.raceFirst(toldToEnd)
  )
})

/** Every message is processed in a span whose parent is that of its publish, in the other process. */
const archive = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.consume(topic, () => Effect.sleep("5 millis").pipe(Effect.withSpan("store the reading"))).pipe(
    Effect.raceFirst(toldToEnd)
  )
})

/** A program needs two things to be observed: two options of the client, and a layer that exports to a collector. */
const observed = (serviceName: string) =>
  Broker5.client({ tracing: {}, metrics: true }).pipe(
    Layer.provide(Broker5.layer()),
    Layer.provideMerge(Layer.unwrap(Effect.map(Config.String("COLLECTOR"), (baseUrl) =>
      Otlp.layerJson({
        baseUrl,
        resource: { serviceName },
        tracerExportInterval: "200 millis",
        metricsExportInterval: "500 millis"
      })))),
    Layer.provide(FetchHttpClient.layer)
  )

// ---------------------------------------------------------------------------
// The collector
// ---------------------------------------------------------------------------

const Attribute = Schema.Struct({
  key: Schema.String,
  value: Schema.Struct({ stringValue: Schema.optional(Schema.String) })
})
const Resource = Schema.Struct({ attributes: Schema.Array(Attribute) })

const Span = Schema.Struct({
  name: Schema.String,
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: Schema.optional(Schema.String),
  startTimeUnixNano: Schema.String,
  endTimeUnixNano: Schema.String
})

/** The parts of OTLP over HTTP, in JSON, that the collector reads. */
const Export = Schema.fromJsonString(Schema.Struct({
  resourceSpans: Schema.optional(Schema.Array(Schema.Struct({
    resource: Resource,
    scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) }))
  }))),
  resourceMetrics: Schema.optional(Schema.Array(Schema.Struct({
    resource: Resource,
    scopeMetrics: Schema.Array(
      Schema.Struct({ metrics: Schema.Array(Schema.Struct({ name: Schema.String })) })
    )
  })))
}))

interface Collected extends Schema.Schema.Type<typeof Span> {
  readonly service: string
}

/** The service name of a resource. */
const serviceOf = ({ attributes }: typeof Resource.Type): string =>
  attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "nobody"

const isOfMqtt = ({ name }: { readonly name: string }): boolean => name.startsWith("mqtt.client.")

class Collector {
  readonly spans: Array<Collected> = []
  /** Names of metrics, by service. */
  readonly metrics = new Map<string, Set<string>>()

  readonly take = (body: string): Effect.Effect<void, Schema.SchemaError> =>
    Effect.map(Schema.decodeEffect(Export)(body), ({ resourceMetrics = [], resourceSpans = [] }) => {
      for (const { resource, scopeSpans } of resourceSpans) {
        const service = serviceOf(resource)
        for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => ({ ...span, service })))
      }
      for (const { resource, scopeMetrics } of resourceMetrics) {
        const names = scopeMetrics.flatMap(({ metrics }) => metrics.filter(isOfMqtt).map(({ name }) => name))
        if (names.length > 0) this.metrics.set(serviceOf(resource), new Set(names))
      }
    })

  /** A trace with spans of both: the span of the message is the parent of the span that processes it. */
  get joined(): ReadonlyArray<Collected> | undefined {
    for (const processing of this.spans.filter(({ service }) => service === "archive")) {
      const publishing = this.spans.find(({ spanId }) => spanId === processing.parentSpanId)
      if (publishing?.service !== "sensor" || publishing.traceId !== processing.traceId) continue
      const trace = this.spans.filter(({ traceId }) => traceId === processing.traceId)
      if (trace.length === spansOfATrace) return trace
    }
    return undefined
  }
}

/** measure, read the sensor, publish, process, store the reading. */
const spansOfATrace = 5

/** Answers exporters on a free port of this machine. */
const startCollector = Effect.gen(function*() {
  const collector = new Collector()
  const runFork = Effect.runForkWith(yield* Effect.context())
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Http.createServer((request, response) => {
        let body = ""
        request.on("data", (chunk) => body += String(chunk))
        request.on("end", () => {
          const answer = (status: number) => Effect.sync(() => response.writeHead(status).end("{}"))
          runFork(
            Effect.matchEffect(collector.take(body), { onSuccess: () => answer(200), onFailure: () => answer(400) })
          )
        })
      })
    ),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const url = yield* Effect.callback<string>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(`http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`))
    })
  })
  return { collector, url }
})

// ---------------------------------------------------------------------------
// The program
// ---------------------------------------------------------------------------

class NotJoined extends Schema.TaggedError<NotJoined>()("NotJoined", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

const startProcess = Effect.fnUntraced(function*(name: "sensor" | "archive", collectorUrl: string) {
  const { url } = yield* Broker
  const ended = yield* Deferred.make<void>()
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [import.meta.filename, name, run], {
        stdio: ["pipe", "inherit", "inherit"],
        env: { ...process.env, MQTT_URL: Redacted.value(url), COLLECTOR: collectorUrl }
      })
      child.once("exit", () => Deferred.doneUnsafe(ended, Effect.void))
      return child
    }),
    (child) =>
      Effect.suspend(() => {
        child.stdin.end()
        return Deferred.await(ended)
      }).pipe(Effect.timeoutOrElse({ duration: "3 seconds", orElse: () => Effect.sync(() => child.kill("SIGKILL")) }))
  )
})

/** The spans as a tree, each with its process. */
const draw = (trace: ReadonlyArray<Collected>, parentSpanId: string | undefined, depth = 0): ReadonlyArray<string> =>
  trace.filter((span) => span.parentSpanId === parentSpanId)
    .sort((left, right) => Number(BigInt(left.startTimeUnixNano) - BigInt(right.startTimeUnixNano)))
    .flatMap((span) => {
      const milliseconds = Number(BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano)) / 1e6
      const line = `${span.service.padEnd(9)}${"  ".repeat(depth)}${span.name}  ${milliseconds.toFixed(1)} ms`
      return [line, ...draw(trace, span.spanId, depth + 1)]
    })

const program = Effect.gen(function*() {
  const { description } = yield* Broker
  const { collector, url } = yield* startCollector
  yield* Console.log(`A sensor and an archive through ${description}, exporting to ${url}\n`)
  yield* startProcess("archive", url)
  yield* startProcess("sensor", url)
  const observed = Effect.sync(() => collector.metrics.size === 2 ? collector.joined : undefined)
  const found = yield* observed.pipe(
    Effect.repeat({ until: (trace) => trace !== undefined, schedule: Schedule.spaced("50 millis") }),
    Effect.timeoutOption("10 seconds")
  )
  const trace = Option.getOrUndefined(found)
  if (trace === undefined) {
    const services = [...new Set(collector.spans.map(({ service }) => service))].join(" and ") || "nobody"
    return yield* new NotJoined({ description: `no trace with both in it; spans came from ${services}` })
  }
  yield* Console.log(`trace ${trace[0].traceId}\n`)
  for (const line of draw(trace, undefined)) yield* Console.log(line.replaceAll(`/${run}`, ""))
  for (const [service, names] of collector.metrics) yield* Console.log(`\n${service} exports ${names.size} metrics`)
  if (isForever) {
    yield* Stream.tick("5 seconds").pipe(
      Stream.runForEach(() => Console.log(`${collector.spans.length} spans so far`))
    )
  }
})

if (role === "sensor") {
  sensor.pipe(Effect.scoped, Effect.provide(observed("sensor")), NodeRuntime.runMain)
} else if (role === "archive") {
  archive.pipe(Effect.scoped, Effect.provide(observed("archive")), NodeRuntime.runMain)
} else {
  program.pipe(Effect.scoped, Effect.provide(Broker5.layer()), NodeRuntime.runMain)
}

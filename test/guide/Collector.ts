/**
 * A collector of OpenTelemetry: takes exports over OTLP, and knows the names of the spans and metrics.
 */
import { Effect, Schema } from "effect"
import * as Http from "node:http"
import * as port from "../brokers/port.ts"

const Names = Schema.Array(Schema.Struct({ name: Schema.String }))

const Export = Schema.fromJsonString(Schema.Struct({
  resourceSpans: Schema.optional(Schema.Array(Schema.Struct({
    scopeSpans: Schema.Array(Schema.Struct({ spans: Names }))
  }))),
  resourceMetrics: Schema.optional(Schema.Array(Schema.Struct({
    scopeMetrics: Schema.Array(Schema.Struct({ metrics: Names }))
  })))
}))

export interface Collector {
  readonly url: string
  readonly spans: Set<string>
  readonly metrics: Set<string>
}

/** Runs until the scope ends. */
export const start = Effect.gen(function*() {
  const [spans, metrics] = [new Set<string>(), new Set<string>()]
  const take = (body: string): void => {
    const { resourceMetrics = [], resourceSpans = [] } = Schema.decodeSync(Export)(body)
    for (const { scopeSpans } of resourceSpans) {
      for (const { name } of scopeSpans.flatMap(({ spans }) => spans)) spans.add(name)
    }
    for (const { scopeMetrics } of resourceMetrics) {
      for (const { name } of scopeMetrics.flatMap(({ metrics }) => metrics)) metrics.add(name)
    }
  }
  const server = Http.createServer((request, response) => {
    let body = ""
    request.on("data", (chunk) => body += String(chunk))
    request.on("end", () => {
      if (request.url !== "/v1/logs") take(body)
      response.writeHead(200, { "content-type": "application/json" }).end("{}")
    })
  })
  const listening = yield* port.listen(server)
  const collector: Collector = { url: `http://${port.host}:${listening}`, spans, metrics }
  return collector
})

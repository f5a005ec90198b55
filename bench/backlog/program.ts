/**
 * The program whose messages wait: a client with a store in files, which does what it is told, and says how it went.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schedule from "effect/Schedule"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { host } from "../Benchmark.ts"
import { peakMemory } from "../peakMemory.ts"
import { payloadOf, type Place, type Reply, type Request, topic } from "./protocol.ts"

/** Publishers that wait for their message to be accepted, at once. */
const publishers = 1000

const place: Place = JSON.parse(process.argv[2])

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

const runtime = ManagedRuntime.make(NodeMqtt.layer({
  url: `mqtt://${host}:${place.port}`,
  clientId: "backlog",
  session: "persistent",
  initialConnection: "retry",
  reconnect: Schedule.spaced("100 millis"),
  store: { path: place.directory, sync: "normal" }
}))

const publishAll = Effect.fnUntraced(function*(count: number) {
  const { publishAsync } = yield* MqttClient.MqttClient
  let next = 0
  const publishOneAfterAnother = Effect.gen(function*() {
    while (next < count) yield* Effect.asVoid(publishAsync(topic, payloadOf(next++), { qos: 1 }))
  })
  const all = Array.from({ length: publishers }, () => publishOneAfterAnother)
  yield* Effect.all(all, { concurrency: "unbounded", discard: true })
})

const flush = Effect.flatMap(MqttClient.MqttClient, ({ flush }) => flush)

const mebibytes = (bytes: number): number => bytes / 2 ** 20

const memory = () => ({ resident: mebibytes(process.memoryUsage.rss()), peak: peakMemory() })

const tell = (reply: Reply): void => {
  process.send?.(reply)
}

const answer = async (request: Request): Promise<void> => {
  switch (request._tag) {
    case "Publish":
      return tell({ seconds: await seconds(() => runtime.runPromise(publishAll(request.count))), ...memory() })
    case "Flush":
      return tell({ seconds: await seconds(() => runtime.runPromise(flush)), ...memory() })
    case "Look":
      return tell({ seconds: 0, ...memory() })
    case "End":
      tell({ seconds: await seconds(() => runtime.dispose()), ...memory() })
      process.disconnect()
  }
}

process.on("message", (request: Request) => {
  answer(request).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})

tell({ seconds: await seconds(() => runtime.context()), ...memory() })

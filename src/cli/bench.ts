/**
 * `effect-mqtt bench`: how many messages a second the broker takes and gives, from one client to another.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { MqttMessage } from "../MqttMessage.ts"
import * as Connecting from "./connecting.ts"
import { Unsuccessful } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Progress from "./progress.ts"
import * as Session from "./session.ts"

const flags = {
  ...Flags.connection,
  topic: Flags.optional(
    Flags.text("topic", "t", "a topic that nobody else uses; default a new one below effect-mqtt/bench")
  ),
  qos: Flags.qos("qos", "q", "QoS; default 0").pipe(Flags.or(0)),
  count: Flags.whole("count", "C", "number of messages; default 10000", { minimum: 1 }).pipe(Flags.or(10_000)),
  size: Flags.whole("size", undefined, "bytes of each payload; default 64", { maximum: 268_435_455 }).pipe(
    Flags.or(64)
  ),
  maxInFlight: Connecting.maxInFlight,
  timeout: Flags.seconds("timeout", "W", "after so many seconds without a message the rest counts as lost; default 5")
    .pipe(Flags.or(5)),
  json: Flags.toggle("json", undefined, "the result as JSON")
}

type Input = Command.Command.Config.Infer<typeof flags>

interface Result {
  readonly server: string
  readonly qos: number
  readonly size: number
  readonly published: number
  readonly received: number
  /** Messages a second. */
  readonly publishRate: number
  readonly receiveRate: number
}

const per = (count: number, milliseconds: number): number => Math.round(count / Math.max(milliseconds, 1) * 1000)

/** A client of its own for the other side: no two clients have the same identifier. */
const receiverOf = (connecting: Connecting.Connecting): Connecting.Connecting => {
  const { clientId, will: _, ...client } = connecting.client
  return {
    ...connecting,
    client: { ...client, clientId: clientId === undefined ? undefined : `${clientId}-receiver` }
  }
}

interface Receiving {
  /** Milliseconds. */
  lastAt: number
  readonly progress: Progress.Progress
  readonly all: Deferred.Deferred<void>
}

const receive = (receiving: Receiving) => (messages: ReadonlyArray<MqttMessage>) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { all, progress } = receiving
    receiving.lastAt = now
    progress.done += messages.length
    return progress.done >= (progress.total ?? 0) ? Deferred.succeed(all, undefined) : Effect.void
  })

/** Ends when all messages have come, or none has for this long. */
const awaitAll = (receiving: Receiving, timeout: number) =>
  Effect.gen(function*() {
    while (!(yield* Deferred.isDone(receiving.all))) {
      const silence = (yield* Clock.currentTimeMillis) - receiving.lastAt
      if (silence >= timeout) return
      yield* Effect.timeoutOption(Deferred.await(receiving.all), timeout - silence)
    }
  })

const measure = Effect.fnUntraced(function*(input: Input, connecting: Connecting.Connecting, topic: string) {
  const { count, qos, size, timeout } = input
  const progress: Progress.Progress = { done: 0, total: count, unit: "messages" }
  const receiving: Receiving = { lastAt: 0, progress, all: yield* Deferred.make<void>() }
  const payload = new Uint8Array(size).fill(0x2e)
  return yield* Session.run(
    receiverOf(connecting),
    (receiver) =>
      Session.run(connecting, (publisher) =>
        Effect.gen(function*() {
          const messages = yield* receiver.subscribe(topic, { qos })
          yield* messages.pipe(Stream.chunks, Stream.runForEach(receive(receiving)), Effect.forkScoped)
          const started = yield* Clock.currentTimeMillis
          receiving.lastAt = started
          const outgoing = Stream.map(Stream.range(1, count), () => ({ topic, payload, qos }))
          const published = yield* Stream.run(outgoing, publisher.publishSink)
          const publishedAt = yield* Clock.currentTimeMillis
          receiving.lastAt = Math.max(receiving.lastAt, publishedAt)
          yield* awaitAll(receiving, timeout * 1000)
          const result: Result = {
            server: connecting.server,
            qos,
            size,
            published,
            received: progress.done,
            publishRate: per(published, publishedAt - started),
            receiveRate: per(progress.done, receiving.lastAt - started)
          }
          return result
        }).pipe(Effect.scoped, Progress.shown(progress)))
  )
})

const toText = ({ publishRate, published, qos, receiveRate, received, server, size }: Result): string =>
  [
    `${server}, QoS ${qos}, ${size} bytes`,
    `published ${published.toLocaleString("en")}, ${publishRate.toLocaleString("en")}/s`,
    `received  ${received.toLocaleString("en")}, ${receiveRate.toLocaleString("en")}/s`
  ].join("\n")

const bench = Effect.fnUntraced(function*(input: Input) {
  const connecting = yield* Connecting.resolve(input)
  const number = yield* Random.nextIntBetween(0, 0xffff_ffff)
  const topic = input.topic ?? connecting.topic ?? `effect-mqtt/bench/${number.toString(36)}`
  const result = yield* measure(input, connecting, topic)
  yield* Output.quietly(Output.line(input.json ? JSON.stringify(result) : toText(result)))
  const lost = input.count - result.received
  if (lost > 0) return yield* new Unsuccessful({ description: `${lost} messages did not arrive` })
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("bench", flags, bench).pipe(
  Command.withExamples([{ command: "effect-mqtt bench -q 1 -C 100000", description: "With acknowledgements" }])
)

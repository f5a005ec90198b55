/**
 * Many messages, and messages that a server repeats on the living connection: that each delivery is handled once and
 * acknowledged once.
 */
import { Effect, Latch, Schedule, Semaphore, Stream } from "effect"
import type { MqttClient, MqttMessage } from "../../../src/index.ts"
import type { Recording, Wire } from "../../brokers/Wire.ts"
import { type Check, type Context, recorded, verdict } from "../Check.ts"

type Client = MqttClient.MqttClient["Service"]

interface Deliveries {
  /** Payloads in the order they came. A message that comes again before its PUBACK is the same delivery. */
  readonly texts: ReadonlyArray<string>
  readonly repeats: number
  readonly unacknowledged: number
  /** PUBACKs for messages that did not come, or had one. */
  readonly superfluous: number
}

/** What came at QoS 1 over one network connection. */
const deliveriesOf = ({ packets }: Recording): Deliveries => {
  const decoder = new TextDecoder()
  const texts: Array<string> = []
  const unacknowledged = new Set<number>()
  let [repeats, superfluous] = [0, 0]
  for (const packet of packets) {
    if (packet._tag === "Puback" && !unacknowledged.delete(packet.packetIdentifier)) superfluous++
    if (packet._tag !== "Publish" || packet.qos !== 1) continue
    if (unacknowledged.has(packet.packetIdentifier)) repeats++
    else texts.push(decoder.decode(packet.payload))
    unacknowledged.add(packet.packetIdentifier)
  }
  return { texts, repeats, unacknowledged: unacknowledged.size, superfluous }
}

const subscribed = (wire: Wire): Effect.Effect<void> =>
  wire.until(([recording]) => recording?.of("toClient", "Suback").length === 1)

// ---------------------------------------------------------------------------
// A flood
// ---------------------------------------------------------------------------

const total = 20_000

const topics = 10

/** What a subscription may keep, in its buffer and outside, and what one read of the network brings. */
const maximumBytes = 2 * 16 * 1024 * 1024 + 64 * 1024

const isSameByTopic = (handled: ReadonlyArray<string>, delivered: ReadonlyArray<string>): boolean =>
  Array.from({ length: topics }, (_, topic) => topic).every((topic) => {
    const isOfTopic = (text: string): boolean => Number.parseInt(text) % topics === topic
    return handled.filter(isOfTopic).join() === delivered.filter(isOfTopic).join()
  })

interface Pace {
  /** The consumer stands still until so many are published. */
  readonly head: number
  /** No more than so many are published and not handled. */
  readonly ahead: number
}

interface Flood {
  readonly name: string
  readonly head: number
  readonly room: Semaphore.Semaphore
  readonly hasHead: Latch.Latch
  /** Opens when the last message of each topic was handled. */
  readonly isDone: Latch.Latch
}

/** As fast as there is room. */
const publishFlood = Effect.fnUntraced(function*(mqtt: Client, { hasHead, head, isDone, name, room }: Flood) {
  let published = 0
  const publish = (index: number) =>
    room.take(1).pipe(
      Effect.andThen(mqtt.publish(`${name}/${index % topics}`, `${index}`.padEnd(100), { qos: 1 })),
      Effect.andThen(Effect.suspend(() => ++published >= head ? hasHead.open : Effect.void))
    )
  const indices = Array.from({ length: total }, (_, index) => index)
  yield* Effect.forEach(indices, publish, { concurrency: "unbounded", discard: true })
  // Said until it is heard: a broker whose queue is full drops what comes then.
  yield* Effect.forEach(indices.slice(0, topics), (topic) => mqtt.publish(`${name}/${topic}`, "end", { qos: 1 })).pipe(
    Effect.repeat(Schedule.spaced("200 millis")),
    Effect.raceFirst(isDone.await)
  )
})

/** Takes a little for each message. */
const consumeFlood = Effect.fnUntraced(function*(mqtt: Client, { hasHead, isDone, name, room }: Flood) {
  const handled: Array<string> = []
  const ended = new Set<string>()
  const most = { bytes: 0 }
  const handle = Effect.fnUntraced(function*({ text, topic }: MqttMessage.MqttMessage) {
    if (text === "end") {
      if (ended.add(topic).size === topics) yield* isDone.open
      return
    }
    handled.push(text)
    yield* hasHead.await
    if (handled.length % 20 === 0) yield* Effect.sleep("1 millis")
    if (handled.length % 100 === 1) most.bytes = Math.max(most.bytes, (yield* mqtt.stats).bufferBytes)
    yield* room.release(1)
  })
  yield* mqtt.consume(`${name}/+`, handle).pipe(Effect.forkScoped({ startImmediately: true }))
  return { handled, most }
})

const clientEnds = "the client ends the connection"

/** Who ended the first connection. */
const endOf = ([recording]: Wire["recordings"]): string =>
  recording !== undefined && recording.of("toServer", "Disconnect").length > 0
    ? clientEnds
    : "hangs up on the consumer"

const flooded = Effect.fnUntraced(
  function*(context: Context, name: string, { ahead, head }: Pace, options?: MqttClient.Options) {
    const flood: Flood = {
      name,
      head,
      room: yield* Semaphore.make(ahead),
      hasHead: yield* Latch.make(head === 0),
      isDone: yield* Latch.make()
    }
    const { mqtt, wire } = yield* recorded(context, options)
    const { handled, most } = yield* consumeFlood(mqtt, flood)
    yield* subscribed(wire)
    const hasEnded = wire.until((recordings) => recordings.length > 1)
    yield* Effect.raceFirst(Effect.andThen(publishFlood(yield* context.client(), flood), flood.isDone.await), hasEnded)
    if (wire.recordings.length > 1) return endOf(wire.recordings)
    const { superfluous, texts } = deliveriesOf(wire.recordings[0])
    const delivered = texts.filter((text) => text !== "end")
    return verdict(
      delivered.length < total && "not all are sent",
      !isSameByTopic(handled, delivered) && "not each is handled once, in the order of its topic",
      superfluous > 0 && `${superfluous} PUBACKs too many`,
      most.bytes > maximumBytes && `${most.bytes} bytes wait`
    )
  },
  Effect.scoped
)

const flood: Check = {
  name: "flood",
  title: "20,000 at once",
  description:
    "20,000 messages at QoS 1, published as fast as they go, to `consume` with a handler that lags behind by up " +
    "to 900: each is handled once, in the order of its topic, on one connection",
  within: "2 minutes",
  run: (context) => flooded(context, context.name, { head: 0, ahead: 900 })
}

const floodOfSlow: Check = {
  name: "floodOfSlow",
  title: "20,000 to a slow consumer",
  description: "the same with a handler that stands still for the first 3000 and then lags behind by any number: the " +
    "client stays within its bounds, ends no connection, and handles each message that the broker sends once",
  within: "2 minutes",
  run: Effect.fnUntraced(function*(context) {
    const pace = { head: 3000, ahead: total }
    const seen = yield* flooded(context, context.name, pace)
    if (seen !== clientEnds) return seen
    const wide = yield* flooded(context, `${context.name}wide`, pace, { receiveMaximum: 65_535 })
    return verdict(seen, `with receiveMaximum 65535: ${wide}`)
  })
}

// ---------------------------------------------------------------------------
// Repeated on the living connection
// ---------------------------------------------------------------------------

const texts = ["1", "2", "3", "4", "5"]

/** A handler that takes longer than a redelivery timer; completes when it has handled each message. */
const slowly = Effect.fnUntraced(function*(
  context: Context,
  name: string,
  run: (mqtt: Client, handle: (message: MqttMessage.MqttMessage) => Effect.Effect<void>) => Effect.Effect<void, unknown>
) {
  const { mqtt, wire } = yield* recorded(context)
  const begun: Array<string> = []
  const handled = new Set<string>()
  const isDone = yield* Latch.make()
  const handle = ({ text }: MqttMessage.MqttMessage) =>
    Effect.sync(() => begun.push(text)).pipe(
      Effect.andThen(Effect.sleep("5 seconds")),
      Effect.andThen(Effect.suspend(() => handled.add(text).size === texts.length ? isDone.open : Effect.void))
    )
  yield* Effect.forkScoped(run(mqtt, handle), { startImmediately: true })
  yield* subscribed(wire)
  const publisher = yield* context.client()
  for (const text of texts) yield* publisher.publish(name, text, { qos: 1 })
  yield* isDone.await
  yield* wire.until(([recording]) => recording !== undefined && deliveriesOf(recording).unacknowledged === 0)
  const delivered = deliveriesOf(wire.recordings[0])
  return { ...delivered, isOnceEach: begun.join() === delivered.texts.join(), connections: wire.recordings.length }
})

const repeated: Check = {
  name: "repeated",
  title: "QoS 1 repeated",
  description:
    "`consume` with a handler that takes five seconds, and a stream whose buffer is full, run once for each " +
    "delivery, and each delivery has one PUBACK, even if the server sends the message again before that",
  subjects: ["nats"],
  within: "1 minute",
  run: Effect.fnUntraced(function*(context) {
    const { name } = context
    const [consumed, streamed] = yield* Effect.all([
      slowly(context, `${name}/consume`, (mqtt, handle) => mqtt.consume(`${name}/consume`, handle)),
      slowly(
        context,
        `${name}/stream`,
        (mqtt, handle) =>
          mqtt.messages(`${name}/stream`, { qos: 1, buffer: { messages: 1 } }).pipe(Stream.runForEach(handle))
      )
    ], { concurrency: "unbounded" })
    const both = [consumed, streamed]
    return verdict(
      both.every(({ repeats }) => repeats > 0) && "repeats what has no PUBACK",
      !both.every(({ isOnceEach }) => isOnceEach) && "not each delivery is handled once",
      both.some(({ superfluous }) => superfluous > 0) && "some have two PUBACKs",
      both.some(({ connections }) => connections > 1) && "the connection ends"
    )
  })
}

export const deliveries: ReadonlyArray<Check> = [flood, floodOfSlow, repeated]

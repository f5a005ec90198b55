/**
 * Everything a program can wait for, interrupted at every point: no rule is broken, nothing leaks, and the client goes
 * on.
 */
import { assert, describe } from "@effect/vitest"
import { Array, Effect, Exit, Fiber, Pull, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Client, clientId, stateOf } from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"
import { everywhere, type Run } from "./support/interruption.ts"

const texts = ({ broker }: Run) =>
  Effect.map(broker.messages, (messages) => messages.map(({ payload }) => new TextDecoder().decode(payload)))

/** Nothing of before is left in it, and it works. */
const works = Effect.fnUntraced(function*(mqtt: Client, { broker }: Run) {
  yield* TestClock.adjust(4 * roundTrip)
  const { inFlight, outboxBytes, outboxMessages } = yield* mqtt.stats
  assert.deepStrictEqual({ inFlight, outboxBytes, outboxMessages }, { inFlight: 0, outboxBytes: 0, outboxMessages: 0 })
  assert.strictEqual((yield* broker.session(clientId))?.inflight, 0)
  const messages = yield* complete(mqtt.subscribe("check", { qos: 2 }))
  yield* complete(mqtt.publish("check", "check", { qos: 2 }))
  const [message] = yield* complete(Stream.runCollect(Stream.take(messages, 1)))
  assert.strictEqual(message.text, "check")
}, Effect.scoped)

/** What was interrupted before its first byte is not in the outbox any more. */
const nothingWaits = (mqtt: Client) =>
  Effect.map(mqtt.stats, ({ outboxMessages }) => assert.strictEqual(outboxMessages, 0, "waits in the outbox"))

describe("interrupted at every point", () => {
  for (const qos of [0, 1, 2] as const) {
    everywhere(`S47 publish at QoS ${qos}: sent whole or not at all`, {
      prepare: ({ make }) => make({ session: "persistent" }),
      work: (mqtt) => mqtt.publish("t", "hello", { qos }),
      waits: 3 * roundTrip,
      after: (mqtt, run, exit) =>
        Effect.gen(function*() {
          yield* nothingWaits(mqtt)
          yield* works(mqtt, run)
          const arrived = (yield* texts(run)).filter((text) => text === "hello").length
          if (Exit.isSuccess(exit)) assert.strictEqual(arrived, 1)
          else assert.isAtMost(arrived, 1)
        })
    })

    everywhere(`S47 publish at QoS ${qos} while there is no connection`, {
      prepare: ({ make, network }) =>
        Effect.gen(function*() {
          const mqtt = yield* make({ session: "persistent" })
          yield* network.reset
          yield* TestClock.adjust(1)
          return mqtt
        }),
      work: (mqtt) => mqtt.publish("t", "hello", { qos }),
      waits: reconnected + 3 * roundTrip,
      after: (mqtt, run) =>
        Effect.gen(function*() {
          yield* nothingWaits(mqtt)
          yield* TestClock.adjust(reconnected)
          yield* works(mqtt, run)
          assert.isAtMost((yield* texts(run)).filter((text) => text === "hello").length, 1)
        })
    })

    everywhere(`publishAsync at QoS ${qos}, and the wait for its acknowledgement`, {
      prepare: ({ make }) => make({ session: "persistent" }),
      work: (mqtt) => Effect.flatten(mqtt.publishAsync("t", "hello", { qos })),
      waits: 3 * roundTrip,
      after: (mqtt, run) =>
        Effect.gen(function*() {
          yield* nothingWaits(mqtt)
          yield* works(mqtt, run)
          assert.isAtMost((yield* texts(run)).filter((text) => text === "hello").length, 1)
        })
    })

    everywhere(`publishSink at QoS ${qos}: what was sent is a beginning of the stream`, {
      prepare: ({ make }) => make({ session: "persistent", maxInFlight: 2 }),
      work: (mqtt) =>
        Stream.fromIterable(Array.range(0, 5)).pipe(
          Stream.rechunk(3),
          Stream.map((number) => ({ topic: "t", payload: String(number), qos })),
          Stream.run(mqtt.publishSink)
        ),
      waits: 7 * roundTrip,
      after: (mqtt, run, exit) =>
        Effect.gen(function*() {
          yield* nothingWaits(mqtt)
          yield* works(mqtt, run)
          const sent = (yield* texts(run)).filter((text) => text !== "check")
          assert.deepStrictEqual(sent, Array.range(0, 5).map(String).slice(0, sent.length))
          if (Exit.isSuccess(exit)) assert.strictEqual(sent.length, 6)
        })
    })
  }

  everywhere("flush: what it waits for goes its way", {
    prepare: ({ make }) =>
      Effect.tap(make(), (mqtt) => Effect.flatMap(mqtt.publishAsync("t", "hello", { qos: 2 }), () => Effect.void)),
    work: (mqtt) => mqtt.flush,
    waits: 3 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        yield* works(mqtt, run)
        assert.deepStrictEqual((yield* texts(run)).slice(0, 1), ["hello"])
      })
  })

  everywhere("S48 subscribe: no subscription is left behind", {
    prepare: ({ make }) => make(),
    work: (mqtt) => mqtt.subscribe(["a", "b"], { qos: 1 }),
    waits: 2 * roundTrip,
    after: (mqtt, run, exit) =>
      Effect.gen(function*() {
        yield* works(mqtt, run)
        yield* TestClock.adjust(2 * roundTrip)
        const filters = (yield* run.broker.session(clientId))?.subscriptions.map(({ topicFilter }) => topicFilter)
        assert.deepStrictEqual(filters, Exit.isSuccess(exit) ? ["a", "b"] : [])
      })
  })

  everywhere("S48 subscribe to what others have: theirs goes on", {
    prepare: ({ make }) => Effect.tap(make(), (mqtt) => mqtt.subscribe("a", { qos: 1 })),
    work: (mqtt) => mqtt.subscribe("a", { qos: 2 }),
    waits: 2 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        yield* works(mqtt, run)
        const filters = (yield* run.broker.session(clientId))?.subscriptions.map(({ topicFilter }) => topicFilter)
        assert.isTrue(filters?.includes("a"))
      })
  })

  everywhere("S48 connect: nothing is left, and the next one is a new client", {
    prepare: () => Effect.void,
    work: (_, { make }) => make({ session: "persistent" }),
    waits: 4 * roundTrip,
    after: (_, run, exit) =>
      Effect.gen(function*() {
        if (Exit.isSuccess(exit)) return
        yield* TestClock.adjust(roundTrip)
        const { closed, opened } = yield* run.network.counters
        assert.strictEqual(closed, opened)
        yield* Effect.flatMap(complete(run.make({ session: "persistent" })), (mqtt) => works(mqtt, run))
      }).pipe(Effect.scoped)
  })

  everywhere("S48 disconnect: begun is done", {
    prepare: ({ make }) => make(),
    work: (mqtt) => mqtt.disconnect,
    waits: 2 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        yield* TestClock.adjust(2 * roundTrip)
        const state = yield* stateOf(mqtt)
        // Either it was interrupted before it did anything, or the client is closed for good.
        if (state._tag === "Connected") return yield* works(mqtt, run)
        assert.strictEqual(state._tag, "Closed")
        for (const call of [mqtt.publish("t", "x"), mqtt.flush, mqtt.subscribe("t")]) {
          const error = yield* complete(Effect.flip(call))
          assert.strictEqual(error.reason._tag, "Closed")
        }
      })
  })

  everywhere("S48 disconnectWithWill: begun is done", {
    prepare: ({ make }) => make({ will: { topic: "will", payload: "gone" } }),
    work: (mqtt) => mqtt.disconnectWithWill,
    waits: 2 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        yield* TestClock.adjust(2 * roundTrip)
        const state = yield* stateOf(mqtt)
        if (state._tag === "Connected") return yield* works(mqtt, run)
        assert.strictEqual(state._tag, "Closed")
        assert.deepStrictEqual(yield* texts(run), ["gone"])
      })
  })

  everywhere("brokerUp: nobody listens for an answer any more", {
    prepare: ({ make }) => Effect.tap(make({ responseTimeout: "1 second" }), () => TestClock.adjust("2 seconds")),
    work: (mqtt) => mqtt.brokerUp,
    waits: 2 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        assert.isTrue(yield* complete(mqtt.brokerUp))
        yield* works(mqtt, run)
      })
  })

  everywhere("checkConnection: the connection is not blamed for a question that was given up", {
    prepare: ({ make }) => make({ responseTimeout: "1 second" }),
    work: (mqtt) => mqtt.checkConnection,
    waits: 2 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        assert.isTrue(yield* complete(mqtt.checkConnection))
        yield* works(mqtt, run)
        assert.strictEqual((yield* mqtt.stats).reconnects, 0)
      })
  })

  everywhere("replaceConnection: there is one connection in the end, and no Will was published", {
    prepare: ({ make }) => make({ session: "persistent", will: { topic: "will", payload: "gone" } }),
    work: (mqtt) => mqtt.replaceConnection,
    waits: reconnected,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        yield* TestClock.adjust(reconnected)
        yield* works(mqtt, run)
        assert.strictEqual((yield* run.network.counters).open, 1)
        assert.notInclude(yield* texts(run), "gone")
      })
  })

  everywhere("request: the next one has the subscription for answers", {
    prepare: ({ make }) => make({ protocolVersion: "5.0" }),
    work: (mqtt) => mqtt.request("nobody", "x", { timeout: 3 * roundTrip }),
    waits: 4 * roundTrip,
    after: (mqtt, run) =>
      Effect.gen(function*() {
        const responding = yield* begin(mqtt.respond("ask", ({ text }) => Effect.succeed(`re: ${text}`)))
        yield* TestClock.adjust(2 * roundTrip)
        const answer = yield* complete(mqtt.request("ask", "x"))
        assert.strictEqual(answer.text, "re: x")
        yield* TestClock.adjust(2 * roundTrip)
        yield* Fiber.interrupt(responding)
        yield* works(mqtt, run)
      })
  })

  everywhere("S48 pull of a stream: messages that come later arrive", {
    prepare: ({ broker, make }) =>
      Effect.gen(function*() {
        const mqtt = yield* make()
        const messages = yield* mqtt.subscribe("t", { qos: 1 })
        const pull = yield* Stream.toPull(messages)
        yield* broker.publish("t", "1", { qos: 1 })
        return { mqtt, pull }
      }),
    work: ({ pull }) => pull,
    waits: 2 * roundTrip,
    after: ({ mqtt, pull }, run, exit) =>
      Effect.gen(function*() {
        yield* run.broker.publish("t", "2", { qos: 1 })
        yield* TestClock.adjust(roundTrip)
        const received: Array<string> = Exit.isSuccess(exit) ? ["1"] : []
        while (received.at(-1) !== "2") {
          const chunk = yield* Pull.catchDone(pull, () => Effect.die("the stream ended"))
          received.push(...chunk.map(({ text }) => text))
        }
        assert.deepStrictEqual(Array.dedupe(received), received)
        yield* works(mqtt, run)
      })
  })

  everywhere("S37 consume: what it leaves goes to the next consumer, and nothing stays unacknowledged", {
    prepare: ({ broker, make }) =>
      Effect.gen(function*() {
        const mqtt = yield* make()
        const handled: Array<string> = []
        for (const text of ["1", "2", "3"]) yield* broker.publish("t", text, { qos: 1, retain: text === "3" })
        return { mqtt, handled }
      }),
    work: ({ handled, mqtt }, { broker }) =>
      mqtt.consume(
        "t",
        ({ text }) =>
          text === "3"
            ? Effect.andThen(
              Effect.forEach(["4", "5"], (text) => broker.publish("t", text, { qos: 1 })),
              Effect.sync(() => handled.push(text))
            )
            : Effect.delay(Effect.sync(() => handled.push(text)), roundTrip / 2)
      ),
    waits: 5 * roundTrip,
    after: ({ handled, mqtt }, run) =>
      Effect.gen(function*() {
        const rest = yield* Effect.forkChild(
          mqtt.consume("t", ({ text }) => Effect.sync(() => handled.push(text)), {
            retainHandling: run.version === "5.0" ? 2 : 0
          })
        )
        yield* TestClock.adjust(5 * roundTrip)
        assert.strictEqual((yield* run.broker.session(clientId))?.inflight, 0)
        rest.interruptUnsafe()
        yield* TestClock.adjust(roundTrip)
        const missing = (yield* run.broker.packets(clientId)).flatMap(({ direction, packet }) =>
          direction === "sent" && packet._tag === "Publish" && packet.topic === "t"
            ? [new TextDecoder().decode(packet.payload)]
            : []
        ).filter((text) => !handled.includes(text))
        assert.deepStrictEqual(missing, [])
        yield* works(mqtt, run)
      })
  })
})

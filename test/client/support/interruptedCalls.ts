/**
 * Every call that a program can begin, begun and interrupted ten thousand times. Afterwards the client holds what it held
 * before, and every call works.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Redacted, References, Schedule, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import * as MqttAuthentication from "../../../src/MqttAuthentication.ts"
import * as MqttClient from "../../../src/MqttClient.ts"
import * as MqttTopic from "../../../src/MqttTopic.ts"
import { MqttTransport } from "../../../src/MqttTransport.ts"
import type { ProtocolVersion } from "../../../src/protocol/Packet.ts"
import { counting } from "../../support/leftovers.ts"
import { reachableBytesNextTurn } from "../../support/memory.ts"
import type { Client } from "../../support/scenario.ts"
import { begin, settle } from "../../support/time.ts"
import { AnsweringServer } from "./answeringServer.ts"

/** `vitest.effect3.config.ts` has fewer. */
const repetitions = Number(process.env["MQTT_REPETITIONS"] ?? 10_000)

/** On a machine that is busy with something else, milliseconds. */
export const patience = 180_000

/** Of these the first make for good what is made once, and compiled code. */
export const warmingUp = Math.min(2_000, repetitions)

/** A table that doubles its room does so in one part; what is held of each call grows in all of them. */
const parts = 2

/** Bytes in a part: less than a listener, a fiber or a message for each repetition. */
export const negligible = 50 * repetitions / parts

interface Kit {
  readonly mqtt: Client
  readonly server: AnsweringServer
  /** Which repetition it is. */
  readonly index: number
}

type Call = (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>

export const connection = {
  clientId: "client",
  keepAlive: 0,
  responseTimeout: "1 hour",
  connectTimeout: "1 day"
} as const

const withAuthentication = (version: ProtocolVersion): MqttClient.Options =>
  version === "3.1.1" ? {} : {
    authentication: MqttAuthentication.make({ method: "M", initial: Effect.succeed(Redacted.make("secret")) })
  }

export const unanswered = "online, and the server answers nothing"

/** What a program waits for, by the situation it is in. */
const situations: {
  readonly [name: string]: {
    readonly options: MqttClient.Options
    readonly prepare: (kit: Omit<Kit, "index">) => Effect.Effect<unknown, unknown, Scope.Scope>
    readonly end: (kit: Omit<Kit, "index">) => void
  }
} = {
  online: { options: {}, prepare: () => Effect.void, end: () => {} },
  [unanswered]: {
    options: {},
    prepare: ({ server }) =>
      Effect.sync(() => {
        server.holdsSubscriptions = true
        server.holdsAcknowledgements = true
      }),
    end: ({ server }) => {
      server.cut()
    }
  },
  offline: {
    options: { reconnect: Schedule.spaced("1 second") },
    prepare: ({ mqtt, server }) =>
      Effect.suspend(() => {
        server.isReachable = false
        server.cut()
        const waiting = Effect.forEach([0, 1, 2, 0, 1, 2] as const, (qos) => mqtt.publish("t", "waits", { qos }), {
          concurrency: "unbounded"
        })
        return Effect.andThen(settle, Effect.forkScoped(waiting))
      }),
    end: () => {}
  },
  "with outbox and window full": {
    options: { outbox: { messages: 2 }, maxInFlight: 1 },
    prepare: ({ mqtt, server }) =>
      Effect.suspend(() => {
        server.holdsAcknowledgements = true
        const publishing = Effect.replicateEffect(mqtt.publish("t", "waits", { qos: 1 }), 5, { concurrency: 5 })
        return Effect.andThen(Effect.forkScoped(publishing), settle)
      }),
    end: ({ server }) => {
      server.cut()
    }
  }
}

const topics = MqttTopic.make("typed/{name}", { payload: MqttTopic.text })

const withClient = (mqtt: Client) => Effect.provideService(MqttClient.MqttClient, mqtt)

const messages = [1, 2, 3].map((number) => ({ topic: "t", payload: String(number), qos: 1 as const }))

const calls: { readonly [name: string]: Call } = {
  "publish at QoS 0": ({ mqtt }) => mqtt.publish("t", "x"),
  "publish at QoS 1": ({ mqtt }) => mqtt.publish("t", "x", { qos: 1 }),
  "publish at QoS 2": ({ mqtt }) => mqtt.publish("t", "x", { qos: 2 }),
  "publish to another topic each time": ({ index, mqtt }) => mqtt.publish(`t/${index}`, "x", { qos: 1 }),
  publishAsync: ({ mqtt }) => mqtt.publishAsync("t", "x", { qos: 1 }),
  "publishAsync and its acknowledgement": ({ mqtt }) => Effect.flatten(mqtt.publishAsync("t", "x", { qos: 2 })),
  publishSink: ({ mqtt }) => Stream.run(Stream.fromIterable(messages), mqtt.publishSink),
  flush: ({ mqtt }) => mqtt.flush,
  subscribe: ({ mqtt }) => Effect.flatMap(mqtt.subscribe("s", { qos: 1 }), Stream.runDrain),
  "subscribe to another filter each time": ({ index, mqtt }) =>
    Effect.flatMap(mqtt.subscribe(`s/${index}`, { qos: 1 }), Stream.runDrain),
  "subscribe to many filters": ({ mqtt }) => mqtt.subscribe(["a", "b", "c"], { qos: 2 }),
  messages: ({ mqtt }) => Stream.runDrain(mqtt.messages("s")),
  consume: ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return mqtt.consume("s", () => Effect.never, { drainTimeout: 0 })
    }),
  "consume with handlers that finish": ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return mqtt.consume("s", () => Effect.andThen(Effect.yieldNow, Effect.yieldNow), { concurrency: 2 })
    }),
  "consume with attempts and dead letters": ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return mqtt.consume("s", () => Effect.fail("poison"), {
        attempts: Schedule.recurs(2),
        deadLetter: "dead",
        // A dead letter that finds the outbox full has no time to wait: the clock of this test stands still.
        drainTimeout: 0,
        until: Effect.never
      })
    }),
  next: ({ mqtt }) => mqtt.next("s", { qos: 1, timeout: "1 hour" }),
  "next, and a message comes": ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return mqtt.next("s", { qos: 1 })
    }),
  deliveries: ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return Stream.runForEach(mqtt.deliveries("s", { qos: 1 }), ({ acknowledge }) => acknowledge)
    }),
  "deliveries that nobody acknowledges": ({ mqtt, server }) =>
    Effect.suspend(() => {
      server.deliver("s", 1)
      return Stream.runDrain(mqtt.deliveries("s", { qos: 1 }))
    }),
  latest: ({ mqtt }) => withClient(mqtt)(Effect.andThen(MqttTopic.latest("s"), Effect.never)),
  "a typed publish": ({ mqtt }) => withClient(mqtt)(topics.publish({ name: "a" }, "x", { qos: 1 })),
  "a typed consumer": ({ mqtt }) => withClient(mqtt)(topics.consume(() => Effect.never)),
  "a typed subscription with failures": ({ mqtt }) =>
    withClient(mqtt)(Effect.flatMap(topics.subscribeWithFailures(), ({ messages }) => Stream.runDrain(messages))),
  "a typed next": ({ mqtt }) => withClient(mqtt)(topics.next()),
  "typed deliveries": ({ mqtt }) => withClient(mqtt)(Stream.runDrain(topics.deliveries())),
  onConnected: ({ mqtt }) => withClient(mqtt)(Effect.andThen(MqttClient.onConnected(Effect.never), Effect.never)),
  brokerUp: ({ mqtt }) => mqtt.brokerUp,
  checkConnection: ({ mqtt }) => mqtt.checkConnection,
  replaceConnection: ({ mqtt }) => mqtt.replaceConnection,
  "changes of the state": ({ mqtt }) => Stream.runDrain(SubscriptionRef.changes(mqtt.state)),
  events: ({ mqtt }) => Stream.runDrain(mqtt.events),
  "stats and health": ({ mqtt }) => Effect.andThen(Effect.all([mqtt.stats, mqtt.health]), Effect.never),
  "an invalid disconnectWith": ({ mqtt }) =>
    Effect.andThen(Effect.flip(mqtt.disconnectWith({ publishWill: true, reasonCode: 0x80 })), Effect.never)
}

/** Those of 5.0. */
const calls50: { readonly [name: string]: Call } = {
  request: ({ mqtt }) => mqtt.request("ask", "x"),
  respond: ({ mqtt }) => mqtt.respond("asked", () => Effect.never),
  reauthenticate: ({ mqtt }) => mqtt.reauthenticate
}

/** Begins it, lets it come more or less far, and interrupts it. */
const interrupted = Effect.fnUntraced(function*(kit: Kit, call: Call) {
  const scope = yield* Scope.make()
  const calling = yield* begin(Effect.exit(Scope.provide(call(kit), scope)))
  for (let turns = kit.index % 5; turns > 0; turns--) yield* Effect.yieldNow
  yield* Fiber.interrupt(calling)
  yield* Scope.close(scope, Exit.void)
})

const repeat = Effect.fnUntraced(function*(kit: Omit<Kit, "index">, call: Call, from: number, to: number) {
  for (let index = from; index < to; index++) yield* interrupted({ ...kit, index }, call)
  yield* settle
})

interface Part {
  readonly from: number
  readonly to: number
}

/** By how many bytes memory grows in the part of the repetitions in which it grows least. */
export const smallestGrowth = Effect.fnUntraced(function*<E, R>(run: (part: Part) => Effect.Effect<void, E, R>) {
  let before = yield* reachableBytesNextTurn
  let smallest = Infinity
  for (let part = 0; part < parts; part++) {
    const from = warmingUp + Math.floor(repetitions * part / parts)
    yield* run({ from, to: warmingUp + Math.floor(repetitions * (part + 1) / parts) })
    const after = yield* reachableBytesNextTurn
    smallest = Math.min(smallest, after - before)
    before = after
  }
  return smallest
})

/** Nothing is in its way, and every call comes to its end. */
const works = Effect.fnUntraced(function*({ mqtt, server }: Omit<Kit, "index">) {
  const all = Effect.gen(function*() {
    const received = yield* mqtt.subscribe("works", { qos: 2 })
    yield* mqtt.publish("works", "0")
    yield* mqtt.publish("works", "1", { qos: 1 })
    yield* mqtt.publish("works", "2", { qos: 2 })
    yield* Effect.flatten(mqtt.publishAsync("works", "3", { qos: 1 }))
    assert.strictEqual(yield* Stream.run(Stream.fromIterable(messages), mqtt.publishSink), 3)
    server.deliver("works", 2)
    assert.lengthOf(yield* Stream.runCollect(Stream.take(received, 1)), 1)
    yield* mqtt.flush
    assert.isTrue(yield* mqtt.brokerUp)
  })
  const working = yield* begin(Effect.scoped(all))
  yield* settle
  for (let seconds = 0; seconds < 10 && working.pollUnsafe() === undefined; seconds++) {
    yield* TestClock.adjust("1 second")
    yield* settle
  }
  assert.isDefined(working.pollUnsafe(), "a call after all those does not end")
  yield* Fiber.join(working)
  yield* TestClock.adjust("2 minutes")
  const { inFlight, outboxBytes, outboxMessages } = yield* mqtt.stats
  assert.deepStrictEqual({ inFlight, outboxBytes, outboxMessages }, { inFlight: 0, outboxBytes: 0, outboxMessages: 0 })
})

const holdsNothing = (version: ProtocolVersion, situation: string, call: Call) =>
  counting((counts) =>
    Effect.gen(function*() {
      const { end, options, prepare } = situations[situation]
      const server = new AnsweringServer(version)
      const scope = yield* Scope.make()
      const making = MqttClient.make({
        ...connection,
        ...withAuthentication(version),
        protocolVersion: version,
        ...options
      })
      const mqtt = yield* making.pipe(Effect.provideService(MqttTransport, server.transport), Scope.provide(scope))
      const kit = { mqtt, server }
      yield* Scope.provide(prepare(kit), scope)
      yield* repeat(kit, call, 0, warmingUp)
      const before = { fibers: counts.fibers(), timers: counts.timers() }
      const growth = yield* smallestGrowth((part) => repeat(kit, call, part.from, part.to))
      assert.strictEqual(counts.fibers(), before.fibers, "fibers")
      assert.strictEqual(counts.timers(), before.timers, "timers")
      assert.isBelow(growth, negligible, "bytes")
      Object.assign(server, { isReachable: true, holdsAcknowledgements: false, holdsSubscriptions: false })
      end(kit)
      // Messages that a consumer has left wait so long for another one.
      yield* TestClock.adjust("2 minutes")
      yield* works(kit)
      yield* begin(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 minute")
      // The console of the test keeps what is logged.
    }).pipe(counts.ofFibers, Effect.provideService(References.MinimumLogLevel, "None"))
  )

/** A test for each call in this situation. Each situation has a file of its own, so that they can run side by side. */
export const nothingIsHeld = (situation: string, version: ProtocolVersion = "5.0"): void => {
  describe(`nothing is held of calls that were interrupted ten thousand times: ${situation} (${version})`, () => {
    const all = { ...calls, ...(version === "5.0" ? calls50 : {}) }
    for (const [name, call] of Object.entries(all)) {
      // Each of these keeps a Packet Identifier until the server has answered.
      if (situation === unanswered && name === "subscribe to another filter each time") continue
      it.effect(name, () => holdsNothing(version, situation, call), patience)
    }
  })
}

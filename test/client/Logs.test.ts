/**
 * The annotations of log lines about failures: the tag of the reason, the topic if there is one, the attempt.
 */
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Fiber, Logger, Redacted, References, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { filesUnder, repository } from "../../scripts/files.ts"
import { MqttAuthentication, MqttClient, MqttError, MqttStore, MqttTopic } from "../../src/index.ts"
import * as FailureAnnotations from "../../src/internal/failureAnnotations.ts"
import { type Client, type Kit, scenario } from "../support/scenario.ts"
import { behaving, conduct } from "../support/stores.ts"
import { begin, complete, connected, failingConnect, reconnectDelay, reconnected, roundTrip } from "../support/time.ts"

class OutOfRange extends Data.TaggedError("OutOfRange")<{}> {}

const Temperature = MqttTopic.make("site/{site}/temperature", {
  payload: MqttTopic.json(Schema.Struct({ celsius: Schema.Finite }))
})

interface Line {
  readonly text: string
  readonly annotations: { readonly reason?: unknown; readonly topic?: unknown; readonly attempt?: unknown }
}

/** Warnings and errors of what runs in it. */
const observing = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    if (logLevel !== "Warn" && logLevel !== "Error") return
    const { attempt, reason, topic } = fiber.getRef(References.CurrentLogAnnotations)
    lines.push({
      text: String(message),
      annotations: {
        reason,
        ...(topic === undefined ? {} : { topic }),
        ...(attempt === undefined ? {} : { attempt })
      }
    })
  })
  return { lines, layer: Logger.layer([logger]) }
}

/** A scenario, and what its lines are annotated with, by how they begin. */
const logs = (
  name: string,
  settings: Parameters<typeof scenario>[1],
  expected: ReadonlyArray<readonly [text: RegExp, annotations: Line["annotations"]]>,
  tell: (kit: Kit) => Effect.Effect<unknown, unknown, Scope.Scope>
) =>
  scenario(name, settings, (kit) => {
    const { layer, lines } = observing()
    return Effect.gen(function*() {
      yield* tell(kit)
      assert.deepStrictEqual(
        lines.map(({ annotations }) => annotations),
        expected.map(([, annotations]) => annotations)
      )
      for (const [index, [text]] of expected.entries()) assert.match(lines[index].text, text)
    }).pipe(Effect.provide(layer))
  })

const through = (mqtt: Client) => Effect.provideService(MqttClient.MqttClient, mqtt)

const only50 = ["5.0"] as const

describe("a log line has the reason, the topic and the attempt:", () => {
  logs(
    "of connections and attempts that fail, to the end of the client",
    {},
    [
      [/; connecting again$/, { reason: "ConnectionLost", attempt: 1 }],
      [/; connecting again$/, { reason: "PortRefused", attempt: 2 }],
      [/^The client is closed: /, { reason: "ConnectionRefused", attempt: 3 }]
    ],
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect()
        yield* kit.broker.refuseSession(0x87)
        yield* kit.network.refuseConnect(1)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnectDelay + failingConnect + reconnected)
      })
  )

  logs(
    "of a defect in what the client was given to run",
    {},
    [
      [/; connecting again$/, { reason: "ConnectionLost", attempt: 1 }],
      [/^A defect/, { reason: "RangeError", attempt: 1 }]
    ],
    (kit) =>
      Effect.gen(function*() {
        yield* kit.connect({ escalate: { after: 1, run: () => Effect.die(new RangeError("dead")) } })
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + roundTrip)
      })
  )

  logs(
    "of an authentication that cannot be renewed",
    { versions: only50, broker: { exchangeAuthentication: () => ({ _tag: "Success" }) } },
    [[/^Could not authenticate again/, { reason: "AuthenticationFailed" }]],
    (kit) =>
      Effect.gen(function*() {
        let isDown = false
        const authentication = MqttAuthentication.token({
          method: "JWT",
          token: Effect.suspend(() =>
            isDown
              ? Effect.fail(
                MqttError.fromReason(new MqttError.AuthenticationFailed({ method: "JWT", description: "gone" }))
              )
              : Effect.succeed({ token: Redacted.make("token"), expiresAt: 3_600_000 })
          )
        })
        yield* kit.connect({ keepAlive: 0, responseTimeout: 60_000, authentication })
        isDown = true
        yield* TestClock.adjust(3_600_000 - 30_000 + roundTrip)
      })
  )

  const failures: ReadonlyArray<readonly [what: string, failure: Effect.Effect<never, unknown>, reason: string]> = [
    ["an error of the program", Effect.fail(new OutOfRange()), "OutOfRange"],
    ["an error of this library", Effect.fail(MqttError.fromReason(new MqttError.Offline())), "Offline"],
    ["a defect", Effect.die(new TypeError("no function")), "TypeError"],
    ["a value", Effect.fail(7), "Unknown"]
  ]
  for (const [what, failure, reason] of failures) {
    logs(
      `of a handler that fails with ${what}`,
      { versions: only50 },
      [[/^A message handler failed/, { reason, topic: "site/north" }]],
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          yield* begin(mqtt.consume("site/+", () => failure, { qos: 1, onFailure: "acknowledge" }))
          yield* TestClock.adjust(roundTrip)
          yield* kit.broker.publish("site/north", "", { qos: 1 })
          yield* TestClock.adjust(2 * roundTrip)
        })
    )
  }

  logs(
    "of requests that cannot be answered",
    { versions: only50, broker: { authorizePublish: ({ topic }) => topic === "denied" ? 0x87 : 0x00 } },
    [
      [/^A request could not be answered/, { reason: "PublishRefused", topic: "ask" }],
      [/does not allow; refused$/, { reason: "MqttRejected", topic: "ask" }]
    ],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* begin(mqtt.respond("ask", () => Effect.succeed(""), { qos: 1, answerQos: 1, responseTopics: "denied" }))
        yield* TestClock.adjust(roundTrip)
        for (const responseTopic of ["denied", "elsewhere"]) {
          yield* kit.broker.publish("ask", "", { qos: 1, properties: { responseTopic } })
        }
        yield* TestClock.adjust(4 * roundTrip)
      })
  )

  logs(
    "of messages that do not decode, and whose `onInvalid` fails",
    { versions: only50, broker: { authorizePublish: ({ topic }) => topic === "denied" ? 0x87 : 0x00 } },
    [
      [/cannot be decoded/, { reason: "MqttDecodeError", topic: "site/north/temperature" }],
      [/`onInvalid` failed/, { reason: "OutOfRange", topic: "site/north/temperature" }],
      [/could not become a dead letter/, { reason: "PublishRefused", topic: "site/north/temperature" }]
    ],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const publish = Effect.andThen(
          Effect.suspend(() => kit.broker.publish("site/north/temperature", "no JSON", { qos: 1 })),
          TestClock.adjust(6 * roundTrip)
        )
        const during = (self: Effect.Effect<unknown, unknown, MqttClient.MqttClient>) =>
          Effect.scoped(Effect.gen(function*() {
            yield* Effect.forkScoped(through(mqtt)(self), { startImmediately: true })
            yield* TestClock.adjust(3 * roundTrip)
            yield* publish
          })).pipe(Effect.andThen(TestClock.adjust(2 * roundTrip)))
        yield* during(Stream.runDrain(Temperature.messages({ qos: 1 })))
        yield* during(
          Stream.runDrain(Temperature.messages({ qos: 1, onInvalid: () => Effect.fail(new OutOfRange()) }))
        )
        yield* during(Temperature.consume(() => Effect.void, { qos: 1, onInvalid: { deadLetter: "denied" } }))
      })
  )

  logs(
    "of a latest value that is not followed any more",
    { versions: only50 },
    [
      [/; connecting again$/, { reason: "ConnectionLost", attempt: 1 }],
      [/^The latest value is not followed/, { reason: "SubscribeRefused", topic: "t" }]
    ],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* complete(through(mqtt)(MqttTopic.latest("t")))
        yield* kit.broker.refuseSubscribe(0x87)
        yield* kit.network.reset
        yield* TestClock.adjust(reconnected + 2 * roundTrip)
      })
  )

  logs(
    "of a store that fails, to its last write",
    { leavesUnfinished: true },
    [
      [/the store/i, { reason: "StoreFailed" }],
      [/^The last changes of the session/, { reason: "StoreFailed" }]
    ],
    (kit) =>
      Effect.gen(function*() {
        const own = conduct()
        const store = behaving(yield* MqttStore.makeMemory, own)
        const scope = yield* Scope.make()
        const starting = kit.start({ session: "persistent", drainTimeout: 300 }).pipe(
          Effect.provide(MqttStore.layer(Effect.succeed(store))),
          Scope.provide(scope)
        )
        const mqtt = yield* complete(Effect.flatMap(starting, Fiber.join))
        yield* TestClock.adjust(connected)
        own.throws = new Error("nobody has thought of that")
        yield* complete(Effect.flip(mqtt.publish("t", "lost", { qos: 1 })))
        yield* TestClock.adjust(1000)
        own.throws = undefined
        own.hangs = true
        yield* begin(mqtt.publish("t", "lost", { qos: 1 }))
        yield* TestClock.adjust(roundTrip)
        yield* complete(Scope.close(scope, yield* Effect.exit(Effect.void)))
      })
  )

  logs(
    "of a message that is a dead letter now",
    {},
    [[/^A message handler failed; its message is a dead letter now/, { reason: "OutOfRange", topic: "t", attempt: 1 }]],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* begin(mqtt.consume("t", () => Effect.fail(new OutOfRange()), { deadLetter: "dead" }))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.publish("t", "1", { qos: 1 })
        yield* TestClock.adjust(3 * roundTrip)
      })
  )

  logs(
    "of a birth that the server does not take",
    { versions: only50, broker: { authorizePublish: () => 0x87 } },
    [[/^The birth message was not published/, { reason: "PublishRefused", topic: "presence" }]],
    (kit) => Effect.andThen(kit.connect({ presence: { topic: "presence" } }), TestClock.adjust(roundTrip))
  )

  logs(
    "of an effect for each connection that fails",
    {},
    [[/^`onConnected` failed/, { reason: "OutOfRange" }]],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        yield* through(mqtt)(MqttClient.onConnected(Effect.fail(new OutOfRange())))
        yield* TestClock.adjust(roundTrip)
      })
  )

  logs(
    "of messages that are not delivered as they came",
    { versions: ["3.1.1"] },
    [[/larger than `maximumPacketSize`/, { reason: "MessageTooLarge", topic: "t" }]],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ maximumPacketSize: 100 })
        yield* begin(Stream.runDrain(mqtt.messages("t", { qos: 1 })))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.publish("t", "x".repeat(100), { qos: 1 })
        yield* TestClock.adjust(2 * roundTrip)
      })
  )

  logs(
    "of a server that sends more than it may",
    { versions: only50, broker: { receiveMaximumExcess: 1 } },
    [[/^The server sends more/, { reason: "ReceiveMaximumExceeded" }]],
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ receiveMaximum: 1 })
        const messages = yield* complete(mqtt.subscribe("t", { qos: 1, buffer: { messages: 1 } }))
        for (const text of ["1", "2", "3", "4"]) yield* kit.broker.publish("t", text, { qos: 1 })
        yield* TestClock.adjust(2 * roundTrip)
        yield* complete(Stream.runDrain(Stream.take(messages, 4)))
      })
  )
})

describe("the annotations of a failure", () => {
  it("have the topic of the reason, harmless, and none where it says nothing", () => {
    const refused = (topic: string) =>
      MqttError.fromReason(new MqttError.PublishRefused({ topic, reasonCode: 0x87, reasonString: undefined }))
    assert.deepStrictEqual(FailureAnnotations.ofError(refused("a\nb")), { reason: "PublishRefused", topic: "a\\x0ab" })
    assert.deepStrictEqual(FailureAnnotations.ofError(refused("")), { reason: "PublishRefused" })
  })
})

describe("in the sources", () => {
  const files = [
    "MqttClient.ts",
    ...filesUnder(Path.join(repository, "src", "internal"), ".ts").map((file) => `internal/${file}`)
  ]
  const calls = files.flatMap((file) => {
    const lines = Fs.readFileSync(Path.join(repository, "src", file), "utf8").split("\n")
    return lines.flatMap((line, index) =>
      /Effect\.log(Warning|Error)\b/.test(line) ? [{ file, around: lines.slice(index - 3, index + 8).join("\n") }] : []
    )
  })

  it("every warning and every error is annotated", () => {
    assert.isAtLeast(calls.length, 14)
    for (const { around, file } of calls) assert.match(around, /annotateLogs/, file)
  })

  it("a file with a new line about a failure needs a scenario above", () => {
    assert.deepStrictEqual([...new Set(calls.map(({ file }) => file))].toSorted(), [
      "internal/client/calls/deadLetters.ts",
      "internal/client/calls/handling.ts",
      "internal/client/calls/onConnected.ts",
      "internal/client/calls/responder.ts",
      "internal/client/connecting/authenticator.ts",
      "internal/client/connecting/birth.ts",
      "internal/client/connecting/closing.ts",
      "internal/client/connecting/supervisor.ts",
      "internal/client/connecting/unexpected.ts",
      "internal/client/incoming/telling.ts",
      "internal/client/session/keptSession.ts",
      "internal/client/session/reading.ts",
      "internal/topic/invalid.ts",
      "internal/topic/latest.ts",
      "internal/topic/receiving.ts"
    ])
  })
})

/**
 * The log lines of a client reach the loggers of Effect 3, with level, annotations and cause.
 */
import { assert, it } from "@effect/vitest"
import { Cause, Effect, HashMap, Layer, Logger, LogLevel, TestClock } from "effect"
import { MqttClient, MqttError } from "effect-mqtt-v3"
import { FakeNetwork } from "effect-mqtt-v3/testing"
import { brokerAndClient } from "./support.ts"

interface Line {
  readonly level: string
  readonly text: string
  readonly annotations: Readonly<Record<string, unknown>>
  readonly cause: Cause.Cause<unknown>
}

const logging = (lines: Array<Line>, level: LogLevel.LogLevel) =>
  Layer.mergeAll(
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ annotations, cause, logLevel, message }) => {
        const text = [message].flat().join(" ")
        lines.push({
          level: logLevel.label,
          text,
          annotations: Object.fromEntries(HashMap.toEntries(annotations)),
          cause
        })
      })
    ),
    Logger.minimumLogLevel(level)
  )

const outage = Effect.gen(function*() {
  const network = yield* FakeNetwork.FakeNetwork
  yield* network.reset
  yield* TestClock.adjust("1 minute")
})

it.scoped("a lost connection is logged with its level, its annotations, and those of the program", () =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    yield* outage.pipe(
      Effect.provide(brokerAndClient()),
      Effect.annotateLogs("plant", 7),
      Effect.provide(logging(lines, LogLevel.Info))
    )
    const lost = lines.find(({ level }) => level === "WARN")
    assert.isDefined(lost)
    assert.match(lost?.text ?? "", /lost/i)
    assert.strictEqual(lost?.annotations.clientId, "client")
    assert.strictEqual(lost?.annotations.plant, 7)
  }))

it.scoped("a cause is logged as a cause of Effect 3, with the error of this package", () =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    const failing = Effect.fail(MqttError.fromReason(new MqttError.Offline()))
    yield* Effect.gen(function*() {
      yield* MqttClient.onConnected(failing)
      yield* TestClock.adjust("1 second")
    }).pipe(Effect.scoped, Effect.provide(brokerAndClient()), Effect.provide(logging(lines, LogLevel.Info)))
    const failed = lines.find(({ level }) => level === "ERROR")
    const [error] = failed === undefined ? [] : Cause.failures(failed.cause)
    assert.instanceOf(error, MqttError.MqttError)
    assert.strictEqual(failed?.annotations.reason, "Offline")
  }))

it.scoped("packets are logged at Trace", () =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    yield* outage.pipe(Effect.provide(brokerAndClient()), Effect.provide(logging(lines, LogLevel.All)))
    assert.isTrue(lines.some(({ level, text }) => level === "TRACE" && text === "sent DISCONNECT"))
  }))

it.scoped("below the program's level nothing is logged", () =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    yield* outage.pipe(Effect.provide(brokerAndClient()), Effect.provide(logging(lines, LogLevel.Error)))
    assert.deepStrictEqual(lines, [])
  }))

it.scoped("an error that the client handles is not logged as one that nobody handles", () =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    const seen = yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      let handled = 0
      const consuming = mqtt.consume("t", () => Effect.zipRight(Effect.sync(() => handled++), Effect.fail("broken")), {
        onFailure: "acknowledge"
      })
      yield* Effect.fork(consuming)
      yield* TestClock.adjust("1 second")
      yield* mqtt.publish("t", "", { qos: 1 })
      yield* TestClock.adjust("1 second")
      return handled
    }).pipe(Effect.provide(brokerAndClient()), Effect.provide(logging(lines, LogLevel.Debug)))
    assert.strictEqual(seen, 1)
    assert.deepStrictEqual(lines.filter(({ text }) => text.includes("unhandled")), [])
    assert.isTrue(lines.some(({ text }) => text.startsWith("A message handler failed")))
  }))

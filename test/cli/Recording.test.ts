/**
 * The recordings of `sub --record`, and their replay by `replay`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schedule, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Playing from "../../src/cli/playing.ts"
import * as Recording from "../../src/cli/recording.ts"
import * as MqttError from "../../src/MqttError.ts"
import type { Acknowledgement } from "../../src/MqttMessage.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { begin } from "../support/time.ts"
import { effectMqtt, ended, inProcess, startEffectMqtt } from "./processes.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-recording-"))
process.on("exit", () => Fs.rmSync(folder, { recursive: true, force: true }))
const fileNamed = (name: string): string => Path.join(folder, name)

const withBroker = <A, E>(
  use: (server: ReadonlyArray<string>) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const { host, port } = yield* NodeMemoryBroker.NodeMemoryBroker
    return yield* use(["-h", host, "-p", String(port)])
  }).pipe(Effect.scoped, Effect.provide(NodeMemoryBroker.layer()))

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

const timeless = (text: string) => linesOf(text).map((line) => ({ ...JSON.parse(line), time: undefined }))

const lineAt = (milliseconds: number, message: object = {}): string =>
  JSON.stringify({
    time: new Date(Date.UTC(2026, 0, 1) + milliseconds).toISOString(),
    topic: "t",
    qos: 0,
    retain: false,
    payload: String(milliseconds),
    ...message
  })

/** A session that waits for the messages of a topic, so that none is missed. */
const recorder = (server: ReadonlyArray<string>, id: string) => {
  const list = ["sub", ...server, "-c", "-i", id, "-t", "#", "-q", "2"]
  return {
    subscribe: inProcess([...list, "-E"]),
    record: (file: string, count: number) => inProcess([...list, "-C", String(count), "-W", "20", "--record", file])
  }
}

describe("a recording", () => {
  it.live(
    "has all that a message says, and replay publishes the same",
    () =>
      withBroker((server) =>
        Effect.gen(function*() {
          const first = recorder(server, "first")
          yield* first.subscribe
          const property = (...words: ReadonlyArray<string>) => ["-D", "publish", ...words]
          const message = ["-t", "a/é", "-m", "text \"\n\u0000", "-q", "1"]
          yield* inProcess([
            "pub",
            ...server,
            ...message,
            ...property("content-type", "text/plain"),
            ...property("response-topic", "answers"),
            ...property("correlation-data", "id\u00ff"),
            ...property("payload-format-indicator", "1"),
            ...property("user-property", "b", "1"),
            ...property("user-property", "a", "2"),
            ...property("user-property", "b", "3")
          ])
          const bytes = fileNamed("bytes")
          Fs.writeFileSync(bytes, Uint8Array.of(0xff, 0x00, 0xfe))
          yield* inProcess(["pub", ...server, "-t", "b", "-f", bytes, "-q", "2"])
          yield* inProcess(["pub", ...server, "-t", "c", "-n"])
          const recorded = fileNamed("first.jsonl")
          assert.deepStrictEqual(yield* first.record(recorded, 2), { exitCode: 0, stdout: "" })
          const [text, binary] = timeless(Fs.readFileSync(recorded, "utf8"))
          assert.deepStrictEqual(text, {
            time: undefined,
            topic: "a/é",
            qos: 1,
            retain: false,
            properties: {
              "payload-format-indicator": 1,
              "content-type": "text/plain",
              "response-topic": "answers",
              "correlation-data": Buffer.from("id\u00ff").toString("base64"),
              "user-properties": [["b", "1"], ["a", "2"], ["b", "3"]]
            },
            payload: "text \"\n\u0000"
          })
          assert.deepStrictEqual(binary, {
            time: undefined,
            topic: "b",
            qos: 2,
            retain: false,
            "payload-encoding": "base64",
            payload: "/wD+"
          })
          const second = recorder(server, "second")
          yield* second.subscribe
          const replayed = yield* inProcess(["replay", ...server, recorded, "--speed", "max"])
          assert.deepStrictEqual(replayed, {
            exitCode: 0,
            stdout: "2 messages published, 0 refused, 0 lines damaged\n"
          })
          const again = fileNamed("second.jsonl")
          yield* second.record(again, 2)
          assert.deepStrictEqual(timeless(Fs.readFileSync(again, "utf8")), [text, binary])
        })
      ),
    60_000
  )

  it.live("goes from one program to the other over a pipe", () =>
    withBroker((server) =>
      Effect.gen(function*() {
        const { record, subscribe } = recorder(server, "piped")
        yield* subscribe
        yield* inProcess(["pub", ...server, "-t", "t", "-m", "piped", "-q", "1"])
        const { stdout } = yield* record("-", 1)
        assert.deepStrictEqual(timeless(stdout).map(({ payload }) => payload), ["piped"])
        const replayed = yield* inProcess(["replay", ...server, "-"], { stdin: stdout })
        assert.strictEqual(replayed.stdout, "1 message published, 0 refused, 0 lines damaged\n")
      })
    ), 60_000)

  it.live("has whole lines when it is interrupted", () =>
    withBroker((server) =>
      Effect.gen(function*() {
        const file = fileNamed("interrupted.jsonl")
        const child = yield* startEffectMqtt(["sub", ...server, "-t", "t", "--record", file], { stdin: "" })
        const fiber = yield* begin(ended(child))
        // `sub` says nothing when it is subscribed.
        yield* inProcess(["pub", ...server, "-t", "t", "-m", "x".repeat(1000), "--repeat", "100"]).pipe(
          Effect.andThen(
            Effect.suspend(() =>
              Fs.existsSync(file) && Fs.statSync(file).size > 0 ? Effect.void : Effect.fail("not yet")
            )
          ),
          Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 200 })
        )
        child.kill("SIGINT")
        const { exitCode, stderr } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([exitCode, stderr], [130, ""])
        const text = Fs.readFileSync(file, "utf8")
        assert.isTrue(text.endsWith("\n"))
        for (const line of linesOf(text)) assert.strictEqual(JSON.parse(line).topic, "t")
      })
    ), 60_000)

  it.live(
    "goes to a file that can be written, and in no other format",
    () =>
      withBroker((server) =>
        Effect.gen(function*() {
          const sub = (...list: ReadonlyArray<string>) => effectMqtt(["sub", ...server, "-t", "t", "-W", "5", ...list])
          const nowhere = yield* sub("--record", fileNamed("no/such/folder"))
          assert.strictEqual(nowhere.exitCode, 2)
          assert.match(nowhere.stderr, /^Error: .*no.such.folder: ENOENT/)
          const both = yield* sub("--record", fileNamed("both"), "-v")
          assert.strictEqual(both.exitCode, 2)
          assert.include(both.stderr, "--record has a format of its own")
          const missing = yield* effectMqtt(["replay", ...server, fileNamed("missing")])
          assert.strictEqual(missing.exitCode, 2)
          assert.match(missing.stderr, /^Error: .*missing: ENOENT/)
          assert.strictEqual(missing.stdout, "")
          const lines = yield* inProcess(["pub", ...server, "-t", "t", "-l", "-f", fileNamed("missing")])
          assert.strictEqual(lines.exitCode, 2)
        })
      ),
    60_000
  )

  it.live(
    "with damaged lines and messages that are refused: replay tells their numbers, and publishes the others",
    () =>
      withBroker((server) =>
        Effect.gen(function*() {
          const lines = [
            lineAt(0),
            "{\"time\":\"2026-01-01T",
            lineAt(1),
            "",
            lineAt(2, { topic: "t/#" }),
            lineAt(3, { payload: "?", "payload-encoding": "base64" }),
            lineAt(4, { time: "yesterday" }),
            lineAt(5, { qos: 1 })
          ]
          const file = fileNamed("damaged.jsonl")
          Fs.writeFileSync(file, lines.join("\n"))
          const { exitCode, stderr, stdout } = yield* effectMqtt(["replay", ...server, file])
          assert.strictEqual(exitCode, 1)
          assert.strictEqual(stdout, "3 messages published, 1 refused, 3 lines damaged\n")
          const told = linesOf(stderr)
          assert.deepStrictEqual(told.map((line) => line.split(":")[0]), [
            "line 2 is damaged",
            "line 5 was refused",
            "line 6 is damaged",
            "line 7 is damaged",
            "Error"
          ])
          assert.include(told[3], "Expected a valid Date at [\"time\"]")
        })
      ),
    60_000
  )

  it.live("is played at a speed above 0, or at once", () =>
    Effect.gen(function*() {
      for (const speed of ["-1", "fast", ""]) {
        // Without the mistake it would look for a server, and fail with another code.
        assert.strictEqual((yield* inProcess(["replay", "file", `--speed=${speed}`])).exitCode, 2)
      }
    }), 60_000)
})

describe("a line of a recording", () => {
  it("that is damaged is said to be so, and what it holds is not repeated", () => {
    for (
      const line of ["", "{", "[]", lineAt(0, { qos: 3 }), lineAt(0, { payload: 7 }), lineAt(0, { topic: undefined })]
    ) {
      const { _tag, ...rest } = Recording.fromLine(Buffer.from(line))
      assert.strictEqual(_tag, "Failure")
      assert.match(String("failure" in rest ? rest.failure : ""), /^(Expected|Missing) [^\n]+$/)
    }
    const notText = Recording.fromLine(Uint8Array.of(0x7b, 0xff))
    assert.strictEqual("failure" in notText && notText.failure, "it is not UTF-8")
  })
})

const accepted: Acknowledgement = { reasonCode: 0, reasonString: undefined, userProperties: [] }

const bytesOf = (...lines: ReadonlyArray<string>): Stream.Stream<Uint8Array> =>
  Stream.fromIterable(lines.map((line) => Buffer.from(line)))

/** Plays lines to a client that writes down when it was asked to publish what. */
const played = Effect.fnUntraced(function*(
  lines: Stream.Stream<Uint8Array>,
  speed: number,
  acknowledgement: Effect.Effect<Acknowledgement, MqttError.MqttError> = Effect.succeed(accepted),
  closed: Effect.Effect<void, MqttError.MqttError> = Effect.never
) {
  const published: Array<readonly [payload: string, time: number]> = []
  const counts: Playing.Counts = { published: 0, refused: 0, damaged: 0 }
  const told: Array<string> = []
  const client = {
    closed,
    publishAsync: (_topic: string, payload: string | Uint8Array) =>
      Effect.clockWith((clock) =>
        Effect.sync(() => {
          published.push([String(payload), clock.currentTimeMillisUnsafe()])
          return acknowledgement
        })
      )
  }
  const tell = (sentence: string) => Effect.sync(() => void told.push(sentence))
  const fiber = yield* begin(Playing.play(client, lines, { speed, counts, tell }))
  return { counts, fiber, published, told }
})

describe("replaying", () => {
  const recorded = bytesOf(lineAt(5000), lineAt(6000), lineAt(5500), lineAt(8000))

  const paces: ReadonlyArray<readonly [speed: number, end: number]> = [[1, 3000], [10, 300], [0.5, 6000]]
  for (const [speed, end] of paces) {
    it.effect(`at the speed ${speed} keeps the distances, and publishes at once what is late`, () =>
      Effect.gen(function*() {
        const { fiber, published } = yield* played(recorded, speed)
        yield* TestClock.adjust(end - 1)
        assert.strictEqual(published.length, 3)
        yield* TestClock.adjust(1)
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(published.map(([, time]) => time), [0, end / 3, end / 3, end])
      }))
  }

  it.effect("at the greatest speed waits for nothing", () =>
    Effect.gen(function*() {
      const { counts, fiber, published } = yield* played(recorded, Infinity)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(published, [["5000", 0], ["6000", 0], ["5500", 0], ["8000", 0]])
      assert.strictEqual(counts.published, 4)
    }))

  it.effect("ends when the last message is acknowledged", () =>
    Effect.gen(function*() {
      const acknowledged = yield* Deferred.make<Acknowledgement>()
      const { counts, fiber } = yield* played(recorded, Infinity, Deferred.await(acknowledged))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(counts.published, 0)
      yield* Deferred.succeed(acknowledged, accepted)
      yield* Fiber.join(fiber)
      assert.strictEqual(counts.published, 4)
    }))

  it.effect("goes on after a message that the server refuses", () =>
    Effect.gen(function*() {
      const refused = Effect.fail(MqttError.fromReason(
        new MqttError.PublishRefused({ topic: "t", reasonCode: 0x87, reasonString: undefined })
      ))
      const { counts, fiber, told } = yield* played(recorded, Infinity, refused)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(counts, { published: 0, refused: 4, damaged: 0 })
      assert.deepStrictEqual(
        told.map((line) => line.split(":")[0]),
        [1, 2, 3, 4].map((line) => `line ${line} was refused`)
      )
    }))

  it.effect("fails with the end of the client, while it waits for the pace or for an acknowledgement", () =>
    Effect.gen(function*() {
      const lost = MqttError.fromReason(new MqttError.Closed())
      const closed = yield* Deferred.make<void, MqttError.MqttError>()
      const pacing = yield* played(recorded, 1, Effect.succeed(accepted), Deferred.await(closed))
      yield* Deferred.fail(closed, lost)
      assert.deepStrictEqual(yield* Fiber.await(pacing.fiber), Exit.fail(lost))
      const waiting = yield* played(recorded, Infinity, Effect.fail(lost))
      assert.deepStrictEqual(yield* Fiber.await(waiting.fiber), Exit.fail(lost))
      assert.strictEqual(waiting.counts.refused, 0)
    }))
})

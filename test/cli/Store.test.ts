/**
 * The command line with a store: lines that wait for the broker, and messages about them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { once } from "node:events"
import * as Fs from "node:fs"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt, NodeMqttStore } from "../../src/node/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { fileIn, newPath } from "../node/store/directory.ts"
import { begin } from "../support/time.ts"
import { effectMqtt, ended, inProcess, startEffectMqtt } from "./processes.ts"

/** Nothing listens there. */
const nowhere = ["-L", "mqtt://127.0.0.1:1"]

const pub = (store: string, ...list: ReadonlyArray<string>) => [
  "pub",
  "-t",
  "lines",
  "-l",
  "-q",
  "1",
  "-i",
  "gateway",
  "--store",
  store,
  ...list
]

const linesOf = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}`)

/** The messages on `lines` while `use` runs, so many. */
const receiving = <A, E, R>(count: number, use: (server: ReadonlyArray<string>) => Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    return yield* Effect.gen(function*() {
      const mqtt = yield* MqttClient.MqttClient
      const messages = yield* mqtt.subscribe("lines", { qos: 2 })
      const result = yield* use(["-L", url])
      const arrived = yield* messages.pipe(Stream.take(count), Stream.runCollect)
      return { result, texts: arrived.map(({ text }) => text) }
    }).pipe(Effect.provide(NodeMqtt.layer({ url })), Effect.scoped)
  })

describe("pub --store", () => {
  it.live(
    "lines wait while the broker is away, exit code 3 says so, and the next run delivers them, with its own behind",
    () =>
      Effect.gen(function*() {
        const path = yield* newPath
        const away = yield* effectMqtt(pub(path, ...nowhere), { stdin: "one\ntwo\nthree\n" })
        assert.strictEqual(away.exitCode, 3)
        assert.include(away.stderr, `3 messages wait in ${path}: 127.0.0.1 refused a connection on port 1`)
        // The client has ended, which is no news of the messages.
        assert.notInclude(away.stderr, "closed")
        assert.strictEqual((yield* inProcess(["outbox", "--store", path])).exitCode, 3)
        const { result, texts } = yield* receiving(
          4,
          (server) => effectMqtt(pub(path, ...server), { stdin: "four\n" })
        )
        assert.deepStrictEqual(result, { exitCode: 0, stdout: "", stderr: "" })
        assert.deepStrictEqual(texts, ["one", "two", "three", "four"])
        const outbox = yield* inProcess(["outbox", "--store", path])
        assert.deepStrictEqual(outbox, { exitCode: 0, stdout: "gateway: nothing waits\n" })
      }).pipe(Effect.provide(NodeMemoryBroker.layer())),
    60_000
  )

  it.live("without any input a run delivers what an earlier one has left, at QoS 2 too", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const list = ["pub", "-t", "lines", "-q", "2", "-i", "gateway", "--store", path, "--sync", "full"]
      const away = yield* inProcess([...list, "-m", "one", ...nowhere])
      assert.strictEqual(away.exitCode, 3)
      const { result, texts } = yield* receiving(1, (server) => inProcess([...list, "-l", ...server]))
      assert.strictEqual(result.exitCode, 0)
      assert.deepStrictEqual(texts, ["one"])
    }).pipe(Effect.provide(NodeMemoryBroker.layer())))

  it.live("20,000 lines wait and arrive in order", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const lines = linesOf(20_000)
      assert.strictEqual((yield* inProcess(pub(path, ...nowhere), { stdin: lines.join("\n") })).exitCode, 3)
      const { stdout } = yield* inProcess(["outbox", "--store", path])
      assert.match(stdout, /^gateway: 20,000 messages wait, /)
      const { result, texts } = yield* receiving(lines.length, (server) => inProcess(pub(path, ...server)))
      assert.strictEqual(result.exitCode, 0)
      assert.deepStrictEqual(texts, lines)
    }).pipe(Effect.provide(NodeMemoryBroker.layer())), 60_000)

  it.live("a run that is killed while its input goes on has stored what it had read", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const child = yield* startEffectMqtt(pub(path, ...nowhere))
      const fiber = yield* begin(ended(child))
      child.stdin.write("one\ntwo\n")
      yield* Effect.promise(async () => {
        // The first attempt to connect has failed, and the lines came before.
        await once(child.stderr, "data")
      })
      yield* Effect.repeat(inProcess(["outbox", "--store", path]), {
        until: ({ stdout }) => stdout.startsWith("gateway: 2 messages wait")
      })
      child.kill("SIGKILL")
      yield* Fiber.join(fiber)
      const { texts } = yield* receiving(2, (server) => inProcess(pub(path, ...server)))
      assert.deepStrictEqual(texts, ["one", "two"])
    }).pipe(Effect.provide(NodeMemoryBroker.layer())), 60_000)

  it.live("a message that the server refuses is told, and the exit code is 1", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
      const list = ["pub", "-t", "forbidden", "-l", "-q", "1", "-i", "gateway", "--store", path, "-L", url]
      const { exitCode, stderr } = yield* effectMqtt(list, { stdin: "one\ntwo\n" })
      assert.strictEqual(exitCode, 1)
      assert.match(stderr, /Error: .*forbidden/)
      assert.strictEqual((yield* inProcess(["outbox", "--store", path])).exitCode, 0)
    }).pipe(
      Effect.provide(NodeMemoryBroker.layer({ authorizePublish: ({ topic }) => topic === "forbidden" ? 0x87 : 0x00 }))
    ), 60_000)

  const wrong: ReadonlyArray<readonly [what: string, list: ReadonlyArray<string>, said: RegExp]> = [
    ["no client identifier", ["-q", "1", "--store", "/nowhere"], /-i or MQTT_CLIENT_ID/],
    ["one of every process", ["-q", "1", "-I", "pipe", "--store", "/nowhere"], /-i or MQTT_CLIENT_ID/],
    ["QoS 0", ["-i", "gateway", "--store", "/nowhere"], /-q 1 or -q 2/],
    ["--sync alone", ["-q", "1", "-i", "gateway", "--sync", "full"], /--sync needs --store/]
  ]
  it.live(
    "what does not go together is no command",
    () =>
      Effect.forEach(wrong, ([what, list, said]) =>
        Effect.gen(function*() {
          const { exitCode, stderr } = yield* effectMqtt(["pub", "-t", "lines", "-l", ...nowhere, ...list])
          assert.strictEqual(exitCode, 2, what)
          assert.match(stderr, said, what)
        }), { concurrency: 2 }),
    60_000
  )

  it.live("MQTT_CLIENT_ID is a client identifier as well", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const list = ["pub", "-t", "lines", "-m", "one", "-q", "1", "--store", path, ...nowhere]
      const { exitCode } = yield* effectMqtt(list, { environment: { MQTT_CLIENT_ID: "by-environment" } })
      assert.strictEqual(exitCode, 3)
      assert.deepStrictEqual(yield* NodeMqttStore.clientIds(path), ["by-environment"])
    }), 60_000)
})

/** While a client in this process has the store, with one message waiting. */
const withGateway = <A, E, R>(path: string, use: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    yield* Effect.asVoid(mqtt.publishAsync("reading", "21.5", { qos: 1 }))
    return yield* use
  }).pipe(
    Effect.provide(
      NodeMqtt.layer({
        url: "mqtt://127.0.0.1:1",
        clientId: "gateway",
        initialConnection: "retry",
        store: { path }
      })
    ),
    Effect.scoped
  )

describe("outbox", () => {
  it.live(
    "says how much waits and since when, for each client identifier, while a client has the store",
    () =>
      Effect.gen(function*() {
        const path = yield* newPath
        yield* inProcess([
          "pub",
          "-t",
          "a",
          "-m",
          "b",
          "-q",
          "1",
          "-i",
          "another\u001b[1m",
          "--store",
          path,
          ...nowhere
        ])
        const before = Date.now()
        const [text, json, one] = yield* withGateway(
          path,
          Effect.all([
            inProcess(["outbox", "--store", path]),
            inProcess(["outbox", "--store", path, "--json"]),
            inProcess(["outbox", "--json", "-i", "gateway"], { environment: { MQTT_STORE_PATH: path } })
          ])
        )
        assert.match(
          text.stdout,
          /^another\\x1b\[1m: 1 message waits, \d+ bytes, the oldest for less than 1s\ngateway: 1 message waits, \d+ bytes, .*\n$/
        )
        const [first, second] = json.stdout.trim().split("\n").map((line): unknown => JSON.parse(line))
        assert.containsSubset(first, { clientId: "another\u001b[1m", messages: 1, age: 0 })
        assert.deepStrictEqual(JSON.parse(one.stdout), second)
        const { bytes, messages, oldest } = JSON.parse(one.stdout)
        assert.strictEqual(messages, 1)
        assert.isAbove(bytes, 10)
        assert.isAtLeast(Date.parse(oldest), before - 1)
        assert.deepStrictEqual([text.exitCode, json.exitCode, one.exitCode], [3, 3, 3])
      }),
    60_000
  )

  it.live("one that another client has is refused to pub, with exit code 4", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      const { exitCode, stderr } = yield* withGateway(path, effectMqtt(pub(path, ...nowhere), { stdin: "one" }))
      assert.strictEqual(exitCode, 4)
      assert.match(stderr, /another client uses it/)
    }), 60_000)

  it.live("a broken store is exit code 4, and those beside it are told all the same", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      for (const id of ["gateway", "sound"]) {
        yield* inProcess(["pub", "-t", "a", "-m", "b", "-q", "1", "-i", id, "--store", path, ...nowhere])
      }
      Fs.writeFileSync(fileIn(path), "This was a store.".repeat(1000))
      const { exitCode, stderr, stdout } = yield* effectMqtt(["outbox", "--store", path])
      assert.strictEqual(exitCode, 4)
      assert.match(stdout, /^gateway: Cannot open .*damaged.*\nsound: 1 message waits, /)
      assert.match(stderr, /^Error: Cannot open the store .*damaged/)
      const json = yield* inProcess(["outbox", "--store", path, "--json"])
      assert.match(
        json.stdout,
        /^\{"clientId":"gateway","error":"Cannot open .*"\}\n\{"clientId":"sound","messages":1,/
      )
    }), 60_000)

  it.live("where there is no store is exit code 4, and where it is not said 2", () =>
    Effect.gen(function*() {
      const path = yield* newPath
      assert.strictEqual((yield* inProcess(["outbox", "--store", path])).exitCode, 4)
      yield* inProcess(["pub", "-t", "a", "-m", "b", "-q", "1", "-i", "gateway", "--store", path, ...nowhere])
      assert.strictEqual((yield* inProcess(["outbox", "--store", path, "-i", "nobody"])).exitCode, 4)
      assert.strictEqual((yield* inProcess(["outbox"])).exitCode, 2)
    }))

  it.live("a URL with a password in the place of the path is not repeated", () =>
    Effect.gen(function*() {
      const url = "mqtt://user:secret@localhost"
      const outbox = yield* effectMqtt(["outbox", "--store", url])
      const published = yield* effectMqtt(pub(url, ...nowhere), { stdin: "one" })
      const byEnvironment = yield* effectMqtt(["outbox"], { environment: { MQTT_STORE_PATH: url } })
      for (const { exitCode, stderr, stdout } of [outbox, published, byEnvironment]) {
        assert.notStrictEqual(exitCode, 0)
        assert.include(stderr, "credentials")
        assert.notInclude(stdout + stderr, "secret")
      }
    }), 60_000)
})

/**
 * The commands in processes of their own: pipes, signals, exit codes, and messages on standard error.
 */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Schedule } from "effect"
import { once } from "node:events"
import * as Fs from "node:fs"
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as MosquittoClients from "../brokers/MosquittoClients.ts"
import * as port from "../brokers/port.ts"
import { begin } from "../support/time.ts"
import { effectMqtt, ended, run, startEffectMqtt } from "./processes.ts"

const portOf = Effect.map(Broker, ({ port }) => String(port))

const broker: Mosquitto.SuiteOptions = {
  alsoNeeds: [MosquittoClients.requirement],
  // mosquitto before 2.0.13 mixes up the order of what waits for a window that is full; 65535 would mean 0.
  configuration: ["allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 65534"],
  listeners: { users: [`password_file {folder}/users`] },
  files: { users: Mosquitto.passwordLine("alice", "secret") }
}

/** `sub` says nothing when it is subscribed, so it is asked until it hears. */
const publishUntil = (port: string, topic: string, heard: () => boolean) =>
  Effect.gen(function*() {
    yield* run("mosquitto_pub", ["-p", port, "-t", topic, "-m", "x"])
    if (!heard()) return yield* Effect.fail("not yet")
  }).pipe(Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 200 }), Effect.orDie)

Mosquitto.suite("effect-mqtt", broker, (it) => {
  it.effect(
    "publishes 100,000 lines of standard input, and mosquitto_sub has them all in order",
    () =>
      Effect.gen(function*() {
        const port = yield* portOf
        const reader = ["-p", port, "-V", "mqttv5", "-c", "-i", "lines", "-q", "1", "-t", "lines"]
        yield* run("mosquitto_sub", [...reader, "-E"])
        const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} ${"é".repeat(index % 40)}\n`).join(
          ""
        )
        const published = yield* effectMqtt(["pub", "-p", port, "-t", "lines", "-q", "1", "-l"], { stdin: lines })
        assert.deepStrictEqual(published, { exitCode: 0, stdout: "", stderr: "" })
        const { stdout } = yield* run("mosquitto_sub", [...reader, "-C", "100000", "-W", "60"])
        assert.strictEqual(stdout, lines)
      }),
    120_000
  )

  it.effect("prints 100,000 lines that mosquitto_pub published, all and in order", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const reader = ["-p", port, "-V", "mqttv5", "-c", "-i", "printed", "-q", "1", "-t", "printed"]
      yield* run("mosquitto_sub", [...reader, "-E"])
      const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}\n`)
      // In parts, as mosquitto_pub 2.0.11 loses what it has more than 65,535 of at once.
      for (let from = 0; from < lines.length; from += 25_000) {
        const part = lines.slice(from, from + 25_000).join("")
        yield* run("mosquitto_pub", ["-p", port, "-t", "printed", "-q", "1", "-l"], { stdin: part })
        const { exitCode, stdout } = yield* effectMqtt(["sub", ...reader, "-C", "25000", "-W", "60"])
        assert.isTrue(stdout === part, `${stdout.split("\n").length - 1} lines`)
        assert.strictEqual(exitCode, 0)
      }
    }), 120_000)

  it.effect("-l -f publishes the lines of a file", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const reader = ["-p", port, "-V", "mqttv5", "-c", "-i", "file", "-q", "1", "-t", "file"]
      yield* run("mosquitto_sub", [...reader, "-E"])
      const source = new URL("../../LICENSE", import.meta.url).pathname
      yield* effectMqtt(["pub", "-p", port, "-t", "file", "-q", "1", "-l", "-f", source])
      const text = Fs.readFileSync(source, "utf8")
      const { stdout } = yield* run("mosquitto_sub", [...reader, "-C", String(text.split("\n").length - 1), "-F", "%p"])
      assert.strictEqual(stdout, text)
    }))

  it.effect("sub ends quietly when nobody reads its output any more", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const child = yield* startEffectMqtt(["sub", "-p", port, "-t", "unread"], { stdin: "" })
      let isClosed = false
      let error = ""
      child.stderr.on("data", (chunk) => error += String(chunk))
      child.stdout.once("data", () => {
        isClosed = true
        child.stdout.destroy()
      })
      const exited = once(child, "exit")
      yield* publishUntil(port, "unread", () => isClosed)
      yield* publishUntil(port, "unread", () => child.exitCode !== null)
      assert.deepStrictEqual((yield* Effect.promise(() => exited))[0], 0)
      assert.strictEqual(error, "")
    }))

  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    it.effect(`sub says DISCONNECT on ${signal}, so its Will is not published, and ends with ${code}`, () =>
      Effect.gen(function*() {
        const port = yield* portOf
        const topic = `until/${signal}`
        const will = ["--will-topic", "gone", "--will-payload", "lost", "--will-retain"]
        const child = yield* startEffectMqtt(["sub", "-p", port, "-t", topic, ...will], { stdin: "" })
        let hasHeard = false
        child.stdout.once("data", () => {
          hasHeard = true
        })
        const fiber = yield* begin(ended(child))
        yield* publishUntil(port, topic, () => hasHeard)
        child.kill(signal)
        const { exitCode, stderr } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([exitCode, stderr], [code, ""])
        const { stdout } = yield* run("mosquitto_sub", ["-p", port, "-t", "gone", "-W", "1"])
        assert.strictEqual(stdout, "")
      }))
  }

  it.effect("-L takes the topic as mosquitto does: with # and ?", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      yield* run("mosquitto_pub", ["-p", port, "-t", "home/hall", "-r", "-m", "wild"])
      const wild = yield* effectMqtt(["sub", "-L", `mqtt://127.0.0.1:${port}/home/#`, "-C", "1", "-W", "10"])
      assert.deepStrictEqual([wild.exitCode, wild.stdout], [0, "wild\n"])
      yield* effectMqtt(["pub", "-L", `mqtt://127.0.0.1:${port}/what?is=it%23so`, "-r", "-m", "asked"])
      const { stdout } = yield* run("mosquitto_sub", ["-p", port, "-t", "what?is=it%23so", "-C", "1", "-W", "10"])
      assert.strictEqual(stdout, "asked\n")
    }))

  it.effect("-L with a user name or password that is not escaped sends nothing, and says what to write", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      for (const credentials of ["ada:100%", "%zz:secret"]) {
        const url = `mqtt://${credentials}@127.0.0.1:${port}/t`
        const { exitCode, stderr } = yield* effectMqtt(["pub", "-L", url, "-m", "x"])
        assert.notStrictEqual(exitCode, 0)
        assert.include(stderr, "%25")
      }
    }))

  it.effect("-c goes by MQTT_CLIENT_ID, and asks for an identifier without", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const sub = (environment: Record<string, string>) =>
        effectMqtt(["sub", "-p", port, "-c", "-q", "1", "-t", "by/environment", "-E"], { environment })
      assert.strictEqual((yield* sub({ MQTT_CLIENT_ID: "by-environment" })).exitCode, 0)
      yield* run("mosquitto_pub", ["-p", port, "-t", "by/environment", "-q", "1", "-m", "kept"])
      const kept = ["-p", port, "-c", "-i", "by-environment", "-t", "by/environment", "-q", "1", "-C", "1", "-W", "10"]
      assert.strictEqual((yield* run("mosquitto_sub", kept)).stdout, "kept\n")
      const without = yield* sub({})
      assert.strictEqual(without.exitCode, 2)
      assert.include(without.stderr, "MQTT_CLIENT_ID")
    }))

  it.effect("a URL goes where it says beside the MQTT_PORT that Kubernetes sets", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const environment = { MQTT_PORT: "tcp://10.0.0.1:1883" }
      const url = `mqtt://127.0.0.1:${port}`
      for (const args of [["-L", url], ["-h", "127.0.0.1", "-p", port]]) {
        const { exitCode } = yield* effectMqtt(["pub", ...args, "-t", "a", "-m", "b"], { environment })
        assert.strictEqual(exitCode, 0)
      }
      const { exitCode } = yield* effectMqtt(["pub", "-t", "a", "-m", "b"], {
        environment: { ...environment, MQTT_URL: url }
      })
      assert.strictEqual(exitCode, 0)
    }))

  it.effect("exit codes: 1 for a failure, 2 for flags, 27 for the time", () =>
    Effect.gen(function*() {
      const [used, unused] = [yield* portOf, String(yield* port.free)]
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
        [["pub", "-p", unused, "-t", "a", "-m", "b"], 1, /^Error: .*refused a connection/],
        [["pub", "-p", unused, "-t", "a", "-m", "b", "--quiet"], 1, /^$/],
        [["pub", "-p", used, "-t", "a/#", "-m", "b"], 1, /^Error: /],
        [["pub", "-p", used, "-m", "b"], 2, /^Error: Give the topic/],
        [["pub", "-p", used, "-t", "a"], 2, /^Error: Give one of -m/],
        [["pub", "-p", used, "-t", "a", "-m", "b", "-q", "3"], 2, /^Error: /],
        [["pub", "-p", used, "-t", "a", "-m", "b", "-c"], 2, /^Error: -c needs -i/],
        [["sub", "-p", used, "-t", "a", "-F", "%z"], 2, /^Error: -F: "%z"/],
        [["sub", "--such"], 2, /^Error: .*--such/],
        [["sub", "-p", used, "-t", "a", "-W", "0.1"], 27, /^Error: Timed out\n$/],
        [["ping", "-p", unused, "-C", "1"], 1, /^Error: /],
        [["request", "-p", used, "-t", "nobody", "-m", "x"], 1, /^Error: Nobody subscribes/]
      ]
      for (const [list, exitCode, stderr] of cases) {
        const result = yield* effectMqtt(list)
        assert.strictEqual(result.exitCode, exitCode, list.join(" "))
        assert.match(result.stderr, stderr, list.join(" "))
        assert.strictEqual(result.stdout, "", list.join(" "))
      }
    }), 60_000)

  it.effect("a password comes from the environment, and no error repeats one", () =>
    Effect.gen(function*() {
      const users = String((yield* Mosquitto.Listeners).port("users"))
      const allowed = yield* effectMqtt(["pub", "-p", users, "-t", "a", "-m", "b", "-q", "1"], {
        environment: { MQTT_USERNAME: "alice", MQTT_PASSWORD: "secret" }
      })
      assert.deepStrictEqual(allowed, { exitCode: 0, stdout: "", stderr: "" })
      const url = `mqtt://alice:hunter2@localhost:${users}`
      const wrong: ReadonlyArray<ReadonlyArray<string>> = [
        ["pub", "-L", `${url}/a`, "-m", "b", "-d"],
        ["pub", "-p", users, "-u", "alice", "-P", "hunter2", "-t", "a", "-m", "b", "-d"],
        ["pub", "-p", users, "-u", "alice", "-Phunter2", "-t", "a", "-m", "b"],
        ["pub", "-L", `such${url}`, "-t", "a", "-m", "b"],
        ["pub", "-L", "alice:hunter2@localhost", "-t", "a", "-m", "b"],
        ["pub", url, "-t", "a", "-m", "b"],
        [url]
      ]
      for (const list of wrong) {
        const { exitCode, stderr, stdout } = yield* effectMqtt(list)
        assert.notStrictEqual(exitCode, 0)
        assert.notInclude(stderr + stdout, "hunter2", list.join(" "))
      }
    }), 60_000)

  it.effect("request is answered by respond --exec, which ends after -C requests", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const child = yield* startEffectMqtt(
        ["respond", "-p", port, "-t", "square", "-C", "1", "--exec", "read n; echo \"$MQTT_TOPIC $((n * n))\""],
        { stdin: "" }
      )
      const fiber = yield* begin(ended(child))
      const request = effectMqtt(["request", "-p", port, "-t", "square", "-m", "12", "-N"])
      // Until it has subscribed there is nobody to answer.
      const answer = yield* Effect.repeat(request, { until: ({ exitCode }) => exitCode === 0, times: 20 })
      assert.deepStrictEqual(answer, { exitCode: 0, stdout: "square 144\n", stderr: "" })
      assert.strictEqual((yield* Fiber.join(fiber)).exitCode, 0)
    }), 60_000)

  it.effect("ping counts round trips", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const { exitCode, stdout } = yield* effectMqtt(["ping", "-p", port, "-C", "3", "--interval", "0.01"])
      assert.strictEqual(exitCode, 0)
      assert.match(
        stdout,
        /^(from mqtt:\/\/localhost:\d+: seq=[123] time=[\d.]+ ms\n){3}---.*---\n3 sent, 3 answered, 0% lost\n/
      )
    }))

  it.effect("bench has all its messages", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      const { exitCode, stdout } = yield* effectMqtt([
        "bench",
        "-p",
        port,
        "-q",
        "1",
        "-C",
        "500",
        "--size",
        "10",
        "--json"
      ])
      assert.strictEqual(exitCode, 0)
      const { published, qos, received, size } = JSON.parse(stdout)
      assert.deepStrictEqual({ published, qos, received, size }, { published: 500, qos: 1, received: 500, size: 10 })
    }))

  it.effect("prints JSON for other programs, with bytes that are no text in Base64, and hexadecimal", () =>
    Effect.gen(function*() {
      const port = yield* portOf
      yield* run("mosquitto_pub", ["-p", port, "-t", "bytes", "-r", "-s"], { stdin: Buffer.from([0xff, 0x00]) })
      const list = ["sub", "-p", port, "-t", "bytes", "-C", "1", "-W", "5"]
      const json = JSON.parse((yield* effectMqtt([...list, "--json"])).stdout)
      assert.strictEqual(json["payload-encoding"], "base64")
      assert.strictEqual(json.payload, "/wA=")
      assert.strictEqual((yield* effectMqtt([...list, "--hex", "-v"])).stdout, "bytes ff00\n")
    }))

  it.effect.each(["pub", "sub", "request", "respond"])(
    "the help of %s begins with the topic, and has the connection flags in a group below its own",
    (command) =>
      Effect.gen(function*() {
        const { exitCode, stdout } = yield* effectMqtt([command, "--help"])
        assert.strictEqual(exitCode, 0)
        const [own, connection] = stdout.split(/^CONNECTION FLAGS$/m)
        const flagsOf = (text: string) => [...text.matchAll(/^ {2}(--[a-z0-9-]+)/gm)].map(([, name]) => name)
        const [first, ...others] = flagsOf(own)
        assert.strictEqual(first, "--topic")
        for (const name of ["--host", "--cafile", "--will-topic", "--debug"]) {
          assert.notInclude(others, name)
          assert.include(flagsOf(connection), name)
        }
        assert.notInclude(flagsOf(connection), "--qos")
      })
  )

  it.effect("the help of outbox, which does not connect, has no connection flags", () =>
    Effect.gen(function*() {
      const { stdout } = yield* effectMqtt(["outbox", "--help"])
      assert.include(stdout, "--id, -i")
      assert.notInclude(stdout, "CONNECTION FLAGS")
    }))

  it.effect.each(["mqttv5", "mqttv311"])(
    "--packets writes each Control Packet, and no secret, %s",
    (version) =>
      Effect.gen(function*() {
        const { port } = yield* Mosquitto.Listeners
        const list = ["pub", "-p", String(port("users")), "-V", version, "-u", "alice", "-P", "secret", "-q", "1"]
        const message = ["-t", "packets/1", "-m", "confidential"]
        const will = ["--will-topic", "gone", "--will-payload", "testament"]
        const { exitCode, stderr } = yield* effectMqtt([...list, ...message, ...will, "--packets"])
        assert.strictEqual(exitCode, 0)
        for (
          const packet of ["sent CONNECT", "received CONNACK", "sent PUBLISH", "received PUBACK", "sent DISCONNECT"]
        ) {
          assert.include(stderr, packet)
        }
        assert.include(stderr, "topic=packets/1")
        for (const secret of ["secret", "confidential", "testament", "alice"]) assert.notInclude(stderr, secret)
        const debug = yield* effectMqtt([...list, ...message, "-d"])
        assert.notInclude(debug.stderr, "sent PUBLISH")
      })
  )
})

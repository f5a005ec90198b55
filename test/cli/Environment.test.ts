/**
 * The command line takes options from the environment, and passes no secret on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import { begin } from "../support/time.ts"
import { effectMqtt, ended, startEffectMqtt } from "./processes.ts"

const withBroker = <A, E>(
  use: (
    url: string,
    port: string
  ) => Effect.Effect<A, E, Scope.Scope | NodeMemoryBroker.NodeMemoryBroker>
) =>
  Effect.gen(function*() {
    const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
    return yield* use(url, new URL(url).port)
  }).pipe(Effect.scoped, Effect.provide(NodeMemoryBroker.layer()))

const pub = (environment: { readonly [name: string]: string }, ...list: ReadonlyArray<string>) =>
  effectMqtt(["pub", "-t", "a", "-m", "b", "-q", "1", ...list], { environment })

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-environment-"))
process.on("exit", () => Fs.rmSync(folder, { recursive: true, force: true }))

describe("the environment of the command line", () => {
  it.live(
    "MQTT_ENDPOINTS: the second server is gone to when there is none at the first",
    () =>
      withBroker((url) =>
        Effect.gen(function*() {
          const { exitCode, stderr } = yield* pub({ MQTT_ENDPOINTS: `mqtt://127.0.0.1:1, ${url}` })
          assert.strictEqual(exitCode, 0, stderr)
          const both = yield* pub({ MQTT_ENDPOINTS: url, MQTT_URL: url })
          assert.match(both.stderr, /one of MQTT_URL, MQTT_HOST and MQTT_ENDPOINTS/)
        })
      ),
    60_000
  )

  for (
    const [name, value] of [["MQTT_TLS_MIN_VERSION", "TLSv1.3"], ["MQTT_TLS_SERVERNAME", "broker"], [
      "MQTT_TLS_ALPN_PROTOCOLS",
      "mqtt"
    ]] as const
  ) {
    it.live(`${name} asks for TLS: nothing goes without`, () =>
      withBroker((_, port) =>
        Effect.gen(function*() {
          const { exitCode, stderr } = yield* pub({ [name]: value }, "-h", "127.0.0.1", "-p", port)
          assert.notStrictEqual(exitCode, 0)
          assert.match(stderr, /TLS/)
        })
      ), 60_000)
  }

  it.live("a variable that is spelled otherwise, or cannot be used, is named", () =>
    Effect.gen(function*() {
      for (
        const [name, value, message] of [
          ["MQTT_TLS_MINVERSION", "TLSv1.3", /did you mean TLS_MIN_VERSION/],
          ["MQTT_KEEPALIVE", "10 seconds", /did you mean KEEP_ALIVE/],
          ["MQTT_WEB_SOCKET_PROTOCOLS", "chat", /protocols/]
        ] as const
      ) {
        const { exitCode, stderr } = yield* pub({ [name]: value }, "-L", "ws://127.0.0.1:1/mqtt")
        assert.notStrictEqual(exitCode, 0)
        assert.match(stderr, message)
      }
    }), 60_000)

  it.live("authorities without a certificate do not stand for those of Node", () =>
    Effect.gen(function*() {
      const empty = Path.join(folder, "empty")
      Fs.mkdirSync(empty)
      const file = Path.join(folder, "empty.pem")
      Fs.writeFileSync(file, "")
      for (const list of [["--capath", empty], ["--cafile", file]]) {
        const { exitCode, stderr } = yield* pub({}, "-h", "127.0.0.1", ...list)
        assert.notStrictEqual(exitCode, 0)
        assert.match(stderr, new RegExp(`${list[0]}.* has no certificate`))
      }
    }), 60_000)

  it.live("a secret in the neighbouring variable is not repeated", () =>
    Effect.gen(function*() {
      const key = "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"
      for (
        const environment of [
          { MQTT_HOST: "mqtt://user:CANARY@broker" },
          { MQTT_HOST: "user:CANARY@broker" },
          { MQTT_TLS_CA_FILE: key },
          { MQTT_TLS_CERT_FILE: "/etc/hostname", MQTT_TLS_KEY_FILE: key },
          { MQTT_CLIENT_ID: "mqtt://user:CANARY@broker" }
        ]
      ) {
        const { exitCode, stderr, stdout } = yield* pub(environment)
        assert.notStrictEqual(exitCode, 0)
        assert.notInclude(stderr + stdout, "CANARY")
      }
    }), 60_000)

  it.live(
    "a session that is kept has an identifier that somebody chose",
    () =>
      withBroker((url) =>
        Effect.gen(function*() {
          const kept = (environment: { readonly [name: string]: string }, ...list: ReadonlyArray<string>) =>
            effectMqtt(["sub", "-L", url, "-t", "a", "-E", "-x", "60", ...list], { environment })
          assert.match((yield* kept({})).stderr, /needs -i/)
          assert.match((yield* kept({}, "-I", "prefix")).stderr, /needs -i/)
          assert.strictEqual((yield* kept({}, "-i", "mine")).exitCode, 0)
          assert.strictEqual((yield* kept({ MQTT_CLIENT_ID: "mine" })).exitCode, 0)
        })
      ),
    60_000
  )

  it.live("respond --exec hands its command no secret", () =>
    withBroker((url) =>
      Effect.gen(function*() {
        const child = yield* startEffectMqtt(
          ["respond", "-t", "ask", "-C", "1", "--exec", "env"],
          { environment: { MQTT_URL: url, MQTT_PASSWORD: "CANARY", MQTT_USERNAME: "u", OTHER: "inherited" } }
        )
        const fiber = yield* begin(ended(child))
        const request = effectMqtt(["request", "-L", url, "-t", "ask", "-m", "x"])
        const { stdout } = yield* Effect.repeat(request, { until: ({ exitCode }) => exitCode === 0, times: 20 })
        assert.include(stdout, "OTHER=inherited")
        assert.deepStrictEqual(stdout.split("\n").filter((line) => line.startsWith("MQTT_")), ["MQTT_TOPIC=ask"])
        yield* Effect.exit(Effect.timeout(Effect.asVoid(Effect.suspend(() => fiber.pollUnsafe() ?? Effect.void)), 10))
      })
    ), 60_000)
})

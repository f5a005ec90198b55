/**
 * The command line as a user has it: from the packed tarball, by its name.
 */
import { assert, describe, it as test } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll } from "vitest"
import manifest from "../../package.json" with { type: "json" }
import { MemoryBroker } from "../../src/testing/index.ts"
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as MosquittoClients from "../brokers/MosquittoClients.ts"
import { makeProject } from "../examples/packed.ts"
import * as certificates from "../support/certificates.ts"
import * as listeners from "../support/listeners.ts"
import { run } from "./processes.ts"

const project = makeProject()
afterAll(() => Fs.rmSync(project, { recursive: true, force: true }))

const modules = Path.join(project, "node_modules")
const executable = Path.join(modules, "effect-mqtt", manifest.bin["effect-mqtt"])

// As `npm install` links it.
Fs.mkdirSync(Path.join(modules, ".bin"), { recursive: true })
Fs.chmodSync(executable, 0o755)
const bin = Path.join(modules, ".bin", "effect-mqtt")
Fs.symlinkSync(executable, bin)

/** The package where no other is. */
const withoutOthers = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-alone-"))
    Fs.cpSync(Path.join(modules, "effect-mqtt"), folder, { recursive: true })
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)

/** Prints which modules of Node a process has loaded, at its end. */
const loaded = `data:text/javascript,${
  encodeURIComponent(
    `process.on("exit", () => console.log("LOADED " + process.moduleLoadList.map((name) => name.split(" ").at(-1)).join(" ")))`
  )
}`

/** In the project, by `npx`, without network. */
const npx = (...list: ReadonlyArray<string>) =>
  run("npm", ["exec", "--prefix", project, "--offline", "--", "effect-mqtt", ...list])

describe("npx effect-mqtt from the tarball", () => {
  test.live("says its version and its commands", () =>
    Effect.gen(function*() {
      const version = yield* npx("--version")
      assert.include(version.stdout, manifest.version)
      const help = yield* npx("--help")
      assert.strictEqual(help.exitCode, 0)
      for (const command of ["pub", "sub", "request", "respond", "ping", "bench"]) assert.include(help.stdout, command)
    }), 60_000)

  test.live(
    "needs no other package on any transport, and has the licenses of those that are in it",
    () =>
      Effect.gen(function*() {
        const alone = yield* withoutOthers
        const ca = Path.join(alone, "ca.pem")
        Fs.writeFileSync(ca, certificates.ca)
        const broker = yield* MemoryBroker.MemoryBroker
        for (const kind of listeners.kinds) {
          const { url } = yield* listeners.listenWith(broker, kind)
          const published = yield* run(process.execPath, [
            Path.join(alone, manifest.bin["effect-mqtt"]),
            "pub",
            "-L",
            url,
            "-t",
            "kind",
            "-m",
            kind,
            "-q",
            "1",
            ...(url.startsWith("mqtts") || url.startsWith("wss") ? ["--cafile", ca] : [])
          ])
          assert.deepStrictEqual(published, { exitCode: 0, stdout: "", stderr: "" }, kind)
        }
        const messages = yield* broker.messages
        assert.deepStrictEqual(messages.map(({ payload }) => new TextDecoder().decode(payload)), [...listeners.kinds])
        const licenses = Fs.readFileSync(Path.join(alone, "dist", "cli", "LICENSES.txt"), "utf8")
        for (const name of ["effect", "@effect/platform-node", "@effect/platform-node-shared", "ws"]) {
          assert.match(licenses, new RegExp(`^${name} \\d`, "m"))
        }
      }).pipe(Effect.scoped, Effect.provide(MemoryBroker.layer())),
    60_000
  )

  test.live(
    "keeps its compiled code, and loads of Node and of itself what the command needs",
    () =>
      Effect.gen(function*() {
        const cache = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-cache-"))
        const environment = { NODE_COMPILE_CACHE: cache, NODE_OPTIONS: `--import=${loaded}` }
        const { stdout } = yield* run(process.execPath, [executable, "--help"], { environment })
        const kept = Fs.readdirSync(cache, { recursive: true })
        Fs.rmSync(cache, { recursive: true })
        assert.isAbove(kept.length, 2)
        const [, list] = stdout.split("LOADED ")
        for (const name of ["tls", "net", "crypto", "zlib", "child_process"]) {
          assert.notInclude(list.split(" "), name)
        }
      }),
    60_000
  )
})

Mosquitto.suite("npx effect-mqtt from the tarball", { alsoNeeds: [MosquittoClients.requirement] }, (it) => {
  it.effect("publishes", () =>
    Effect.gen(function*() {
      const { port } = yield* Broker
      const published = yield* npx("pub", "-p", String(port), "-t", "packed", "-m", "hello", "-r", "-q", "1")
      assert.strictEqual(published.exitCode, 0)
      const { stdout } = yield* run("mosquitto_sub", ["-p", String(port), "-t", "packed", "-C", "1", "-W", "5"])
      assert.strictEqual(stdout, "hello\n")
    }), 60_000)
})

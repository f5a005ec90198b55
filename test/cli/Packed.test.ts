/**
 * The command line as a user has it: from the packed tarball, by its name.
 */
import { assert, describe, it as test } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll } from "vitest"
import manifest from "../../package.json" with { type: "json" }
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as MosquittoClients from "../brokers/MosquittoClients.ts"
import { makeProject } from "../examples/packed.ts"
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

  for (const name of ["@effect/platform-node", "effect"]) {
    test.live(`says that ${name} is missing`, () =>
      Effect.gen(function*() {
        const link = Path.join(modules, name)
        const target = Fs.readlinkSync(link)
        Fs.rmSync(link, { recursive: true })
        const { exitCode, stderr } = yield* run(process.execPath, [executable, "--version"])
        Fs.symlinkSync(target, link, "junction")
        assert.strictEqual(exitCode, 1)
        assert.match(
          stderr,
          /^effect-mqtt: the command line needs "(@effect\/platform-node|effect)", which is not installed/
        )
        assert.include(stderr, "npm install effect @effect/platform-node")
      }), 60_000)
  }
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

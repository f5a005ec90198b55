/**
 * docs/guide.md and `examples/gateway` are one service, and it starts, takes a reading and ends as the page says. Its
 * programs and tests are run with all others of the documentation; the whole page is followed by `npm run guide`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, beforeAll } from "vitest"
import { repository } from "../../scripts/files.ts"
import { MemoryBroker } from "../../src/testing/index.ts"
import { NodeMemoryBroker } from "../../src/testing/node/index.ts"
import * as port from "../brokers/port.ts"
import { files, steps } from "../guide/page.ts"
import { read } from "./pages.ts"
import { environment, makeProject } from "./project.ts"

const page = read("docs/guide.md")
const written = files(page)
const example = Path.join(repository, "examples", "gateway")

/** npm adds them when the page installs packages. */
const added = ["dependencies", "devDependencies"]

describe("docs/guide.md", () => {
  it("has the files of examples/gateway", () => {
    // The first message is for the reader; the service goes without it.
    const expected = [...written.keys()].filter((file) => file !== "hello.ts")
    assert.sameMembers(Fs.readdirSync(example).filter((file) => file !== "node_modules"), expected)
    for (const file of expected.filter((file) => file !== "package.json")) {
      assert.strictEqual(Fs.readFileSync(Path.join(example, file), "utf8"), written.get(file), file)
    }
  })

  it("installs what examples/gateway depends on, in versions of this repository", () => {
    const manifest: Record<string, Record<string, string>> = JSON.parse(read("examples/gateway/package.json"))
    const own = Object.entries(manifest).filter(([name]) => !added.includes(name))
    assert.deepStrictEqual(Object.fromEntries(own), JSON.parse(written.get("package.json") ?? ""))
    const installed = steps(page).flatMap((step) => step._tag === "Run" ? step.commands.split("\n") : [])
      .filter((line) => line.startsWith("npm install"))
      .flatMap((line) => line.split(" ").slice(2).filter((word) => !word.startsWith("--")))
    const dependencies = { ...manifest.dependencies, ...manifest.devDependencies }
    assert.sameMembers(Object.keys(dependencies), installed)
    const { devDependencies, version }: typeof manifest = JSON.parse(read("package.json"))
    assert.deepStrictEqual(
      dependencies,
      Object.fromEntries(installed.map((name) => [name, devDependencies[name] ?? `^${version}`]))
    )
  })

  describe("its service", () => {
    let folder = ""
    beforeAll(() => {
      folder = makeProject([...written].map(([file, text]) => ({ file: Path.join("gateway", file), text })))
    })
    afterAll(() => Fs.rmSync(folder, { recursive: true, force: true }))

    it.live("starts, takes a reading, and ends when it is told to", () =>
      Effect.gen(function*() {
        const broker = yield* MemoryBroker.MemoryBroker
        const { url } = yield* NodeMemoryBroker.NodeMemoryBroker
        const httpPort = yield* port.free
        let printed = ""
        const gateway = yield* Effect.acquireRelease(
          Effect.sync(() =>
            spawn(process.execPath, ["main.ts"], {
              cwd: Path.join(folder, "gateway"),
              env: {
                ...environment,
                MQTT_URL: url,
                MQTT_CLIENT_ID: "gateway",
                MQTT_STORE_PATH: "store",
                HTTP_PORT: `${httpPort}`
              }
            })
          ),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        for (const output of [gateway.stdout, gateway.stderr]) output.on("data", (chunk) => printed += String(chunk))
        const post = Effect.tryPromise(() =>
          fetch(`http://127.0.0.1:${httpPort}/machines/oven/readings`, {
            method: "POST",
            body: JSON.stringify({ number: 1, celsius: 58.5 })
          })
        )
        const { status } = yield* Effect.retry(post, Schedule.spaced("50 millis"))
        assert.strictEqual(status, 202)
        const [reading] = yield* broker.awaitMessages("hall/+/reading")
        assert.strictEqual(reading?.text, "{\"number\":1,\"celsius\":58.5}")
        const presence = Effect.map(broker.retained, (retained) =>
          retained.filter(({ topic }) => topic === "gateway/status").map(({ text }) => text))
        assert.deepStrictEqual(yield* presence, ["online"])
        gateway.kill("SIGTERM")
        const code = yield* Effect.callback<number | null>((resume) => {
          gateway.once("exit", (code) =>
            resume(Effect.succeed(code)))
        })
        assert.strictEqual(code, 130, printed)
        assert.deepStrictEqual(yield* presence, ["offline"])
      }).pipe(Effect.scoped, Effect.provide(NodeMemoryBroker.layer())), { timeout: 60_000 })
  })
})

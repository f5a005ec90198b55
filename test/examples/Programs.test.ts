/**
 * `npm run examples` runs all programs of `examples`; each says what it shows, and the README lists it.
 */
import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { filesUnder, repository } from "../../scripts/files.ts"

const folder = Path.join(repository, "examples")
const read = (file: string): string => Fs.readFileSync(Path.join(repository, file), "utf8")

/** Those of the first folder's own; what is below is theirs. */
const programs = filesUnder(folder, ".ts").filter((file) => !file.includes("/"))

/** What there has to be at least, by the names people look for. */
const wanted = [
  "start",
  "quickstart",
  "clean",
  "unclean",
  "cold-boot",
  "range",
  "streaming",
  "publish-timeout",
  "duty-cycle",
  "boot",
  "tls",
  "network-probe",
  "publisher",
  "outage",
  "gateway-restart",
  "authentication",
  "worker-pool",
  "request-response",
  "rpc",
  "typed-topics",
  "dead-letter",
  "bridge",
  "sparkplug",
  "testing-your-program",
  "trace",
  "browser-dashboard"
]

const list = (...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [Path.join(repository, "scripts", "examples.ts"), "--list", ...args], {
    encoding: "utf8"
  })

describe("examples", () => {
  it("has one of each", () => {
    assert.includeMembers(programs.map((program) => Path.basename(program, ".ts")), wanted)
  })

  it("npm run examples finds every one, and by its name or a part of it only those", () => {
    const forEffect3 = ["v3/consume.ts", "v3/outage.ts", "v3/quickstart.ts"]
    assert.deepStrictEqual(list().stdout.trim().split("\n"), [...programs, ...forEffect3])
    assert.deepStrictEqual(list("clea").stdout.trim().split("\n"), ["clean.ts", "unclean.ts"])
    assert.deepStrictEqual(list("clean").stdout.trim().split("\n"), ["clean.ts"])
  })

  it("npm run examples fails when there is none of that name", () => {
    const { status, stderr } = list("nonsense")
    assert.strictEqual(status, 1)
    assert.match(stderr, /no such program/)
  })

  for (const program of programs) {
    describe(program, () => {
      const text = read(`examples/${program}`)

      it("says in its first three lines what it shows and how it ends", () => {
        const lines = text.split("\n")
        for (const line of lines.slice(0, 3)) assert.match(line, /^\/\/ \S/)
        assert.match(lines[3], /^import /)
        const header = lines.slice(0, 3).map((line) => line.slice(3)).join(" ")
        assert.match(header, /^(Shows|The first run)\b/)
        assert.match(header, /\b[Ee]nds\b/)
        assert.match(header, /--forever/)
      })

      it("is in the README's table", () => {
        assert.include(read("README.md"), `\`${Path.basename(program, ".ts")}\``)
      })
    })
  }
})

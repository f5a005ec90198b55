/**
 * This library brings nothing else into a program.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { onTestFinished } from "vitest"
import manifest from "../../package.json" with { type: "json" }
import { repository } from "../../scripts/files.ts"

describe("security 15: dependencies", () => {
  it("the package brings none: what it needs is its user's choice, and half of it optional", () => {
    const fields = Object.keys(manifest).filter((field) => /dependencies$/i.test(field))
    assert.sameMembers(fields, ["devDependencies", "peerDependencies"])
    assert.sameMembers(Object.keys(manifest.peerDependencies), ["effect", "@effect/platform-node"])
    assert.deepStrictEqual(manifest.peerDependenciesMeta, { "@effect/platform-node": { optional: true } })
  })

  it("nothing runs when it is installed", () => {
    const onInstall = ["preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare"]
    assert.deepStrictEqual(Object.keys(manifest.scripts).filter((script) => onInstall.includes(script)), [])
  })

  it("the codec runs where there is no package at all, not even Effect", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-codec-"))
    onTestFinished(() => Fs.rmSync(folder, { recursive: true }))
    Fs.cpSync(Path.join(repository, "src", "protocol"), Path.join(folder, "protocol"), { recursive: true })
    Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ type: "module" }))
    const program = `
      import { Decoder, Encoder } from "./protocol/index.ts"
      const decoder = Decoder.make({ protocolVersion: "5.0", sender: "client", maximumPacketSize: 100 })
      const bytes = Encoder.toBytes({ _tag: "Pingreq" }, { protocolVersion: "5.0", sender: "client" })
      process.stdout.write(decoder.push(bytes).map(({ _tag }) => _tag).join())
    `
    Fs.writeFileSync(Path.join(folder, "main.mjs"), program)
    const printed = execFileSync(process.execPath, ["main.mjs"], { cwd: folder, encoding: "utf8" })
    assert.strictEqual(printed, "Pingreq")
  })
})

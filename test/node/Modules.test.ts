/**
 * The modules that a program loads with `effect-mqtt` and `effect-mqtt/node`, before it does anything.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { repository } from "../../scripts/files.ts"

/** Everything a process of its own loads of it. */
const loadedBy = (modules: ReadonlyArray<string>): ReadonlyArray<string> => {
  const program = `
    import { registerHooks } from "node:module"
    const loaded = []
    const load = (url, context, next) => {
      loaded.push(url)
      return next(url, context)
    }
    registerHooks({ load })
    for (const module of ${JSON.stringify(modules)}) await import(module)
    console.log(JSON.stringify(loaded))
  `
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" }))
}

const source = (module: string): string => pathToFileURL(Path.join(repository, "src", module)).href

describe("effect-mqtt/node", () => {
  it("loads nothing of WebSockets and HTTP before there is a WebSocket to open", () => {
    const loaded = loadedBy([source("index.ts"), source("node/index.ts")])
    assert.include(loaded, source("node/NodeWebSocket.ts"))
    assert.deepStrictEqual(loaded.filter((url) => /node_modules\/ws\/|^node:https?$/.test(url)), [])
  })

  it("loads nothing of SQLite, which not every Node has, before there is a store to open", () => {
    const loaded = loadedBy([source("node/index.ts")])
    assert.include(loaded, source("node/NodeMqttStore.ts"))
    assert.notInclude(loaded, "node:sqlite")
  })
})

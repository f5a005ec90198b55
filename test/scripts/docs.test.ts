import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll } from "vitest"
import manifest from "../../package.json" with { type: "json" }
import * as Docs from "../../scripts/docs.ts"
import { repository } from "../../scripts/files.ts"

const declarations = Docs.emitDeclarations()
afterAll(() => fs.rmSync(declarations, { recursive: true, force: true }))

const modules = Docs.modules(declarations)
const exportPaths = Object.entries(manifest.exports).flatMap(([exported, target]) =>
  typeof target === "string" ? [] : [{ exportPath: path.posix.join(manifest.name, exported), target }]
)

describe("docstrings", () => {
  it.each(modules)("every export of $exportPath $name has one, with @since and @category", ({ docstring, exports }) => {
    assert.isNotEmpty(docstring?.description)
    assert.isNotEmpty(exports)
    const wanting = exports.filter(({ docstring }) =>
      docstring === undefined || docstring.since === undefined || docstring.category === undefined
    )
    assert.deepStrictEqual(wanting.map(({ name }) => name), [])
  })
})

describe("API reference", () => {
  it.each(exportPaths)("has everything that $exportPath exports at run time", async ({ exportPath, target }) => {
    const file = target.default.replace("./dist", "src").replace(/js$/, "ts")
    const exported: Readonly<Record<string, object>> = await import(path.join(repository, file))
    const inReference = modules.filter((module) => module.exportPath === exportPath)
    assert.sameMembers(inReference.map(({ name }) => name), Object.keys(exported))
    for (const { exports, name } of inReference) {
      assert.includeMembers(exports.map(({ name }) => name), Object.keys(exported[name]), name)
    }
  })

  const reference = Docs.reference(modules)

  it("has a page for each module, with the signature of each export under its category", () => {
    const text = reference.get("MqttStore.md")
    assert.isDefined(text)
    const [, store] = text.split("\n### Store\n")
    assert.include(text, "\n## models\n\n### Store\n")
    assert.include(store, "readonly remove: (clientId: string) => Effect.Effect<void, MqttError>")
    assert.include(store, "Since 0.1.0")
    assert.strictEqual(reference.size, modules.length + 1)
  })

  it("shows the shape of a service once, and its name elsewhere", () => {
    const text = reference.get("MqttClient.md")
    assert.isDefined(text)
    assert.include(text, "Effect.Effect<MqttClient[\"Service\"], MqttError.MqttError")
    assert.strictEqual(text.split("readonly publishSink:").length, 2)
  })

  it("links only to what is there", () => {
    for (const [file, text] of reference) {
      const prose = text.replace(/^```.*?^```$/gms, "")
      for (const [, target, anchor] of prose.matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
        const page = reference.get(target === "" ? file : path.posix.join(path.posix.dirname(file), target))
        assert.isDefined(page, `${file}: ${target}`)
        if (anchor !== undefined) assert.match(page, new RegExp(`^### ${anchor}$`, "im"), `${file}: ${anchor}`)
      }
    }
  })
})

import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterAll } from "vitest"
import * as Docs from "../../scripts/docs.ts"
import * as ExportPaths from "../../scripts/exportPaths.ts"
import { indexes } from "../../scripts/exportPaths.ts"
import { filesUnder, repository } from "../../scripts/files.ts"
import { anchorsOf } from "../../scripts/markdown.ts"
import { unnameable } from "../../scripts/unnameable.ts"

const declarations = Docs.emitDeclarations()
afterAll(() => fs.rmSync(declarations, { recursive: true, force: true }))

const modules = Docs.modules(declarations)
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

describe("documents", () => {
  it("have no marks of a merge", () => {
    const inRoot = fs.readdirSync(repository).filter((file) => file.endsWith(".md"))
    const documents = [...inRoot, ...filesUnder(path.join(repository, "docs"), ".md").map((file) => `docs/${file}`)]
    const marked = documents.filter((file) =>
      /^(<{7}|={7}|>{7})( |$)/m.test(fs.readFileSync(path.join(repository, file), "utf8"))
    )
    assert.deepStrictEqual(marked, [])
  })
})

describe("export paths", () => {
  const paths = modules.map((module) => ExportPaths.ofModule(module).replace("effect-mqtt/", "./"))
  // What has no module of its own: the indexes, and the one file for pages without a bundler.
  const sources = filesUnder(path.join(repository, "src"), ".ts")
    .filter((file) => path.basename(file) !== "index.ts" && file !== path.join("browser", "standalone.ts"))
  const subpaths = sources.map((file) => `./${file.replace(/\.ts$/, "")}`)

  it.each(paths)("%s leads to its module", (subpath) => {
    assert.include(subpaths, subpath)
    assert.strictEqual(ExportPaths.resolve(subpath), `${subpath.replace("./", "./dist/")}.js`)
  })

  it("lead to nothing else: what no index names is internal", () => {
    const others = subpaths.filter((subpath) => !paths.includes(subpath))
    assert.isAbove(others.length, 50)
    assert.deepStrictEqual(others.filter((subpath) => ExportPaths.resolve(subpath) !== undefined), [])
  })
})

describe("API reference", () => {
  it.each(indexes)("has everything that $exportPath exports at run time", async ({ exportPath, target }) => {
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
    assert.match(text, /\n## models\n[^]*\n### Store\n/)
    assert.include(
      store,
      "readonly open: (clientId: string) => Effect.Effect<OpenStore, MqttError.MqttError, Scope.Scope>"
    )
    assert.include(store, "Since 0.1.0")
    assert.strictEqual(reference.size, modules.length + 1)
  })

  it("shows the shape of a service once, and its name elsewhere", () => {
    const text = reference.get("MqttClient.md")
    assert.isDefined(text)
    assert.include(text, "Effect.Effect<MqttClient[\"Service\"], MqttError.MqttError")
    assert.strictEqual(text.split("readonly publishSink:").length, 2)
  })

  /** The entry of an export. */
  const entryOf = (file: string, name: string): string => {
    const [, entry] = (reference.get(file) ?? "").split(`\n### ${name}\n`)
    assert.isDefined(entry, `${file}: ${name}`)
    return entry.split(/\n#{2,3} /)[0]
  }

  it("links the types of a signature to their entries", () => {
    const types = entryOf("MqttClient.md", "Subscription").split("\nTypes: ")[1]
    assert.include(types, "[`MqttMessage.MqttMessage`](MqttMessage.md#mqttmessage-1)")
    assert.include(types, "[`MqttError.MqttError`](MqttError.md#mqtterror-1)")
    assert.include(entryOf("node/NodeMqtt.md", "layer"), "[`MqttClient.MqttClient`](../MqttClient.md#mqttclient-1)")
    assert.include(entryOf("node/NodeMqtt.md", "Options"), "[`TlsOptions`](#tlsoptions)")
  })

  it("has all fields of an interface, with the docstrings of those that it has from others", () => {
    const options = entryOf("node/NodeMqtt.md", "Options")
    assert.include(options, "From [`MqttClient.Options`](../MqttClient.md#options)")
    assert.match(options, /Default: 60 seconds\. \*\/\n {2}readonly keepAlive\?: Duration\.Input/)
    const deliver = entryOf("testing/MemoryBroker.md", "DeliverOptions")
    assert.include(deliver, "readonly qos?:")
    assert.notInclude(deliver, "readonly retain?:")
    const listening = entryOf("testing/node/NodeMemoryBroker.md", "Options")
    assert.include(listening, "readonly maximumQos?:")
    assert.notInclude(listening, "readonly connectDelay?:")
  })

  it("names the modules that a user imports, and none inside", () => {
    const names = new Set(modules.map(({ name }) => name))
    const imported = /^import (?:type )?(?:\* as (\w+)|\{([^}]*)\}|(\w+)) from "(?:effect|node:|@effect\/|ws)/gm
    const others = new Set(
      filesUnder(declarations, ".d.ts").map((file) => path.join(declarations, file))
        .flatMap((file) => [...fs.readFileSync(file, "utf8").matchAll(imported)])
        .flatMap(([, namespace, listed, single]) => [namespace, single, ...(listed ?? "").split(",")])
        .flatMap((name) => name?.trim().replace(/^type /, "") ?? [])
    )
    const inside = [...reference].flatMap(([file, text]) =>
      [...text.matchAll(/^```ts\n(.*?)^```/gms)].flatMap(([, code]) =>
        [...code.replaceAll(/\/\*.*?\*\/|\/\/.*/gs, "").matchAll(/(?<![\w."`])([A-Z]\w+)\.[A-Z]/g)]
          .filter(([, name]) => !names.has(name) && !others.has(name))
          .map(([, name]) => `${file}: ${name}`)
      )
    )
    assert.deepStrictEqual(inside, [])
  })

  const prose = (text: string): string => text.replace(/^```.*?^```$/gms, "")

  /** The headings of a page by their anchors. */
  const headings = (text: string): ReadonlyMap<string, string> => {
    const found = [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)
    return new Map(anchorsOf(found).map((anchor, index) => [anchor, found[index]]))
  }

  it("links only to what is there, and from a name to its entry", () => {
    for (const [file, text] of reference) {
      for (const [, name, target, anchor] of prose(text).matchAll(/([\w.]+)`?\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
        const page = reference.get(target === "" ? file : path.posix.join(path.posix.dirname(file), target))
        assert.isDefined(page, `${file}: ${target}`)
        if (anchor === undefined) continue
        assert.strictEqual(headings(page).get(anchor), name.split(".").at(-1), `${file}: ${anchor}`)
        assert.match(page, new RegExp(`^### ${name.split(".").at(-1)}$`, "m"))
      }
    }
  })
})

describe("types that no user can import", () => {
  it("are in no signature of the API", () => {
    assert.isAbove(modules.length, 30)
    assert.deepStrictEqual(unnameable(modules), [])
  })

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-unnameable-"))
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  /** The types that a module named `Module`, with these declarations, shows and does not export. */
  const shownBy = (text: string, ...exports: ReadonlyArray<string>): ReadonlyArray<string> => {
    const file = path.join(fs.mkdtempSync(path.join(folder, "module-")), "Module.d.ts")
    const hidden = "export interface Hidden {}\nexport declare const hidden: Hidden\n"
    fs.writeFileSync(path.join(path.dirname(file), "hidden.d.ts"), hidden)
    fs.writeFileSync(file, text)
    return unnameable([{ name: "Module", file, exports: exports.map((name) => ({ name })) }])
  }

  const cases: ReadonlyArray<readonly [what: string, text: string]> = [
    ["of another module", `import type { Hidden } from "./hidden.ts"\nexport declare const a: () => Hidden`],
    ["under another name", `import type { Hidden as Other } from "./hidden.ts"\nexport type a = ReadonlyArray<Other>`],
    ["of a namespace", `import type * as Inside from "./hidden.ts"\nexport interface a extends Inside.Hidden {}`],
    ["of the module itself", "interface Hidden {}\nexport interface a { readonly b: Hidden }"],
    ["of a value", `import { hidden } from "./hidden.ts"\nexport type a = keyof typeof hidden`],
    ["of an import in the signature", `export declare const a: import("./hidden.ts").Hidden`],
    [
      "of the base of a class",
      "interface Hidden {}\ndeclare const a_base: new() => Hidden\nexport declare class a extends a_base {}"
    ]
  ]
  it.each(cases)("are found: %s", (_what, text) => {
    assert.strictEqual(shownBy(text, "a").length, 1)
  })

  it("are none if the module exports them, from itself or from another, nor those of others", () => {
    const text = `
      import type * as Effect from "effect/Effect"
      import type * as Inside from "./hidden.ts"
      export type { Hidden as Shown } from "./hidden.ts"
      interface Own {}
      export type { Own }
      export declare const a: <A, B>(own: Own, shown: Inside.Hidden) => Effect.Effect<A, Map<string, B>>
      export type b<Self> = { [Key in keyof Self]: Self[Key] extends infer Value ? Value : Key }
    `
    assert.deepStrictEqual(shownBy(text, "a", "b", "Own", "Shown"), [])
    assert.deepStrictEqual(shownBy(text, "a"), ["Module.a: Own", "Module.a: Inside.Hidden"])
  })
})

/**
 * The declarations for Effect 3: which parts of the main package's declarations they keep, and in which words.
 */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript59"
import { declarationsFor } from "../../scripts/effect3/declarations.ts"
import { docstring, programsIn } from "../../scripts/effect3/docstrings.ts"
import { exportsOf, modulesOf } from "../../scripts/effect3/exports.ts"
import { parse, walk } from "../../scripts/effect3/syntax.ts"
import { typeTestFor } from "../../scripts/effect3/typeTest.ts"
import { filesUnder, repository } from "../../scripts/files.ts"

type Files = Readonly<Record<string, string>>

const modulesIn = (files: Files, isHandWritten = false) =>
  Object.entries(files).map(([path, text]) => parse(path, text, isHandWritten))

const generated = (files: Files, handWritten: Files = {}): ReadonlyMap<string, string> =>
  declarationsFor(modulesIn(files), modulesIn(handWritten, true))

/** One module, which users import. */
const moduleOf = (text: string): string =>
  generated({ index: `export * as Module from "./Module.ts";`, Module: text }).get("Module") ?? ""

/** The line of a type, with the imports of Effect that it needs. */
const typeOf = (imports: string, type: string): string => moduleOf(`${imports}\nexport type T = ${type};`)

describe("names of Effect 3", () => {
  it.each([
    ["Duration", "Duration.Input", `import type * as Duration from "effect/Duration";`, "Duration.DurationInput"],
    ["Result", "Result.Result<1, 2>", `import type * as Either from "effect/Either";`, "Either.Either<1, 2>"],
    [
      "Config",
      "Config.ConfigError",
      `import type * as ConfigError from "effect/ConfigError";`,
      "ConfigError.ConfigError"
    ],
    ["Config", "Config.Wrap<1>", `import type * as Config from "effect/Config";`, "Config.Config.Wrap<1>"],
    [
      "SubscriptionRef",
      "SubscriptionRef.SubscriptionRef<1>",
      `import type * as Subscribable from "effect/Subscribable";`,
      "Subscribable.Subscribable<1>"
    ],
    [
      "Schedule",
      "Schedule.Schedule<1, 2, 3, 4>",
      `import type * as Schedule from "effect/Schedule";`,
      "Schedule.Schedule<1, 2, 4>"
    ],
    ["Effect", "Effect.Effect<1, 2, 3>", `import type * as Effect from "effect/Effect";`, "Effect.Effect<1, 2, 3>"]
  ])("%s: %s", (module, type, imports, expected) => {
    assert.strictEqual(
      typeOf(`import * as ${module} from "effect/${module}";`, type),
      `${imports}\nexport type T = ${expected};\n`
    )
  })

  it("stand in an import of a type as well", () => {
    assert.strictEqual(
      typeOf("", `import("effect/Result").Result<import("effect/Duration").Input, any>`),
      `export type T = import("effect/Either").Either<import("effect/Duration").DurationInput, unknown>;\n`
    )
  })

  it("need not be namespaces", () => {
    const text =
      `import type { NonEmptyReadonlyArray } from "effect/Array";\nexport type T = NonEmptyReadonlyArray<1>;\n`
    assert.strictEqual(moduleOf(text), text)
  })

  it("are not taken from the module itself", () => {
    assert.strictEqual(
      moduleOf("export interface Duration {}\nexport type T = Duration;"),
      "export interface Duration {}\nexport type T = Duration;\n"
    )
  })
})

describe("services and references", () => {
  const service = moduleOf(`import * as Context from "effect/Context";
declare const Store_base: Context.ServiceClass<Store, "effect-mqtt/Store", { readonly size: number }>;
/** Keeps. */
export declare class Store extends Store_base {}
export type Own = Store["Service"];
export type Of<Key extends Context.Key<unknown, unknown>> = Key["Service"];
export {};`)

  it("a service is a Tag with a key of this package", () => {
    assert.include(
      service,
      `declare const Store_base: Context.TagClass<Store, "effect-mqtt-v3/Store", { readonly size: number }>;`
    )
  })

  it("what a service has is the Type of its class, and the Service of the class itself", () => {
    assert.include(service, `export type Own = Store["Type"];`)
    assert.include(
      service,
      `export type Of<Key extends { readonly Identifier: unknown; readonly Service: unknown }> = Key["Service"];`
    )
  })

  it("a reference is a class", () => {
    assert.strictEqual(
      moduleOf(`import * as Context from "effect/Context";
import type * as Duration from "effect/Duration";
/** How long. */
export declare const Patience: Context.Reference<Duration.Input | undefined>;`),
      `import type * as Context from "effect/Context";
import type * as Duration from "effect/Duration";
declare const Patience_base: Context.ReferenceClass<Patience, string, Duration.DurationInput | undefined>;
/** How long. */
export declare class Patience extends Patience_base {
}
export {};
`
    )
  })
})

describe("what is kept", () => {
  const files = {
    index: `/** All. */\nexport * as One from "./One.ts";\nexport * as MqttConnection from "./MqttConnection.ts";`,
    One: `/** The first. */
import * as Fiber from "effect/Fiber";
import type { Options } from "./internal/options.ts";
import type * as Other from "./internal/other.ts";
export type { Bounds as Limits, Unused } from "./internal/options.ts";
declare const hidden: Fiber.Fiber<1>;
export declare const make: (options: Options) => Other.Made;
export {};`,
    MqttConnection: "export type Connection = 1;",
    "internal/options":
      `export interface Bounds {}\nexport interface Unused {}\nexport interface Options {\n    readonly bounds: Bounds;\n}\nexport declare const check: (options: Options) => boolean;`,
    "internal/other":
      `import type { Effect } from "effect/Effect";\ntype Inner = Effect<1>;\nexport type Made = Inner;\nexport declare const make: 1;\nexport {};`,
    "internal/nobody": "export type Nobody = 1;"
  }
  const declarations = generated(files)

  it("are the modules that somebody names, and in them the declarations that somebody names", () => {
    assert.deepStrictEqual([...declarations.keys()].toSorted(), ["One", "index", "internal/options", "internal/other"])
    assert.strictEqual(declarations.get("index"), `/** All. */\nexport * as One from "./One.ts";\n`)
    assert.notInclude(declarations.get("internal/options"), "check")
    assert.strictEqual(
      declarations.get("internal/other"),
      `import type { Effect } from "effect/Effect";\ntype Inner = Effect<1>;\nexport type Made = Inner;\nexport {};\n`
    )
  })

  it("are the exports of a public module, its head, and the imports that these need", () => {
    assert.strictEqual(
      declarations.get("One"),
      `/** The first. */
import type { Options } from "./internal/options.ts";
import type * as Other from "./internal/other.ts";
export type { Bounds as Limits, Unused } from "./internal/options.ts";
export declare const make: (options: Options) => Other.Made;
export {};
`
    )
  })

  it("is what was written by hand, as it is, and what it imports", () => {
    const byHand = `import type { Nobody } from "./internal/nobody.ts"\nexport type T = Nobody\n`
    const own = generated(files, { One: byHand })
    assert.strictEqual(own.get("One"), byHand)
    assert.deepStrictEqual([...own.keys()].toSorted(), ["One", "index", "internal/nobody"])
  })

  it("exports what is added besides", () => {
    const own = generated(files, { "additions/One": "export type More = 1\n" })
    assert.isTrue(own.get("One")?.endsWith(`export * from "./additions/One.ts";\n`))
    assert.strictEqual(own.get("additions/One"), "export type More = 1\n")
  })
})

describe("what is written by hand", () => {
  const folder = path.join(repository, "v3", "declarations")

  it.each(filesUnder(folder, ".d.ts"))("%s has no any", (file) => {
    const found: Array<string> = []
    walk(parse(file, fs.readFileSync(path.join(folder, file), "utf8")).source, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(node.parent.getText())
    })
    assert.deepStrictEqual(found, [])
  })
})

describe("docstrings", () => {
  const example = (title: string, program: string): string =>
    `/**\n * What it does, in \`effect-mqtt/testing\`.\n *\n * **Example** (${title})\n *\n * \`\`\`ts\n * ${program}\n * \`\`\`\n *\n * @since 0.1.0\n */`

  it("name this package, and have programs of Effect 3", () => {
    const text = docstring(example("Anything", `import { NodeMqtt } from "effect-mqtt/node" // Config.String("A")`))
    assert.include(text, "in `effect-mqtt-v3/testing`.")
    assert.deepStrictEqual([...programsIn(text)], [[
      "Anything",
      `import { NodeMqtt } from "effect-mqtt-v3/node" // Config.string("A")`
    ]])
  })

  it("have no example where Effect 3 has nothing like that", () => {
    assert.strictEqual(
      docstring(example("All that Prometheus wants to know", "prometheus()")),
      "/**\n * What it does, in `effect-mqtt-v3/testing`.\n *\n * @since 0.1.0\n */"
    )
  })

  it("have an own example in place of another", () => {
    const text = docstring(example("Handling one reason", "catchReason()"))
    assert.include(programsIn(text).get("Handling one reason"), `MqttError.catchReason("PublishRefused"`)
  })

  it("of an index are translated as well", () => {
    const index = "/**\n * Needs no `effect-mqtt/node`.\n */\nexport * as One from \"./One.ts\";\n"
    assert.strictEqual(
      generated({ index, One: "export {};" }).get("index"),
      index.replace("effect-mqtt", "effect-mqtt-v3")
    )
  })

  it("of members are translated as well", () => {
    assert.include(
      moduleOf("export interface A {\n    /** As in `effect-mqtt/node`. */\n    readonly a: 1;\n}"),
      "As in `effect-mqtt-v3/node`."
    )
  })
})

describe("the type test", () => {
  const files = {
    index: `export * as One from "./One.ts";\nexport * as MqttConnection from "./MqttConnection.ts";`,
    "node/index": "",
    "testing/index": "",
    "testing/node/index": "",
    One: `export type { Options, Of } from "./internal/options.ts";\nexport declare const make: 1;`,
    MqttConnection: "export type Connection = 1;",
    "internal/options": "export interface Options {}\nexport type Of<A, B> = A | B;"
  }
  const modules = new Map(modulesIn(files).map((module) => [module.path, module]))
  const test = typeTestFor(modules)

  it("has a line for each type, and lines for the values of each module", () => {
    assert.include(test, "export type Main_One_type_Options = None<Difference<Main.One.Options, Other.One.Options>>")
    assert.include(test, "Difference<Main.One.Of<any, any>, Other.One.Of<any, any>>")
    assert.include(test, "DifferenceOfModules<typeof Main.One, typeof Other.One>")
    assert.include(test, "Exclude<keyof typeof Other.One, keyof typeof Runtime.One>")
  })

  it("says which modules are left out", () => {
    assert.include(test, `Exclude<keyof typeof Main, keyof typeof Other | "MqttConnection">`)
    assert.notInclude(test, "Main.MqttConnection")
  })

  it("reads exports through other modules", () => {
    assert.deepStrictEqual(exportsOf(modules, "One"), [
      { name: "Options", kind: "type", parameters: 0 },
      { name: "Of", kind: "type", parameters: 2 },
      { name: "make", kind: "value", parameters: 0 }
    ])
    assert.deepStrictEqual([...modulesOf(parse("index", files.index))], [["One", "One"], [
      "MqttConnection",
      "MqttConnection"
    ]])
  })
})

/**
 * All names in the documentation exist: calls, modules and their members, options, reasons, environment variables,
 * examples and npm scripts, and the API of MQTT.js on its page.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer } from "effect"
import * as EffectModules from "effect"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import manifest from "../../package.json" with { type: "json" }
import * as Reference from "../../scripts/docs.ts"
import { added } from "../../scripts/effect3/leftOut.ts"
import { filesUnder, repository } from "../../scripts/files.ts"
import { MqttClient, MqttMetrics } from "../../src/index.ts"
import { NodeMqtt, NodeMqttConfig } from "../../src/node/index.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import { blocks, excerpts, fileBlocks, pages, read, spans, tables, withoutBlocks } from "./pages.ts"

const declarations = Reference.emitDeclarations()
const modules = Reference.modules(declarations)
Fs.rmSync(declarations, { recursive: true, force: true })

const withoutComments = (text: string): string => text.replace(/\/\*.*?\*\//gs, "").replace(/\/\/.*$/gm, "")

const identifiers = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/[A-Za-z_$][\w$]*/g)].map(([identifier]) => identifier)

/** What users can see: names of exports, of their members and parameters, and their literals. */
const declared = new Set(modules.flatMap(({ exports, name }) => [
  name,
  ...exports.flatMap(({ name, signatures }) => [name, ...identifiers(withoutComments(signatures.join("\n")))])
]))

/** Members of the modules that are imported by name: ours with their types, Effect's with what is there at run time. */
const members = new Map<string, ReadonlySet<string>>(
  Object.entries(EffectModules)
    .map(([name, module]) => [name, new Set(Object.keys(module))])
)
for (const { exports, name } of modules) members.set(name, new Set(exports.map(({ name }) => name)))

/** Strings in the sources, and the names of metrics. */
const literals = new Set([
  ...Object.values({ ...MqttMetrics.all, ...MqttMetrics.messages }).map(({ id }) => id),
  ...filesUnder(Path.join(repository, "src"), ".ts").flatMap((file) =>
    [...withoutComments(read(`src/${file}`)).matchAll(/"([^"\\\n]*)"/g)].map(([, literal]) => literal)
  )
])

/** Under these names the pages speak of a client, a broker and so on. */
const services = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  return new Map<string, ReadonlyArray<string>>([
    ["mqtt", Object.keys(mqtt)],
    ["stats", Object.keys(yield* mqtt.stats)],
    ["broker", Object.keys(yield* MemoryBroker.MemoryBroker)],
    ["network", Object.keys(yield* FakeNetwork.FakeNetwork)]
  ])
}).pipe(
  Effect.provide(MqttClient.layer().pipe(Layer.provideMerge(MemoryBroker.layer({ latency: 0, connectDelay: 0 }))))
)

/** About the inside of this repository and about others: their names are not for users. */
const aboutTheInside = new Set([
  "CONTRIBUTING.md",
  ...["brokers", "codec-differences", "conformance", "crash", "evidence", "fleet", "mutation", "simulation", "soak"]
    .map(
      (page) => `docs/${page}.md`
    )
])

/** Of Node, of browsers, of JavaScript, and Effect's log levels. */
const foreign = new Set([
  "crypto",
  "it",
  "localStorage",
  "sessionStorage",
  "BroadcastChannel",
  "Duplex",
  "TestClock",
  "Uint8Array",
  "ReadonlyArray",
  "Error",
  "Date",
  "Info"
])

const mqttJs = Path.join(repository, "node_modules", "mqtt", "build")
const theirTypes = filesUnder(mqttJs, ".d.ts").map((file) => Fs.readFileSync(Path.join(mqttJs, file), "utf8"))
const theirPackets = Fs.readFileSync(Path.join(repository, "node_modules/mqtt-packet/types/index.d.ts"), "utf8")
const theirs = new Set(identifiers([...theirTypes, theirPackets].join("\n")))

/** Where MQTT.js is spoken of. */
const aboutMqttJs = new Set(["README.md", "docs/mqttjs.md", "docs/performance.md"])

/** Where Effect 3 is spoken of: its modules, with what is there at run time, and what only the package for it has. */
const aboutEffect3 = new Set(["docs/effect-3.md"])
const effect3 = new Map<string, ReadonlySet<string>>(
  Object.entries(Module.createRequire(Path.join(repository, "v3", "package.json"))("effect") as object)
    .map(([name, module]) => [name, new Set(Object.keys(Object(module)))])
)
for (const [name, member] of Object.keys(added).map((path) => path.split("."))) {
  effect3.set(name, new Set([...effect3.get(name) ?? [], member]))
}

/** Types are not there at run time. */
const isType = (module: string, name: string): boolean =>
  ["node_modules/effect/dist", "v3/node_modules/effect/dist/dts"]
    .map((folder) => Path.join(repository, folder, `${module}.d.ts`))
    .some((file) =>
      Fs.existsSync(file) && new RegExp(`\\b(type|interface) ${name}\\b`).test(Fs.readFileSync(file, "utf8"))
    )

/** A name with at least one capital, or one that is called. Small words are often no names. */
const isName = (identifier: string, span: string): boolean =>
  /^[A-Za-z]\w*$/.test(identifier) && (/[A-Z]/.test(identifier) || span.startsWith(`${identifier}(`)) &&
  !/^[A-Z0-9_]+$/.test(identifier)

/** First columns under these headings are names, of whatever case. */
const namesUnder = /^(option|call|reason|event|member|`\w+`)$/

describe("names in the documentation", () => {
  it.effect.each(pages.filter((page) => !aboutTheInside.has(page)))("of %s exist", (page) =>
    Effect.gen(function*() {
      const receivers = yield* services
      const text = read(page)
      // What a page's own programs declare is type-checked there.
      const inPrograms = new Set([
        ...["ts", "ts effect3", "ts effect3 packed"].flatMap((language) => blocks(language, text))
          .flatMap(({ text }) => identifiers(withoutComments(text))),
        ...[...fileBlocks("ts", text), ...excerpts(text)].flatMap(({ text }) => identifiers(withoutComments(text))),
        // Units of systemd and the like have names of their own.
        ...["ini", "yaml"].flatMap((language) => blocks(language, text)).flatMap(({ text }) => identifiers(text))
      ])
      const isKnown = (name: string): boolean =>
        declared.has(name) || members.has(name) || foreign.has(name) || inPrograms.has(name) || literals.has(name) ||
        (aboutMqttJs.has(page) && theirs.has(name)) || (aboutEffect3.has(page) && effect3.has(name))
      const unknown = new Set<string>()
      for (const span of spans(withoutBlocks(text))) {
        const [path] = /^[A-Za-z]\w*(?:\.[A-Za-z]\w*)*/.exec(span) ?? [""]
        const [receiver, member] = path.split(".")
        const known = member === undefined ? undefined : receivers.get(receiver) ?? members.get(receiver)
        if (known !== undefined && member !== undefined) {
          const isEffect3 = aboutEffect3.has(page) &&
            (effect3.get(receiver)?.has(member) === true || isType(receiver, member))
          if (![...known].includes(member) && !isEffect3 && !literals.has(span)) unknown.add(span)
        } else if (isName(receiver, span) && !isKnown(receiver)) unknown.add(span)
      }
      for (const { headings: [heading = ""], rows } of tables(withoutBlocks(text))) {
        if (!namesUnder.test(heading)) continue
        for (const span of rows.flatMap(([first = ""]) => spans(first))) {
          const [name] = /^[A-Za-z]\w*/.exec(span) ?? [""]
          if (name !== "" && !isKnown(name)) unknown.add(span)
        }
      }
      assert.deepStrictEqual([...unknown], [])
    }))

  it.effect("environment variables are read", () =>
    Effect.gen(function*() {
      const asked = new Set<string>()
      const recording = ConfigProvider.make((path) =>
        Effect.sync(() => {
          asked.add(path.join("_"))
          return undefined
        })
      )
      // A host that cannot be: the client is not to connect.
      yield* Effect.scoped(Layer.build(Layer.fresh(NodeMqtt.layerConfig(
        NodeMqttConfig.merge(NodeMqttConfig.environment, { url: Config.succeed("nowhere:") })
      )))).pipe(
        Effect.provideService(ConfigProvider.ConfigProvider, recording),
        Effect.exit
      )
      const named = pages.flatMap((page) =>
        spans(withoutBlocks(read(page))).flatMap((span) => /^MQTT_[A-Z_]+/.exec(span) ?? [])
      )
      assert.include(named, "MQTT_URL")
      // Others the tests of this repository read, and the command line sets for the programs it runs.
      const cli = filesUnder(Path.join(repository, "src/cli"), ".ts").map((file) => read(`src/cli/${file}`))
      const others = new Set([
        "MQTT_REQUIRE_BROKERS",
        "MQTT_ROUNDS",
        "MQTT_SCENARIOS",
        ...cli.flatMap((text) => identifiers(withoutComments(text)))
      ])
      assert.deepStrictEqual(named.filter((name) => !asked.has(name) && !others.has(name)), [])
    }))

  it.each(pages)("npm scripts and examples of %s exist", (page) => {
    const text = read(page)
    const scripts = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script)
    assert.includeMembers(Object.keys(manifest.scripts), scripts)
    const examples = [...text.matchAll(/npm run examples -- ([\w-]+)/g)].map(([, name]) => name)
    const files = Fs.readdirSync(Path.join(repository, "examples")).map((file) => Path.basename(file, ".ts"))
    assert.includeMembers([...files, "name"], examples)
  })

  it("every call of the client is in the README", () => {
    const service = modules.find(({ name }) => name === "MqttClient")?.exports
      .find(({ name }) => name === "MqttClient")?.signatures.join("\n") ?? ""
    const calls = [...withoutComments(service).matchAll(/^ {2}readonly (\w+):/gm)].map(([, call]) => call)
    assert.isNotEmpty(calls)
    const named = spans(withoutBlocks(read("README.md"))).flatMap(identifiers)
    assert.includeMembers(named, calls)
  })
})

describe("docs/mqttjs.md", () => {
  const named = new Set(
    tables(read("docs/mqttjs.md")).flatMap(({ rows }) => rows).flatMap(([first = ""]) => spans(first))
      .flatMap((span) => identifiers(span)[0] ?? [])
  )

  /** The members of a class or an interface of their declarations that users may touch. */
  const membersOf = (name: string): ReadonlyArray<string> => {
    const pattern = new RegExp(`(?:class|interface) ${name}\\b[^{]*\\{\n(.*?)^\\}`, "ms")
    const [, body] = theirTypes.map((text) => pattern.exec(text)).find((found) => found !== null) ?? []
    assert.isDefined(body, name)
    return [...body.matchAll(/^ {4}(?:static |get )?(\w+)\??[(:<]/gm)].map(([, member]) => member)
      .filter((member) => member !== "constructor" && !member.startsWith("_"))
  }

  it.each([
    "MqttClient",
    "MqttClientEventCallbacks",
    "IClientOptions",
    "ISecureClientOptions",
    "IClientPublishOptions",
    "IClientSubscribeOptions",
    "IClientSubscribeProperties",
    "IClientReconnectOptions"
  ])("has every member of their %s", (name) => {
    const members = membersOf(name)
    assert.isNotEmpty(members)
    assert.includeMembers([...named], [...members])
  })

  it("has everything they export", () =>
    import("mqtt").then((theirModule) => {
      const exported = Object.keys(theirModule).filter((name) => !["default", "module.exports"].includes(name))
      assert.includeMembers([...named], exported)
    }))
})

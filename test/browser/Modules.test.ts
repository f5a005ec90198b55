/**
 * A page with `effect-mqtt/browser` gets no module of Node, and no replacement of one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { isBuiltin } from "node:module"
import * as Path from "node:path"
import { parseSync } from "vite"
import * as BundleSize from "../../scripts/bundle-size.ts"
import { repository } from "../../scripts/files.ts"
import { importsOf } from "../../scripts/modules.ts"
import * as Site from "./Site.ts"

/** What a module imports besides types. What it re-exports is not among it. */
const valuesImportedBy = (module: string): ReadonlyArray<string> =>
  parseSync(module, Fs.readFileSync(module, "utf8")).program.body.flatMap((node) =>
    node.type === "ImportDeclaration" && node.importKind !== "type" ? [node.source.value] : []
  )

/** Every module that is reached from one, and the packages, with who imports them. */
const reachedFrom = (entry: string, importsOf: (module: string) => ReadonlyArray<string>) => {
  const modules = new Set<string>()
  const packages = new Map<string, string>()
  const visit = (module: string): void => {
    if (modules.has(module)) return
    modules.add(module)
    for (const specifier of importsOf(module)) {
      if (specifier.startsWith(".")) visit(Path.resolve(Path.dirname(module), specifier))
      else packages.set(specifier, module)
    }
  }
  visit(entry)
  return { modules: [...modules].map((module) => Path.relative(repository, module)), packages: [...packages.keys()] }
}

describe("effect-mqtt/browser", () => {
  it("imports nothing but effect and modules without Node, types included", () => {
    const { modules, packages } = reachedFrom(Path.join(repository, "src", "browser", "index.ts"), importsOf)
    assert.include(modules, Path.join("src", "MqttClient.ts"))
    assert.deepStrictEqual(modules.filter((module) => /^src.(node|testing|cli)\b/.test(module)), [])
    assert.deepStrictEqual(packages.filter((name) => !/^effect(\/|$)/.test(name)), [])
  })

  it("reaches neither effect/Config nor traces and metrics from `BrowserMqtt.layer`, for bundlers that keep whole modules", () => {
    const entry = Path.join(repository, "src", "browser", "BrowserMqtt.ts")
    const { modules, packages } = reachedFrom(entry, valuesImportedBy)
    assert.include(modules, Path.join("src", "internal", "client", "assembly", "whole.ts"))
    assert.deepStrictEqual(packages.filter((name) => /^effect.(Config|ConfigProvider|Metric|Schema)$/.test(name)), [])
    assert.deepStrictEqual(modules.filter((module) => /MqttMetrics|MqttConfig|observing|tracing\.ts/.test(module)), [])
  })

  it.live(
    "built with Vite a page holds this library and effect, and Vite has nothing to warn of",
    () =>
      Effect.gen(function*() {
        const { modules, warnings } = yield* Site.bundle
        assert.deepStrictEqual(warnings, [])
        const foreign = modules.filter((module) => {
          if (module.startsWith("\0") || module.startsWith("__vite") || isBuiltin(module)) return !allowed.test(module)
          const file = Path.relative(repository, module).split(Path.sep).join("/")
          return !/^(src\/(?!node\/|testing\/|cli\/)|examples\/browser\/|node_modules\/effect\/)/.test(file)
        })
        assert.deepStrictEqual(foreign, [])
        assert.isAbove(modules.length, 100)
      }).pipe(Effect.scoped),
    60_000
  )

  it.live(
    "a page that connects, subscribes and publishes has nothing of the rest, and is no larger than MQTT.js's",
    () =>
      Effect.gen(function*() {
        const pages = yield* Effect.promise(BundleSize.pages)
        const [page, , , peer, withStore] = pages
        assert.deepStrictEqual(Object.keys(unused).filter((name) => page.code.includes(unused[name])), [])
        assert.isAtMost(page.gzipped, peer.gzipped)
        for (const name of ["the store in IndexedDB", "how a session is kept", "effect/Schema"]) {
          assert.include(withStore.code, unused[name])
        }
      }),
    60_000
  )

  it.live(
    "a page that only publishes has nothing of subscriptions and requests, and weighs at most 80 % of the whole",
    () =>
      Effect.gen(function*() {
        const [page, , , , , publishing] = yield* Effect.promise(BundleSize.pages)
        const absent = { ...unused, ...notForPublishing }
        assert.deepStrictEqual(Object.keys(absent).filter((name) => publishing.code.includes(absent[name])), [])
        assert.deepStrictEqual(
          Object.keys(notForPublishing).filter((name) => !page.code.includes(notForPublishing[name])),
          []
        )
        assert.isAtMost(publishing.gzipped, 0.8 * page.gzipped)
      }),
    60_000
  )

  it.live(
    "a page that only subscribes has nothing of publishing and requests, and weighs less than the whole",
    () =>
      Effect.gen(function*() {
        const [page, , , , , , subscribing] = yield* Effect.promise(BundleSize.pages)
        const absent = { ...unused, ...notForSubscribing }
        assert.deepStrictEqual(Object.keys(absent).filter((name) => subscribing.code.includes(absent[name])), [])
        assert.isAtMost(subscribing.gzipped, 0.88 * page.gzipped)
      }),
    60_000
  )
})

/** What neither of the smaller clients has. */
const notForParts: Readonly<Record<string, string>> = {
  requests: "retainHandling:2",
  "dead letters": "dead letter"
}

const notForPublishing: Readonly<Record<string, string>> = {
  ...notForParts,
  "the inboxes of subscribers": "onPulled",
  events: "effect/Queue",
  "what SUBSCRIBE may say": "asks for noLocal",
  "log lines about received messages": "A message waits for a subscriber",
  "who subscribes to what": "is already subscribed to with other options"
}

const notForSubscribing: Readonly<Record<string, string>> = { ...notForParts, publishing: "publishSink" }

/** What says in the code of a page that it has something: names that a minifier keeps. */
const unused: Readonly<Record<string, string>> = {
  "options from the environment": "CLIENT_ID",
  traces: "messaging.operation.name",
  metrics: "mqtt.client.",
  "what only a server reads": "SUBSCRIBE names no Topic Filter",
  "errors of other transports": "DNS",
  "effect/Config": "~effect/Config",
  "effect/ConfigProvider": "effect/ConfigProvider",
  "effect/http": "~effect/http",
  "effect/net": "~effect/net",
  "effect/persistence": "effect/persistence",
  "effect/Schema": "~effect/Schema",
  "effect/socket": "effect/socket",
  "effect/crypto": "~effect/crypto",
  "SCRAM": "SCRAM-SHA-256",
  "the store in IndexedDB": "IDBKeyRange",
  "one client for all tabs": "effect-mqtt/tabs/",
  "how a session is kept": "The last changes of the session",
  "packets as lines": "bytes that are no packet",
  "typed topics": "MqttEncodeError",
  "the network probe": "effect-mqtt/NetworkProbe"
}

/** What Vite itself adds to load modules; `__vite-browser-external` is what it puts in the place of a module of Node. */
const allowed = /^\0?(vite\/modulepreload-polyfill|rolldown\/runtime)/

/**
 * Pages on a port of this machine: the page of examples/browser as it is, module by module, and built with Vite; other
 * examples, and pages of the tests.
 */
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Https from "node:https"
import { stripTypeScriptTypes } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { build, createLogger, type Rolldown } from "vite"
import { repository } from "../../scripts/files.ts"
import * as port from "../brokers/port.ts"

const root = Path.join(repository, "examples", "browser")
const source = Path.join(repository, "src")

export interface Site {
  readonly url: string
  /** Paths of what the browser asked for. */
  readonly requested: ReadonlyArray<string>
}

const types: { readonly [extension: string]: string } = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".ts": "text/javascript"
}

interface Answer {
  readonly file: string
  readonly text: string
}

/** What a site does besides serving its pages. */
export interface Options {
  /** Of every answer. */
  readonly headers?: Http.OutgoingHttpHeaders
  /** Serves over https. */
  readonly tls?: Https.ServerOptions
  /** Gets the server before it listens. */
  readonly onServer?: (server: Http.Server) => void
}

const serve = Effect.fnUntraced(
  function*(
    answer: (path: string) => Answer | undefined,
    { headers, onServer, tls }: Options = {}
  ): Effect.fn.Return<Site, never, Scope.Scope> {
    const requested: Array<string> = []
    const onRequest: Http.RequestListener = (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost")
      requested.push(pathname)
      const found = answer(pathname)
      const type = types[Path.extname(found?.file ?? "")] ?? "application/octet-stream"
      response.writeHead(found === undefined ? 404 : 200, { ...headers, "content-type": type }).end(found?.text)
    }
    const server = tls === undefined ? Http.createServer(onRequest) : Https.createServer(tls, onRequest)
    onServer?.(server)
    const listening = yield* port.listen(server)
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    return { url: `${tls === undefined ? "http" : "https"}://${port.host}:${listening}/`, requested }
  }
)

const read = (file: string): Answer | undefined =>
  Fs.existsSync(file) && Fs.statSync(file).isFile() ? { file, text: Fs.readFileSync(file, "utf8") } : undefined

// ---------------------------------------------------------------------------
// As it stands
// ---------------------------------------------------------------------------

/** What a package's `exports` say, for a browser that knows no packages. */
const importMap = {
  imports: {
    "effect-mqtt": "/effect-mqtt/index.ts",
    "effect-mqtt/browser": "/effect-mqtt/browser/index.ts",
    "effect-mqtt/testing/StoreSuite": "/effect-mqtt/testing/StoreSuite.ts",
    "effect/": "/effect/"
  }
}

const withImportMap = (html: string): string =>
  html.replace("<head>", `<head><script type="importmap">${JSON.stringify(importMap)}</script>`)

/** Types are taken out of a module; nothing else is done to it. */
const withoutTypes = ({ file, text }: Answer): Answer =>
  file.endsWith(".ts") ? { file, text: stripTypeScriptTypes(text) } : { file, text: withImportMap(text) }

const effect = Path.join(repository, "node_modules", "effect", "dist")

const moduleOf = (path: string, root: string): Answer | undefined => {
  const [, packageName, rest] = /^\/(effect|effect-mqtt)\/(.+)$/.exec(path) ?? []
  if (packageName === "effect") return read(Path.join(effect, rest)) ?? read(Path.join(effect, `${rest}.js`))
  const found = packageName === undefined
    ? read(Path.join(root, path === "/" ? "index.html" : path))
    : read(Path.join(source, rest))
  return found === undefined ? undefined : withoutTypes(found)
}

/** Without a bundler: the browser loads every module itself. */
export const plain: Effect.Effect<Site, never, Scope.Scope> = serve((path) => moduleOf(path, root))

/** A page of the tests, with nothing but this module of theirs. */
export const ofModule = (file: string): Effect.Effect<Site, never, Scope.Scope> =>
  serve((path) =>
    path === "/"
      ? { file: "index.html", text: withImportMap(`<head></head><script type="module" src="/${file}"></script>`) }
      : moduleOf(path, import.meta.dirname)
  )

/** A page that imports one file, as it is published. */
export const ofFile = (code: string, program: string): Effect.Effect<Site, never, Scope.Scope> =>
  serve((path) =>
    path === "/"
      ? { file: "index.html", text: `<!doctype html><script type="module">${program}</script>` }
      : path === "/standalone.js"
      ? { file: "standalone.js", text: code }
      : undefined
  )

// ---------------------------------------------------------------------------
// Built
// ---------------------------------------------------------------------------

/** What Vite makes of the page, what it was made of, and what Vite had to say. */
export interface Built {
  readonly folder: string
  readonly modules: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
}

const alias = [
  { find: /^effect-mqtt$/, replacement: Path.join(source, "index.ts") },
  { find: /^effect-mqtt\/(.+)$/, replacement: Path.join(source, "$1", "index.ts") }
]

const bundleOf = Effect.fnUntraced(function*(root: string): Effect.fn.Return<Built, never, Scope.Scope> {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-page-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
  const modules: Array<string> = []
  const warnings: Array<string> = []
  const logger = createLogger("silent")
  const warn = (message: string) => void warnings.push(message)
  yield* Effect.promise(() =>
    build({
      root,
      configFile: false,
      logLevel: "warn",
      customLogger: { ...logger, warn, warnOnce: warn },
      resolve: { alias },
      build: { outDir: folder, emptyOutDir: true, chunkSizeWarningLimit: Infinity },
      plugins: [{
        name: "modules",
        buildEnd() {
          modules.push(...this.getModuleIds())
        }
      }]
    })
  )
  return { folder, modules, warnings }
})

/** The page of examples/browser. */
export const bundle: Effect.Effect<Built, never, Scope.Scope> = bundleOf(root)

const serveBuilt = ({ folder }: Built): Effect.Effect<Site, never, Scope.Scope> =>
  serve((path) => read(Path.join(folder, path === "/" ? "index.html" : path)))

export const built: Effect.Effect<Site, never, Scope.Scope> = Effect.flatMap(bundle, serveBuilt)

/** The page of examples/browser-offline. */
export const offline: Effect.Effect<Site, never, Scope.Scope> = Effect.flatMap(
  bundleOf(Path.join(repository, "examples", "browser-offline")),
  serveBuilt
)

/** The page of examples/browser-tabs. */
export const tabs: Effect.Effect<Site, never, Scope.Scope> = Effect.flatMap(
  bundleOf(Path.join(repository, "examples", "browser-tabs")),
  serveBuilt
)

/** A page of the tests that is opened often: one file with this module of theirs. `/other` is another, `/file` a download. */
export const builtModule = (file: string, options?: Options): Effect.Effect<Site, never, Scope.Scope> =>
  Effect.gen(function*() {
    const built = yield* Effect.promise(() =>
      build({
        root: import.meta.dirname,
        configFile: false,
        logLevel: "error",
        publicDir: false,
        resolve: { alias },
        build: {
          write: false,
          modulePreload: false,
          rolldownOptions: { input: Path.join(import.meta.dirname, file) }
        }
      }) as Promise<Rolldown.RolldownOutput>
    )
    const [{ code }] = built.output
    const html = "<!doctype html><title>page</title><script type=\"module\" src=\"/page.js\"></script>"
    const files: { readonly [path: string]: Answer } = {
      "/": { file: "index.html", text: html },
      "/page.js": { file: "page.js", text: code },
      "/other": { file: "other.html", text: "<!doctype html><title>other</title>" },
      "/file": { file: "file", text: "file" }
    }
    return yield* serve((path) => files[path], options)
  })

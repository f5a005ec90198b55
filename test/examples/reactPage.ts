/**
 * The page of examples/react: built as it is published, and on Vite's own server, from a copy whose files a test may change.
 */
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Path from "node:path"
import { build, createServer, type InlineConfig, type Rolldown } from "vite"
import * as Front from "../../examples/support/front.ts"
import * as Page from "../../examples/support/page.ts"
import { repository } from "../../scripts/files.ts"
import * as port from "../brokers/port.ts"

const example = Path.join(repository, "examples", "react")
const source = Path.join(repository, "src")

/** What the example's own configuration does not know: that `effect-mqtt` is not installed, but lies beside it. */
const configuration = (root: string): InlineConfig => ({
  root,
  logLevel: "warn",
  resolve: {
    alias: [
      { find: /^effect-mqtt$/, replacement: Path.join(source, "index.ts") },
      { find: /^effect-mqtt\/(.+)$/, replacement: Path.join(source, "$1", "index.ts") }
    ]
  }
})

/** As it is published; where it is. */
export const built: Effect.Effect<string, never, Scope.Scope> = Effect.gen(function*() {
  const { output } = yield* Effect.promise(() =>
    build({
      ...configuration(example),
      // The tests run with another NODE_ENV, which would make it React for development.
      define: { "process.env.NODE_ENV": JSON.stringify("production") },
      oxc: { jsx: { development: false } },
      build: { write: false, chunkSizeWarningLimit: Infinity }
    }) as Promise<Rolldown.RolldownOutput>
  )
  const page = new Map(output.map((file) => [`/${file.fileName}`, file.type === "chunk" ? file.code : file.source]))
  const server = Http.createServer((request, response) =>
    Page.answer(page, new URL(request.url ?? "/", "http://localhost").pathname, response)
  )
  return `http://${port.host}:${yield* Front.listen(server)}/`
})

export interface Development {
  readonly url: string
  /** Changes a file of the copy, as an editor does. */
  readonly change: (file: string, from: string, to: string) => Effect.Effect<void>
}

/** A copy beside the packages of the repository, for as long as the scope. */
const copy = Effect.acquireRelease(
  Effect.sync(() => {
    Fs.mkdirSync(Path.join(repository, ".vitest"), { recursive: true })
    const folder = Fs.mkdtempSync(Path.join(repository, ".vitest", "react-"))
    Fs.cpSync(example, folder, { recursive: true, filter: (file) => Path.basename(file) !== "node_modules" })
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
)

/** On Vite's server for development. */
export const development: Effect.Effect<Development, never, Scope.Scope> = Effect.gen(function*() {
  const folder = yield* copy
  const server = yield* Effect.acquireRelease(
    Effect.promise(() =>
      createServer({
        ...configuration(folder),
        cacheDir: Path.join(folder, ".vite"),
        server: { host: port.host, port: 0, fs: { allow: [repository] } }
      })
    ),
    (server) => Effect.promise(() => server.close())
  )
  yield* Effect.promise(() => server.listen())
  return {
    url: server.resolvedUrls?.local[0] ?? "",
    change: (file, from, to) =>
      Effect.sync(() => {
        const path = Path.join(folder, file)
        const text = Fs.readFileSync(path, "utf8")
        assert.include(text, from)
        Fs.writeFileSync(path, text.replace(from, to))
      })
  }
})

/**
 * A page of `examples`, built with Vite and served from memory.
 */
import { Effect } from "effect"
import type * as Http from "node:http"
import * as Path from "node:path"
import { build, type Rolldown } from "vite"

const examples = Path.dirname(import.meta.dirname)
const source = Path.join(examples, "..", "src")

const types: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css"
}

/** The files of a page by their paths. */
export type Page = ReadonlyMap<string, string | Uint8Array>

export const bundle = (folder: string): Effect.Effect<Page> =>
  Effect.promise(async () => {
    const built = await build({
      root: Path.join(examples, folder),
      configFile: false,
      logLevel: "warn",
      resolve: {
        alias: [
          { find: /^effect-mqtt$/, replacement: Path.join(source, "index.ts") },
          { find: /^effect-mqtt\/(.+)$/, replacement: Path.join(source, "$1", "index.ts") }
        ]
      },
      build: { write: false, chunkSizeWarningLimit: Infinity }
    }) as Rolldown.RolldownOutput
    return new Map(built.output.map((file) => [`/${file.fileName}`, file.type === "chunk" ? file.code : file.source]))
  })

/** Answers with a file of the page, or with 404. */
export const answer = (page: Page, pathname: string, response: Http.ServerResponse): void => {
  const path = pathname === "/" ? "/index.html" : pathname
  const body = page.get(path)
  const type = types[Path.extname(path)] ?? "application/octet-stream"
  response.writeHead(body === undefined ? 404 : 200, { "content-type": type }).end(body)
}

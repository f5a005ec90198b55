/**
 * The site as `npm run site` builds it, in a folder that goes with the layer, behind a static server.
 */
import { Context, Effect, Layer } from "effect"
import { execFile } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { preview } from "vite"
import { filesUnder, repository } from "../../scripts/files.ts"
import * as port from "../brokers/port.ts"

export class BuiltSite extends Context.Service<BuiltSite, {
  /** Of the first page. The site is not at the root of its server. */
  readonly url: string
  /** Every file, by its path below `url`. */
  readonly files: ReadonlySet<string>
  readonly read: (file: string) => string
}>()("test/BuiltSite") {}

const run = (file: string, ...args: ReadonlyArray<string>) =>
  Effect.promise(() => promisify(execFile)(process.execPath, [file, ...args], { cwd: repository }))

const name = "manual"

export const layer: Layer.Layer<BuiltSite> = Layer.effect(
  BuiltSite,
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-site-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
    )
    const site = Path.join(folder, name)
    yield* run("scripts/docs.ts")
    yield* run("node_modules/vitepress/bin/vitepress.js", "build", "site", "--outDir", site)

    const free = yield* port.free
    yield* Effect.acquireRelease(
      Effect.promise(() =>
        preview({
          root: folder,
          configFile: false,
          logLevel: "silent",
          appType: "mpa",
          build: { outDir: "." },
          preview: { host: port.host, port: free, strictPort: true }
        })
      ),
      (server) => Effect.promise(() => server.close())
    )
    return {
      url: `http://${port.host}:${free}/${name}/`,
      files: new Set(filesUnder(site, "").filter((file) => Path.extname(file) !== "")),
      read: (file) => Fs.readFileSync(Path.join(site, file), "utf8")
    }
  })
)

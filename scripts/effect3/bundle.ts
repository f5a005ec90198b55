/**
 * Bundles the package for Effect 3: `v3/src` with the engine, and with the parts of Effect 4 that the engine needs.
 *
 * The same names, `effect/Effect` and so on, mean Effect 3 in `v3/src`, which the user has, and Effect 4 in all else, which
 * goes into the bundle. It is written as ES modules and again as CommonJS, because Node 20 has no `require` of ES modules.
 * All entries of one kind share one copy of everything. Nothing is minified, so that who debugs can read it.
 *
 * usage: node scripts/effect3/bundle.ts
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Vite from "vite"
import { filesUnder, repository } from "../files.ts"
import { licenses } from "../licenses.ts"
import { port } from "./port.ts"

/**
 * Where the package is written.
 *
 * @since 0.2.0
 * @category files
 */
export const folder: string = path.join(repository, "v3")

const source = path.join(folder, "src")

/**
 * The modules of several modules each that a user can import, as `exports` of the package has them.
 *
 * @since 0.2.0
 * @category files
 */
export const entries: ReadonlyArray<{ readonly entry: string; readonly specifier: string }> = [
  { entry: "index", specifier: "effect-mqtt-v3" },
  { entry: "node/index", specifier: "effect-mqtt-v3/node" },
  { entry: "testing/index", specifier: "effect-mqtt-v3/testing" }
]

const isEffect3 = (specifier: string, importer: string | undefined): boolean =>
  /^(effect|@effect\/platform)(\/|$)/.test(specifier) && path.normalize(importer ?? "").startsWith(source + path.sep)

const theUsers: Vite.Plugin = {
  name: "effect-3",
  enforce: "pre",
  resolveId: (specifier, importer) => isEffect3(specifier, importer) ? { id: specifier, external: true } : undefined
}

const isOwn = (module: string): boolean => path.normalize(module).startsWith(source + path.sep)

/**
 * Each public module is an entry too. The compiler of a user names a type in a declaration by a module that exports it, and
 * not by a namespace inside of one.
 */
const inputs = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    filesUnder(source, ".ts")
      .filter((file) => /^((node|testing)\/)?[^/]+$/.test(file))
      .map((file) => [file.slice(0, -".ts".length), path.join(source, file)])
  )

/** Node's own modules are not among what every entry needs: the main one is for any platform. */
const isShared = (module: string): boolean =>
  !/\/(src\/(node|testing)|@effect\/platform-node[^/]*)\//.test(module.split(path.sep).join("/"))

const isEngine = (module: string): boolean => !isOwn(module) && isShared(module)

const isBridge = (module: string): boolean => isOwn(module) && isShared(module)

const extensions = { es: "js", cjs: "cjs" } as const

type Format = keyof typeof extensions

const chunksOf = async (format: Format) => {
  const extension = extensions[format]
  const built = await Vite.build({
    root: repository,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins: [theUsers],
    // Of that module the client uses what is in `ws`.
    resolve: { alias: { "@effect/platform-node/NodeWS": "ws" } },
    ssr: { noExternal: true, external: ["ws"] },
    build: {
      write: false,
      ssr: true,
      minify: false,
      target: "node20",
      rolldownOptions: {
        input: inputs(),
        preserveEntrySignatures: "strict",
        output: {
          format,
          comments: { annotation: true, jsdoc: false, legal: true },
          minifyInternalExports: false,
          codeSplitting: {
            groups: [{ name: "engine", test: isEngine }, { name: "bridge", test: isBridge, minShareCount: 2 }]
          },
          entryFileNames: `[name].${extension}`,
          chunkFileNames: `internal/[name].${extension}`
        }
      }
    }
  })
  return [built].flat().flatMap((one) => "output" in one ? one.output : []).filter((one) => one.type === "chunk")
}

/**
 * Writes the bundles into `v3/dist`, with the licenses of what is in them.
 *
 * @since 0.2.0
 * @category bundling
 */
export const bundle = async (): Promise<void> => {
  port()
  const dist = path.join(folder, "dist")
  fs.rmSync(dist, { recursive: true, force: true })
  const chunks = (await Promise.all([chunksOf("es"), chunksOf("cjs")])).flat()
  for (const { code, fileName } of chunks) {
    const file = path.join(dist, fileName)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, code)
  }
  fs.writeFileSync(path.join(dist, "LICENSES.txt"), licenses(chunks.flatMap(({ moduleIds }) => moduleIds)))
}

if (import.meta.main) await bundle()

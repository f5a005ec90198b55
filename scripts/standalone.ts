/**
 * Builds the client in one file: replaces the module `browser/standalone.js` of `dist`, which imports others, by itself with
 * all that it imports.
 *
 * usage: node scripts/standalone.ts DIST
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Vite from "vite"
import { repository } from "./files.ts"
import { licenses } from "./licenses.ts"

/**
 * The code of the file, minified, and the licenses of the packages that are in it.
 *
 * @since 0.2.0
 * @category bundling
 */
export const build = async (): Promise<{ readonly code: string; readonly licenses: string }> => {
  const built = await Vite.build({
    root: repository,
    configFile: false,
    logLevel: "error",
    publicDir: false,
    build: {
      write: false,
      minify: true,
      modulePreload: false,
      lib: { entry: path.join(repository, "src", "browser", "standalone.ts"), formats: ["es"] }
    }
  })
  const chunks = [built].flat().flatMap((one) => "output" in one ? one.output : []).filter((one) =>
    one.type === "chunk"
  )
  const [{ code, moduleIds }, ...others] = chunks
  if (others.length > 0) throw new Error("The client in one file has become several")
  return { code, licenses: licenses(moduleIds) }
}

/**
 * Writes it into `dist`.
 *
 * @since 0.2.0
 * @category bundling
 */
export const write = async (dist: string): Promise<void> => {
  const { code, licenses } = await build()
  fs.writeFileSync(path.join(dist, "browser", "standalone.js"), code)
  fs.writeFileSync(path.join(dist, "browser", "standalone.LICENSES.txt"), licenses)
}

if (import.meta.main) {
  const [dist] = process.argv.slice(2)
  if (dist === undefined) throw new Error("usage: node scripts/standalone.ts DIST")
  await write(dist)
}

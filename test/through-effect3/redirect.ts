/**
 * Which modules of the main package its tests get from the adapter instead.
 *
 * The tests import them as ever. What the adapter, the engine and the main package itself import stays as it is.
 */
import { fileURLToPath, pathToFileURL } from "node:url"

const repository = new URL("../../", import.meta.url)

const replaced: ReadonlyMap<string, string> = new Map(
  [
    ["src/MqttClient.ts", "v3/test/scenarios/MqttClient.ts"],
    ["src/index.ts", "v3/test/scenarios/index.ts"],
    ["test/support/time.ts", "test/through-effect3/time.ts"]
  ].map(([module, replacement]) => [new URL(module, repository).href, new URL(replacement, repository).href])
)

const tests = new URL("test/", repository).href
const adapter = new URL("test/through-effect3/", repository).href

/** Where a module is that this module imports, if it is one of those. Both are URLs of files. */
export const redirect = (imported: string, importer: string): string | undefined =>
  importer.startsWith(tests) && !importer.startsWith(adapter) ? replaced.get(imported) : undefined

/** The same for paths, as Vite has them. */
export const redirectPath = (imported: string, importer: string): string | undefined => {
  const replacement = redirect(pathToFileURL(imported).href, pathToFileURL(importer).href)
  return replacement === undefined ? undefined : fileURLToPath(replacement)
}

/**
 * Which modules of the main package its tests get from the adapter instead.
 *
 * The tests import them as ever. What the adapter, the engine and the main package itself import stays as it is.
 */
import { fileURLToPath, pathToFileURL } from "node:url"

const repository = new URL("../../", import.meta.url)

const at = (path: string): string => new URL(path, repository).href

/** For all tests. */
const replaced: ReadonlyMap<string, string> = new Map([
  [at("src/MqttClient.ts"), at("v3/test/scenarios/MqttClient.ts")],
  [at("src/index.ts"), at("v3/test/scenarios/index.ts")]
])

/** For what interrupts calls and then looks at once whether they are through. */
const replacedForInterruptions: ReadonlyMap<string, string> = new Map([
  [at("test/support/time.ts"), at("test/through-effect3/time.ts")]
])
const interruptions = at("test/client/support/interruption.ts")

const tests = at("test/")
const adapter = at("test/through-effect3/")

/** Where a module is that this module imports, if it is one of those. Both are URLs of files. */
export const redirect = (imported: string, importer: string): string | undefined => {
  if (!importer.startsWith(tests) || importer.startsWith(adapter)) return undefined
  return replaced.get(imported) ?? (importer === interruptions ? replacedForInterruptions.get(imported) : undefined)
}

/** The same for paths, as Vite has them. */
export const redirectPath = (imported: string, importer: string): string | undefined => {
  const replacement = redirect(pathToFileURL(imported).href, pathToFileURL(importer).href)
  return replacement === undefined ? undefined : fileURLToPath(replacement)
}

/**
 * For programs of the repository: `effect-mqtt-v3` is its sources. `node --import ./scripts/effect3/sources.ts program.ts`.
 *
 * @since 0.2.0
 */
import { registerHooks } from "node:module"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { repository } from "../files.ts"
import { port } from "./port.ts"

const name = "effect-mqtt-v3"

const sourceOf = (entry: string): string => pathToFileURL(path.join(repository, "v3", "src", entry, "index.ts")).href

port()
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === name || specifier.startsWith(`${name}/`)
      ? next(sourceOf(specifier.slice(name.length + 1)), context)
      : next(specifier, context)
})

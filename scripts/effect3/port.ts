/**
 * Copies the modules that are the same for Effect 3 into `v3/src/ported`, where `effect` is Effect 3.
 *
 * They import nothing of Effect but `effect/Data` and types. What is copied is not kept in the repository.
 * usage: node scripts/effect3/port.ts
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { repository } from "../files.ts"

/** Of `src`: each is copied under its own name. */
const modules = ["MqttError", "internal/topicErrors"]

const target = path.join(repository, "v3", "src", "ported")

/** What is not copied is imported from where it is. */
const portedImport = (from: string, specifier: string): string => {
  const imported = path.join(path.dirname(from), specifier).replace(/\.ts$/, "")
  if (modules.includes(imported)) return specifier
  const relative = path.relative(path.join(target, path.dirname(from)), path.join(repository, "src", imported))
  return `${relative.split(path.sep).join("/")}.ts`
}

/**
 * Writes the copies.
 *
 * @since 0.2.0
 * @category constructors
 */
export const port = (): void => {
  fs.rmSync(target, { recursive: true, force: true })
  for (const module of modules) {
    const source = fs.readFileSync(path.join(repository, "src", `${module}.ts`), "utf8")
    const file = path.join(target, `${module}.ts`)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(
      file,
      source.replace(/ from "(\.[^"]+)"/g, (_, specifier: string) => ` from "${portedImport(module, specifier)}"`)
    )
  }
}

if (import.meta.main) port()

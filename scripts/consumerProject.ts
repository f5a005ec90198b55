/**
 * The programs of a user's project, for `build.ts`: they use the package as it is installed, and have declarations of
 * their own, in which the compiler must name every type of it.
 *
 * `scripts/consumer` has programs as people write them. Beside them a file for each module exports all that the module
 * does: its values, and the members of its services and interfaces.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import manifest from "../package.json" with { type: "json" }
import * as Docs from "./docs.ts"
import { indexes, ofModule } from "./exportPaths.ts"
import { filesUnder, repository } from "./files.ts"

/** Imports every path and prints its exports. */
const imports = (modules: ReadonlyArray<Docs.Module>): string =>
  [
    ...indexes.map(({ exportPath }, position) => `import * as index${position} from "${exportPath}"`),
    ...modules.map((module, position) => `import * as module${position} from "${ofModule(module)}"`),
    `import manifest from "${manifest.name}/package.json" with { type: "json" }`,
    "",
    `const indexes: ReadonlyArray<readonly [string, object]> = [`,
    indexes.map(({ exportPath }, position) => `  ["${exportPath}", index${position}]`).join(",\n"),
    `]`,
    `for (const [name, index] of indexes) {`,
    `  const exported = Object.keys(index)`,
    `  if (exported.length === 0) throw new Error(name + " exports nothing")`,
    `  console.log("    " + name + "@" + manifest.version + ": " + exported.join(" "))`,
    `}`,
    ...modules.map(({ exportPath, name }, position) => {
      const index = indexes.findIndex((index) => index.exportPath === exportPath)
      return `if (index${index}.${name} !== module${position}) throw new Error("${exportPath}/${name} is another module")`
    }),
    ""
  ].join("\n")

/** The text of a file that exports all of a module. */
const reexports = ({ exports }: Docs.Module): string =>
  exports.flatMap(({ name, signatures }) =>
    signatures.flatMap((signature) => {
      const members = (type: string) => `export const ${name}Members = (self: ${type}) => ({ ...self })`
      // A stream has the members of Effect's interface, and Effect does not export every type that these name.
      if (/^interface \w+ extends Stream\./.test(signature)) return []
      if (/^interface \w+ /.test(signature)) return [members(`Module.${name}`)]
      if (!/^(const|function|class) /.test(signature)) return []
      const value = `export const ${name}Value = Module.${name}`
      return signature.includes("Context.ServiceClass") ? [value, members(`Module.${name}["Service"]`)] : [value]
    })
  ).join("\n")

/**
 * Writes all programs into a folder; `main.ts` is the one to run.
 *
 * @since 0.2.0
 * @category writing
 */
export const write = (folder: string, declarations: string): void => {
  const modules = Docs.modules(declarations)
  const programs = path.join(repository, "scripts", "consumer")
  fs.mkdirSync(path.join(folder, "modules"))
  fs.writeFileSync(path.join(folder, "main.ts"), imports(modules))
  for (const file of filesUnder(programs, ".ts")) fs.copyFileSync(path.join(programs, file), path.join(folder, file))
  for (const module of modules) {
    const file = ofModule(module).replaceAll("/", "-")
    const text = reexports(module)
    const ways = {
      index: `import { ${module.name} as Module } from "${module.exportPath}"`,
      own: `import * as Module from "${ofModule(module)}"`
    }
    for (const [way, line] of Object.entries(ways)) {
      fs.writeFileSync(path.join(folder, "modules", `${file}-${way}.ts`), `${line}\n\n${text}\n`)
    }
  }
}

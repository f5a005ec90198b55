/**
 * Builds `effect-mqtt-v3`, the package for Effect 3, as it would be published, and uses it as a stranger would.
 *
 * Bundles `v3/src` with the engine, generates the types, packs both, lints the package, installs it in an empty project with
 * Effect 3, and type-checks programs there, whose users import or require it. What is declared has to be there. The programs
 * run in `npm run runtimes:effect3`.
 *
 * usage: npm run build:effect3
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as ConsumerTypes from "../consumerTypes.ts"
import { bin, pack, run, step, workplace } from "../steps.ts"
import * as Bundle from "./bundle.ts"
import * as Declarations from "./declarations.ts"
import * as Project from "./project.ts"
import * as Types from "./types.ts"

const types = path.join(Bundle.folder, "types")

/** A program that looks for what the declarations promise. */
const everyValue = (): string => {
  const promised = Bundle.entries.map((
    { entry, specifier }
  ) => [specifier, Types.valuesOf(path.join(types, `${entry}.d.ts`))])
  return `
const { createRequire } = require("node:module")
const main = async () => {
  for (const [specifier, namespaces] of ${JSON.stringify(promised)}) {
    for (const [way, module] of [["import", await import(specifier)], ["require", require(specifier)]]) {
      const missing = Object.entries(namespaces).flatMap(([namespace, names]) =>
        module[namespace] === undefined ? [namespace] : names.filter((name) => module[namespace]?.[name] === undefined).map((name) => namespace + "." + name))
      if (missing.length > 0) throw new Error(way + " of " + specifier + " is without " + missing.join(", "))
    }
    console.log("    " + specifier + ": " + Object.keys(namespaces).join(" "))
  }
}
main()
`
}

const folder = workplace()
const consumer = path.join(folder, "consumer")
await step("v3/dist: bundled as ES modules and as CommonJS", Bundle.bundle)
await step("v3/types: generated", () => {
  Declarations.write()
  Types.write(types, path.join(Bundle.folder, "dist"))
})
const tarball = await step("npm pack", () => pack(Bundle.folder, folder))
await step("publint --strict", () => run(folder, bin("publint"), "run", "--strict", tarball))
await step("attw --profile node16", () => run(folder, bin("attw"), tarball, "--profile", "node16"))
await step("npm install of the tarball in an empty project", () => Project.write(consumer, tarball))
await ConsumerTypes.check(consumer, ["*.ts"])
for (const compiler of ["TypeScript 7", "TypeScript 5.9"] as const) {
  await step(`types of CommonJS: ${compiler}`, () => ConsumerTypes.typeCheck(consumer, compiler, "NodeNext", ["*.cts"]))
}
fs.writeFileSync(path.join(consumer, "values.cjs"), everyValue())
console.log(
  await step(
    `every declared value is there in Node ${process.versions.node}`,
    () => run(consumer, process.execPath, "values.cjs")
  )
)

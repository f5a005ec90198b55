/**
 * Builds what would be published and uses it as a stranger would.
 *
 * Compiles `src` to `dist`, bundles the command line and the client in one file, packs it all, lints the package, installs it in an empty project, type-checks programs there with
 * two versions of TypeScript, as NodeNext and as a bundler resolves, and their declarations, and runs a program that imports
 * every export path.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as CommandLine from "./commandLine.ts"
import * as ConsumerProject from "./consumerProject.ts"
import * as ConsumerTypes from "./consumerTypes.ts"
import { repository } from "./files.ts"
import * as Standalone from "./standalone.ts"
import { bin, pack, quietInstall, run, step, workplace } from "./steps.ts"

const installedVersion = (name: string): string => {
  const file = path.join(repository, "node_modules", name, "package.json")
  const { version }: { readonly version: string } = JSON.parse(fs.readFileSync(file, "utf8"))
  return `${name}@${version}`
}

const install = (folder: string, tarball: string): void => {
  const packages = ["effect", "@effect/platform-node", "@types/node"].map(installedVersion)
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  ConsumerProject.write(folder, path.join(repository, "dist"))
  run(folder, "npm", ...quietInstall, tarball, ...packages)
}

const dist = path.join(repository, "dist")
const folder = workplace()
await step("dist: tsc -p tsconfig.build.json", () => {
  fs.rmSync(dist, { recursive: true, force: true })
  ConsumerTypes.compile(repository, "TypeScript 7", "--project", "tsconfig.build.json")
})
await step("dist/cli: bundled", () => CommandLine.bundle(dist))
await step("dist/browser/standalone.js: bundled", () => Standalone.write(dist))
const tarball = await step("npm pack", () => pack(repository, folder))
await step("publint --strict", () => run(repository, bin("publint"), "run", "--strict", tarball))
await step("attw --profile esm-only", () => run(repository, bin("attw"), tarball, "--profile", "esm-only"))

const consumer = path.join(folder, "consumer")
fs.mkdirSync(consumer)
await step("npm install of the tarball in an empty project", () => install(consumer, tarball))
await ConsumerTypes.check(consumer, ["*.ts", "modules/*.ts"])
console.log(
  await step(`every export imported by Node ${process.versions.node}`, () => run(consumer, process.execPath, "main.ts"))
)

/**
 * Builds what would be published and uses it as a stranger would.
 *
 * Compiles `src` to `dist`, bundles the command line and the client in one file, packs it all, lints the package, installs it in an empty project, type-checks programs there with
 * two versions of TypeScript, as NodeNext and as a bundler resolves, and their declarations, and runs a program that imports
 * every export path.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as CommandLine from "./commandLine.ts"
import * as ConsumerProject from "./consumerProject.ts"
import { repository } from "./files.ts"
import * as Standalone from "./standalone.ts"

const bin = (name: string): string => path.join(repository, "node_modules", ".bin", name)

/** Runs a program, shows what it printed when it fails, and gives back its standard output. */
const run = (cwd: string, command: string, ...options: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, options, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32"
  })
  if (status === 0) return stdout
  console.error(`${path.basename(command)} ${options.join(" ")}\n${error?.message ?? stdout + stderr}`)
  process.exit(1)
}

const step = <A>(title: string, work: () => A): A => {
  const started = performance.now()
  const result = work()
  console.log(`ok  ${title}  ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return result
}

/** The compilers that users have, by the package of this repository. */
const compilers = { "TypeScript 7": "typescript", "TypeScript 5.9": "typescript59" }

const resolutions = { NodeNext: "NodeNext", Bundler: "ESNext" }

const compile = (project: string, compiler: keyof typeof compilers, ...options: ReadonlyArray<string>): void => {
  const program = path.join(repository, "node_modules", compilers[compiler], "bin", "tsc")
  run(project, process.execPath, program, ...options)
}

const optionsFor = (moduleResolution: keyof typeof resolutions) => ({
  target: "ES2023",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  module: resolutions[moduleResolution],
  moduleResolution,
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  resolveJsonModule: true,
  skipLibCheck: false
})

const installedVersion = (name: string): string => {
  const file = path.join(repository, "node_modules", name, "package.json")
  const { version }: { readonly version: string } = JSON.parse(fs.readFileSync(file, "utf8"))
  return `${name}@${version}`
}

const install = (folder: string, tarball: string): void => {
  const packages = ["effect", "@effect/platform-node", "@types/node"].map(installedVersion)
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"]
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  ConsumerProject.write(folder, path.join(repository, "dist"))
  run(folder, "npm", "install", ...quiet, tarball, ...packages)
}

const compileFolder = (folder: string, compiler: keyof typeof compilers, tsconfig: object): void => {
  fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  compile(folder, compiler, "--project", "tsconfig.json")
}

/** Type-checks the project, writes its declarations, and type-checks these as the users of the project do. */
const typeCheck = (
  folder: string,
  compiler: keyof typeof compilers,
  moduleResolution: keyof typeof resolutions
): void => {
  const outDir = path.join(folder, `declarations of ${compiler} ${moduleResolution}`)
  const compilerOptions = optionsFor(moduleResolution)
  compileFolder(folder, compiler, {
    compilerOptions: { ...compilerOptions, declaration: true, emitDeclarationOnly: true, rootDir: ".", outDir },
    include: ["*.ts", "modules/*.ts"]
  })
  compileFolder(outDir, compiler, { compilerOptions: { ...compilerOptions, noEmit: true }, include: ["**/*.d.ts"] })
}

const workplace = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-build-"))
process.on("exit", () => fs.rmSync(workplace, { recursive: true, force: true }))

step("dist: tsc -p tsconfig.build.json", () => {
  fs.rmSync(path.join(repository, "dist"), { recursive: true, force: true })
  compile(repository, "TypeScript 7", "--project", "tsconfig.build.json")
})
const bundling = performance.now()
await CommandLine.bundle(path.join(repository, "dist"))
console.log(`ok  dist/cli: bundled  ${((performance.now() - bundling) / 1000).toFixed(1)} s`)
await Standalone.write(path.join(repository, "dist"))
const tarball = step("npm pack", () => {
  const printed = run(repository, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", workplace)
  const [packed]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(printed)
  return path.join(workplace, `${packed?.filename}`)
})
step("publint --strict", () => run(repository, bin("publint"), "run", "--strict", tarball))
step("attw --profile esm-only", () => run(repository, bin("attw"), tarball, "--profile", "esm-only"))

const consumer = path.join(workplace, "consumer")
fs.mkdirSync(consumer)
step("npm install of the tarball in an empty project", () => install(consumer, tarball))
for (const compiler of ["TypeScript 7", "TypeScript 5.9"] as const) {
  for (const resolution of ["NodeNext", "Bundler"] as const) {
    step(`types and declarations: ${compiler}, ${resolution}`, () => typeCheck(consumer, compiler, resolution))
  }
}
console.log(
  step(`every export imported by Node ${process.versions.node}`, () => run(consumer, process.execPath, "main.ts"))
)

/**
 * Builds what would be published and uses it as a stranger would.
 *
 * Compiles `src` to `dist`, packs it, lints the package, installs it in an empty project, type-checks a program there
 * that imports every export path (as NodeNext and as a bundler resolves), and runs that program.
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import manifest from "../package.json" with { type: "json" }
import { repository } from "./files.ts"

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

/** `effect-mqtt`, `effect-mqtt/node`, ...: every path that `exports` offers with types. */
const exportPaths = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target !== "string")
  .map(([exported]) => path.posix.join(manifest.name, exported))

const program = [
  ...exportPaths.map((exported, index) => `import * as module${index} from "${exported}"`),
  `import manifest from "${manifest.name}/package.json" with { type: "json" }`,
  "",
  `const modules: ReadonlyArray<readonly [string, object]> = [`,
  exportPaths.map((exported, index) => `  ["${exported}", module${index}]`).join(",\n"),
  `]`,
  `for (const [name, module] of modules) {`,
  `  const exported = Object.keys(module)`,
  `  if (exported.length === 0) throw new Error(name + " exports nothing")`,
  `  console.log("    " + name + "@" + manifest.version + ": " + exported.join(" "))`,
  `}`,
  ""
].join("\n")

const tsconfig = (module: string, moduleResolution: string): string =>
  JSON.stringify({
    compilerOptions: {
      target: "ES2023",
      lib: ["ES2023", "DOM", "DOM.Iterable"],
      module,
      moduleResolution,
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      resolveJsonModule: true,
      noEmit: true,
      skipLibCheck: false
    },
    files: ["main.ts"]
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
  fs.writeFileSync(path.join(folder, "main.ts"), program)
  run(folder, "npm", "install", ...quiet, tarball, ...packages)
}

const typeCheck = (folder: string, module: string, moduleResolution: string): void => {
  fs.writeFileSync(path.join(folder, "tsconfig.json"), tsconfig(module, moduleResolution))
  run(folder, bin("tsc"), "--project", "tsconfig.json")
}

const workplace = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-build-"))
process.on("exit", () => fs.rmSync(workplace, { recursive: true, force: true }))

step("dist: tsc -p tsconfig.build.json", () => {
  fs.rmSync(path.join(repository, "dist"), { recursive: true, force: true })
  run(repository, bin("tsc"), "--project", "tsconfig.build.json")
})
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
step("types as NodeNext", () => typeCheck(consumer, "NodeNext", "NodeNext"))
step("types as bundler", () => typeCheck(consumer, "ESNext", "Bundler"))
console.log(
  step(`every export imported by Node ${process.versions.node}`, () => run(consumer, process.execPath, "main.ts"))
)

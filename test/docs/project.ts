/**
 * A project of somebody who reads the documentation: programs of its pages, with `effect-mqtt` installed.
 */
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"

const source = Path.join(repository, "src")

/**
 * A project in which `effect-mqtt` is the sources as they are. It lies in the repository for the packages that are
 * installed there, and not in its `node_modules`, where Node runs no TypeScript. Its folder; the caller removes it.
 */
export const makeProject = (files: ReadonlyArray<{ readonly file: string; readonly text: string }>): string => {
  Fs.mkdirSync(Path.join(repository, ".vitest"), { recursive: true })
  const folder = Fs.mkdtempSync(Path.join(repository, ".vitest", "docs-"))
  const write = (file: string, content: unknown) => {
    Fs.mkdirSync(Path.dirname(Path.join(folder, file)), { recursive: true })
    Fs.writeFileSync(Path.join(folder, file), typeof content === "string" ? content : JSON.stringify(content))
  }
  const ours = Path.join("node_modules", "effect-mqtt")
  Fs.mkdirSync(Path.join(folder, ours), { recursive: true })
  Fs.symlinkSync(source, Path.join(folder, ours, "src"), "junction")
  write(Path.join(ours, "package.json"), {
    name: "effect-mqtt",
    type: "module",
    exports: {
      ".": "./src/index.ts",
      "./testing/node": "./src/testing/node/index.ts",
      "./*": "./src/*/index.ts",
      "./Mqtt*": "./src/Mqtt*.ts",
      "./browser/*": "./src/browser/*.ts"
    }
  })
  write("package.json", { type: "module" })
  write("tsconfig.json", {
    extends: Path.join(repository, "tsconfig.json"),
    compilerOptions: {
      // A program may name what it does not use.
      noUnusedLocals: false,
      paths: {
        "effect-mqtt": [Path.join(source, "index.ts")],
        "effect-mqtt/*": [Path.join(source, "*", "index.ts"), Path.join(source, "*.ts")]
      }
    },
    include: [],
    files: files.map(({ file }) => file).filter((file) => file.endsWith(".ts"))
  })
  for (const { file, text } of files) write(file, text)
  return folder
}

/** The environment of this process, without the marks of a test run. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|TEST$|MODE$|npm_|MQTT_)/.test(name))
)

/** Runs a program of Node to its end, and fails with what it printed unless it ends well. */
export const run = (cwd: string, ...options: ReadonlyArray<string>): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, options, { cwd, env: environment })
    let printed = ""
    child.stdout.on("data", (chunk) => printed += chunk)
    child.stderr.on("data", (chunk) => printed += chunk)
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`${options.join(" ")}: ${signal ?? `exit ${code}`}\n${printed}`))
    })
  })

export const moduleOf = (file: string): string => Path.join(repository, "node_modules", file)

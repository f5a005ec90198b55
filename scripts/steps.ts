/**
 * The steps of a build: programs run to their end, each step printed with its time, in a folder that goes away.
 *
 * @since 0.2.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { repository } from "./files.ts"

/**
 * A program that a package of this repository has installed.
 *
 * @since 0.2.0
 * @category steps
 */
export const bin = (name: string): string => path.join(repository, "node_modules", ".bin", name)

/**
 * Runs a program, shows what it printed when it fails, and gives back its standard output.
 *
 * @since 0.2.0
 * @category steps
 */
export const run = (cwd: string, command: string, ...options: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, options, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32"
  })
  if (status === 0) return stdout
  console.error(`${path.basename(command)} ${options.join(" ")}\n${error?.message ?? stdout + stderr}`)
  process.exit(1)
}

/**
 * Does some work and says how long it took.
 *
 * @since 0.2.0
 * @category steps
 */
export const step = async <A>(title: string, work: () => A | Promise<A>): Promise<A> => {
  const started = performance.now()
  const result = await work()
  console.log(`ok  ${title}  ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return result
}

/**
 * A folder for as long as this process runs.
 *
 * @since 0.2.0
 * @category steps
 */
export const workplace = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-build-"))
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Packs the package of a folder into another one. Gives back the file.
 *
 * @since 0.2.0
 * @category steps
 */
export const pack = (folder: string, destination: string): string => {
  const printed = run(folder, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", destination)
  const [packed]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(printed)
  return path.join(destination, `${packed?.filename}`)
}

/**
 * What npm is told where an empty project gets its packages.
 *
 * @since 0.2.0
 * @category steps
 */
export const quietInstall: ReadonlyArray<string> = [
  "install",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--no-package-lock"
]

/**
 * The package as it would be published, compiled and packed anew, in an empty project: as a user has it, except that
 * the packages it needs are those of this repository. Nothing is written to the repository, and no network is needed.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"

/** What a user installs besides: the peers, and what tests are run and type-checked with. */
const installed = ["effect", "@effect/platform-node", "@effect/vitest", "@types/node", "typescript", "vitest"]

const folderFor = (what: string): string => Fs.mkdtempSync(Path.join(Os.tmpdir(), `effect-mqtt-${what}-`))

const moduleOf = (name: string): string => Path.join(repository, "node_modules", name)

/** A test run leaves its marks in the environment, which a test run inside it must not see. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV$|TEST$|MODE$|npm_)/.test(name))
)

/** Runs a program and gives back what it printed; throws with all of it when it fails. */
export const run = (cwd: string, command: string, ...options: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, options, {
    cwd,
    encoding: "utf8",
    env: environment,
    shell: process.platform === "win32" && command === "npm"
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${options.join(" ")}: ${error?.message ?? `exit ${status}`}\n${stdout}${stderr}`)
}

const nodeRuns = (cwd: string, script: string, ...options: ReadonlyArray<string>): string =>
  run(cwd, process.execPath, moduleOf(script), ...options)

export const tsc = (cwd: string, ...options: ReadonlyArray<string>): string =>
  nodeRuns(cwd, "typescript/bin/tsc", ...options)

export const vitest = (cwd: string, ...options: ReadonlyArray<string>): string =>
  nodeRuns(cwd, "vitest/vitest.mjs", "run", ...options)

/** The compiler options of a user who wants every check. */
export const strictly = {
  target: "ES2023",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  module: "NodeNext",
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  // Only our own declarations matter here, and `npm run build` checks them.
  skipLibCheck: true
}

/**
 * The tarball: `files` of package.json with `dist` compiled and bundled from `src` as it is now. The caller removes its
 * folder.
 */
export const pack = (): string => {
  const stage = folderFor("pack")
  for (
    const file of [
      "package.json",
      "README.md",
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "LICENSE",
      "docs",
      "examples",
      "src"
    ]
  ) {
    Fs.cpSync(Path.join(repository, file), Path.join(stage, file), { recursive: true })
  }
  tsc(repository, "--project", "tsconfig.build.json", "--outDir", Path.join(stage, "dist"))
  run(repository, process.execPath, Path.join("scripts", "commandLine.ts"), Path.join(stage, "dist"))
  const printed = run(stage, "npm", "pack", "--json", "--ignore-scripts", "--offline")
  const [packed]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(printed)
  return Path.join(stage, `${packed?.filename}`)
}

/** An empty project with the unpacked tarball in its `node_modules`. Its folder; the caller removes it. */
export const makeProject = (): string => {
  const tarball = pack()
  const project = folderFor("project")
  const ours = Path.join(project, "node_modules", "effect-mqtt")
  Fs.mkdirSync(ours, { recursive: true })
  run(ours, "tar", "-xzf", tarball, "--strip-components=1")
  Fs.rmSync(Path.dirname(tarball), { recursive: true })
  for (const name of installed) {
    const link = Path.join(project, "node_modules", name)
    Fs.mkdirSync(Path.dirname(link), { recursive: true })
    Fs.symlinkSync(moduleOf(name), link, "junction")
  }
  Fs.writeFileSync(Path.join(project, "package.json"), JSON.stringify({ private: true, type: "module" }))
  return project
}

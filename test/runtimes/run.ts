/**
 * `npm run runtimes`: installs the packed package in an empty project, and runs one program of a user there with Node, Bun
 * and Deno, and bundled by esbuild, against a broker in this process.
 *
 * All runtimes come from npm. Ends with a non-zero exit code if a runtime does not do all of it.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import * as AedesSubjects from "../brokers/AedesSubjects.ts"
import { user } from "../brokers/Subject.ts"
import { pack, run } from "../examples/packed.ts"
import * as certificates from "../support/certificates.ts"

const packages = { bun: "1.4.5", deno: "2.9.6", esbuild: "0.28.2" }

interface Runtime {
  readonly name: string
  readonly command: string
  readonly options: ReadonlyArray<string>
  /** Default: the program as it is written. */
  readonly file?: string
  /** Nothing of a WebSocket can work, and the error says what to do. */
  readonly isWithoutWebSocket?: boolean
}

const runtimes: ReadonlyArray<Runtime> = [
  { name: "Node", command: process.execPath, options: [] },
  { name: "a bundle of esbuild", command: process.execPath, options: [], file: "bundle.mjs", isWithoutWebSocket: true },
  { name: "a bundle with a require", command: process.execPath, options: [], file: "requiring.mjs" },
  { name: `Bun ${packages.bun}`, command: "bun", options: ["run"] },
  { name: `Deno ${packages.deno}`, command: "deno", options: ["run", "--allow-all", "--no-check"] }
]

const versionOf = (name: string): string => {
  const { version }: { readonly version: string } = JSON.parse(
    Fs.readFileSync(Path.join(repository, "node_modules", name, "package.json"), "utf8")
  )
  return `${name}@${version}`
}

/** An empty project with the package, its peers and the runtimes. */
const project = Effect.acquireRelease(
  Effect.sync(() => {
    const tarball = pack()
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-runtimes-"))
    const allowScripts = Object.fromEntries(Object.keys(packages).map((name) => [name, true]))
    Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module", allowScripts }))
    const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock"]
    const peers = ["effect", "@effect/platform-node"].map(versionOf)
    run(folder, "npm", "install", ...quiet, tarball, ...peers, ...names)
    Fs.rmSync(Path.dirname(tarball), { recursive: true })
    Fs.copyFileSync(Path.join(import.meta.dirname, "program.ts"), Path.join(folder, "main.ts"))
    bundle(folder, "bundle.mjs")
    bundle(folder, "requiring.mjs", `--banner:js=${requiring}`)
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

/** The program with all that it imports in one ES module; with a `require`, as the error asks for it, or without. */
const bundle = (folder: string, file: string, ...options: ReadonlyArray<string>): void => {
  const esbuild = Path.join(folder, "node_modules", ".bin", "esbuild")
  run(folder, esbuild, "main.ts", "--bundle", "--platform=node", "--format=esm", `--outfile=${file}`, ...options)
}

const requiring = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"

/** What the program printed until its end. */
const output = (
  folder: string,
  { command, file = "main.ts", options }: Runtime,
  given: object
): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const program = Path.isAbsolute(command) ? command : Path.join(folder, "node_modules", ".bin", command)
    const child = spawn(program, [...options, file, JSON.stringify(given)], { cwd: folder, stdio: "pipe" })
    let printed = ""
    child.stdout.on("data", (chunk) => printed += String(chunk))
    child.stderr.pipe(process.stderr)
    child.on("error", (cause) => resume(Effect.die(cause)))
    child.on("close", () => resume(Effect.succeed(printed)))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

interface Tried {
  readonly name: string
  readonly problem?: string
}

/** Whether the runtime did all that it was to try. */
const judge = (
  { isWithoutWebSocket = false, name }: Runtime,
  printed: string,
  expected: ReadonlyArray<string>
): boolean => {
  const tried: ReadonlyArray<Tried> = printed.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  )
  const problems = expected.map((subject) => {
    const result = tried.find((one) => one.name === subject)
    const told = result === undefined ? "was not tried" : result.problem
    const isExpected = isWithoutWebSocket && /WebSocket/.test(subject) && told?.includes("createRequire") === true
    const problem = isExpected ? undefined : told
    console.log(problem === undefined ? `ok      ${name}: ${subject}` : `NOT OK  ${name}: ${subject}: ${problem}`)
    return problem
  })
  return problems.every((problem) => problem === undefined)
}

const main = Effect.gen(function*() {
  const folder = yield* project
  const { port, urls } = yield* AedesSubjects.one.start
  const all = { TCP: `mqtt://127.0.0.1:${port}`, ...urls }
  const results: Array<boolean> = []
  for (const runtime of runtimes) {
    const store = Path.join(folder, `store of ${runtime.name}`)
    const printed = yield* output(folder, runtime, { urls: all, ca: certificates.ca, store, ...user })
    results.push(judge(runtime, printed, [...Object.keys(all), "store"]))
  }
  if (results.includes(false)) process.exitCode = 1
})

main.pipe(Effect.scoped, NodeRuntime.runMain)

/**
 * `npm run runtimes:effect3`: installs the packed package for Effect 3 in an empty project, and runs programs of its
 * users there against mosquitto, with the oldest supported Node and with this one.
 *
 * Packs the result of `npm run build:effect3`. Ends with a non-zero exit code if a program does not do all of it.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Bundle from "../../scripts/effect3/bundle.ts"
import * as Project from "../../scripts/effect3/project.ts"
import { pack, quietInstall, run, step, workplace } from "../../scripts/steps.ts"
import * as MosquittoSubjects from "../brokers/MosquittoSubjects.ts"
import { user } from "../brokers/Subject.ts"
import * as certificates from "../support/certificates.ts"

/** The oldest that the package is for. */
const oldest = "20"

const versionOf = (node: string): string => execFileSync(node, ["--version"], { encoding: "utf8" }).trim()

/** One that the machine has, or else the newest of npm. */
const oldestNode = (folder: string): string => {
  const found = (process.env.PATH ?? "").split(Path.delimiter)
    .map((directory) => Path.join(directory, "node"))
    .find((file) => Fs.existsSync(file) && versionOf(file).startsWith(`v${oldest}.`))
  if (found !== undefined) return found
  Fs.mkdirSync(folder)
  Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ private: true, allowScripts: { node: true } }))
  run(folder, "npm", ...quietInstall, `node@${oldest}`)
  return Path.join(folder, "node_modules", "node", "bin", "node")
}

interface Program {
  readonly name: string
  readonly file: string
  readonly options: ReadonlyArray<string>
  /** Lines that it prints, or parts of them. */
  readonly prints: ReadonlyArray<string>
}

const threeLevels = "consumer/0=QoS 0 consumer/1=QoS 1 consumer/2=QoS 2"

const programsFor = (port: number, urls: Readonly<Record<string, string>>): ReadonlyArray<Program> => {
  const given = { urls: { TCP: `mqtt://127.0.0.1:${port}`, ...urls }, ca: certificates.ca, ...user }
  return [
    {
      name: "every transport",
      file: "live.js",
      options: [JSON.stringify(given)],
      prints: Object.keys(given.urls).map((transport) => `${transport}: ${threeLevels}`)
    },
    {
      name: "a Socket of @effect/platform-node",
      file: "socket.js",
      options: [JSON.stringify({ port, ...user })],
      prints: ["consumer/socket/1=over a Socket"]
    },
    {
      name: "CommonJS",
      file: "required.cjs",
      options: [],
      prints: ["alarm/1=fire InvalidRequest true InvalidOptions"]
    },
    {
      name: "the test of the documents",
      file: Path.join("node_modules", "vitest", "vitest.mjs"),
      options: ["run", ".test.js"],
      prints: ["1 passed"]
    }
  ]
}

/** What the program printed until its end. */
const output = (cwd: string, node: string, { file, options }: Program): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const child = spawn(node, [file, ...options], { cwd, stdio: "pipe", env: { ...process.env, NO_COLOR: "1" } })
    let printed = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => printed += String(chunk))
    child.on("error", (cause) => resume(Effect.die(cause)))
    child.on("close", () => resume(Effect.succeed(printed)))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** Whether the program did all that it was to do. */
const judge = (node: string, { name, prints }: Program, printed: string): boolean => {
  const missing = prints.filter((line) => !printed.includes(line))
  console.log(`${missing.length === 0 ? "ok      " : "NOT OK  "}Node ${versionOf(node)}: ${name}`)
  if (missing.length > 0) console.log(`expected:\n${missing.join("\n")}\nprinted:\n${printed}`)
  return missing.length === 0
}

const folder = workplace()
const consumer = Path.join(folder, "consumer")
await step("npm install of the tarball in an empty project", () => Project.write(consumer, pack(Bundle.folder, folder)))
await step("programs compiled", () => Project.compile(consumer))
const nodes = [oldestNode(Path.join(folder, "node")), process.execPath]

const main = Effect.gen(function*() {
  const { port, urls } = yield* MosquittoSubjects.plain.start
  const results: Array<boolean> = []
  for (const node of nodes) {
    for (const program of programsFor(port, urls)) {
      results.push(judge(node, program, yield* output(consumer, node, program)))
    }
  }
  if (results.includes(false)) process.exitCode = 1
})

main.pipe(Effect.scoped, NodeRuntime.runMain)

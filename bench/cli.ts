/**
 * `npm run bench:cli`: how long a command takes from its start to its end, ours and MQTT.js's.
 *
 * Packs the package, installs it and MQTT.js in an empty project, and starts the commands of both as a shell does. They take
 * turns, and each round another one goes first. Ends with a non-zero exit code when ours is slower.
 */
import { Aedes } from "aedes"
import { spawn, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { parseArgs } from "node:util"
import * as CommandLine from "../scripts/commandLine.ts"
import { repository } from "../scripts/files.ts"

const { values: { rounds } } = parseArgs({ options: { rounds: { type: "string", default: "11" } } })

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-bench-cli-"))
process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }))

const host = "127.0.0.1"

const run = (cwd: string, command: string, ...list: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = spawnSync(command, list, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32" && command === "npm"
  })
  if (status !== 0) throw new Error(`${command} ${list.join(" ")}: ${error?.message ?? stdout + stderr}`)
  return stdout
}

/** What would be published, without a `dist` in the repository. */
const pack = async (): Promise<string> => {
  const stage = path.join(folder, "stage")
  for (const file of ["package.json", "README.md", "LICENSE"]) {
    fs.cpSync(path.join(repository, file), path.join(stage, file))
  }
  const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
  const dist = path.join(stage, "dist")
  run(repository, process.execPath, compiler, "--project", "tsconfig.build.json", "--outDir", dist)
  await CommandLine.bundle(dist)
  const [packed]: ReadonlyArray<{ readonly filename: string }> = JSON.parse(
    run(stage, "npm", "pack", "--json", "--ignore-scripts")
  )
  return path.join(stage, `${packed.filename}`)
}

const installedVersion = (name: string): string => {
  const file = path.join(repository, "node_modules", name, "package.json")
  const { version }: { readonly version: string } = JSON.parse(fs.readFileSync(file, "utf8"))
  return `${name}@${version}`
}

/** Both commands, as `node_modules/.bin` has them. */
const install = async () => {
  const project = path.join(folder, "project")
  fs.mkdirSync(project)
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify({ private: true }))
  const packages = [await pack(), installedVersion("mqtt"), installedVersion("effect")]
  run(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-package-lock", ...packages)
  const command = (name: string): string => fs.realpathSync(path.join(project, "node_modules", ".bin", name))
  return { ours: command("effect-mqtt"), peer: command("mqtt") }
}

/** Milliseconds from the start of the process to its end. */
const time = (program: string, list: ReadonlyArray<string>): Promise<number> =>
  new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, [program, ...list], {
      stdio: "ignore",
      // Node keeps the compiled code there.
      env: { ...process.env, TMPDIR: folder }
    })
    child.on("error", reject)
    child.on("exit", (code) => {
      if (code === 0) resolve(performance.now() - started)
      else reject(new Error(`${path.basename(program)} ${list.join(" ")} ended with ${code}`))
    })
  })

/** Of an odd number of them. */
const median = (list: ReadonlyArray<number>): number => list.toSorted((a, b) => a - b)[list.length >> 1]

const listen = async (): Promise<AddressInfo> => {
  const aedes = await Aedes.createBroker()
  const server = createServer((socket) => void aedes.handle(socket))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return server.address() as AddressInfo
}

const { ours, peer } = await install()
const { port } = await listen()
const message = ["-h", host, "-p", String(port), "-t", "bench", "-m", "hello"]
const rows = [["--help"], ["pub", ...message], ["pub", ...message, "-q", "1"]]

console.log(`${"".padEnd(24)}${"effect-mqtt".padStart(14)}${"MQTT.js".padStart(14)}${"ratio".padStart(8)}`)
for (const list of rows) {
  const times: { readonly [program: string]: Array<number> } = { [ours]: [], [peer]: [] }
  const first = await time(ours, list)
  for (const program of [ours, peer]) await time(program, list)
  for (let round = 0; round < Number(rounds); round++) {
    for (const program of round % 2 === 0 ? [ours, peer] : [peer, ours]) times[program].push(await time(program, list))
  }
  const [here, there] = [median(times[ours]), median(times[peer])]
  const name = list.filter((word) => !message.includes(word)).join(" ")
  const cells = [here, there].map((value) => `${value.toFixed(0)} ms`.padStart(14))
  console.log(
    `${name.padEnd(24)}${cells.join("")}${(there / here).toFixed(2).padStart(8)}   first ${first.toFixed(0)} ms`
  )
  if (here > there) process.exitCode = 1
}
process.exit()

/**
 * Which test files run through the package for Effect 3: those of the folders with scenarios of the client, if they make a
 * client of `src/MqttClient.ts`, by themselves or by a module of `test` that they import.
 *
 * The other folders test one module each, or need sockets, browsers or processes: their clients do not come from
 * `MqttClient.make`. `test/simulation` has a run of its own.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"

const tests = fileURLToPath(new URL("../", import.meta.url))
const sources = path.join(tests, "..", "src")

const folders = ["client", "known-failures", "security"]

/** Where clients come from. */
const makers = ["MqttClient.ts", "index.ts"].map((module) => path.join(sources, module))

const importsOf = (file: string): ReadonlyArray<string> =>
  [...fs.readFileSync(file, "utf8").matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)"/gm)].map(([, specifier]) =>
    path.resolve(path.dirname(file), specifier)
  )

const makesClients = (file: string, seen: Set<string> = new Set()): boolean => {
  if (makers.includes(file)) return true
  if (seen.has(file) || !file.startsWith(tests) || !fs.existsSync(file)) return false
  seen.add(file)
  return importsOf(file).some((imported) => makesClients(imported, seen))
}

/** Below the repository. */
export const files: ReadonlyArray<string> = folders.flatMap((folder) =>
  fs.readdirSync(path.join(tests, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => path.join(tests, folder, file))
    .filter((file) => makesClients(file))
    .map((file) => path.relative(path.join(tests, ".."), file).split(path.sep).join("/"))
)

/** They repeat something thousands of times, or at every point there is, and take minutes. */
export const long: ReadonlyArray<string> = [
  "test/client/ExactlyOnce.test.ts",
  "test/client/InterruptedCalls.test.ts",
  "test/client/InterruptionAtEveryPoint.test.ts",
  "test/client/NothingHeld.test.ts",
  "test/client/NothingHeldFull.test.ts",
  "test/client/NothingHeldOffline.test.ts",
  "test/client/NothingHeldOnline.test.ts",
  "test/client/NothingHeldUnanswered.test.ts",
  "test/client/PresenceOutages.test.ts",
  "test/client/WrongValues.test.ts",
  "test/security/HostileServer.test.ts",
  "test/security/Memory.test.ts",
  "test/security/Secrets.test.ts"
]

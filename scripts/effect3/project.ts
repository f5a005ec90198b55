/**
 * An empty project with Effect 3 and `effect-mqtt-v3` as it is packed, and programs of its users: those of `v3/consumer` and
 * those of the documents, with the test among them.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as ConsumerTypes from "../consumerTypes.ts"
import { filesUnder, repository } from "../files.ts"
import { quietInstall, run } from "../steps.ts"

/** What a user of Effect 3 has. */
const packages = [
  "effect@^3.22.0",
  "@effect/platform@^0.97.0",
  "@effect/platform-node@^0.108.0",
  "@effect/vitest@^0.30.0",
  "vitest@^3.2.4",
  "ws@^8.18.0",
  "@types/node@^24.0.0"
]

/** Later ones declare a method that Vitest 3 declares as well: with them no project with Vitest 3 checks all declarations. */
const overrides = { "@types/chai": "5.0.1" }

const pages = ["docs/effect-3.md", "v3/README.md"]

const programsOf = (page: string): ReadonlyArray<readonly [file: string, text: string]> => {
  const text = fs.readFileSync(path.join(repository, page), "utf8")
  return Array.from(text.matchAll(/^```ts effect3.*?\n(.*?)^```$/gms), ([, program], index) => {
    const ending = program.includes("@effect/vitest") ? ".test.ts" : ".ts"
    return [`${path.basename(page, ".md")}-${index + 1}${ending}`, program]
  })
}

const effects = (folder: string): ReadonlyArray<string> => [
  ...new Set(run(folder, "npm", "ls", "effect", "--all", "--parseable").split("\n").filter((line) => line !== ""))
]

/**
 * Makes the project in a folder. Fails where npm finds that a package is not what another one asks for, and where Effect is
 * installed twice.
 *
 * @since 0.2.0
 * @category steps
 */
export const write = (folder: string, tarball: string): void => {
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module", overrides }))
  const programs = path.join(repository, "v3", "consumer")
  for (const file of filesUnder(programs, "ts")) fs.copyFileSync(path.join(programs, file), path.join(folder, file))
  for (const [file, text] of pages.flatMap(programsOf)) fs.writeFileSync(path.join(folder, file), text)
  run(folder, "npm", ...quietInstall, "--strict-peer-deps", tarball, ...packages)
  const installed = effects(folder)
  if (installed.length !== 1) throw new Error(`effect is installed ${installed.length} times: ${installed.join(", ")}`)
}

/**
 * Compiles the programs of the project beside themselves, for a Node that strips no types.
 *
 * @since 0.2.0
 * @category steps
 */
export const compile = (folder: string): void => {
  const tsconfig = { compilerOptions: ConsumerTypes.optionsFor("NodeNext"), include: ["*.ts", "*.cts"] }
  fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  ConsumerTypes.compile(folder, "TypeScript 7", "--project", "tsconfig.json")
}

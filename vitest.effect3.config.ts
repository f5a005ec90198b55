/**
 * The scenarios of the main package, through the package for Effect 3 and back: `npm run test:effect3`. With
 * `MQTT_SCENARIOS=part` it leaves out the files that take minutes.
 */
import * as path from "node:path"
import { defineConfig } from "vitest/config"
import { files, long } from "./test/through-effect3/files.ts"
import { redirectPath } from "./test/through-effect3/redirect.ts"

const isPart = process.env["MQTT_SCENARIOS"] === "part"

export default defineConfig({
  plugins: [{
    name: "through-effect3",
    enforce: "pre",
    resolveId: (source, importer) => {
      if (importer === undefined || !source.startsWith(".")) return undefined
      return redirectPath(path.resolve(path.dirname(importer), source), importer)
    }
  }],
  test: {
    include: files.filter((file) => !isPart || !long.includes(file)),
    setupFiles: ["test/through-effect3/setup.ts"],
    // Two bridges make each call slower: the main package runs five times as many.
    env: { MQTT_REPETITIONS: "2000" },
    testTimeout: 180_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    pool: "forks",
    maxWorkers: 2
  }
})

/**
 * The scenarios of the main package, through the package for Effect 3 and back: `npm run test:effect3`.
 */
import * as path from "node:path"
import { defineConfig } from "vitest/config"
import { redirectPath } from "./test/through-effect3/redirect.ts"

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
    setupFiles: ["test/through-effect3/setup.ts"],
    include: ["test/client/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    pool: "forks",
    maxWorkers: 2
  }
})

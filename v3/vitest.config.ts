import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (module: string): string => fileURLToPath(new URL(`./src/${module}`, import.meta.url))

/** The package is its sources. */
const aliases = {
  resolve: {
    alias: [
      { find: /^effect-mqtt-v3$/, replacement: source("index.ts") },
      { find: /^effect-mqtt-v3\/(node|testing|testing\/node)$/, replacement: source("$1/index.ts") }
    ]
  }
}

export default defineConfig({
  ...aliases,
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    pool: "forks",
    // The engine is loaded once for all files: loading it takes longer than they do.
    isolate: false,
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 30_000
  }
})

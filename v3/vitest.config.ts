import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (module: string): string => fileURLToPath(new URL(`./src/${module}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-mqtt-v3$/, replacement: source("index.ts") },
      { find: /^effect-mqtt-v3\/(node|testing)$/, replacement: source("$1/index.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 30_000
  }
})

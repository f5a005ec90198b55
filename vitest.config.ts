import { defineConfig } from "vitest/config"
import { SkippedReporter } from "./scripts/SkippedReporter.ts"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Tests against real brokers wait for events up to their own deadlines, which must come first and say what was missing.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    pool: "forks",
    maxWorkers: 2,
    reporters: ["default", new SkippedReporter()]
  }
})

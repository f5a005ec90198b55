import { defineConfig } from "vitest/config"
import { SkippedReporter } from "./scripts/SkippedReporter.ts"

export const pages = "test/**/*.pages.test.ts"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Pages in both browsers take minutes: `vitest.pages.config.ts`.
    exclude: [pages],
    // Tests against real brokers wait for events up to their own deadlines, which must come first and say what was missing.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 5_000,
    pool: "forks",
    // More than the two cores of most machines: files with brokers, browsers and processes also wait for those.
    maxWorkers: 3,
    reporters: ["default", new SkippedReporter()]
  }
})

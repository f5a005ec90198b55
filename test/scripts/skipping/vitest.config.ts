import { defineConfig } from "vitest/config"
import { SkippedReporter } from "../../../scripts/SkippedReporter.ts"

export default defineConfig({
  test: { root: import.meta.dirname, include: ["suites.ts"], pool: "forks", reporters: [new SkippedReporter()] }
})

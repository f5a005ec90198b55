/**
 * Asks the registry whether packages in `package-lock.json` have known vulnerabilities. Fails if it knows any.
 *
 * Some mirrors of the registry have no advisories. Then nobody knows, and this program says so: it fails if an answer is
 * required, as before a release.
 * usage: node scripts/audit.ts [--require]
 *
 * @since 0.2.0
 */
import { spawnSync } from "node:child_process"
import { repository } from "./files.ts"

interface Vulnerability {
  readonly name: string
  readonly severity: string
  readonly range: string
}

/**
 * The vulnerable packages, or `undefined` if the registry has no advisories.
 *
 * @since 0.2.0
 * @category models
 */
export interface Verdict {
  readonly vulnerable: ReadonlyArray<string> | undefined
  readonly message: string
}

const parsed = (text: string): object => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * Reads the output of `npm audit --json`.
 *
 * @since 0.2.0
 * @category reading
 */
export const verdictOf = (printed: string): Verdict => {
  const report = parsed(printed)
  if (!("auditReportVersion" in report && "vulnerabilities" in report)) {
    const reason = "message" in report ? String(report.message) : "no report"
    return { vulnerable: undefined, message: `the registry has no advisories: ${reason}` }
  }
  const vulnerable = Object.values(report.vulnerabilities as Readonly<Record<string, Vulnerability>>)
    .map(({ name, range, severity }) => `${name} ${range}: ${severity}`)
  return { vulnerable, message: `${vulnerable.length} packages with known vulnerabilities` }
}

if (import.meta.main) {
  const { stdout } = spawnSync("npm", ["audit", "--json"], {
    cwd: repository,
    encoding: "utf8",
    shell: process.platform === "win32"
  })
  const { message, vulnerable } = verdictOf(stdout)
  console.log(`audit: ${message}`)
  for (const line of vulnerable ?? []) console.error(`audit: ${line}`)
  const isRequired = process.argv.includes("--require")
  if (vulnerable === undefined ? isRequired : vulnerable.length > 0) process.exitCode = 1
}

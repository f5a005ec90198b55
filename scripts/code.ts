/**
 * Which code a program measures, in the words of its report.
 *
 * @since 0.2.0
 */
import { execFileSync } from "node:child_process"
import { repository } from "./files.ts"

const git = (...parameters: ReadonlyArray<string>): string =>
  execFileSync("git", parameters, { cwd: repository, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim()

/** Documents and figures change no result. */
const measured = ["src", "v3/src", "engine", "test", "bench", "scripts", "package-lock.json"]

/**
 * The commit of this checkout and its day, and whether files of the code have changed since. Without git it is not known.
 *
 * @since 0.2.0
 * @category reports
 */
export const code = (): string => {
  try {
    const commit = git("log", "-1", "--format=commit %h of %cs")
    return git("status", "--porcelain", "--", ...measured) === "" ? commit : `${commit}, and changes since`
  } catch {
    return "a commit that is not known: there is no git here"
  }
}

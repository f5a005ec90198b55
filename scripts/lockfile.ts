/**
 * Completes `package-lock.json` with the optional packages of other platforms.
 *
 * npm leaves out those that its registry mirror does not hold, and `npm ci` then refuses the lockfile on every machine.
 * Version and name are those the parent package asks for exactly; the platform is in the name. Without an `integrity`,
 * which npm adds when it next writes the file on a machine that can fetch them.
 * usage: node scripts/lockfile.ts          fails when one is missing
 *        node scripts/lockfile.ts --write  adds what is missing
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

const platforms = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"]
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"]

/** The entry npm would write for a package such as `@oxlint/binding-linux-arm64-musl`, or `undefined`. */
const entryOf = (name: string, version: string, parent: LockedPackage): LockedPackage | undefined => {
  const words = name.split(/[/-]/)
  const os = platforms.find((platform) => words.includes(platform))
  const cpu = processors.find((processor) => words.includes(processor))
  if (os === undefined || cpu === undefined || !/^\d/.test(version)) return undefined
  const libc = /musl/.test(name) ? ["musl"] : /glibc|gnu/.test(name) && os === "linux" ? ["glibc"] : undefined
  const entry = { version, cpu: [cpu], dev: parent.dev ?? false, libc, optional: true, os: [os] }
  return JSON.parse(JSON.stringify(entry))
}

const missingFrom = ({ packages }: Lockfile): ReadonlyArray<readonly [string, LockedPackage]> =>
  Object.entries(packages).flatMap(([location, parent]) =>
    Object.entries(parent.optionalDependencies ?? {}).flatMap(([name, version]) => {
      const isThere = packages[`node_modules/${name}`] ?? packages[`${location}/node_modules/${name}`]
      const entry = isThere === undefined ? entryOf(name, version, parent) : undefined
      return entry === undefined ? [] : [[`node_modules/${name}`, entry] as const]
    })
  )

const file = path.join(import.meta.dirname, "..", "package-lock.json")
const lockfile: Lockfile = JSON.parse(fs.readFileSync(file, "utf8"))
const missing = missingFrom(lockfile)
if (process.argv.includes("--write")) {
  const entries = [...Object.entries(lockfile.packages), ...missing]
    .toSorted(([left], [right]) => left.localeCompare(right, "en"))
  fs.writeFileSync(file, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(entries) }, undefined, 2)}\n`)
  console.log(`lockfile: ${missing.length} packages of other platforms added`)
} else if (missing.length > 0) {
  console.error("lockfile: packages of other platforms are missing: run `node scripts/lockfile.ts --write`")
  process.exitCode = 1
}

/**
 * Completes `package-lock.json` with the optional packages of other platforms, and with the checksums that npm left out.
 *
 * npm leaves out packages that its registry mirror does not hold, and `npm ci` then refuses the lockfile on every
 * machine. Version and name are those the parent package asks for exactly; the platform is in the name. Such an entry
 * has no `integrity` until a mirror holds the package. Until then npm takes whatever a registry gives it for this name
 * and version, on that platform. No other entry may be without.
 * usage: node scripts/lockfile.ts          fails when a package or a checksum is missing
 *        node scripts/lockfile.ts --write  adds what is missing, as far as the registry has it
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"

/**
 * @since 0.2.0
 * @category models
 */
export interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly link?: boolean
  readonly optional?: boolean
  readonly os?: ReadonlyArray<string>
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * By the path of the folder.
 *
 * @since 0.2.0
 * @category models
 */
export type Packages = Readonly<Record<string, LockedPackage>>

/** Optional packages of other platforms whose checksum the mirror of this project does not have. */
const notInTheMirror = ["node_modules/@dprint/", "node_modules/@effect/tsgo-"]

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

/**
 * The entries of optional packages that a package asks for and that are not there.
 *
 * @since 0.2.0
 * @category checking
 */
export const missingFrom = (packages: Packages): ReadonlyArray<readonly [location: string, LockedPackage]> =>
  Object.entries(packages).flatMap(([location, parent]) =>
    Object.entries(parent.optionalDependencies ?? {}).flatMap(([name, version]) => {
      const isThere = packages[`node_modules/${name}`] ?? packages[`${location}/node_modules/${name}`]
      const entry = isThere === undefined ? entryOf(name, version, parent) : undefined
      return entry === undefined ? [] : [[`node_modules/${name}`, entry] as const]
    })
  )

/** The root and the packages of this repository itself are no download. */
const lacksIntegrity = (location: string, { integrity, link }: LockedPackage): boolean =>
  location.startsWith("node_modules/") && link !== true && integrity === undefined

/**
 * The locations of packages that npm would install without comparing them with anything, and that it need not.
 *
 * @since 0.2.0
 * @category checking
 */
export const unverifiedIn = (packages: Packages): ReadonlyArray<string> =>
  Object.entries(packages).filter(([location, locked]) => {
    const isOfAnotherPlatform = locked.optional === true && locked.os !== undefined
    const isExcused = isOfAnotherPlatform && notInTheMirror.some((beginning) => location.startsWith(beginning))
    return lacksIntegrity(location, locked) && !isExcused
  }).map(([location]) => location)

/** The checksum that the registry has for it; `undefined` if it does not hold the package. */
const integrityOf = (location: string, version: string): string | undefined => {
  const name = location.slice(location.lastIndexOf("node_modules/") + "node_modules/".length)
  const { stdout } = spawnSync("npm", ["view", `${name}@${version}`, "dist.integrity"], {
    encoding: "utf8",
    shell: process.platform === "win32"
  })
  return /^sha512-\S+$/.exec(stdout.trim())?.[0]
}

/** With the key where npm writes it. */
const verified = (location: string, locked: LockedPackage): LockedPackage => {
  const { version, ...others } = locked
  if (version === undefined || !lacksIntegrity(location, locked)) return locked
  const integrity = integrityOf(location, version)
  return integrity === undefined ? locked : { version, integrity, ...others }
}

const file = path.join(import.meta.dirname, "..", "package-lock.json")

const write = (lockfile: { readonly packages: Packages }): void => {
  const missing = missingFrom(lockfile.packages)
  const entries = [...Object.entries(lockfile.packages), ...missing]
    .toSorted(([left], [right]) => left.localeCompare(right, "en"))
    .map(([location, locked]) => [location, verified(location, locked)] as const)
  fs.writeFileSync(file, `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(entries) }, undefined, 2)}\n`)
  const without = entries.filter(([location, locked]) => lacksIntegrity(location, locked))
  console.log(`lockfile: ${missing.length} packages of other platforms added, ${without.length} without a checksum`)
}

if (import.meta.main) {
  const lockfile = JSON.parse(fs.readFileSync(file, "utf8"))
  if (process.argv.includes("--write")) write(lockfile)
  else {
    const unverified = unverifiedIn(lockfile.packages)
    for (const location of unverified) console.error(`lockfile: ${location} has no \`integrity\``)
    const isMissing = missingFrom(lockfile.packages).length > 0
    if (isMissing) console.error("lockfile: packages of other platforms are missing")
    if (isMissing || unverified.length > 0) {
      console.error("lockfile: run `node scripts/lockfile.ts --write`")
      process.exitCode = 1
    }
  }
}

/**
 * The licenses of the packages whose code is in a bundle: whoever hands the bundle on hands them on too.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"

/** The folder of the package that a module belongs to, if that is not this repository. */
const packageOf = (module: string): string | undefined =>
  /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(module.split(path.sep).join("/"))?.[0]

const licenseOf = (folder: string): string => {
  const { name, version } = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"))
  const file = fs.readdirSync(folder).find((file) => /^licen[cs]e/i.test(file))
  if (file === undefined) throw new Error(`${name} is in a bundle and has no license in its package`)
  return `${name} ${version}\n\n${fs.readFileSync(path.join(folder, file), "utf8").trim()}\n`
}

/**
 * The text of all licenses for a bundle of these modules.
 *
 * @since 0.2.0
 * @category bundling
 */
export const licenses = (modules: ReadonlyArray<string>): string => {
  const folders = new Set(modules.map(packageOf).filter((folder) => folder !== undefined))
  return [...folders].toSorted().map(licenseOf).join(`\n${"-".repeat(80)}\n\n`)
}

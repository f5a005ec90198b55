/**
 * Where the repository is, and the files of its folders.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"

/**
 * The folder of package.json.
 *
 * @since 0.1.0
 * @category files
 */
export const repository: string = path.dirname(import.meta.dirname)

/**
 * The files under `folder` whose names end with `ending`, relative to it, with "/" and in a stable order.
 *
 * @since 0.1.0
 * @category files
 */
export const filesUnder = (folder: string, ending: string): ReadonlyArray<string> =>
  !fs.existsSync(folder) ? [] : fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(path.sep).join("/"))
    .filter((file) => file.endsWith(ending))
    .toSorted()

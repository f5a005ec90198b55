/**
 * Declaration files as syntax trees: the scripts that read the public API share this.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { parseSync } from "vite"

/**
 * A node of an ESTree program, with the fields of statements at the top of a file.
 *
 * @since 0.2.0
 * @category models
 */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly source?: { readonly value: string } | null
  readonly declaration?: Node | null
  readonly specifiers?: ReadonlyArray<Specifier>
  readonly exported?: Named | null
  readonly id?: Named
  readonly declarations?: ReadonlyArray<{ readonly id: Named }>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Named {
  readonly name: string
}

/**
 * A name in an import or an export. A namespace has neither `imported` nor `exported`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Specifier {
  readonly type: string
  readonly local: Named
  readonly exported: Named
  readonly imported?: Named
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Source {
  readonly text: string
  readonly body: ReadonlyArray<Node>
  readonly comments: ReadonlyArray<{ readonly value: string; readonly start: number; readonly end: number }>
}

const sources = new Map<string, Source>()

/**
 * A file, parsed once.
 *
 * @since 0.2.0
 * @category reading
 */
export const sourceOf = (file: string): Source => {
  const known = sources.get(file)
  if (known !== undefined) return known
  const text = fs.readFileSync(file, "utf8")
  const { comments, errors, program } = parseSync(file, text)
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  const source = { text, body: program.body as ReadonlyArray<Node>, comments }
  sources.set(file, source)
  return source
}

/**
 * The declaration file that `./MqttClient.ts` or `./MqttClient.js` of another one means.
 *
 * @since 0.2.0
 * @category reading
 */
export const resolve = (from: string, specifier: string): string =>
  path.join(path.dirname(from), specifier.replace(/\.(ts|js)$/, ".d.ts"))

/**
 * @since 0.2.0
 * @category reading
 */
export const namesDeclaredBy = (declaration: Node): ReadonlyArray<string> =>
  declaration.declarations?.map(({ id }) => id.name) ?? (declaration.id === undefined ? [] : [declaration.id.name])

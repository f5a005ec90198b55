/**
 * The type test that holds `effect-mqtt-v3` to the main package: a line for each export of each public module.
 *
 * It does not compile when a module, a call or an option is missing, says something else, is one too many, or is not there
 * at runtime. `v3/test/types/Shape.ts` compares.
 *
 * @since 0.2.0
 */
import { type Export, exportsOf, modulesOf } from "./exports.ts"
import * as LeftOut from "./leftOut.ts"
import type { Module } from "./syntax.ts"

/** An index of public modules, and under which name the test has it of the main package, of this one, and at runtime. */
interface Index {
  readonly path: string
  readonly exportPath: string
  readonly main: string
  readonly other: string
  readonly runtime: string
}

const indexes: ReadonlyArray<Index> = ["", "node", "testing", "testing/node"].map((folder) => {
  const path = folder === "" ? "index" : `${folder}/index`
  const name = folder.replace("/", "_")
  return {
    path,
    exportPath: ["effect-mqtt-v3", folder].filter((part) => part !== "").join("/"),
    main: `Main${name}`,
    other: `Other${name}`,
    runtime: `Runtime${name}`
  }
})

const importsOf = ({ exportPath, main, other, path, runtime }: Index): string =>
  `import type * as ${main} from "../../../../src/${path}.ts"
import type * as ${other} from "${exportPath}"
import type * as ${runtime} from "../../../src/${path}.ts"`

/** The names of a table that are of this module, as a type. */
const namesIn = (table: Readonly<Record<string, string>>, module: string): ReadonlyArray<string> =>
  Object.keys(table).filter((key) => key.startsWith(`${module}.`)).map((key) => key.slice(module.length + 1))

const union = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? "never" : names.map((name) => JSON.stringify(name)).join(" | ")

const lineFor = (own: string, name: string, difference: string): string =>
  `export type ${own}_${name} = None<${difference}>`

/** With `any` for each type parameter, which every constraint allows. */
const instance = (name: string, { parameters }: Export): string =>
  parameters === 0 ? name : `${name}<${Array.from({ length: parameters }, () => "any").join(", ")}>`

const linesFor = (
  index: Index,
  name: string,
  module: string,
  exported: ReadonlyArray<Export>
): ReadonlyArray<string> => {
  const own = `${index.main}_${name}`
  const [main, other, runtime] = [`${index.main}.${name}`, `${index.other}.${name}`, `${index.runtime}.${name}`]
  const [added, different] = [namesIn(LeftOut.added, module), namesIn(LeftOut.different, module)]
  const types = exported.filter((one) => one.kind === "type" && !different.includes(one.name))
  return [
    lineFor(
      own,
      "names",
      `Exclude<keyof typeof ${main}, keyof typeof ${other}> | Exclude<keyof typeof ${other}, keyof typeof ${main} | ${
        union(added)
      }>`
    ),
    lineFor(own, "runtime", `Exclude<keyof typeof ${other}, keyof typeof ${runtime}>`),
    lineFor(
      own,
      "values",
      `Exclude<DifferenceOfModules<typeof ${main}, typeof ${other}>, ${union([...added, ...different])}>`
    ),
    ...types.map((one) =>
      lineFor(
        own,
        `type_${one.name}`,
        `Difference<${instance(`${main}.${one.name}`, one)}, ${instance(`${other}.${one.name}`, one)}>`
      )
    )
  ]
}

const testOf = (index: Index, emitted: ReadonlyMap<string, Module>): ReadonlyArray<string> => {
  const module = emitted.get(index.path)
  if (module === undefined) throw new Error(`there is no ${index.path}`)
  const modules = [...modulesOf(module)]
  const leftOut = union(modules.filter(([, path]) => path in LeftOut.modules).map(([name]) => name))
  return [
    lineFor(
      index.main,
      "modules",
      `Exclude<keyof typeof ${index.main}, keyof typeof ${index.other} | ${leftOut}> | Exclude<keyof typeof ${index.other}, keyof typeof ${index.main}>`
    ),
    lineFor(index.main, "runtime", `Exclude<keyof typeof ${index.other}, keyof typeof ${index.runtime}>`),
    ...modules.filter(([, path]) => !(path in LeftOut.modules)).flatMap(([name, path]) =>
      linesFor(index, name, path, exportsOf(emitted, path))
    )
  ]
}

/**
 * The text of the test, for the declarations of the main package.
 *
 * @since 0.2.0
 * @category conversions
 */
export const typeTestFor = (emitted: ReadonlyMap<string, Module>): string =>
  [
    "/** Written by scripts/effect3/typeTest.ts. */",
    ...indexes.map(importsOf),
    `import type { Difference, DifferenceOfModules, None } from "../Shape.ts"`,
    "",
    ...indexes.flatMap((index) => testOf(index, emitted)),
    ""
  ].join("\n")

/**
 * Writes the public types of `effect-mqtt-v3` into `v3/types`: the declarations of `src`, in the words of Effect 3.
 *
 * What stands in `v3/declarations` was written by hand and wins; what stands in `v3/declarations/additions` is exported
 * besides. What is written is not kept in the repository.
 * usage: node scripts/effect3/declarations.ts
 *
 * @since 0.2.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { filesUnder, repository } from "../files.ts"
import { programsIn } from "./docstrings.ts"
import * as LeftOut from "./leftOut.ts"
import { reach } from "./reach.ts"
import { type Module, parse } from "./syntax.ts"
import { translate } from "./translate.ts"
import { typeTestFor } from "./typeTest.ts"

const ending = ".d.ts"
const byHand = path.join(repository, "v3", "declarations")
const target = path.join(repository, "v3", "types")

/** What is not kept in the repository either: the type test, and the examples of the docstrings. */
const typeTest = path.join(repository, "v3", "test", "types", "generated")

/** What users import. */
const roots = ["index", "node/index", "testing/index", "testing/node/index"]

/** Under this folder are exports that only the package for Effect 3 has, by the module that exports them. */
const additions = "additions"

/** Writes the declarations of `src` into a folder. */
const emit = (folder: string): void => {
  const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
  const { status, stdout } = spawnSync(process.execPath, [
    compiler,
    "--project",
    import.meta.dirname,
    "--outDir",
    folder
  ], {
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(stdout)
}

const modulesIn = (folder: string, isHandWritten: boolean): ReadonlyArray<Module> =>
  filesUnder(folder, ending).map((file) =>
    parse(file.slice(0, -ending.length), fs.readFileSync(path.join(folder, file), "utf8"), isHandWritten)
  )

const isLeftOut = (path: string): boolean => path in LeftOut.modules

const withAddition = (module: string, text: string, hasAddition: boolean): string => {
  if (!hasAddition) return text
  const specifier = path.posix.relative(path.posix.dirname(module), path.posix.join(additions, module))
  return `${text}export * from "${specifier.startsWith(".") ? "" : "./"}${specifier}.ts";\n`
}

/**
 * The declarations for Effect 3, by path.
 *
 * @since 0.2.0
 * @category conversions
 */
export const declarationsFor = (
  emitted: ReadonlyArray<Module>,
  handWritten: ReadonlyArray<Module>
): ReadonlyMap<string, string> => {
  const modules = new Map([...emitted, ...handWritten].map((module) => [module.path, module]))
  const added = [...modules.keys()].filter((path) => path.startsWith(`${additions}/`))
  const kept = reach(modules, [...roots, ...added], isLeftOut)
  return new Map(kept.map((one) => {
    const { path } = one.module
    return [path, withAddition(path, translate(one, isLeftOut), added.includes(`${additions}/${path}`))]
  }))
}

/** A value that nobody uses is a mistake in a program, and not in an example. */
const asModule = (program: string): string =>
  `${program.replace(/^(?=(const|class|declare const) )/gm, "export ")}\nexport {}\n`

const writeAll = (folder: string, files: ReadonlyMap<string, string>): void => {
  fs.rmSync(folder, { recursive: true, force: true })
  for (const [file, text] of files) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), text)
  }
}

/**
 * Writes them all.
 *
 * @since 0.2.0
 * @category constructors
 */
export const write = (): void => {
  const workplace = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-declarations-"))
  try {
    emit(workplace)
    const emitted = modulesIn(workplace, false)
    const declarations = declarationsFor(emitted, modulesIn(byHand, true))
    const programs = [...declarations.values()].flatMap((text) => [...programsIn(text).values()])
    writeAll(target, new Map([...declarations].map(([module, text]) => [`${module}${ending}`, text])))
    writeAll(
      typeTest,
      new Map([
        ["sameness.ts", typeTestFor(new Map(emitted.map((module) => [module.path, module])))],
        ...programs.map((program, index) => [`example${index + 1}.ts`, asModule(program)] as const)
      ])
    )
  } finally {
    fs.rmSync(workplace, { recursive: true })
  }
}

if (import.meta.main) write()

/**
 * The types of an installed package as its users check them: with two compilers, in two ways to find modules, and with all
 * declarations checked.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { repository } from "./files.ts"
import { run, step } from "./steps.ts"

/**
 * The compilers that users have, by the package of this repository.
 *
 * @since 0.2.0
 * @category models
 */
export const compilers = { "TypeScript 7": "typescript", "TypeScript 5.9": "typescript59" }

const resolutions = { NodeNext: "NodeNext", Bundler: "ESNext" }

/**
 * Runs a compiler in a folder.
 *
 * @since 0.2.0
 * @category checks
 */
export const compile = (project: string, compiler: keyof typeof compilers, ...options: ReadonlyArray<string>): void => {
  const program = path.join(repository, "node_modules", compilers[compiler], "bin", "tsc")
  run(project, process.execPath, program, ...options)
}

/**
 * As strict as a user's project can be.
 *
 * @since 0.2.0
 * @category models
 */
export const optionsFor = (moduleResolution: keyof typeof resolutions) => ({
  target: "ES2023",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  module: resolutions[moduleResolution],
  moduleResolution,
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  resolveJsonModule: true,
  skipLibCheck: false
})

const compileFolder = (folder: string, compiler: keyof typeof compilers, tsconfig: object): void => {
  fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(tsconfig))
  compile(folder, compiler, "--project", "tsconfig.json")
}

/**
 * Type-checks the project, writes its declarations, and type-checks these as the users of the project do.
 *
 * @since 0.2.0
 * @category checks
 */
export const typeCheck = (
  folder: string,
  compiler: keyof typeof compilers,
  moduleResolution: keyof typeof resolutions,
  include: ReadonlyArray<string>
): void => {
  const outDir = path.join(folder, `declarations of ${compiler} ${moduleResolution}`)
  const compilerOptions = optionsFor(moduleResolution)
  compileFolder(folder, compiler, {
    compilerOptions: { ...compilerOptions, declaration: true, emitDeclarationOnly: true, rootDir: ".", outDir },
    include
  })
  compileFolder(outDir, compiler, {
    compilerOptions: { ...compilerOptions, noEmit: true },
    include: ["**/*.d.ts", "**/*.d.cts"]
  })
}

/**
 * Checks the files of a project in all ways, a step for each.
 *
 * @since 0.2.0
 * @category checks
 */
export const check = async (folder: string, include: ReadonlyArray<string>): Promise<void> => {
  for (const compiler of ["TypeScript 7", "TypeScript 5.9"] as const) {
    for (const resolution of ["NodeNext", "Bundler"] as const) {
      await step(
        `types and declarations: ${compiler}, ${resolution}`,
        () => typeCheck(folder, compiler, resolution, include)
      )
    }
  }
}

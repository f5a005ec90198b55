/**
 * The declarations of `v3/types` as the package has them: once for who imports its ES modules, and once for who requires
 * CommonJS, since TypeScript takes a declaration for what the file beside it is. And which values they promise.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript59"
import { filesUnder } from "../files.ts"

const relativeSpecifier = /\b(from |import\()"(\.[^"]+)\.ts"/g

const endings = [
  { declaration: ".d.ts", module: ".js" },
  { declaration: ".d.cts", module: ".cjs" }
]

/**
 * Writes the declarations of a folder into another one, both ways.
 *
 * @since 0.2.0
 * @category writing
 */
export const write = (types: string, dist: string): void => {
  for (const file of filesUnder(types, ".d.ts")) {
    const text = fs.readFileSync(path.join(types, file), "utf8")
    for (const { declaration, module } of endings) {
      const target = path.join(dist, file.replace(/\.d\.ts$/, declaration))
      fs.mkdirSync(path.dirname(target), { recursive: true })
      fs.writeFileSync(target, text.replaceAll(relativeSpecifier, (_, before, name) => `${before}"${name}${module}"`))
    }
  }
}

const options: ts.CompilerOptions = { noLib: true, types: [], allowImportingTsExtensions: true }

/** What the declarations say of Effect does not matter here, and takes long to read. */
const relativeOnly: ts.CompilerHost = {
  ...ts.createCompilerHost(options),
  resolveModuleNameLiterals: (specifiers, from) =>
    specifiers.map(({ text }) => {
      if (!text.startsWith(".")) return { resolvedModule: undefined }
      const resolvedFileName = path.join(path.dirname(from), text.replace(/\.ts$/, ".d.ts"))
      return { resolvedModule: { resolvedFileName, extension: ts.Extension.Dts } }
    })
}

/**
 * The values that a declaration file exports, by the namespaces in which it does.
 *
 * @since 0.2.0
 * @category reading
 */
export const valuesOf = (file: string): Readonly<Record<string, ReadonlyArray<string>>> => {
  const program = ts.createProgram([file], options, relativeOnly)
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(file)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${file} is no module`)
  const target = (symbol: ts.Symbol): ts.Symbol =>
    (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
  // The compiler's name for what a class extends is in no module.
  const isValue = (symbol: ts.Symbol): boolean =>
    (target(symbol).flags & ts.SymbolFlags.Value) !== 0 && !symbol.name.endsWith("_base")
  return Object.fromEntries(
    checker.getExportsOfModule(module).map((namespace) => [
      namespace.name,
      checker.getExportsOfModule(target(namespace)).filter(isValue).map(({ name }) => name).toSorted()
    ])
  )
}

/**
 * Which declarations users can see: those that public modules export, and those that these name, and so on.
 *
 * The rest of the internal modules speaks of Effect 4 and is left where it is.
 *
 * @since 0.2.0
 */
import * as path from "node:path"
import ts from "typescript59"
import {
  type Binding,
  bindingsOf,
  declaredBy,
  isExported,
  type Module,
  type Reference,
  referenceOf,
  walk
} from "./syntax.ts"

/**
 * What is kept of a module.
 *
 * @since 0.2.0
 * @category models
 */
export interface Kept {
  readonly module: Module
  readonly statements: ReadonlySet<ts.Statement>
  /** The names of its exports of other modules that somebody needs. All of them where it is public. */
  readonly reexported: ReadonlySet<string> | "all"
  readonly bindings: ReadonlySet<Binding>
}

/**
 * The module that `./Packet.ts` means in another one.
 *
 * @since 0.2.0
 * @category reading
 */
export const resolve = (from: string, specifier: string): string =>
  path.posix.join(path.posix.dirname(from), specifier).replace(/\.(ts|js)$/, "")

/** What is known of a module while it is searched. */
class Reached {
  readonly statements = new Set<ts.Statement>()
  readonly names = new Set<string>()
  readonly bindings = new Set<Binding>()
  readonly imports: ReadonlyMap<string, Binding>
  readonly module: Module
  isWhole = false

  constructor(module: Module) {
    this.module = module
    this.imports = bindingsOf(module.source)
  }

  get kept(): Kept {
    const { bindings, isWhole, module, names, statements } = this
    return { module, statements, reexported: isWhole ? "all" : names, bindings }
  }
}

const isLocal = (specifier: string): boolean => specifier.startsWith(".")

class Search {
  readonly reached = new Map<string, Reached>()
  readonly #modules: ReadonlyMap<string, Module>
  readonly #isLeftOut: (path: string) => boolean

  constructor(modules: ReadonlyMap<string, Module>, isLeftOut: (path: string) => boolean) {
    this.#modules = modules
    this.#isLeftOut = isLeftOut
  }

  /** Everything that a module exports. */
  whole(path: string): void {
    const reached = this.#at(path)
    if (reached === undefined || reached.isWhole) return
    reached.isWhole = true
    for (const statement of reached.module.source.statements) {
      if (reached.module.isHandWritten || isExported(statement)) this.#keep(reached, statement)
      if (ts.isExportDeclaration(statement)) this.#reexport(reached, statement)
    }
  }

  /** What a module exports under this name. */
  name(path: string, name: string): void {
    const reached = this.#at(path)
    if (reached === undefined || reached.names.has(name)) return
    if (reached.module.isHandWritten) return this.whole(path)
    reached.names.add(name)
    this.#local(reached, name)
    for (const statement of reached.module.source.statements) {
      if (ts.isExportDeclaration(statement)) this.#reexport(reached, statement, name)
    }
  }

  #at(path: string): Reached | undefined {
    const known = this.reached.get(path)
    if (known !== undefined) return known
    const module = this.#modules.get(path)
    if (module === undefined || this.#isLeftOut(path)) return undefined
    const reached = new Reached(module)
    this.reached.set(path, reached)
    return reached
  }

  #local(reached: Reached, name: string): void {
    for (const statement of reached.module.source.statements) {
      if (declaredBy(statement).includes(name)) this.#keep(reached, statement)
    }
  }

  #keep(reached: Reached, statement: ts.Statement): void {
    if (reached.statements.has(statement)) return
    reached.statements.add(statement)
    walk(statement, (node) => {
      const reference = referenceOf(node)
      if (reference !== undefined) this.#follow(reached, reference)
    })
  }

  #follow(reached: Reached, { importedFrom, path: [first, second] }: Reference): void {
    const { module: { path } } = reached
    if (importedFrom !== undefined) {
      return isLocal(importedFrom) ? this.name(resolve(path, importedFrom), first) : undefined
    }
    this.#local(reached, first)
    const binding = reached.imports.get(first)
    if (binding === undefined) return
    reached.bindings.add(binding)
    if (!isLocal(binding.from)) return
    const target = resolve(path, binding.from)
    if (binding.imported !== undefined) return this.name(target, binding.imported)
    return second === undefined ? this.whole(target) : this.name(target, second)
  }

  /** What an export of another module leads to; only under one name if it is given. */
  #reexport(reached: Reached, statement: ts.ExportDeclaration, name?: string): void {
    const { exportClause, moduleSpecifier } = statement
    const specifier = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : ""
    const target = isLocal(specifier) ? resolve(reached.module.path, specifier) : undefined
    if (exportClause === undefined || ts.isNamespaceExport(exportClause)) {
      if (
        target === undefined || (exportClause !== undefined && name !== undefined && exportClause.name.text !== name)
      ) return
      return name === undefined || exportClause !== undefined ? this.whole(target) : this.name(target, name)
    }
    for (const element of exportClause.elements) {
      if (name !== undefined && element.name.text !== name) continue
      const source = (element.propertyName ?? element.name).text
      if (target === undefined) this.#local(reached, source)
      else this.name(target, source)
    }
  }
}

/**
 * What is kept of each module if users can import the roots.
 *
 * @since 0.2.0
 * @category reading
 */
export const reach = (
  modules: ReadonlyMap<string, Module>,
  roots: ReadonlyArray<string>,
  isLeftOut: (path: string) => boolean
): ReadonlyArray<Kept> => {
  const search = new Search(modules, isLeftOut)
  for (const root of roots) search.whole(root)
  return [...search.reached.values()].map(({ kept }) => kept)
}

/**
 * What a module of declarations exports.
 *
 * @since 0.2.0
 */
import ts from "typescript59"
import { resolve } from "./reach.ts"
import { declaredBy, isExported, type Module } from "./syntax.ts"

/**
 * A name that a module exports. A class is a value, and its type comes with it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Export {
  readonly name: string
  readonly kind: "value" | "type"
  /** How many type parameters a type has. */
  readonly parameters: number
}

type Modules = ReadonlyMap<string, Module>

const declarationsIn = (statement: ts.Statement): ReadonlyArray<Export> => {
  const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)
  const parameters = isType ? statement.typeParameters?.length ?? 0 : 0
  return declaredBy(statement).map((name) => ({ name, kind: isType ? "type" : "value", parameters }))
}

const specifierIn = ({ moduleSpecifier }: ts.ExportDeclaration): string | undefined =>
  moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined

const declaredIn = ({ source }: Module): ReadonlyArray<Export> => source.statements.flatMap(declarationsIn)

const reexportsIn = (modules: Modules, module: Module, statement: ts.ExportDeclaration): ReadonlyArray<Export> => {
  const specifier = specifierIn(statement)
  const source = specifier === undefined
    ? declaredIn(module)
    : exportsOf(modules, resolve(module.path, specifier))
  const { exportClause } = statement
  if (exportClause === undefined) return source
  if (ts.isNamespaceExport(exportClause)) return []
  return exportClause.elements.flatMap(({ name, propertyName }) =>
    source.filter((one) => one.name === (propertyName ?? name).text).map((one) => ({ ...one, name: name.text }))
  )
}

/**
 * All that a module exports, under its own names. Whole modules that it exports as one name are left out.
 *
 * @since 0.2.0
 * @category reading
 */
export const exportsOf = (modules: Modules, path: string): ReadonlyArray<Export> => {
  const module = modules.get(path)
  if (module === undefined) return []
  return module.source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return reexportsIn(modules, module, statement)
    return isExported(statement) ? declarationsIn(statement) : []
  })
}

/**
 * The modules that an index exports, each as one name, by that name.
 *
 * @since 0.2.0
 * @category reading
 */
export const modulesOf = (index: Module): ReadonlyMap<string, string> =>
  new Map(index.source.statements.flatMap((statement): ReadonlyArray<readonly [string, string]> => {
    if (!ts.isExportDeclaration(statement)) return []
    const { exportClause } = statement
    const specifier = specifierIn(statement)
    if (exportClause === undefined || !ts.isNamespaceExport(exportClause) || specifier === undefined) return []
    return [[exportClause.name.text, resolve(index.path, specifier)]]
  }))

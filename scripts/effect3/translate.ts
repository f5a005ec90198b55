/**
 * Declarations of Effect 4 as those of Effect 3: names, references, services, and docstrings.
 *
 * @since 0.2.0
 */
import * as path from "node:path"
import ts from "typescript59"
import { docstring } from "./docstrings.ts"
import { Imports } from "./Imports.ts"
import * as Names from "./names.ts"
import { type Kept, resolve } from "./reach.ts"
import {
  type Binding,
  bindingsOf,
  declaredBy,
  type Edit,
  edited,
  type Module,
  type Reference,
  referenceOf,
  walk
} from "./syntax.ts"

const isLocal = (specifier: string): boolean => specifier.startsWith(".")

/** `effect/Duration#Input`, if it is a name of another package. */
const keyOf = (
  { importedFrom, path: [first, ...rest] }: Reference,
  binding: Binding | undefined
): string | undefined => {
  if (importedFrom !== undefined) {
    return isLocal(importedFrom)
      ? undefined
      : `${importedFrom}#${[first, ...rest].join(".")}`
  }
  if (binding === undefined || isLocal(binding.from)) return undefined
  const names = binding.imported === undefined ? rest : [binding.imported, ...rest]
  return `${binding.from}#${names.join(".")}`
}

const replacing = (node: ts.Node, text: string): Edit => ({ start: node.getStart(), end: node.getEnd(), text })

class Translator {
  readonly imports = new Imports()
  /** A declaration without `export` is exported as well, unless something says that the others are not. */
  hasMadeBase = false
  readonly #edits: Array<Edit> = []
  readonly #module: Module
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly #declared: ReadonlySet<string>

  constructor(module: Module) {
    this.#module = module
    this.#bindings = bindingsOf(module.source)
    this.#declared = new Set(module.source.statements.flatMap(declaredBy))
  }

  /** The statement with the comments in front of it. */
  statement(statement: ts.Statement): string {
    walk(statement, (node) => this.#visit(node))
    const reference = this.#referenceIn(statement)
    if (reference !== undefined) this.#toClass(statement, reference)
    return this.#textOf(statement.getFullStart(), statement.getEnd())
  }

  #textOf(start: number, end: number): string {
    return edited(this.#module.source.text, this.#edits, start, end)
  }

  #visit(node: ts.Node): void {
    if (node.kind === ts.SyntaxKind.AnyKeyword) this.#edits.push(replacing(node, "unknown"))
    if (ts.isStringLiteral(node) && node.text.startsWith("effect-mqtt/")) {
      this.#edits.push(replacing(node, JSON.stringify(node.text.replace("effect-mqtt/", "effect-mqtt-v3/"))))
    }
    if (ts.isIndexedAccessTypeNode(node)) this.#service(node)
    for (const comment of ts.isSourceFile(node) ? [] : ts.getJSDocCommentsAndTags(node)) {
      if (ts.isJSDoc(comment)) this.#edits.push(replacing(comment, docstring(comment.getText())))
    }
    const reference = referenceOf(node)
    if (reference !== undefined) this.#reference(node, reference)
  }

  /** A service of Effect 3 is the `Type` of its class. A type parameter is bound to the class itself. */
  #service({ indexType, objectType }: ts.IndexedAccessTypeNode): void {
    if (!ts.isLiteralTypeNode(indexType) || indexType.getText() !== `"Service"`) return
    const first = referenceOf(objectType)?.path[0] ?? ""
    const isClass = ts.isTypeReferenceNode(objectType) && (this.#bindings.has(first) || this.#declared.has(first))
    if (isClass) this.#edits.push(replacing(indexType, `"Type"`))
  }

  #reference(node: ts.Node, reference: Reference): void {
    const binding = reference.importedFrom === undefined ? this.#bindings.get(reference.path[0]) : undefined
    const key = keyOf(reference, binding)
    if (key === undefined) return binding && this.imports.add(binding)
    const structure = Names.structures[key]
    if (structure !== undefined) return void this.#edits.push(replacing(node, structure))
    this.#withoutParameter(reference, Names.withoutParameter[key])
    const renamed = Names.renames[key]
    if (renamed === undefined) return binding && this.imports.add(binding)
    if (ts.isImportTypeNode(node)) {
      this.#edits.push(
        replacing(node.argument, JSON.stringify(renamed.module)),
        replacing(reference.name, renamed.name)
      )
      return
    }
    const local = path.posix.basename(renamed.module)
    this.imports.add({ local, imported: undefined, from: renamed.module })
    this.#edits.push(replacing(reference.name, `${local}.${renamed.name}`))
  }

  #withoutParameter({ typeArguments }: Reference, index: number | undefined): void {
    const dropped = index === undefined ? undefined : typeArguments[index]
    if (dropped === undefined) return
    this.#edits.push({ start: typeArguments[(index ?? 0) - 1].getEnd(), end: dropped.getEnd(), text: "" })
  }

  /** The declaration of a `Context.Reference`, if the statement is one. */
  #referenceIn(statement: ts.Statement): ts.VariableDeclaration | undefined {
    if (!ts.isVariableStatement(statement)) return undefined
    const [declaration] = statement.declarationList.declarations
    const reference = declaration.type && referenceOf(declaration.type)
    const key = reference && keyOf(reference, this.#bindings.get(reference.path[0]))
    return key === Names.reference ? declaration : undefined
  }

  /** In Effect 3 the class of a reference is its identifier. */
  #toClass(statement: ts.Statement, { name, type }: ts.VariableDeclaration): void {
    const [value] = type === undefined ? [] : referenceOf(type)?.typeArguments ?? []
    if (value === undefined) throw new Error(`${this.#module.path}: a reference without a type`)
    const [context] = type === undefined ? [] : referenceOf(type)?.path ?? []
    const own = name.getText()
    this.hasMadeBase = true
    const base = `declare const ${own}_base: ${context}.ReferenceClass<${own}, string, ${
      this.#textOf(value.getStart(), value.getEnd())
    }>;`
    this.#edits.push(
      { start: statement.getFullStart(), end: statement.getFullStart(), text: `\n${base}` },
      replacing(statement, `export declare class ${own} extends ${own}_base {\n}`)
    )
  }
}

/** `export { A, B } from "./Module.ts"`, without what nobody needs; nothing if that is all of it. */
const exported = (statement: ts.ExportDeclaration, kept: Kept, isLeftOut: (path: string) => boolean): string => {
  const { exportClause, moduleSpecifier } = statement
  const { module: { path, source }, reexported } = kept
  const specifier = moduleSpecifier !== undefined && ts.isStringLiteral(moduleSpecifier)
    ? moduleSpecifier.text
    : undefined
  if (specifier !== undefined && isLeftOut(resolve(path, specifier))) return ""
  const comment = docstring(source.text.slice(statement.getFullStart(), statement.getStart()))
  const whole = comment + statement.getText()
  if (reexported === "all" || exportClause === undefined || ts.isNamespaceExport(exportClause)) return whole
  const elements = exportClause.elements.filter(({ name }) => reexported.has(name.text))
  if (elements.length === exportClause.elements.length) return whole
  if (elements.length === 0) return ""
  const clause = replacing(exportClause, `{ ${elements.map((element) => element.getText()).join(", ")} }`)
  return comment + edited(source.text, [clause], statement.getStart(), statement.getEnd())
}

/** What a module says of itself, in front of its imports. */
const headOf = ({ source }: Module): string => {
  const [first] = source.statements
  if (first === undefined || !ts.isImportDeclaration(first)) return ""
  return docstring(source.text.slice(0, first.getStart()).trim())
}

const translated = (kept: Kept, isLeftOut: (path: string) => boolean): string => {
  const { module, statements } = kept
  const translator = new Translator(module)
  const parts = module.source.statements.map((statement) => {
    if (ts.isImportDeclaration(statement)) return ""
    if (ts.isExportDeclaration(statement)) return exported(statement, kept, isLeftOut)
    return statements.has(statement) ? translator.statement(statement) : ""
  })
  if (translator.hasMadeBase && !module.source.text.includes("export {};")) parts.push("\nexport {};")
  const { imports } = translator
  return `${[headOf(module), imports.text, parts.join("").trim()].filter((part) => part !== "").join("\n")}\n`
}

/**
 * The text of a module for Effect 3.
 *
 * @since 0.2.0
 * @category conversions
 */
export const translate = (kept: Kept, isLeftOut: (path: string) => boolean): string =>
  kept.module.isHandWritten ? kept.module.source.text : translated(kept, isLeftOut)

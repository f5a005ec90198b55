/**
 * Declarations as syntax trees of TypeScript 5.9, and edits of their text.
 *
 * @since 0.2.0
 */
import ts from "typescript59"

/**
 * A declaration file, by its path in the folder of declarations and without `.d.ts`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Module {
  readonly path: string
  readonly source: ts.SourceFile
  /** It was written by hand for Effect 3, and stays as it is. */
  readonly isHandWritten: boolean
}

/**
 * @since 0.2.0
 * @category constructors
 */
export const parse = (path: string, text: string, isHandWritten = false): Module => ({
  path,
  source: ts.createSourceFile(`${path}.d.ts`, text, ts.ScriptTarget.ESNext, true),
  isHandWritten
})

/**
 * What stands in the text from `start` to `end` instead.
 *
 * @since 0.2.0
 * @category models
 */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * The part of a text from `start` to `end` with the edits that are in it. An edit inside of another one is lost.
 *
 * @since 0.2.0
 * @category editing
 */
export const edited = (text: string, edits: ReadonlyArray<Edit>, start = 0, end = text.length): string => {
  let result = ""
  let position = start
  for (const edit of edits.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    if (edit.start < position || edit.end > end) continue
    result += text.slice(position, edit.start) + edit.text
    position = edit.end
  }
  return result + text.slice(position, end)
}

/**
 * Calls `visit` with the node and all that is in it, outermost first.
 *
 * @since 0.2.0
 * @category reading
 */
export const walk = (node: ts.Node, visit: (node: ts.Node) => void): void => {
  visit(node)
  ts.forEachChild(node, (child) => walk(child, visit))
}

/**
 * The names that a statement declares; none for imports and exports of other modules.
 *
 * @since 0.2.0
 * @category reading
 */
export const declaredBy = (statement: ts.Statement): ReadonlyArray<string> => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => ts.isIdentifier(name) ? [name.text] : [])
  }
  const isNamed = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement) || ts.isFunctionDeclaration(statement)
  return isNamed && statement.name !== undefined ? [statement.name.text] : []
}

/**
 * @since 0.2.0
 * @category reading
 */
export const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) &&
  ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

/**
 * A name in a type, `Packet.Qos` or `import("./Packet.ts").Qos`, as its identifiers.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reference {
  /** What stands for the name: without `import("./Packet.ts")`, and without type arguments. */
  readonly name: ts.Node
  readonly path: readonly [string, ...ReadonlyArray<string>]
  /** The specifier of `import()`. */
  readonly importedFrom: string | undefined
  readonly typeArguments: ReadonlyArray<ts.TypeNode>
}

const pathOf = (name: ts.Node): ReadonlyArray<string> => {
  if (ts.isIdentifier(name)) return [name.text]
  if (ts.isQualifiedName(name)) return [...pathOf(name.left), name.right.text]
  return ts.isPropertyAccessExpression(name) ? [...pathOf(name.expression), name.name.text] : []
}

const referenceTo = (
  name: ts.Node,
  typeArguments: ReadonlyArray<ts.TypeNode> = [],
  importedFrom?: string
): Reference | undefined => {
  const [first, ...rest] = pathOf(name)
  return first === undefined ? undefined : { name, path: [first, ...rest], importedFrom, typeArguments }
}

/**
 * The reference that a node is, if it is one.
 *
 * @since 0.2.0
 * @category reading
 */
export const referenceOf = (node: ts.Node): Reference | undefined => {
  if (ts.isTypeReferenceNode(node)) return referenceTo(node.typeName, node.typeArguments)
  if (ts.isTypeQueryNode(node)) return referenceTo(node.exprName, node.typeArguments)
  if (ts.isExpressionWithTypeArguments(node)) return referenceTo(node.expression, node.typeArguments)
  if (ts.isComputedPropertyName(node)) return referenceTo(node.expression)
  if (!ts.isImportTypeNode(node) || node.qualifier === undefined) return undefined
  return referenceTo(node.qualifier, node.typeArguments, specifierOf(node))
}

/**
 * @since 0.2.0
 * @category reading
 */
export const specifierOf = (node: ts.ImportTypeNode): string | undefined =>
  ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)
    ? node.argument.literal.text
    : undefined

/**
 * A name that a module imports; `imported` is `undefined` for a namespace.
 *
 * @since 0.2.0
 * @category models
 */
export interface Binding {
  readonly local: string
  readonly imported: string | undefined
  readonly from: string
}

/**
 * @since 0.2.0
 * @category reading
 */
export const bindingsOf = (source: ts.SourceFile): ReadonlyMap<string, Binding> => {
  const bindings = source.statements.flatMap((statement): ReadonlyArray<Binding> => {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) return []
    const from = statement.moduleSpecifier.text
    const named = statement.importClause?.namedBindings
    if (named === undefined) return []
    if (ts.isNamespaceImport(named)) return [{ local: named.name.text, imported: undefined, from }]
    return named.elements.map(({ name, propertyName }) => ({
      local: name.text,
      imported: (propertyName ?? name).text,
      from
    }))
  })
  return new Map(bindings.map((binding) => [binding.local, binding]))
}

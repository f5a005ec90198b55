/**
 * Which types the signatures of the public API name that no user can import.
 *
 * Such a type cannot be written down in the declarations of a program that uses the API, and a reader of the reference
 * cannot look it up. Types of other packages and of TypeScript's libraries, and type parameters, are no business of this.
 *
 * @since 0.2.0
 */
import { namesDeclaredBy, type Node, resolve, sourceOf } from "./declarations.ts"

/**
 * A name and the file that declares it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Place {
  readonly file: string
  readonly name: string
}

/**
 * @since 0.2.0
 * @category reading
 */
export const keyOf = ({ file, name }: Place): string => `${file}#${name}`

const declarationOf = (node: Node): Node | undefined =>
  node.type === "ExportNamedDeclaration"
    ? node.declaration ?? undefined
    : node.type.startsWith("Import")
    ? undefined
    : node

/**
 * @since 0.2.0
 * @category reading
 */
export const declarationsOf = (file: string, name: string): ReadonlyArray<Node> =>
  sourceOf(file).body.flatMap((node) => {
    const declaration = declarationOf(node)
    return declaration !== undefined && namesDeclaredBy(declaration).includes(name) ? [declaration] : []
  })

/**
 * Where a name that a file exports is declared; nothing if another package declares it.
 *
 * @since 0.2.0
 * @category reading
 */
export const exportedAs = (file: string, name: string): Place | undefined => {
  for (const node of sourceOf(file).body) {
    if (node.type === "ExportAllDeclaration" && node.exported === null && node.source?.value.startsWith(".")) {
      const found = exportedAs(resolve(file, node.source.value), name)
      if (found !== undefined) return found
    }
    if (node.type !== "ExportNamedDeclaration") continue
    const specifier = node.specifiers?.find(({ exported }) => exported.name === name)
    if (specifier === undefined) continue
    if (node.source === null || node.source === undefined) return localAs(file, specifier.local.name)
    return node.source.value.startsWith(".")
      ? exportedAs(resolve(file, node.source.value), specifier.local.name)
      : undefined
  }
  return declarationsOf(file, name).length > 0 ? { file, name } : undefined
}

/** The file behind `export * as Name from "./Name.ts"` of an index. */
const namespaceOf = (file: string, name: string): string | undefined => {
  const node = sourceOf(file).body.find(({ exported, type }) =>
    type === "ExportAllDeclaration" && exported?.name === name
  )
  return node?.source?.value.startsWith(".") === true ? resolve(file, node.source.value) : undefined
}

/**
 * Where a name that a file uses is declared; a member of a namespace by both its names.
 *
 * @since 0.2.0
 * @category reading
 */
export const localAs = (file: string, name: string, member?: string): Place | undefined => {
  if (declarationsOf(file, name).length > 0) return { file, name }
  for (const { source, specifiers, type } of sourceOf(file).body) {
    if (type !== "ImportDeclaration" || source === null || !source?.value.startsWith(".")) continue
    const specifier = specifiers?.find(({ local }) => local.name === name)
    if (specifier === undefined) continue
    const target = resolve(file, source.value)
    if (specifier.imported !== undefined) {
      const namespace = namespaceOf(target, specifier.imported.name)
      if (namespace === undefined) return exportedAs(target, specifier.imported.name)
      return member === undefined ? undefined : exportedAs(namespace, member)
    }
    return member === undefined ? undefined : exportedAs(target, member)
  }
  return undefined
}

type Json = { readonly [key: string]: unknown }

/**
 * @since 0.2.0
 * @category reading
 */
export const isNode = (value: unknown): value is Json & { readonly type: string } =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/**
 * `Packet.Qos` as its two names, in every kind of syntax.
 *
 * @since 0.2.0
 * @category reading
 */
export const pathOf = (name: unknown): ReadonlyArray<string> => {
  if (!isNode(name)) return []
  if (name.type === "Identifier") return [String(name.name)]
  if (name.type === "TSQualifiedName") return [...pathOf(name.left), ...pathOf(name.right)]
  return name.type === "MemberExpression" ? [...pathOf(name.object), ...pathOf(name.property)] : []
}

/** Where in the syntax of types a name stands. */
const nameIn: { readonly [type: string]: string } = {
  TSTypeReference: "typeName",
  TSTypeQuery: "exprName",
  TSInterfaceHeritage: "expression",
  TSClassImplements: "expression",
  ClassDeclaration: "superClass"
}

interface Names {
  readonly used: ReadonlyArray<ReadonlyArray<string>>
  /** Of `import("./Packet.ts").QoS`. */
  readonly imported: ReadonlyArray<readonly [specifier: string, name: string]>
  readonly parameters: ReadonlySet<string>
}

const namesIn = (declaration: Node): Names => {
  const used: Array<ReadonlyArray<string>> = []
  const imported: Array<readonly [string, string]> = []
  const parameters = new Set<string>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (!isNode(value)) return
    if (value.type === "TSTypeParameter") {
      parameters.add(typeof value.name === "string" ? value.name : pathOf(value.name)[0])
    }
    // A mapped type has its parameter in a field of its own.
    if (value.type === "TSMappedType" && isNode(value.key)) parameters.add(pathOf(value.key)[0])
    if (value.type === "TSImportType" && isNode(value.source)) {
      imported.push([String(value.source.value), pathOf(value.qualifier).join(".")])
    }
    const field = nameIn[value.type]
    if (field !== undefined) used.push(pathOf(value[field]))
    Object.values(value).forEach(visit)
  }
  visit(declaration)
  return { used: used.filter(({ length }) => length > 0), imported, parameters }
}

/**
 * The types named by a declaration of this API, each with its place.
 *
 * @since 0.2.0
 * @category reading
 */
export const namedBy = (place: Place): ReadonlyArray<readonly [name: string, place: Place]> =>
  declarationsOf(place.file, place.name).flatMap((declaration) => {
    const { imported, parameters, used } = namesIn(declaration)
    const ofOtherFiles = imported.filter(([specifier]) => specifier.startsWith(".")).map(([specifier, name]) => {
      const file = resolve(place.file, specifier)
      return [name, exportedAs(file, name) ?? { file, name }] as const
    })
    const ofThisFile = used.flatMap(([name, member]): ReadonlyArray<readonly [string, Place]> => {
      const found = parameters.has(name) ? undefined : localAs(place.file, name, member)
      if (found === undefined) return []
      // The compiler gives the base of a class that is made by a call a name of its own.
      if (found.name === `${place.name}_base`) return namedBy(found)
      return [[member === undefined ? name : `${name}.${member}`, found]]
    })
    return [...ofThisFile, ...ofOtherFiles]
  })

/**
 * A module of the public API: its name for users, and its declaration file.
 *
 * @since 0.2.0
 * @category models
 */
export interface PublicModule {
  readonly name: string
  readonly file: string
  readonly exports: ReadonlyArray<{ readonly name: string }>
}

/**
 * The exports that name a type which no public module exports, as `MqttClient.make: Subscription`.
 *
 * @since 0.2.0
 * @category checks
 */
export const unnameable = (modules: ReadonlyArray<PublicModule>): ReadonlyArray<string> => {
  const exported = modules.flatMap(({ exports, file, name: module }) =>
    exports.flatMap(({ name }) => {
      const place = exportedAs(file, name)
      return place === undefined ? [] : [{ module, name, place }]
    })
  )
  const isPublic = new Set(exported.map(({ place }) => keyOf(place)))
  const found = exported.flatMap(({ module, name, place }) =>
    namedBy(place).filter(([, place]) => !isPublic.has(keyOf(place))).map(([type]) => `${module}.${name}: ${type}`)
  )
  return [...new Set(found)]
}

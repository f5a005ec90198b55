/**
 * From a type that a signature names to its entry in the reference, and the fields that an interface has from others.
 *
 * The sources name some types by the modules inside that declare them. A user imports them from another module, and that
 * is the name which the reference has.
 *
 * @since 0.2.0
 */
import type { Node } from "./declarations.ts"
import { sourceOf } from "./declarations.ts"
import * as Unnameable from "./unnameable.ts"

/**
 * What the reference says a type is called, and where its entry is.
 *
 * @since 0.2.0
 * @category models
 */
export interface Entry {
  readonly exportPath: string
  readonly module: string
  readonly name: string
}

/**
 * @since 0.2.0
 * @category models
 */
export interface PublicModule extends Unnameable.PublicModule {
  readonly exportPath: string
}

/**
 * A name as a signature writes it, and its entry.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reference {
  readonly written: string
  readonly entry: Entry
}

/**
 * Fields that an interface has from another.
 *
 * @since 0.2.0
 * @category models
 */
export interface Inherited {
  readonly from: Entry
  /** Each as it is declared, with its docstring. */
  readonly fields: ReadonlyArray<string>
  readonly references: ReadonlyArray<Reference>
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Links {
  readonly references: (module: PublicModule, name: string) => ReadonlyArray<Reference>
  readonly inherited: (module: PublicModule, name: string) => ReadonlyArray<Inherited>
}

/** The syntax of an interface, as far as it is read here. */
interface Interface extends Node {
  readonly extends?: ReadonlyArray<Heritage>
  readonly body?: { readonly body: ReadonlyArray<Node & { readonly key?: { readonly name?: string } }> }
}

interface Heritage {
  readonly expression: unknown
  readonly typeArguments?: { readonly params: ReadonlyArray<unknown> } | null
}

/** The strings of `"a" | "b"`. */
const literalsIn = (value: unknown): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap(literalsIn)
  if (!Unnameable.isNode(value)) return []
  return value.type === "Literal" ? [String(value.value)] : Object.values(value).flatMap(literalsIn)
}

/** What `keyof A` is of. */
const keysOf = (value: unknown): ReadonlyArray<string> => {
  if (!Unnameable.isNode(value)) return []
  if (value.type === "TSTypeOperator" && Unnameable.isNode(value.typeAnnotation)) {
    return Unnameable.pathOf(value.typeAnnotation.typeName)
  }
  return []
}

const interfacesAt = ({ file, name }: Unnameable.Place): ReadonlyArray<Interface> =>
  Unnameable.declarationsOf(file, name).filter(({ type }) => type === "TSInterfaceDeclaration")

/** Its own fields, by name. */
const fieldsAt = (place: Unnameable.Place): ReadonlyMap<string, string> => {
  const { comments, text } = sourceOf(place.file)
  const withDocstring = (start: number, end: number): string => {
    const comment = comments.find((comment) => comment.end <= start && text.slice(comment.end, start).trim() === "")
    return text.slice(comment?.start ?? start, end).replace(/^ {4}/gm, "  ")
  }
  return new Map(
    interfacesAt(place).flatMap(({ body }) =>
      (body?.body ?? []).flatMap(({ end, key, start }) =>
        key?.name === undefined ? [] : [[key.name, withDocstring(start, end)] as const]
      )
    )
  )
}

/** An interface that another one extends, without some of its fields. */
interface Base {
  readonly place: Unnameable.Place
  readonly without: ReadonlySet<string>
}

const basesOf = (place: Unnameable.Place): ReadonlyArray<Base> => {
  const placeOf = ([name, member]: ReadonlyArray<string>) => Unnameable.localAs(place.file, name, member)
  return interfacesAt(place).flatMap((node) => node.extends ?? []).flatMap(({ expression, typeArguments }) => {
    const path = Unnameable.pathOf(expression)
    const [first, second] = typeArguments?.params ?? []
    const isOmit = path[0] === "Omit"
    const base = placeOf(isOmit && Unnameable.isNode(first) ? Unnameable.pathOf(first.typeName) : path)
    if (base === undefined) return []
    const keys = isOmit && keysOf(second).length > 0 ? placeOf(keysOf(second)) : undefined
    const without = isOmit ? [...literalsIn(second), ...(keys === undefined ? [] : fieldsAt(keys).keys())] : []
    return [{ place: base, without: new Set(without) }]
  })
}

/**
 * The links between the entries of these modules.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (modules: ReadonlyArray<PublicModule>): Links => {
  const entries = new Map<string, ReadonlyArray<Entry>>()
  for (const { exportPath, exports, file, name: module } of modules) {
    for (const { name } of exports) {
      const place = Unnameable.exportedAs(file, name)
      if (place === undefined) continue
      const key = Unnameable.keyOf(place)
      entries.set(key, [...entries.get(key) ?? [], { exportPath, module, name }])
    }
  }
  /** On the same page, if it has one there; else as the signature writes it. */
  const entryOf = (place: Unnameable.Place, { name: page }: PublicModule, written = ""): Entry | undefined => {
    const known = entries.get(Unnameable.keyOf(place)) ?? []
    return known.find(({ module }) => module === page) ??
      known.find(({ module }) => written.startsWith(`${module}.`)) ?? known[0]
  }
  const referencesAt = (place: Unnameable.Place, module: PublicModule): ReadonlyArray<Reference> => {
    const found = Unnameable.namedBy(place)
    const byName = new Map(found.flatMap(([written, place]) => {
      const entry = entryOf(place, module, written)
      return entry === undefined ? [] : [[written, { written, entry }] as const]
    }))
    return [...byName.values()]
  }
  const references: Links["references"] = (module, name) => {
    const place = Unnameable.exportedAs(module.file, name)
    return place === undefined ? [] : referencesAt(place, module)
  }
  const inheritedBy = (
    place: Unnameable.Place,
    module: PublicModule,
    left: ReadonlySet<string> = new Set()
  ): ReadonlyArray<Inherited> =>
    basesOf(place).flatMap((base) => {
      const without = new Set([...left, ...base.without])
      const from = entryOf(base.place, module)
      const fields = [...fieldsAt(base.place)].filter(([name]) => !without.has(name)).map(([, text]) => text)
      const references = referencesAt(base.place, module)
      return from === undefined ? [] : [{ from, fields, references }, ...inheritedBy(base.place, module, without)]
    })
  const inherited: Links["inherited"] = (module, name) => {
    const place = Unnameable.exportedAs(module.file, name)
    return place === undefined ? [] : inheritedBy(place, module).filter(({ fields }) => fields.length > 0)
  }
  return { references, inherited }
}

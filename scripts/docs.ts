/**
 * The API reference, from the docstrings: a page of Markdown for each module that a user can import.
 *
 * Reads the declarations that the compiler writes, which are the signatures users see, and follows what modules export
 * of others. What a module keeps to itself is not in it, and a signature that names such a type is an error. Writes
 * `docs/api`, which git ignores.
 * usage: node scripts/docs.ts [folder]
 *
 * @since 0.1.0
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import manifest from "../package.json" with { type: "json" }
import { namesDeclaredBy, resolve, type Source, sourceOf } from "./declarations.ts"
import { indexes, ofModule } from "./exportPaths.ts"
import { repository } from "./files.ts"
import * as Links from "./links.ts"
import { anchorsOf } from "./markdown.ts"
import { unnameable } from "./unnameable.ts"

/**
 * What a docstring says.
 *
 * @since 0.1.0
 * @category models
 */
export interface Docstring {
  readonly description: string
  readonly since: string | undefined
  readonly category: string | undefined
}

/**
 * One export: a name, and everything that is declared under it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Export {
  readonly name: string
  /** The first docstring of its declarations. */
  readonly docstring: Docstring | undefined
  readonly signatures: ReadonlyArray<string>
}

/**
 * A module that a user imports from an export path.
 *
 * @since 0.1.0
 * @category models
 */
export interface Module {
  /** Such as `effect-mqtt/node`. */
  readonly exportPath: string
  /** Such as `NodeMqtt`. */
  readonly name: string
  /** Its declarations. */
  readonly file: string
  readonly docstring: Docstring | undefined
  readonly exports: ReadonlyArray<Export>
}

// ---------------------------------------------------------------------------
// Reading declarations
// ---------------------------------------------------------------------------

const parseDocstring = (comment: string): Docstring => {
  const lines = comment.replace(/^\*/, "").split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
  const tag = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`@${name} `))?.slice(name.length + 2).trim()
  const description = lines.filter((line) => !/^@(since|category)\b/.test(line)).join("\n").trim()
  return { description, since: tag("since"), category: tag("category") }
}

/** The docstring that stands right before a place, or, for the place 0, at the head of the file. */
const docstringBefore = ({ comments, text }: Source, place: number): Docstring | undefined => {
  const comment = comments.find(({ end, start, value }) =>
    value.startsWith("*") && start < place && text.slice(end, place).trim() === ""
  )
  return comment && parseDocstring(comment.value)
}

/** From the source: the compiler leaves out the head of a file that begins with an import it does not need. */
const fileHeader = (file: string, declarations: string): Docstring | undefined => {
  const source = path.join(repository, "src", path.relative(declarations, file).replace(/\.d\.ts$/, ".ts"))
  const [first] = sourceOf(source).comments
  return first && parseDocstring(first.value)
}

interface Declared {
  readonly name: string
  readonly docstring: Docstring | undefined
  readonly signature: string
}

const withoutKeywords = (signature: string): string =>
  signature.replace(/^export /, "").replace(/^declare /, "").replace(/^ {4}(?= *\S)/gm, "  ")

/** Everything a file declares, exported or not; its exports choose from it. */
const declaredIn = (file: string): ReadonlyArray<Declared> => {
  const source = sourceOf(file)
  const declared = source.body.flatMap((node): ReadonlyArray<Declared> => {
    const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : node
    if (declaration === null || declaration === undefined || node.type.startsWith("Import")) return []
    const signature = withoutKeywords(source.text.slice(node.start, node.end))
    const docstring = docstringBefore(source, node.start)
    return namesDeclaredBy(declaration).map((name) => ({ name, docstring, signature }))
  })
  return declared.map((one) => withoutBase(one, declared))
}

/** The compiler gives the base of a class that is made by a call a name of its own, `Name_base`. */
const withoutBase = (one: Declared, declared: ReadonlyArray<Declared>): Declared => {
  const base = declared.find(({ name }) => name === `${one.name}_base`)
  if (base === undefined) return { ...one, signature: withoutServices(one.signature, declared) }
  const type = base.signature.replace(/^const \w+: /, "").replace(/;$/, "")
  return { ...one, signature: one.signature.replace(base.name, () => type) }
}

const shapeOfService = /^const (\w+)_base: Context\.ServiceClass<[^{]*(\{.*\})>;$/s

const withoutSpace = (text: string): string => text.replace(/\s+/g, "")

/** Where the shape of a service is written out that is declared next to it, its name is enough. */
const withoutServices = (signature: string, declared: ReadonlyArray<Declared>): string => {
  for (const { signature: base } of declared) {
    const [, name, shape] = shapeOfService.exec(base) ?? []
    if (name === undefined || shape === undefined) continue
    const start = signature.indexOf("{\n")
    const end = signature.lastIndexOf("}")
    if (withoutSpace(signature.slice(start, end + 1)) !== withoutSpace(shape)) continue
    return `${signature.slice(0, start)}${name}["Service"]${signature.slice(end + 1)}`
  }
  return signature
}

/** What a file declares or re-exports under a name; nothing if it comes from another package. */
const find = (file: string, name: string): ReadonlyArray<Declared> => {
  const own = declaredIn(file).filter((declared) => declared.name === name)
  return own.length > 0 ? own : exportedFrom(file).filter((declared) => declared.name === name)
}

const exportedFrom = (file: string): ReadonlyArray<Declared> => {
  const source = sourceOf(file)
  return source.body.flatMap((node): ReadonlyArray<Declared> => {
    const specifier = node.source?.value
    const target = specifier?.startsWith(".") ? resolve(file, specifier) : undefined
    if (node.type === "ExportAllDeclaration") {
      if (target === undefined) return []
      const docstring = docstringBefore(source, node.start)
      return node.exported === null || node.exported === undefined
        ? exportedFrom(target)
        : [{ name: node.exported.name, docstring, signature: source.text.slice(node.start, node.end) }]
    }
    if (node.type !== "ExportNamedDeclaration") return []
    const { declaration } = node
    if (declaration !== null && declaration !== undefined) {
      return namesDeclaredBy(declaration).flatMap((name) =>
        declaredIn(file).filter((declared) => declared.name === name)
      )
    }
    if (specifier !== undefined && target === undefined) return []
    return (node.specifiers ?? []).flatMap(({ exported, local }) =>
      find(target ?? file, local.name).map((declared) => ({ ...declared, name: exported.name }))
    )
  })
}

const groupBy = <A>(items: ReadonlyArray<A>, keyOf: (item: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const item of items) groups.set(keyOf(item), [...groups.get(keyOf(item)) ?? [], item])
  return groups
}

const exportsOf = (file: string): ReadonlyArray<Export> =>
  [...groupBy(exportedFrom(file), ({ name }) => name)].map(([name, declared]) => ({
    name,
    docstring: declared.find(({ docstring }) => docstring !== undefined)?.docstring,
    signatures: [...new Set(declared.map(({ signature }) => signature))]
  }))

/** An index that names its modules, `export * as Name from "./Name.ts"`. */
const modulesOf = (exportPath: string, index: string, declarations: string): ReadonlyArray<Module> =>
  sourceOf(index).body.flatMap((node) => {
    const { exported, source } = node
    if (node.type !== "ExportAllDeclaration" || exported === null || exported === undefined || !source) return []
    const file = resolve(index, source.value)
    return [{
      exportPath,
      name: exported.name,
      file,
      docstring: fileHeader(file, declarations),
      exports: exportsOf(file)
    }]
  })

/**
 * The modules behind every export path that is an index, from declarations laid out as `dist`.
 *
 * @since 0.1.0
 * @category reading
 */
export const modules = (declarations: string): ReadonlyArray<Module> =>
  indexes.flatMap(({ exportPath, target }) =>
    modulesOf(exportPath, path.join(declarations, path.relative("./dist", target.types)), declarations)
  )

/**
 * Has the compiler write the declarations of `src` to a new folder, which the caller removes.
 *
 * @since 0.1.0
 * @category reading
 */
export const emitDeclarations = (): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "effect-mqtt-declarations-"))
  const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
  const project = path.join(repository, "tsconfig.build.json")
  // What does not type-check is declared all the same; that it does is another check.
  spawnSync(process.execPath, [compiler, "--project", project, "--outDir", folder, "--emitDeclarationOnly"])
  return folder
}

// ---------------------------------------------------------------------------
// Writing pages
// ---------------------------------------------------------------------------

const fence = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\``

const sinceOf = (docstring: Docstring | undefined): string =>
  docstring?.since === undefined ? "" : `Since ${docstring.since}`

/** A type as a user imports it: by its name alone on the page of its module. */
const nameOf = ({ module, name }: Links.Entry, page: Module): string =>
  module === page.name ? name : `${module}.${name}`

/** The exports of a module by category, in the order of its page. */
const categoriesOf = ({ exports }: Module): ReadonlyArray<readonly [category: string, ReadonlyArray<Export>]> =>
  [...groupBy(exports, ({ docstring }) => docstring?.category ?? "other")]
    .toSorted(([one], [other]) => one.localeCompare(other))

/** By the file of a page, where each of its exports is. */
type Anchors = ReadonlyMap<string, ReadonlyMap<string, string>>

const anchorsIn = (module: Module): ReadonlyMap<string, string> => {
  const headings = categoriesOf(module).flatMap(([category, members]) => [
    { isExport: false, text: category },
    ...members.map(({ name }) => ({ isExport: true, text: name }))
  ])
  const anchors = anchorsOf([module.name, ...headings.map(({ text }) => text)]).slice(1)
  return new Map(
    headings.flatMap(({ isExport, text }, index) => isExport ? [[text, anchors[index]] as const] : [])
  )
}

const linkTo = (entry: Links.Entry, page: Module, anchors: Anchors): string => {
  const file = fileOf({ exportPath: entry.exportPath, name: entry.module })
  const target = file === fileOf(page) ? "" : path.posix.relative(path.posix.dirname(fileOf(page)), file)
  return `[\`${nameOf(entry, page)}\`](${target}#${anchors.get(file)?.get(entry.name)})`
}

/** With the names that a user has for types instead of those of the modules inside. */
const withPublicNames = (text: string, references: ReadonlyArray<Links.Reference>, page: Module): string =>
  references.filter(({ written }) => written.includes(".")).reduce(
    (text, { entry, written }) =>
      text.replaceAll(new RegExp(`(?<![\\w.])${written.replace(".", "\\.")}(?!\\w)`, "g"), nameOf(entry, page)),
    text
  )

/** What an interface has from others is written out: all its fields stand in one place. */
const inheritedFields = (
  { fields, from, references }: Links.Inherited,
  page: Module,
  anchors: Anchors
): string => {
  const text = fields.map((field) => `  ${field}`).join("\n")
  return `From ${linkTo(from, page, anchors)}:\n\n${fence("ts", withPublicNames(text, references, page))}`
}

const exportPage = (
  page: Module,
  links: Links.Links,
  anchors: Anchors
) =>
({ docstring, name, signatures }: Export): string => {
  const references = links.references(page, name)
  const linked = references.filter(({ entry }) => entry.module !== page.name || entry.name !== name)
  const inherited = links.inherited(page, name)
  const types = new Set(
    [...linked, ...inherited.flatMap(({ references }) => references)].map(({ entry }) => linkTo(entry, page, anchors))
  )
  return [
    `### ${name}`,
    docstring?.description ?? "",
    fence("ts", withPublicNames(signatures.join("\n\n"), references, page)),
    ...inherited.map((inherited) => inheritedFields(inherited, page, anchors)),
    types.size === 0 ? "" : `Types: ${[...types].join(", ")}`,
    sinceOf(docstring)
  ].filter((part) => part !== "").join("\n\n")
}

/** The page of a module: what it is for, its exports by category, each with its signature. */
const page = (module: Module, links: Links.Links, anchors: Anchors): string => {
  const { docstring, exportPath, name } = module
  const categories = categoriesOf(module)
  const own = anchors.get(fileOf(module))
  const overview = categories.map(([category, members]) =>
    `- ${category}: ${members.map((member) => `[\`${member.name}\`](#${own?.get(member.name)})`).join(", ")}`
  )
  return [
    `# ${name}`,
    docstring?.description ?? "",
    fence(
      "ts",
      `import { ${name} } from "${exportPath}"\nimport * as ${name} from "${ofModule({ exportPath, name })}"`
    ),
    overview.join("\n"),
    ...categories.flatMap((
      [category, members]
    ) => [`## ${category}`, ...members.map(exportPage(module, links, anchors))])
  ].join("\n\n") + "\n"
}

const fileOf = ({ exportPath, name }: Pick<Module, "exportPath" | "name">): string =>
  path.posix.join(path.posix.relative(manifest.name, exportPath), `${name}.md`)

const firstSentence = (docstring: Docstring | undefined): string =>
  (docstring?.description ?? "").split("\n\n")[0]?.replaceAll("\n", " ") ?? ""

/**
 * Every file of the reference by its path in it.
 *
 * @since 0.1.0
 * @category writing
 */
export const reference = (all: ReadonlyArray<Module>): ReadonlyMap<string, string> => {
  const lists = [...groupBy(all, ({ exportPath }) => exportPath)].map(([exportPath, members]) =>
    [
      `## \`${exportPath}\``,
      "| module | |\n|---|---|\n" +
      members.map((one) => `| [${one.name}](${fileOf(one)}) | ${firstSentence(one.docstring)} |`).join("\n")
    ].join("\n\n")
  )
  const index = ["# API reference", `\`${manifest.name}\` ${manifest.version}, from its docstrings.`, ...lists]
  const links = Links.make(all)
  const anchors = new Map(all.map((one) => [fileOf(one), anchorsIn(one)] as const))
  return new Map([
    ["README.md", index.join("\n\n") + "\n"],
    ...all.map((one) => [fileOf(one), page(one, links, anchors)] as const)
  ])
}

const write = (folder: string, all: ReadonlyArray<Module>): void => {
  fs.rmSync(folder, { recursive: true, force: true })
  for (const [file, text] of reference(all)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), text)
  }
  const count = all.reduce((sum, { exports }) => sum + exports.length, 0)
  console.log(`docs: ${count} exports of ${all.length} modules in ${path.relative("", folder)}`)
}

if (import.meta.main) {
  const folder = process.argv[2] ?? path.join(repository, "docs", "api")
  const declarations = emitDeclarations()
  try {
    const all = modules(declarations)
    const missing = unnameable(all)
    for (const one of missing) console.error(`${one} is a type that no user can import`)
    if (missing.length > 0) process.exitCode = 1
    else write(folder, all)
  } finally {
    fs.rmSync(declarations, { recursive: true, force: true })
  }
}

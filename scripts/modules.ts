/**
 * Checks the structure of `src`:
 *
 * - which module imports which: the table of modules in `docs/architecture.md`, as code
 * - which modules import the parts of Effect that Effect marks as unstable
 * - what the modules of the package for Effect 3 import, in `engine` and `v3/src`
 * - how long a module is: at most 400 lines, unless it stands on a short list
 *
 * Type imports count as well. The linter refuses circular imports, and counts type imports too (`import/no-cycle`).
 * usage: node scripts/modules.ts [folder of src]
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { parseSync } from "vite"
import { filesUnder, repository } from "./files.ts"

type Package = "effect" | "@effect/platform-node" | "node:"

/**
 * A part of `src`: a row of the table of modules in `docs/architecture.md`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Part {
  readonly name: string
  /** Its modules, by their path in `src`. The first part that matches a module is the module's. */
  readonly modules: RegExp
  /** The parts that its modules may import, besides each other. */
  readonly imports: ReadonlyArray<string>
  /** Imports from elsewhere. */
  readonly packages: ReadonlyArray<Package>
}

const effect: ReadonlyArray<Package> = ["effect"]
const platform: ReadonlyArray<Package> = ["effect", "@effect/platform-node", "node:"]

/**
 * The parts of `src`, each below the parts that it imports.
 *
 * @since 0.2.0
 * @category checks
 */
export const parts: ReadonlyArray<Part> = [
  { name: "protocol", modules: /^protocol\//, imports: [], packages: [] },
  {
    name: "vocabulary",
    modules:
      /^(Mqtt(Error|ErrorSchema|Message|State|Tracing|Authentication)|internal\/(problems|harmlessText|deadLetter|nextTimeout|pacedLog|failureAnnotations|misplacedSecret|topicErrors))\.ts$/,
    imports: ["protocol"],
    packages: effect
  },
  {
    name: "ports",
    modules: /^(MqttTransport|MqttPackets|NetworkProbe)\.ts$|^internal\/(transport|store)\//,
    imports: ["protocol", "vocabulary"],
    packages: effect
  },
  {
    name: "options",
    modules:
      /^(MqttConfig|internal\/(clientOptions|partOptions|receivingOptions|presenceOptions|presence|fieldTypes|receivingTypes|options|optionNames|optionTypes|defaults|config))\.ts$/,
    imports: ["protocol", "vocabulary"],
    packages: effect
  },
  { name: "sockets", modules: /^SocketTransport\.ts$/, imports: ["vocabulary", "ports"], packages: effect },
  {
    name: "connection",
    modules: /^(MqttConnection\.ts$|internal\/connection\/)/,
    imports: ["protocol", "vocabulary", "ports", "options"],
    packages: effect
  },
  {
    name: "shared",
    modules: /^internal\/client\/[^/]+\.ts$/,
    imports: ["protocol", "vocabulary", "ports", "options"],
    packages: effect
  },
  {
    name: "incoming",
    modules: /^internal\/client\/incoming\//,
    imports: ["protocol", "vocabulary", "options", "shared"],
    packages: effect
  },
  {
    name: "outgoing",
    modules: /^internal\/client\/outgoing\//,
    imports: ["protocol", "vocabulary", "ports", "options", "connection", "shared"],
    packages: effect
  },
  {
    name: "session",
    modules: /^internal\/client\/session\//,
    imports: ["protocol", "vocabulary", "ports", "options", "connection", "shared", "incoming", "outgoing"],
    packages: effect
  },
  {
    name: "connecting",
    modules: /^internal\/client\/connecting\//,
    imports: ["protocol", "vocabulary", "ports", "options", "connection", "shared", "session"],
    packages: effect
  },
  {
    name: "calls",
    modules: /^internal\/client\/calls\//,
    imports: [
      "protocol",
      "vocabulary",
      "options",
      "connection",
      "shared",
      "incoming",
      "outgoing",
      "session"
    ],
    packages: effect
  },
  {
    name: "client",
    modules: /^Mqtt(Client|Metrics|Publisher|Subscriber)\.ts$|^internal\/client\/assembly\//,
    imports: [
      "protocol",
      "vocabulary",
      "ports",
      "options",
      "connection",
      "shared",
      "incoming",
      "session",
      "connecting",
      "calls"
    ],
    packages: effect
  },
  {
    name: "stores",
    modules: /^(KeyValue)?MqttStore\.ts$|^internal\/keyValue\//,
    imports: ["vocabulary", "ports", "session"],
    packages: effect
  },
  {
    name: "topic",
    modules: /^(MqttTopic\.ts$|internal\/topic\/)/,
    imports: ["protocol", "vocabulary", "options", "client"],
    packages: effect
  },
  {
    name: "rpc",
    modules: /^rpc\//,
    imports: ["protocol", "vocabulary", "options", "client"],
    packages: effect
  },
  {
    name: "index",
    modules: /^index\.ts$/,
    imports: ["vocabulary", "ports", "options", "sockets", "connection", "client", "stores", "topic"],
    packages: []
  },
  {
    name: "node",
    modules: /^node\//,
    imports: ["vocabulary", "ports", "options", "sockets", "client", "stores"],
    packages: platform
  },
  {
    name: "browser",
    modules: /^browser\//,
    imports: ["vocabulary", "ports", "options", "sockets", "client", "stores"],
    packages: effect
  },
  {
    name: "cli",
    modules: /^cli\//,
    imports: ["protocol", "vocabulary", "ports", "options", "connection", "client", "node"],
    packages: platform
  },
  {
    name: "testing on a port",
    modules: /^testing\/node\//,
    imports: ["protocol", "vocabulary", "ports", "testing"],
    packages: platform
  },
  { name: "testing", modules: /^testing\//, imports: ["protocol", "vocabulary", "ports"], packages: effect }
]

const partOf = (module: string): Part | undefined => parts.find(({ modules }) => modules.test(module))

const packages: ReadonlyArray<readonly [Package, RegExp]> = [
  ["effect", /^effect(\/|$)/],
  ["@effect/platform-node", /^@effect\/platform-node(\/|$)/],
  ["node:", /^node:/]
]

/** What Effect marks as unstable or experimental, and the only modules that may import it. */
const unstable: ReadonlyArray<{ readonly imported: RegExp; readonly modules: RegExp }> = [
  { imported: /^effect\/socket(\/|$)/, modules: /^(SocketTransport\.ts$|(node|browser|testing\/node)\/)/ },
  { imported: /^effect\/net(\/|$)/, modules: /^(NetworkProbe|node\/NodeNetworkProbe)\.ts$/ },
  { imported: /^effect\/persistence(\/|$)/, modules: /^(KeyValueMqttStore\.ts$|internal\/keyValue\/)/ },
  { imported: /^effect\/rpc(\/|$)/, modules: /^rpc\// }
]

const mayImport = (module: string, part: Part, specifier: string): boolean =>
  packages.some(([name, pattern]) => part.packages.includes(name) && pattern.test(specifier)) &&
  unstable.every(({ imported, modules }) => !imported.test(specifier) || modules.test(module))

/** A node of an ESTree syntax tree. */
interface Node {
  readonly type: string
  readonly source?: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/** Every node of the file, outermost first. */
const nodesOf = (file: string): ReadonlyArray<Node> => {
  const { errors, program } = parseSync(file, fs.readFileSync(file, "utf8"))
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
  const nodes: Array<Node> = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (!isNode(value)) return
    nodes.push(value)
    Object.values(value).forEach(visit)
  }
  visit(program)
  return nodes
}

/**
 * What a file imports: by import and export declarations, `import()` and the `import()` of types.
 *
 * @since 0.1.0
 * @category checks
 */
export const importsOf = (file: string): ReadonlyArray<string> =>
  nodesOf(file)
    .filter((node) => /^(Import(Declaration|Expression)|Export(All|Named)Declaration|TSImportType)$/.test(node.type))
    .flatMap(({ source }) => isNode(source) && "value" in source ? [String(source.value)] : [])

const violation = (module: string, specifier: string): string | undefined => {
  const from = partOf(module)
  if (from === undefined) return `${module} belongs to no part: give it one in scripts/modules.ts`
  if (!specifier.startsWith(".")) {
    return mayImport(module, from, specifier) ? undefined : `${module} (${from.name}) may not import ${specifier}`
  }
  const imported = path.posix.join(path.posix.dirname(module), specifier)
  const to = imported.startsWith("..") ? undefined : partOf(imported)
  if (to !== undefined && (to === from || from.imports.includes(to.name))) return undefined
  return `${module} (${from.name}) may not import ${imported} (${to?.name ?? "no part of src"})`
}

/**
 * What breaks the dependency direction in a folder laid out as `src`, one sentence each.
 *
 * @since 0.1.0
 * @category checks
 */
export const violations = (source: string): ReadonlyArray<string> =>
  filesUnder(source, ".ts").flatMap((module) =>
    importsOf(path.join(source, module))
      .map((specifier) => violation(module, specifier))
      .filter((sentence) => sentence !== undefined)
  )

/**
 * A folder beside `src` that belongs to the package for Effect 3. Nothing but a later row may import it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Folder {
  readonly path: string
  /** Folders and modules of the repository that its modules may import, besides each other. */
  readonly imports: ReadonlyArray<string>
  readonly packages: ReadonlyArray<string>
}

/**
 * The folders beside `src`. Whatever imports no Effect may be imported from `src` by all of them.
 *
 * @since 0.2.0
 * @category checks
 */
export const foldersOfEffect3: ReadonlyArray<Folder> = [
  { path: "engine", imports: ["src"], packages: ["effect"] },
  { path: "v3/src", imports: ["engine/index.ts"], packages: ["effect", "@effect/platform"] }
]

const isIn = (place: string, module: string): boolean => module === place || module.startsWith(`${place}/`)

/** Whether a module of `src` gets along without Effect, and all that it imports does. */
const isWithoutEffect = (root: string, module: string, seen: ReadonlySet<string> = new Set()): boolean =>
  isIn("src", module) && importsOf(path.join(root, module)).every((specifier) => {
    if (!specifier.startsWith(".")) return !specifier.startsWith("effect")
    const imported = path.posix.join(path.posix.dirname(module), specifier)
    return seen.has(imported) || isWithoutEffect(root, imported, new Set([...seen, module]))
  })

const isAllowed = (root: string, folder: Folder, module: string, specifier: string): boolean => {
  if (!specifier.startsWith(".")) return folder.packages.some((name) => isIn(name, specifier))
  const imported = path.posix.join(path.posix.dirname(module), specifier)
  return [folder.path, ...folder.imports].some((place) => isIn(place, imported)) || isWithoutEffect(root, imported)
}

/**
 * What the folders beside `src` import and may not, one sentence each.
 *
 * @since 0.2.0
 * @category checks
 */
export const violationsOfEffect3 = (root: string): ReadonlyArray<string> =>
  foldersOfEffect3.flatMap((folder) =>
    filesUnder(path.join(root, folder.path), ".ts").map((file) => `${folder.path}/${file}`).flatMap((module) =>
      importsOf(path.join(root, module))
        .filter((specifier) => !isAllowed(root, folder, module, specifier))
        .map((specifier) => `${module} may not import ${specifier}`)
    )
  )

const mostLines = 400

/** Tables and the codec may be longer: a table stays in one piece, and so does what writes, reads or checks packets. */
const mostLinesOfListed = 800

const listed: { readonly [module: string]: string } = {
  "MqttError.ts": "the table of reasons, with what each says and what to do about it",
  "protocol/Decoder.ts": "the codec: a short function for each packet that is read",
  "protocol/Encoder.ts": "the codec: the size and the bytes of each packet that is written",
  "protocol/Validity.ts": "the codec: the rules that each packet must keep before it is written"
}

const linesOf = (file: string): number => fs.readFileSync(file, "utf8").trimEnd().split("\n").length

const violationOfLength = (module: string, lines: number): string | undefined => {
  const isListed = module in listed
  const most = isListed ? mostLinesOfListed : mostLines
  if (lines > most) return `${module} has ${lines} lines and may have ${most}: make two concepts of it`
  if (isListed && lines <= mostLines) return `${module} has ${lines} lines: take it off the list in scripts/modules.ts`
  return undefined
}

/**
 * The modules that are too long in a folder laid out as `src`, one sentence each. A module of the list that is short
 * enough without it is named as well.
 *
 * @since 0.2.0
 * @category checks
 */
export const violationsOfLength = (source: string): ReadonlyArray<string> =>
  filesUnder(source, ".ts")
    .map((module) => violationOfLength(module, linesOf(path.join(source, module))))
    .filter((sentence) => sentence !== undefined)

if (import.meta.main) {
  const source = process.argv[2] ?? path.join(repository, "src")
  const found = {
    imports: [...violations(source), ...violationsOfEffect3(repository)],
    lengths: violationsOfLength(source)
  }
  for (const sentence of [...found.imports, ...found.lengths]) console.error(sentence)
  const modules = `${filesUnder(source, ".ts").length} in ${path.relative("", source)}`
  console.log(`modules: ${modules}, ${found.imports.length} wrong imports, ${found.lengths.length} of a wrong length`)
  process.exitCode = found.imports.length + found.lengths.length === 0 ? 0 : 1
}

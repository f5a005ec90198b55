/**
 * Checks the structure of `src`:
 *
 * - which module imports which: the dependency direction of the architecture, one row for each kind of module
 * - which modules import the parts of Effect that Effect marks as unstable
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

type LayerName =
  | "protocol"
  | "transport"
  | "socketTransport"
  | "ports"
  | "connectionParts"
  | "connection"
  | "clientParts"
  | "client"
  | "topic"
  | "node"
  | "browser"
  | "testing"
  | "testingNode"
  | "cli"
type Package = "effect" | "@effect/platform-node" | "node:"

interface Layer {
  /** Its modules, by their path in `src`. The first layer that matches a module is the module's. */
  readonly modules: RegExp
  /** What they may import of `src` besides each other. */
  readonly layers: ReadonlyArray<LayerName>
  /** What they may import from elsewhere. */
  readonly packages: ReadonlyArray<Package>
}

const belowConnection: ReadonlyArray<LayerName> = ["protocol", "ports", "transport"]
const belowClient: ReadonlyArray<LayerName> = [...belowConnection, "connectionParts", "connection"]
const core: ReadonlyArray<LayerName> = [...belowClient, "clientParts", "client", "topic"]

const layers: Record<LayerName, Layer> = {
  protocol: { modules: /^protocol\//, layers: [], packages: [] },
  transport: {
    modules: /^(MqttTransport\.ts$|internal\/transport\/)/,
    layers: ["protocol", "ports"],
    packages: ["effect"]
  },
  socketTransport: { modules: /^SocketTransport\.ts$/, layers: ["transport", "ports"], packages: ["effect"] },
  ports: {
    modules:
      /^(Mqtt(Authentication|Config|Store|Error|Message|State|Tracing)|NetworkProbe)\.ts$|^internal\/(clientOptions|config|defaults|options|topicErrors)\.ts$/,
    layers: ["protocol", "transport"],
    packages: ["effect"]
  },
  connectionParts: { modules: /^internal\/connection\//, layers: belowConnection, packages: ["effect"] },
  connection: {
    modules: /^MqttConnection\.ts$/,
    layers: [...belowConnection, "connectionParts"],
    packages: ["effect"]
  },
  clientParts: { modules: /^internal\/client\//, layers: belowClient, packages: ["effect"] },
  node: {
    modules: /^node\//,
    layers: [...core, "socketTransport"],
    packages: ["effect", "@effect/platform-node", "node:"]
  },
  browser: { modules: /^browser\//, layers: [...core, "socketTransport"], packages: ["effect"] },
  testingNode: {
    modules: /^testing\/node\//,
    layers: [...belowConnection, "testing"],
    packages: ["effect", "@effect/platform-node", "node:"]
  },
  testing: { modules: /^testing\//, layers: belowConnection, packages: ["effect"] },
  cli: { modules: /^cli\//, layers: [...core, "node"], packages: ["effect", "@effect/platform-node", "node:"] },
  topic: { modules: /^(MqttTopic\.ts$|internal\/topic\/)/, layers: core, packages: ["effect"] },
  client: {
    modules: /^[^/]+\.ts$/,
    layers: [...belowClient, "clientParts", "topic", "socketTransport"],
    packages: ["effect"]
  }
}

const layerOf = (module: string): LayerName | undefined => {
  for (const [name, layer] of Object.entries(layers)) if (layer.modules.test(module)) return name as LayerName
  return undefined
}

const packages: ReadonlyArray<readonly [Package, RegExp]> = [
  ["effect", /^effect(\/|$)/],
  ["@effect/platform-node", /^@effect\/platform-node(\/|$)/],
  ["node:", /^node:/]
]

/** What Effect marks as unstable or experimental, and the only modules that may import it. */
const unstable: ReadonlyArray<{ readonly imported: RegExp; readonly modules: RegExp }> = [
  { imported: /^effect\/socket(\/|$)/, modules: /^(SocketTransport\.ts$|(node|browser|testing\/node)\/)/ },
  { imported: /^effect\/net(\/|$)/, modules: /^(NetworkProbe|node\/NodeNetworkProbe)\.ts$/ }
]

const mayImport = (module: string, layer: Layer, specifier: string): boolean =>
  packages.some(([name, pattern]) => layer.packages.includes(name) && pattern.test(specifier)) &&
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
  const from = layerOf(module)
  if (from === undefined) return `${module} belongs to no layer: give it one in scripts/modules.ts`
  if (!specifier.startsWith(".")) {
    return mayImport(module, layers[from], specifier) ? undefined : `${module} (${from}) may not import ${specifier}`
  }
  const imported = path.posix.join(path.posix.dirname(module), specifier)
  const to = layerOf(imported)
  if (!imported.startsWith("..") && to !== undefined && (to === from || layers[from].layers.includes(to))) {
    return undefined
  }
  return `${module} (${from}) may not import ${imported} (${to ?? "no layer of src"})`
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
  const found = { imports: violations(source), lengths: violationsOfLength(source) }
  for (const sentence of [...found.imports, ...found.lengths]) console.error(sentence)
  const modules = `${filesUnder(source, ".ts").length} in ${path.relative("", source)}`
  console.log(`modules: ${modules}, ${found.imports.length} wrong imports, ${found.lengths.length} of a wrong length`)
  process.exitCode = found.imports.length + found.lengths.length === 0 ? 0 : 1
}

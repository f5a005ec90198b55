/**
 * Bundles the command line: a process of its own is started for each command, and three hundred modules take longer to find
 * and to read than the command takes.
 *
 * The bundle has Effect in it, so a user needs no package beside this one for the command line. It is CommonJS, which Node
 * loads faster than ES modules, and it loads Node's own modules where they are used: `node:tls` alone takes longer than
 * `--help`. `effect-mqtt.ts` has Node keep the compiled code, and a command's own code is loaded when it is named.
 *
 * usage: node scripts/commandLine.ts DIST
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Vite from "vite"
import { repository } from "./files.ts"
import { licenses } from "./licenses.ts"

/** As the bundler writes an import of a module of Node. */
const builtIn = /^(?:let|const|var) (node_\w+) = require\("(node:[\w/]+)"\);\n(?:\1 = [\w.$]+\(\1(?:, 1)?\);\n)?/gm

/**
 * A chunk in which Node's own modules are loaded where they are used.
 *
 * @since 0.2.0
 * @category bundling
 */
export const withLazyBuiltIns = (code: string): string => {
  const names = new Map([...code.matchAll(builtIn)].map(([, name, module]) => [name, module]))
  const getters = [...names].map(([name, module]) => `  get ${name}() { return process.getBuiltinModule("${module}") }`)
  if (getters.length === 0) return code
  const body = code.replaceAll(builtIn, "").replaceAll(
    /(?<![\w$]|[\w$)\]]\.)node_\w+/g,
    (name) => names.has(name) ? `node$.${name}` : name
  )
  const [hashbang] = /^(?:#!.*\n)?/.exec(body) ?? [""]
  return `${hashbang}const node$ = {\n${getters.join(",\n")}\n};\n${body.slice(hashbang.length)}`
}

/** As Effect makes it where its module is loaded. */
const segmenter = /^const (\w+) = \/\*#__PURE__\*\/new Intl\.Segmenter\(([^)]*)\);$/gm

/** Of these characters each is a grapheme of its own. */
const printable = "/^[ -~]*$/"

/**
 * A module in which segmenters of graphemes are made when there is a text that needs one: making one takes as long as a
 * tenth of `pub`.
 *
 * @since 0.2.0
 * @category bundling
 */
export const withLazySegmenters = (code: string): string =>
  code.replaceAll(segmenter, (_, name, options) =>
    [
      `let ${name}$;`,
      `const ${name} = {`,
      "  segment: (text) =>",
      `    ${printable}.test(text)`,
      "      ? Array.from(text, (segment) => ({ segment }))",
      `      : (${name}$ ??= new Intl.Segmenter(${options})).segment(text)`,
      "};"
    ].join("\n"))

const lazyParts: Vite.Plugin = {
  name: "lazy-parts",
  transform: (code) => code.includes("Intl.Segmenter") ? withLazySegmenters(code) : undefined,
  renderChunk: (code) => withLazyBuiltIns(code)
}

/**
 * Replaces the modules of the command line in `dist` by the bundle.
 *
 * @since 0.2.0
 * @category bundling
 */
export const bundle = async (dist: string): Promise<void> => {
  const built = await Vite.build({
    root: repository,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins: [lazyParts],
    // `ws` is faster with these, and does without.
    ssr: { noExternal: true, external: ["bufferutil", "utf-8-validate"] },
    build: {
      write: false,
      ssr: true,
      minify: true,
      target: "node22",
      rolldownOptions: {
        input: path.join(repository, "src", "cli", "effect-mqtt.ts"),
        output: { format: "cjs", entryFileNames: "[name].cjs", chunkFileNames: "[name]-[hash].cjs" }
      }
    }
  })
  const chunks = [built].flat().flatMap((one) => "output" in one ? one.output : []).filter((one) =>
    one.type === "chunk"
  )
  const folder = path.join(dist, "cli")
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  for (const { code, fileName } of chunks) fs.writeFileSync(path.join(folder, fileName), code)
  fs.writeFileSync(path.join(folder, "LICENSES.txt"), licenses(chunks.flatMap(({ moduleIds }) => moduleIds)))
}

if (import.meta.main) {
  const [dist] = process.argv.slice(2)
  if (dist === undefined) throw new Error("usage: node scripts/commandLine.ts DIST")
  await bundle(dist)
}

/**
 * `docs/architecture.md` is true of the sources: its table has every module of `src` with the imports of each, and the
 * states of a message stand in the named modules and in the pictures.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { onTestFinished } from "vitest"
import { filesUnder, repository } from "../../scripts/files.ts"
import * as Modules from "../../scripts/modules.ts"
import { read, rows, section, spans } from "./pages.ts"

const page = "docs/architecture.md"
const source = Path.join(repository, "src")

/** A row of the table of modules. */
interface Part {
  readonly name: string
  /** Its modules and folders, by their path in `src`. */
  readonly paths: ReadonlyArray<string>
  /** Names of the parts that its modules may import. */
  readonly imports: ReadonlyArray<string>
}

const parts: ReadonlyArray<Part> = rows(section("## The modules", read(page)) ?? "").map(
  ([name = "", where = "", , imports = ""]) => ({
    name,
    paths: spans(where).map((path) => path.replace(/^src\//, "")),
    imports: imports === "" ? [] : imports.split(", ")
  })
)

const isFolder = (path: string): boolean => !path.endsWith(".ts")

const has = (path: string, module: string): boolean => isFolder(path) ? module.startsWith(`${path}/`) : module === path

/** The row that names the module, or the innermost folder that it is in. */
const partOf = (module: string): Part | undefined => {
  const named = parts.flatMap((part) =>
    part.paths.filter((path) => has(path, module)).map((path) => ({ part, length: path.length }))
  )
  return named.toSorted((one, other) => other.length - one.length)[0]?.part
}

const modules = filesUnder(source, ".ts")

describe("the table of modules", () => {
  it("has every module of src", () => {
    assert.isNotEmpty(parts)
    assert.deepStrictEqual(modules.filter((module) => partOf(module) === undefined), [])
  })

  it("is the table that the check enforces", () => {
    const named = (rows: ReadonlyArray<Pick<Part, "name" | "imports">>) =>
      rows.map(({ imports, name }) => `${name}: ${imports.join(" ")}`).toSorted()
    assert.deepStrictEqual(named(parts), named(Modules.parts))
    const elsewhere = modules.filter((module) =>
      Modules.parts.find(({ modules }) => modules.test(module))?.name !== partOf(module)?.name
    )
    assert.deepStrictEqual(elsewhere, [])
  })

  it("names only what is there", () => {
    const paths = parts.flatMap(({ paths }) => paths)
    const isThere = (path: string): boolean =>
      Fs.existsSync(Path.join(source, path)) && modules.some((module) => has(path, module))
    assert.deepStrictEqual(paths.filter((path) => !isThere(path)), [])
  })

  it("lets each part import parts above it", () => {
    const wrong = parts.flatMap(({ imports, name }, index) =>
      imports.filter((imported) => !parts.slice(0, index).some((above) => above.name === imported))
        .map((imported) => `${name} and ${imported}`)
    )
    assert.deepStrictEqual(wrong, [])
  })

  it("has every import of src", () => {
    const missing = modules.flatMap((module) => {
      const from = partOf(module)
      return Modules.importsOf(Path.join(source, module)).filter((specifier) => specifier.startsWith(".")).flatMap(
        (specifier) => {
          const imported = Path.posix.join(Path.posix.dirname(module), specifier)
          const to = partOf(imported)
          if (from === undefined || to === undefined) return [`${module} or ${imported} is in no row`]
          return from === to || from.imports.includes(to.name)
            ? []
            : [`${module} (${from.name}) imports ${imported} (${to.name})`]
        }
      )
    })
    assert.deepStrictEqual(missing, [])
  })

  it("allows no import that the check refuses", () => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-test-"))
    onTestFinished(() => Fs.rmSync(folder, { recursive: true }))
    const pathsOf = (part: string) => parts.find(({ name }) => name === part)?.paths ?? []
    const moduleAt = (path: string, name: string) => isFolder(path) ? `${path}/${name}.ts` : path
    for (const { imports, paths } of parts) {
      const imported = imports.flatMap(pathsOf).map((path) => moduleAt(path, "imported"))
      for (const module of paths.map((path) => moduleAt(path, "importing"))) {
        const specifiers = imported.map((path) => Path.posix.relative(Path.posix.dirname(module), path))
        const lines = specifiers.map((specifier) => `import "${specifier.startsWith(".") ? "" : "./"}${specifier}"`)
        Fs.mkdirSync(Path.dirname(Path.join(folder, module)), { recursive: true })
        Fs.writeFileSync(Path.join(folder, module), lines.join("\n"))
      }
    }
    assert.deepStrictEqual(Modules.violations(folder), [])
  })
})

describe("the table of the package for Effect 3", () => {
  it("is the table that the check enforces", () => {
    const table = rows(section("### The package for Effect 3", read(page)) ?? "")
    assert.deepStrictEqual(
      table.map(([, where = "", , imports = ""]) => [...spans(where), ...imports.split(", ")]),
      Modules.foldersOfEffect3.map(({ imports, path }) => [path, ...imports])
    )
    assert.deepStrictEqual(
      Modules.foldersOfEffect3.filter(({ path }) => filesUnder(Path.join(repository, path), ".ts").length === 0),
      []
    )
  })
})

describe("the states of a message", () => {
  const statesUnder = (heading: string) => rows(section(heading, read(page)) ?? "")
  const out = statesUnder("### On the way out")
  const incoming = statesUnder("### On the way in")

  it.each([...out, ...incoming])("%s: the named module has the word", (_, where = "") => {
    const [, target = ""] = /\]\(([^)]+)\)/.exec(where) ?? []
    const [word = ""] = spans(where)
    assert.include(read(Path.join(Path.dirname(page), target)), word)
  })

  it.each([["message-out", out], ["message-in", incoming]] as const)("are in the picture %s", (name, states) => {
    const picture = read(`docs/images/${name}.svg`).replace(/<desc.*<\/desc>/, "")
    assert.isNotEmpty(states)
    assert.deepStrictEqual(states.map(([state = ""]) => state).filter((state) => !picture.includes(state)), [])
  })
})

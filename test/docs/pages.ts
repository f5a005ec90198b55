/**
 * The documents for users, and the parts of a page: its programs, its tables, its code spans.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import { anchorsOf } from "../../scripts/markdown.ts"

export const read = (file: string): string => Fs.readFileSync(Path.join(repository, file), "utf8")

/** Every page, by its path in the repository. What is generated, `docs/api`, is not among them. */
export const pages: ReadonlyArray<string> = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...Fs.readdirSync(Path.join(repository, "docs")).filter((file) => file.endsWith(".md")).toSorted()
    .map((file) => `docs/${file}`)
]

/** A program in a page. One marked `run`, after its language, ends by itself and is run. */
export interface Block {
  readonly text: string
  readonly isRun: boolean
}

/** The blocks of a language. */
export const blocks = (language: string, page: string): ReadonlyArray<Block> =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}(| run)\n(.*?)^\`\`\`$`, "gms"))]
    .map(([, mark, text]) => ({ text, isRun: mark !== "" }))

/** A program with a name, after `file=`: other programs of its page import it. */
export interface FileBlock extends Block {
  readonly file: string
}

/** The files of a language in a page. */
export const fileBlocks = (language: string, page: string): ReadonlyArray<FileBlock> =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}(| run) file=(\\S+)\n(.*?)^\`\`\`$`, "gms"))]
    .map(([, mark, file, text]) => ({ file, text, isRun: mark !== "" }))

/** A part of a file of the repository, after `from=`. */
export interface Excerpt {
  readonly text: string
  readonly file: string
}

/** The excerpts of a page, in whatever language. */
export const excerpts = (page: string): ReadonlyArray<Excerpt> =>
  [...page.matchAll(/^```\w+ from=(\S+)\n(.*?)^```$/gms)].map(([, file, text]) => ({ file, text }))

/** What stands under a heading, to the next one; `undefined` if there is no such heading. */
export const section = (heading: string, page: string): string | undefined =>
  page.split(`\n${heading}\n`)[1]?.split(/^#/m)[0]

const isRule = (cells: ReadonlyArray<string>): boolean => cells.every((cell) => /^:?-+:?$/.test(cell))

const cellsOf = (row: string): ReadonlyArray<string> => row.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim())

export interface Table {
  readonly headings: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
}

/** The tables of a text, cell by cell. */
export const tables = (text: string): ReadonlyArray<Table> =>
  [...text.matchAll(/(?:^\|.*\|\n?)+/gm)].flatMap(([table]) => {
    const [headings = [], rule = [], ...rows] = table.trim().split("\n").map(cellsOf)
    return isRule(rule) ? [{ headings, rows }] : []
  })

/** The rows of all tables in a text. */
export const rows = (text: string): ReadonlyArray<ReadonlyArray<string>> => tables(text).flatMap(({ rows }) => rows)

export const withoutBlocks = (page: string): string => page.replace(/^```.*?^```$/gms, "")

/** What stands between backticks in a line. */
export const spans = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g)].map(([, span]) => span)

export const anchors = (page: string): ReadonlyArray<string> =>
  anchorsOf([...withoutBlocks(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading))

/**
 * In the API reference the types in a signature are links. `scripts/docs.ts` lists them below it, in a line `Types:`.
 */
import type { MarkdownOptions } from "vitepress"
import type { Markdown, Token } from "./links.ts"

type Transformer = NonNullable<MarkdownOptions["codeTransformers"]>[number]

const mark = "types="

/**
 * The names of the line, and where they lead. A signature may also name a type of another module without its module,
 * unless the page has a type of that name.
 */
const typesIn = (
  line: ReadonlyArray<Token>,
  onPage: ReadonlySet<string>
): ReadonlyArray<readonly [name: string, href: string]> =>
  line.flatMap((token, index) => {
    if (token.type !== "link_open") return []
    const href = (token.attrGet("href") ?? "").replace(/\.md(?=#|$)/, ".html")
    const name = line[index + 1].content
    const last = name.replace(/^.*\./, "")
    return [name, ...onPage.has(last) ? [] : [last]].map((name) => [name, href] as const)
  })

/** Tells each signature of its types, in the words after its language. */
export const signatures = (markdown: Markdown): void => {
  markdown.core.ruler.push("effect_mqtt_signatures", ({ env, tokens }) => {
    if (!env.relativePath.startsWith("docs/api/")) return
    const headings = tokens.filter((_, index) => tokens[index - 1]?.type === "heading_open")
    const onPage = new Set(headings.map(({ content }) => content))
    let ofExport: Array<Token> = []
    for (const token of tokens) {
      if (token.type === "heading_open") ofExport = []
      if (token.type === "fence") ofExport.push(token)
      if (token.type !== "inline" || !token.content.startsWith("Types: ")) continue
      const types = encodeURIComponent(JSON.stringify(typesIn(token.children ?? [], onPage)))
      for (const signature of ofExport) signature.info += ` ${mark}${types}`
    }
  })
}

/** Comments and strings name no types, and neither do keys and namespaces. */
const other = String.raw`/\*[^]*?\*/|//.*|"[^"\n]*"`

const escaped = (text: string): string => text.replaceAll(".", "\\.")

export const linkedTypes: Transformer = {
  name: "effect-mqtt:types",
  preprocess(code, options) {
    const raw = options.meta?.__raw?.split(" ").find((word) => word.startsWith(mark))?.slice(mark.length)
    if (raw === undefined) return
    const types = new Map<string, string>(JSON.parse(decodeURIComponent(raw)))
    const names = [...types.keys()].toSorted((one, other) => other.length - one.length).map(escaped).join("|")
    const found = [...code.matchAll(new RegExp(`${other}|(?<![\\w.])(${names})(?![\\w.:]|\\?:)`, "g"))]
    options.decorations = found.flatMap(({ 1: name, index }) =>
      name === undefined ? [] : [{
        start: index,
        end: index + name.length,
        tagName: "a",
        properties: { href: types.get(name) },
        alwaysWrap: true
      }]
    )
  }
}

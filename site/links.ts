/**
 * Where a link of a page leads on the site: to another page, to a file in the repository, or nowhere, which is an error.
 *
 * VitePress knows pages as `index.md` where the repository has `README.md`, and does not look at links to other files.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { MarkdownOptions } from "vitepress"
import manifest from "../package.json" with { type: "json" }
import { repository } from "../scripts/files.ts"

export type Markdown = Parameters<NonNullable<MarkdownOptions["config"]>>[0]
export type Token = ReturnType<Markdown["parse"]>[number]

/** A page of Markdown under the name that it has on the site. */
export const nameOnSite = (page: string): string => page.replace(/(^|\/)README\.md$/, "$1index.md")

/** The page that has this name on the site, or the file itself. */
const fileOf = (page: string): string => page.replace(/(^|\/)index\.md$/, "$1README.md")

/** As npm shortens it, `github:owner/name`, or the address itself; nothing if the package does not say. */
const sources = (): string | undefined => {
  const { repository }: { readonly name: string; readonly repository?: string | { readonly url: string } } = manifest
  const address = typeof repository === "string" ? repository : repository?.url
  return address?.replace(/^github:/, "https://github.com/").replace(/^git\+/, "").replace(/\.git$/, "")
}

type Target =
  | { readonly _tag: "Page"; readonly href: string }
  | { readonly _tag: "Source"; readonly file: string; readonly href: string | undefined }

const targetOf = (href: string, page: string, isPage: (file: string) => boolean): Target => {
  const [target, hash] = href.split("#")
  const file = path.posix.join(path.posix.dirname(page), target)
  if (isPage(file)) return { _tag: "Page", href: [nameOnSite(target), ...hash === undefined ? [] : [hash]].join("#") }
  const stat = fs.statSync(path.join(repository, file), { throwIfNoEntry: false })
  if (stat === undefined) throw new Error(`${fileOf(page)} has a link to ${href}, which does not exist`)
  const address = sources()
  return { _tag: "Source", file, href: address && `${address}/${stat.isDirectory() ? "tree" : "blob"}/main/${file}` }
}

/** A piece of text or of code. */
type Write = (type: "text" | "code_inline", content: string) => Token

/** What stands for a link that leads nowhere: the file as code, after the text of the link if that does not name it. */
const withoutLink = (text: ReadonlyArray<Token>, file: string, write: Write): ReadonlyArray<Token> => {
  const [{ content, type }] = text
  if (text.length !== 1 || type !== "text") return text
  if (file.includes(content)) return [write("code_inline", content)]
  return [write("text", `${content} (`), write("code_inline", file), write("text", ")")]
}

const withTargets = (
  line: ReadonlyArray<Token>,
  write: Write,
  lookUp: (href: string) => Target
): Array<Token> => {
  const followed: Array<Token> = []
  for (let index = 0; index < line.length; index++) {
    const token = line[index]
    followed.push(token)
    const href = token.type === "link_open" ? token.attrGet("href") : null
    if (href === null || /^(\w+:|#)/.test(href)) continue
    const target = lookUp(decodeURI(href))
    if (target.href !== undefined) {
      token.attrSet("href", encodeURI(target.href))
    } else if (target._tag === "Source") {
      followed.pop()
      const end = line.findIndex(({ type }, at) => at > index && type === "link_close")
      followed.push(...withoutLink(line.slice(index + 1, end), target.file, write))
      index = end
    }
  }
  return followed
}

/** `isPage` says whether a file of the repository is a page of the site. */
export const links = (isPage: (file: string) => boolean) => (markdown: Markdown): void => {
  markdown.core.ruler.after("inline", "effect_mqtt_links", ({ Token, env, tokens }) => {
    const write: Write = (type, content) =>
      Object.assign(new Token(type, type === "text" ? "" : "code", 0), { content, markup: type === "text" ? "" : "`" })
    for (const token of tokens) {
      if (token.children === null) continue
      token.children = withTargets(token.children, write, (href) => targetOf(href, env.relativePath, isPage))
    }
  })
}

/**
 * The lists of pages at the side, from the tables of the pages that list them: `docs/README.md`, and that of the API
 * reference.
 */
import * as path from "node:path"
import type { DefaultTheme } from "vitepress"
import { nameOnSite } from "./links.ts"

type Group = DefaultTheme.SidebarItem & { readonly items: Array<DefaultTheme.SidebarItem> }

/** Each heading, a line in bold among them, with the pages that begin a row of its tables. */
export const groupsOf = (list: string, text: string): ReadonlyArray<Group> => {
  const groups: Array<Group> = []
  for (const line of text.split("\n")) {
    const [, heading] = /^(?:## |\*\*)`?([^`*]+)`?(?:\*\*)?$/.exec(line) ?? []
    if (heading !== undefined) groups.push({ text: heading, items: [] })
    const [, name, page] = /^\| \[([^\]]+)\]\(([^)#]+)\) \|/.exec(line) ?? []
    if (page === undefined) continue
    const file = nameOnSite(path.posix.join(path.posix.dirname(list), page))
    const link = `/${file.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "")}`
    groups.at(-1)?.items.push({ text: name, link })
  }
  return groups.filter(({ items }) => items.length > 0)
}

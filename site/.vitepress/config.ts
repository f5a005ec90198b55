/**
 * The site: the pages of the repository as they stand, and the API reference that `scripts/docs.ts` makes.
 * usage: npm run site
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { defineConfig } from "vitepress"
import manifest from "../../package.json" with { type: "json" }
import { filesUnder, repository } from "../../scripts/files.ts"
import { anchorOf } from "../../scripts/markdown.ts"
import { links, nameOnSite } from "../links.ts"
import { groupsOf } from "../navigation.ts"
import { linkedTypes, signatures } from "../signatures.ts"

/** The pages of the site: these, and all pages of some folders. */
const roots = ["README", "CHANGELOG", "CONTRIBUTING", "SECURITY"]
const folders = ["docs", "bench"]
const pages = new Set([
  ...roots.map((name) => `${name}.md`),
  ...folders.flatMap((folder) => filesUnder(path.join(repository, folder), ".md").map((file) => `${folder}/${file}`))
])

const groups = (list: string) => [...groupsOf(list, fs.readFileSync(path.join(repository, list), "utf8"))]

const icon =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g fill="none" stroke="#0969da" stroke-width="2">
<path d="M2 7a7 7 0 0 1 7 7M2 2a12 12 0 0 1 12 12"/></g><circle cx="3.5" cy="12.5" r="1.5" fill="#0969da"/></svg>`

export default defineConfig({
  title: manifest.name,
  description: manifest.description,
  lang: "en",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],

  // It may be served at any address.
  base: "./",
  srcDir: "..",
  srcExclude: ["**/node_modules/**", `!(${roots.join("|")}).md`, `!(${folders.join("|")})/**/*`],
  rewrites: nameOnSite,
  outDir: "dist",
  cacheDir: "../node_modules/.cache/vitepress",

  // A wide picture, and no headings to list beside it.
  transformPageData: ({ frontmatter, relativePath }) =>
    relativePath === "docs/playground.md"
      ? { frontmatter: { ...frontmatter, aside: false, pageClass: "playground-page" } }
      : undefined,

  markdown: {
    anchor: { slugify: anchorOf },
    // The pages are written for GitHub, and these would find words of theirs in braces, colons and brackets.
    attrs: false,
    container: false,
    emoji: false,
    footnote: false,
    include: false,
    snippet: false,
    toc: false,
    languageAlias: { conf: "ini" },
    codeTransformers: [linkedTypes],
    config: (markdown) => {
      markdown.use(links((file) => pages.has(file)))
      markdown.use(signatures)
    }
  },

  themeConfig: {
    search: {
      provider: "local",
      options: {
        miniSearch: {
          // Pages that explain come before lists.
          searchOptions: { boostDocument: (page: string) => /\/(api\/|conformance|CHANGELOG)/.test(page) ? 0.3 : 1 }
        }
      }
    },
    outline: [2, 3],
    externalLinkIcon: true,
    nav: [
      { text: "Guide", link: "/docs/guide" },
      { text: "Documentation", link: "/docs/" },
      { text: "API", link: "/docs/api/" },
      ...pages.has("docs/playground.md") ? [{ text: "Playground", link: "/docs/playground" }] : [],
      { text: manifest.version, link: "/CHANGELOG" }
    ],
    sidebar: {
      "/docs/api/": groups("docs/api/README.md"),
      "/": [
        { items: [{ text: "Introduction", link: "/" }, { text: "Find your task", link: "/docs/" }] },
        ...groups("docs/README.md")
      ]
    }
  },

  vite: {
    publicDir: false,
    build: { assetsInlineLimit: 0, chunkSizeWarningLimit: Infinity }
  }
})

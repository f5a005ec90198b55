/**
 * docs/cookbook.md: every recipe has a program, which is compiled or run with the programs of the other pages. The
 * units and manifests of the page contain only names that the programs know.
 */
import { assert, describe, it } from "@effect/vitest"
import { anchorOf } from "../../scripts/markdown.ts"
import { files } from "../guide/page.ts"
import { blocks, read, spans, withoutBlocks } from "./pages.ts"

const page = read("docs/cookbook.md")
const [introduction, ...recipes] = page.split(/^## /m).map((text) => ({ heading: text.split("\n")[0], text }))

/** Units, manifests and other text that is no program. */
const settings = ["ini", "yaml"].flatMap((language) => blocks(language, page)).map(({ text }) => text).join("\n")

describe("docs/cookbook.md", () => {
  it("lists its recipes", () => {
    const listed = [...introduction.text.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor)
    assert.sameMembers(listed, recipes.map(({ heading }) => anchorOf(heading)))
  })

  it.each(recipes)("$heading has a program", ({ text }) => {
    assert.isNotEmpty(blocks("ts", text))
  })

  it("sets variables that are documented", () => {
    const documented = ["connecting", "transports", "durable"]
      .flatMap((name) => spans(withoutBlocks(read(`docs/${name}.md`))))
      .flatMap((span) => /^MQTT_[A-Z_]+/.exec(span) ?? [])
    const named = [...settings.matchAll(/\bMQTT_[A-Z_]+(?=[=,])/g)].map(([variable]) => variable)
    assert.isAbove(named.length, 3)
    assert.includeMembers(documented, named)
  })

  it("probes what the guide's gateway answers", () => {
    const routes = files(read("docs/guide.md")).get("http.ts") ?? ""
    const probed = [...settings.matchAll(/path: (\/\w+)/g)].map(([, path]) => path)
    assert.isNotEmpty(probed)
    for (const path of probed) assert.include(routes, `"${path}"`)
  })
})

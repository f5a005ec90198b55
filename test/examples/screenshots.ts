/**
 * `npm run screenshots`: pictures of the pages of `examples`, on a phone and on a desk, by day and by night.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { repository } from "../../scripts/files.ts"
import * as Layout from "../browser/Layout.ts"
import * as Scenes from "./Scenes.ts"

const help = `npm run screenshots -- [options]

  --out DIR   where the pictures go (default screenshots)
  --docs      also puts those of the documentation into docs/images
  --help      this text

Needs mosquitto and Chromium. Takes a minute: the charts of the dashboard fill.
`

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "screenshots" },
    docs: { type: "boolean", default: false },
    help: { type: "boolean", default: false }
  }
})

/** Pictures of the documentation, and which they are. */
const ofDocs: { readonly [name: string]: string } = {
  "dashboard-light.png": "browser-dashboard-recovered-1280-light.png",
  "dashboard-dark.png": "browser-dashboard-recovered-1280-dark.png",
  "dashboard-outage.png": "browser-dashboard-outage-1280-light.png",
  "dashboard-phone.png": "browser-dashboard-recovered-375-light.png"
}

const photographer = (folder: string, example: string): Scenes.Look => (moment, page) =>
  Effect.forEach(Layout.views, (view) =>
    Effect.gen(function*() {
      const name = `${example}-${moment}-${view.width}-${view.theme}.png`
      yield* Layout.show(page, view)
      yield* Effect.promise(() => page.playwright.screenshot({ path: Path.join(folder, name), fullPage: true }))
      console.log(name)
    }), { discard: true })

const program = Effect.gen(function*() {
  const folder = Path.resolve(values.out)
  for (const { name, scenes } of Scenes.examples({ before: 110, after: 55 })) {
    yield* Effect.scoped(scenes(photographer(folder, name)))
  }
  if (!values.docs) return
  for (const [name, picture] of Object.entries(ofDocs)) {
    Fs.copyFileSync(Path.join(folder, picture), Path.join(repository, "docs", "images", name))
  }
})

const missing = Scenes.requirements.filter(({ isInstalled }) => !isInstalled())

if (values.help) console.log(help)
else if (missing.length > 0) {
  console.error(`screenshots: needs what is not installed here: ${missing.map(({ packages }) => packages).join(", ")}`)
  process.exitCode = 2
} else NodeRuntime.runMain(Effect.provide(program, Scenes.layer))

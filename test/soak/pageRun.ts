/**
 * `npm run page-soak`: a page that nobody looks at hears messages; at the end a report.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { parseArgs } from "node:util"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Puppeteer from "../browser/Puppeteer.ts"
import * as LongRun from "./longRun.ts"
import * as report from "./pageReport.ts"
import * as PageSoak from "./PageSoak.ts"

const help = `npm run page-soak -- [options]

  --minutes N     how long messages come (default 5)
  --rate N        messages published to the page a second (default 200)
  --browser NAME  chromium or firefox (default chromium)
  --grace N       seconds until Chromium runs the timers of a hidden page once a minute
                  (default 300, as Chromium has it, and less in runs below 25 minutes)
  --channel       fibers that yield go on with a message of a channel instead of a timer
  --out DIR       also writes the report there: page-soak.txt, page-soak.json, page-soak.svg
  --help          this text

Needs mosquitto and the browser. Ends with 0 when the page was hidden all the time, and everything held.
`

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    rate: { type: "string", default: "200" },
    browser: { type: "string", default: "chromium" },
    grace: { type: "string" },
    channel: { type: "boolean", default: false },
    out: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const main = (kind: Puppeteer.Kind) => {
  const minutes = LongRun.atLeast("minutes", values.minutes, 0.5)
  const options: PageSoak.Options = {
    kind: kind.name,
    minutes,
    rate: LongRun.atLeast("rate", values.rate, 1),
    grace: values.grace === undefined
      ? Math.min(300, Math.round(minutes * 12))
      : LongRun.atLeast("grace", values.grace, 1),
    channel: values.channel,
    onProgress: LongRun.showing(report.progress)
  }
  const program = Effect.map(
    PageSoak.run(options),
    (outcome) => LongRun.conclude(outcome, { name: "page-soak", report, directory: values.out })
  )
  NodeRuntime.runMain(Effect.provide(program, kind.throttled(options.grace)))
}

const kind = Puppeteer.kinds.find(({ name }) => name.toLowerCase() === values.browser)
const missing = kind === undefined
  ? []
  : [Mosquitto.requirement, kind.requirement].filter(({ isInstalled }) => !isInstalled())

if (values.help) console.log(help)
else if (kind === undefined) {
  console.error(`--browser is chromium or firefox, not ${values.browser}`)
  process.exitCode = 2
} else if (missing.length > 0) {
  console.error(`page-soak: needs what is not installed here: ${missing.map(({ packages }) => packages).join(", ")}`)
  process.exitCode = 2
} else main(kind)

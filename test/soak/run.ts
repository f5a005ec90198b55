/**
 * `npm run soak`: clients, a proxy that fails, and a mosquitto that is stopped and killed; at the end a report.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { parseArgs } from "node:util"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as LongRun from "./longRun.ts"
import * as report from "./report.ts"
import * as Soak from "./Soak.ts"

const help = `npm run soak -- [options]

  --minutes N   how long there are traffic and faults (default 5)
  --seed N      decides which faults there are, where and for how long (default: another one each time)
  --rate N      messages published a second, by all 20 publishers (default 500)
  --out DIR     also writes the report there: soak.txt, soak.json, soak.svg
  --help        this text

Needs mosquitto. Ends with 0 when nothing was violated.
`

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    rate: { type: "string", default: "500" },
    out: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const program = Effect.gen(function*() {
  const outcome = yield* Soak.run({
    minutes: LongRun.atLeast("minutes", values.minutes, 0.5),
    seed: LongRun.atLeast("seed", values.seed ?? String(Date.now() % 1_000_000), 0),
    rate: LongRun.atLeast("rate", values.rate, 1),
    onProgress: LongRun.showing(report.progress)
  })
  LongRun.conclude(outcome, { name: "soak", report, directory: values.out })
})

if (values.help) console.log(help)
else if (!Mosquitto.requirement.isInstalled()) {
  console.error("soak: mosquitto is not installed here; it is in the package of that name")
  process.exitCode = 2
} else NodeRuntime.runMain(program)

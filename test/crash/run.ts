/**
 * `npm run crash`: a program with a store that is killed again and again, and a mosquitto that is stopped; at the end a
 * report.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { parseArgs } from "node:util"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as LongRun from "../soak/longRun.ts"
import * as Crash from "./Crash.ts"
import * as report from "./report.ts"

const help = `npm run crash -- [options]

  --rounds N      how often the program is killed, in all (default 100)
  --seed N        decides when it is killed (default: another one each time)
  --protocol V    3.1.1, 5.0 or both (default both)
  --sync S        normal, full or both (default both)
  --broker B      mosquitto or aedes, which is 3.1.1 and cannot be stopped (default mosquitto)
  --out DIR       also writes the report there: crash.txt, crash.json, crash.svg
  --help          this text

Needs mosquitto, or --broker aedes. Ends with 0 when nothing was violated.
`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string" },
    protocol: { type: "string", default: "both" },
    sync: { type: "string", default: "both" },
    broker: { type: "string", default: "mosquitto" },
    out: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const wrong = (text: string): never => {
  console.error(`crash: ${text}`)
  return process.exit(2)
}

const whole = (name: string, text: string, least: number): number => {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= least
    ? value
    : wrong(`--${name} is a whole number from ${least}, not ${text}`)
}

const oneOf = <A extends string>(name: string, text: string, choices: ReadonlyArray<A>): A =>
  choices.find((choice) => choice === text) ?? wrong(`--${name} is one of ${choices.join(", ")}, not ${text}`)

const all = <A extends string>(name: string, text: string, choices: ReadonlyArray<A>): ReadonlyArray<A> =>
  text === "both" ? choices : [oneOf(name, text, choices)]

const broker = oneOf("broker", values.broker, ["mosquitto", "aedes"])

const program = Effect.gen(function*() {
  const outcome = yield* Crash.run({
    rounds: whole("rounds", values.rounds, 1),
    seed: whole("seed", values.seed ?? String(Date.now() % 1_000_000), 0),
    broker,
    versions: broker === "aedes" ? ["3.1.1"] : all("protocol", values.protocol, ["3.1.1", "5.0"]),
    syncs: all("sync", values.sync, ["normal", "full"]),
    onProgress: LongRun.showing(report.progress)
  })
  LongRun.conclude(outcome, { name: "crash", report, directory: values.out })
})

if (values.help) console.log(help)
else if (broker === "mosquitto" && !Mosquitto.requirement.isInstalled()) {
  console.error("crash: mosquitto is not installed here; it is in the package of that name")
  process.exitCode = 2
} else NodeRuntime.runMain(program)

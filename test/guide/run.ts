/**
 * `npm run guide`: follows docs/guide.md in an empty folder with the packed tarball, and tries its promises.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, References } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import { pack } from "../examples/packed.ts"
import * as Trial from "./Trial.ts"

const help = `npm run guide -- [options]

  --rounds N      how often the broker is stopped, and the gateway told to end and killed (default 2)
  --tarball FILE  a package that was packed before (default: this repository, packed anew)
  --help          this text

Needs openssl and curl, mosquitto for the part with TLS, and npm's registry or its cache. Ends with 0 when the page can be followed, nothing was
lost, and nothing came twice after SIGTERM.
`

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    tarball: { type: "string" },
    help: { type: "boolean", default: false }
  }
})

const some = (numbers: ReadonlyArray<string>): string =>
  numbers.length === 0 ? "" : ` (${numbers.slice(0, 5).join(", ")})`

const lineOf = ({ accepted, given, lost, remark, repeated, seconds, what }: Trial.Round): string =>
  `${what} (${remark}): ${accepted} readings and ${given} commands, ${lost.length} lost${some(lost)}, ` +
  `${repeated.length} came twice${some(repeated)}, ${seconds.toFixed(1)} s`

const isRight = ({ lost, once, repeated, wrong }: Trial.Round): boolean =>
  lost.length === 0 && wrong.length === 0 && (!once || repeated.length === 0)

/** Names that are missing in traces and metrics. */
const telemetry = ({ metrics, spans }: Trial.Outcome): ReadonlyArray<string> => [
  ...spans.some((name) => name.includes("hall/+/set")) ? [] : [`no trace of a command: ${spans.join(", ")}`],
  ...metrics.some((name) => name.startsWith("mqtt.client.")) ? [] : [`no metric of the client: ${metrics.join(", ")}`]
]

const packed = Effect.acquireRelease(
  Effect.sync(pack),
  (tarball) => Effect.sync(() => Fs.rmSync(Path.dirname(tarball), { recursive: true }))
)

const program = Effect.gen(function*() {
  const tarball = values.tarball === undefined ? yield* packed : Path.resolve(values.tarball)
  const outcome = yield* Trial.run({
    tarball,
    rounds: Number(values.rounds),
    onStep: (text) => console.log(text.replace(/^/gm, "  "))
  })
  console.log()
  for (const round of outcome.rounds) console.log(`${isRight(round) ? "ok  " : "FAIL"}  ${lineOf(round)}`)
  const wrong = [...outcome.rounds.flatMap(({ wrong }) => wrong), ...telemetry(outcome)]
  for (const text of wrong) console.log(`FAIL  ${text}`)
  process.exitCode = wrong.length === 0 && outcome.rounds.every(isRight) ? 0 : 1
}).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "Error"))

if (values.help) console.log(help)
else {
  if (!Mosquitto.requirement.isInstalled()) {
    console.log("guide: mosquitto is not installed, so a broker in memory stands for it, without TLS")
  }
  NodeRuntime.runMain(program)
}

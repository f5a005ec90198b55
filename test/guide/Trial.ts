/**
 * The guide, followed to the letter, and then the promises that it ends with: the broker is stopped, the gateway is
 * told to end, and it is killed, each with readings and commands on their way.
 */
import { Effect, Schedule, type Scope } from "effect"
import { read } from "../docs/pages.ts"
import * as Broker from "./Broker.ts"
import * as Collector from "./Collector.ts"
import * as Hall from "./Hall.ts"
import * as page from "./page.ts"
import * as Reader from "./Reader.ts"

export interface Options {
  readonly tarball: string
  /** How often each thing is done. */
  readonly rounds: number
  readonly onStep: (text: string) => void
}

export interface Round extends Hall.Judgement {
  readonly what: string
  readonly seconds: number
  /** Whether nothing may come twice. */
  readonly once: boolean
  readonly remark: string
  /** Other conditions that do not hold. */
  readonly wrong: ReadonlyArray<string>
}

interface Place {
  readonly reader: Reader.Reader
  readonly hall: Hall.Hall
  readonly broker: Broker.Broker
  readonly gatewayUrl: string
}

const commands = 400

/** A deadline that says which event did not come. */
const within = <A, E, R>(effect: Effect.Effect<A, E, R>, seconds: number, what: () => string): Effect.Effect<A, E, R> =>
  Effect.timeoutOrElse(effect, {
    duration: `${seconds} seconds`,
    orElse: () => Effect.die(new Error(`not within ${seconds} seconds: ${what()}`))
  })

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry(Schedule.spaced("5 millis")),
    Effect.orDie
  )

const ready = (gatewayUrl: string): Effect.Effect<void> =>
  Effect.tryPromise(() => fetch(`${gatewayUrl}/ready`)).pipe(
    Effect.flatMap(({ status }) => status === 200 ? Effect.void : Effect.fail("not ready")),
    Effect.retry(Schedule.spaced("50 millis")),
    Effect.orDie
  )

const startGateway = Effect.fnUntraced(function*({ gatewayUrl, reader }: Place) {
  const terminal = yield* reader.startAgain("gateway")
  yield* within(ready(gatewayUrl), 60, () => `the gateway is ready\n${terminal.printed()}`)
})

/** The result of an event: conditions that do not hold, and a remark for the report. */
interface Result {
  readonly wrong: ReadonlyArray<string>
  readonly remark: string
}

type Event = (place: Place, part: Hall.Part) => Effect.Effect<Result, never, Scope.Scope>

const secondsSince = (start: number): number => (performance.now() - start) / 1000

/** A moment in the middle of the commands. */
const middle = ({ hall }: Place, part: Hall.Part) =>
  within(until(() => hall.finished(part) >= commands / 8), 60, () => `${hall.finished(part)} commands are carried out`)

const stillOnTheWay = ({ hall }: Place, part: Hall.Part): ReadonlyArray<string> =>
  hall.finished(part) < commands ? [] : ["nothing was on its way any more"]

const endGateway = Effect.fnUntraced(function*({ reader }: Place, signal: NodeJS.Signals, expected: number | string) {
  const terminal = reader.terminals.get("gateway")
  terminal?.signal(signal)
  const end = yield* within(terminal?.ended ?? Effect.succeed("not started"), 60, () => "the gateway ends")
  return end === expected ? [] : [`the gateway ended with ${end}, not with ${expected}: ${terminal?.printed()}`]
})

/** Ends the gateway by a signal in the middle of its commands, and starts it again. */
const restartGateway = (signal: NodeJS.Signals, expected: number | string): Event =>
  Effect.fnUntraced(function*(place, part) {
    yield* middle(place, part)
    const told = performance.now()
    const wrong = yield* endGateway(place, signal, expected)
    const remark = `it ended after ${secondsSince(told).toFixed(1)} s`
    const late = stillOnTheWay(place, part)
    yield* startGateway(place)
    return { wrong: [...wrong, ...late], remark }
  })

/** The broker stays away until machines have handed in so many readings. */
const readingsMeanwhile = 200

/** Stops the broker, and starts it again when the gateway has taken readings without it. */
const restartBroker = (meanwhile: (place: Place) => Effect.Effect<ReadonlyArray<string>>): Event =>
  Effect.fnUntraced(function*(place, part) {
    const { broker, reader } = place
    yield* middle(place, part)
    yield* broker.stop
    const [accepted, late] = [part.accepted.size, stillOnTheWay(place, part)]
    yield* within(
      until(() => part.accepted.size >= accepted + readingsMeanwhile),
      60,
      () => `only ${part.accepted.size - accepted} readings were accepted without a broker`
    )
    const wrong = yield* meanwhile(place)
    yield* broker.startAgain
    if (reader.terminals.get("gateway")?.isRunning() !== true) yield* startGateway(place)
    return { wrong: [...wrong, ...late], remark: `${readingsMeanwhile} readings were accepted without it` }
  })

const events: { readonly [what: string]: { readonly event: Event; readonly once: boolean } } = {
  "the broker is stopped and started": { event: restartBroker(() => Effect.succeed([])), once: false },
  "the gateway gets SIGTERM": { event: restartGateway("SIGTERM", 130), once: true },
  "the gateway is killed (kill -9)": { event: restartGateway("SIGKILL", "SIGKILL"), once: false },
  "the gateway is killed while the broker is away": {
    event: restartBroker((place) => endGateway(place, "SIGKILL", "SIGKILL")),
    once: false
  }
}

const round = Effect.fnUntraced(function*(place: Place, what: string): Effect.fn.Return<Round, never, Scope.Scope> {
  const { event, once } = events[what]
  const { hall } = place
  const started = performance.now()
  const part: Hall.Part = { accepted: new Set(), given: new Set() }
  const { remark, wrong } = yield* Effect.gen(function*() {
    const [, result] = yield* Effect.all([hall.give(part, commands), event(place, part)], { concurrency: 2 })
    return result
  }).pipe(Effect.raceFirst(hall.keepHandingIn(part)), Effect.orDie)
  const isDone = () => hall.finished(part) === commands && hall.arrived(part) === part.accepted.size
  // A message that never comes counts as lost; copies get another second.
  yield* until(isDone).pipe(Effect.timeoutOption("60 seconds"))
  yield* Effect.sleep("1 second")
  return { what, once, remark, wrong, seconds: secondsSince(started), ...hall.judge(part) }
})

/** The command for the certificate of another client: the page has one for the gateway. */
const certificateFor = (name: string, steps: ReadonlyArray<page.Step>): string => {
  const lines = steps.flatMap((step) => step._tag === "Run" ? step.commands.split("\n") : [])
  const line = lines.find((line) => line.startsWith("openssl") && line.includes("/CN=gateway"))
  if (line === undefined) throw new Error("the page makes no certificate for the gateway")
  return line.replaceAll("gateway", name)
}

export interface Outcome {
  readonly rounds: ReadonlyArray<Round>
  /** Names in the exports of the gateway. */
  readonly spans: ReadonlyArray<string>
  readonly metrics: ReadonlyArray<string>
}

/** Follows the page, and then tries its gateway. */
export const run = Effect.fnUntraced(function*({ onStep, rounds, tarball }: Options) {
  const collector = yield* Collector.start
  const { portFor, reader } = yield* Reader.make({
    tarball,
    ports: [Broker.plainPort, Broker.tlsPort, 8080],
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: "500",
      OTEL_METRIC_EXPORT_INTERVAL: "1000"
    },
    onStep
  })
  const steps = page.steps(read("docs/guide.md"))
  const broker = yield* Broker.make(reader, portFor)
  for (const step of steps) yield* broker.follow(step) ?? reader.follow(step)
  onStep("the page is followed; now its promises")
  yield* reader.run(certificateFor("plant", steps))
  const gatewayUrl = `http://127.0.0.1:${portFor(8080)}`
  const hall = yield* Hall.make(broker.clientOptions("plant"), gatewayUrl).pipe(Effect.orDie)
  const place: Place = { reader, hall, broker, gatewayUrl }
  const judged: Array<Round> = []
  for (let number = 1; number <= rounds; number++) {
    for (const what of Object.keys(events)) {
      onStep(`${what}, ${number} of ${rounds}`)
      judged.push(yield* round(place, what))
    }
  }
  yield* reader.stop("gateway")
  const outcome: Outcome = { rounds: judged, spans: [...collector.spans], metrics: [...collector.metrics] }
  return outcome
})

/**
 * A page that nobody looks at, and whose timers the browser holds back: hears messages for as long as is asked, while its
 * heap, its connections and the numbers of its messages are watched.
 */
import { Effect, Option, Schedule, Stream } from "effect"
import type * as puppeteer from "puppeteer-core"
import { MqttClient } from "../../src/index.ts"
import { NodeTcp } from "../../src/node/index.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import type { HiddenPage, Options as PageOptions, Seen } from "../browser/HiddenPage.ts"
import * as Puppeteer from "../browser/Puppeteer.ts"
import * as Site from "../browser/Site.ts"
import { Histogram } from "./Histogram.ts"
import * as Subjects from "./pageSubjects.ts"

export interface Options {
  readonly kind: Puppeteer.Kind["name"]
  readonly minutes: number
  /** Messages published to the page a second. */
  readonly rate: number
  /** How long the page is hidden before the browser runs its timers once a minute instead of once a second, seconds. */
  readonly grace: number
  /** Whether the page's fibers go on with a message of a channel instead of a timer. */
  readonly channel: boolean
  /** Called every second. */
  readonly onProgress: (progress: Progress) => void
}

/** The page and the program beside it at one moment. */
export interface Sample extends Seen {
  /** Milliseconds since the page was hidden. */
  readonly at: number
  readonly sent: number
  readonly answers: number
  /** Bytes that are reachable in the page after a collection; Firefox does not tell. */
  readonly heap: number | undefined
}

export interface Progress {
  readonly elapsed: number
  readonly sent: number
  readonly answers: number
  readonly sample: Sample | undefined
}

export interface Outcome {
  readonly options: Options
  readonly browser: string
  readonly elapsed: number
  readonly sent: number
  /** Messages that came back, those that came again, and how long each was on the way in both directions. */
  readonly answers: number
  readonly repeatedAnswers: number
  readonly roundTrips: Histogram
  /** CONNECTs that the broker took, by client. */
  readonly connects: ReadonlyMap<string, number>
  readonly samples: ReadonlyArray<Sample>
  /** After the warm-up, and when everything had arrived or the deadline had come. */
  readonly baseline: Sample
  readonly final: Sample
}

const samplesKept = 120
/** How long what is owed may take to arrive, seconds. */
const drainSeconds = 90

declare const hiddenPage: HiddenPage

const look = (page: puppeteer.Page): Effect.Effect<Seen> => Effect.promise(() => page.evaluate(() => hiddenPage.seen()))

const until = (page: puppeteer.Page, condition: (seen: Seen) => boolean, seconds: number) =>
  look(page).pipe(
    Effect.filterOrFail(condition, () => "not yet"),
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.timeoutOption(seconds * 1000)
  )

/** Bytes that a collection leaves: objects, and what they hold outside the heap. */
const heapOf = (page: puppeteer.Page) =>
  Effect.map(
    Effect.promise(() => page.createCDPSession()),
    (session) =>
      Effect.promise(async () => {
        await session.send("HeapProfiler.collectGarbage")
        const { backingStorageSize, embedderHeapUsedSize, usedSize } = await session.send("Runtime.getHeapUsage")
        return usedSize + embedderHeapUsedSize + backingStorageSize
      })
  )

/** What is sent and what comes back, and the way there and back. */
class Tally {
  sent = 0
  answers = 0
  repeatedAnswers = 0
  readonly roundTrips = new Histogram()
  readonly connects = new Map<string, number>()
  readonly samples: Array<Sample> = []
  #hiddenAt = performance.now()
  readonly #sentAt = new Map<number, number>()

  readonly now = (): number => Math.round(performance.now() - this.#hiddenAt)

  hidden(): void {
    this.#hiddenAt = performance.now()
  }

  next(): string {
    const number = this.sent++
    if (number % Subjects.answered === 0) this.#sentAt.set(number, performance.now())
    return String(number)
  }

  answered(number: number): void {
    const sentAt = this.#sentAt.get(number)
    if (sentAt === undefined) {
      this.repeatedAnswers++
      return
    }
    this.#sentAt.delete(number)
    this.answers++
    this.roundTrips.add(performance.now() - sentAt)
  }

  /** A line of the broker's log. */
  log(line: string): void {
    const client = / as (page-soak-\w+) /.exec(line)?.[1]
    if (client === undefined || !line.includes("New client connected")) return
    this.connects.set(client, (this.connects.get(client) ?? 0) + 1)
  }
}

/** Nothing waits for a window here, and the broker says who connects. */
const broker = Mosquitto.start({
  configuration: [
    "allow_anonymous true",
    "max_queued_messages 0",
    "max_inflight_messages 65534",
    "set_tcp_nodelay true",
    "log_dest topic",
    "log_type notice"
  ],
  listeners: { webSocket: ["protocol websockets", "allow_anonymous true"] }
})

const listen = Effect.fnUntraced(function*(mqtt: MqttClient.MqttClient["Service"], tally: Tally) {
  const answers = yield* mqtt.subscribe(Subjects.up, { qos: 1 })
  const log = yield* mqtt.subscribe("$SYS/broker/log/#")
  yield* Stream.runForEach(answers, ({ text }) => Effect.sync(() => tally.answered(Number(text)))).pipe(
    Effect.forkScoped
  )
  yield* Stream.runForEach(log, ({ text }) => Effect.sync(() => tally.log(text))).pipe(Effect.forkScoped)
})

/** As many as are due, every 5 ms. */
const publish = (mqtt: MqttClient.MqttClient["Service"], tally: Tally, { minutes, rate }: Options) =>
  Effect.gen(function*() {
    const due = Math.floor(Math.min(tally.now(), minutes * 60_000) * rate / 1000)
    while (tally.sent < due) yield* Effect.asVoid(mqtt.publishAsync(Subjects.down, tally.next(), { qos: 1 }))
    return tally.now() >= minutes * 60_000
  }).pipe(Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: (isOver) => isOver }))

/** Before anything is measured: what is not so then would make an hour worthless. */
const must = Effect.fnUntraced(function*(what: string, page: puppeteer.Page, condition: (seen: Seen) => boolean) {
  const held = yield* until(page, condition, 20)
  if (Option.isNone(held)) return yield* Effect.die(new Error(`the page ${what}`))
})

/** Behind another page of the same window. */
const hide = Effect.fnUntraced(function*(page: puppeteer.Page) {
  const front = yield* Puppeteer.open("about:blank")
  yield* Effect.promise(() => front.bringToFront())
  yield* must("is not hidden behind another", page, ({ visibility }) => visibility === "hidden")
})

export const run = Effect.fnUntraced(function*(options: Options) {
  const { minutes, onProgress } = options
  const { host, port, ports } = yield* broker
  const mqtt = yield* MqttClient.make({ protocolVersion: "5.0" }).pipe(Effect.provide(NodeTcp.layer({ host, port })))
  const tally = new Tally()
  yield* listen(mqtt, tally)

  const site = yield* Site.builtModule("HiddenPage.ts")
  const pageOptions: PageOptions = { url: `ws://${host}:${ports.get("webSocket")}`, channel: options.channel }
  const page = yield* Puppeteer.open(`${site.url}#${encodeURIComponent(JSON.stringify(pageOptions))}`)
  yield* must("does not connect", page, ({ isSubscribed, quietConnections }) => isSubscribed && quietConnections > 0)
  const heap = options.kind === "Chromium" ? yield* heapOf(page) : Effect.void
  yield* hide(page)
  tally.hidden()

  const takeSample = Effect.map(Effect.all([look(page), heap]), ([seen, heap]): Sample => ({
    ...seen,
    at: tally.now(),
    sent: tally.sent,
    answers: tally.answers,
    heap: heap ?? undefined
  }))
  const duration = minutes * 60_000
  yield* Effect.sync(() =>
    onProgress({ elapsed: tally.now(), sent: tally.sent, answers: tally.answers, sample: tally.samples.at(-1) })
  ).pipe(Effect.repeat(Schedule.spaced("1 second")), Effect.forkScoped)
  yield* Effect.map(takeSample, (sample) => tally.samples.push(sample)).pipe(
    Effect.repeat(Schedule.fixed(Math.max(1000, duration / samplesKept))),
    Effect.forkScoped
  )
  yield* publish(mqtt, tally, options)
  yield* mqtt.flush
  yield* until(
    page,
    ({ received }) => received >= tally.sent && tally.answers >= tally.sent / Subjects.answered,
    drainSeconds
  )
  const final = yield* takeSample
  const warm = Math.min(5 * 60_000, duration / 5)
  return {
    options,
    browser: yield* Effect.flatMap(Puppeteer.Browser, (browser) => Effect.promise(() => browser.version())),
    elapsed: tally.now(),
    sent: tally.sent,
    answers: tally.answers,
    repeatedAnswers: tally.repeatedAnswers,
    roundTrips: tally.roundTrips,
    connects: tally.connects,
    samples: tally.samples,
    baseline: tally.samples.find(({ at }) => at >= warm) ?? final,
    final
  } satisfies Outcome
}, Effect.scoped)

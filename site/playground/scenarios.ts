/**
 * The scenarios: the story of each, the options that matter in it, its first setting, and its steps.
 */
import type { Name, ScenarioName, Setting } from "./Setting.ts"
import * as Steps from "./steps.ts"
import type { Program, Step } from "./steps.ts"

export interface Scenario {
  readonly title: string
  /** The story, and a hint for the reader. */
  readonly explanation: string
  /** Options of its own, beside the common ones. */
  readonly options: ReadonlyArray<Name>
  readonly start: Partial<Setting>
  /** The lanes of the timeline, without the broker. */
  readonly programs: ReadonlyArray<Program>
  readonly steps: (setting: Setting) => ReadonlyArray<Step>
}

const station: Program = { name: "station", clientId: "station", kind: "subscriber" }
const sensor: Program = { name: "sensor", clientId: "sensor", kind: "publisher" }
const twin: Program = { name: "twin", clientId: "sensor", kind: "publisher" }
const page: Program = { name: "page", clientId: "page", kind: "publisher" }

/** The message that a handler cannot process. */
export const poisonous = "sensor 5"

/** The subscriber is there before the first message, which leaves a second later. */
const begin = (
  publisher: Program,
  options: { readonly hasStore?: boolean; readonly willDie?: boolean } = {}
): ReadonlyArray<Step> => [
  Steps.start(station, { words: "The station connects and subscribes." }),
  Steps.wait(1000),
  Steps.start(publisher, { words: `The ${publisher.name} connects, and publishes message after message.`, ...options })
]

/**
 * From the start of the publisher to the trouble. With the usual intervals a message has just reached the broker, and
 * its acknowledgement is on the way.
 */
const untilTrouble = 3030

const scenarios: { readonly [name in ScenarioName]: Scenario } = {
  outage: {
    title: "An outage",
    explanation:
      "A sensor publishes readings, and a station handles them. For ten seconds nothing reaches the broker. Compare QoS 0 with QoS 1, and a clean session with a persistent one.",
    options: ["ending"],
    start: { session: "persistent" },
    programs: [sensor, station],
    steps: ({ ending }) => [
      ...begin(sensor),
      Steps.wait(untilTrouble),
      Steps.loseNetwork(ending, 10_000),
      Steps.wait(10_000),
      Steps.restoreNetwork,
      Steps.wait(36_000)
    ]
  },
  restart: {
    title: "The broker restarts, and loses its sessions",
    explanation:
      "The broker is down for five seconds, and comes back with an empty memory: no sessions, so no subscriptions. Both clients connect again at the same moment. If the messages of the sensor arrive before the SUBSCRIBE of the station, the broker acknowledges them and gives them to nobody, at QoS 1 too.",
    options: [],
    start: { session: "persistent", reconnect: "second" },
    programs: [sensor, station],
    steps: () => [
      ...begin(sensor),
      Steps.wait(untilTrouble),
      Steps.stopBroker(5000),
      Steps.wait(5000),
      Steps.brokerIsUp,
      Steps.wait(21_000)
    ]
  },
  slow: {
    title: "A slow subscriber",
    explanation:
      "The station needs a second and a half for each message, and the sensor sends four in that time. The buffer of the station fills, and then its policy decides: wait, so that the broker keeps the messages, or lose some.",
    options: [],
    start: { handling: 1500, interval: 400, buffer: 3, bufferPolicy: "suspend" },
    programs: [sensor, station],
    steps: () => [...begin(sensor), Steps.wait(44_000)]
  },
  poison: {
    title: "A poison message",
    explanation:
      `The handler of the station fails for one message, “${poisonous}”, each time it gets it. Either that message holds up all others, or it is put aside.`,
    options: ["poison"],
    start: { poison: "stop", session: "persistent" },
    programs: [sensor, station],
    steps: () => [...begin(sensor), Steps.wait(24_000)]
  },
  twins: {
    title: "Two clients with one identifier",
    explanation:
      "A second device starts with the client identifier of the first. The broker ends the older connection. In 5.0 it says why, so the first client closes for good; in 3.1.1 it only hangs up, and the two push each other out again and again.",
    options: [],
    start: { reconnect: "second" },
    programs: [sensor, twin, station],
    steps: () => [
      ...begin(sensor),
      Steps.wait(untilTrouble),
      Steps.start(twin, { words: "The twin starts, with the client identifier of the sensor." }),
      Steps.wait(21_000)
    ]
  },
  stall: {
    title: "A broker that stalls",
    explanation:
      "For twenty seconds the broker answers nothing, and no connection ends. The client cannot know whether its messages arrived. After ten seconds without an acknowledgement it takes the connection for dead, and tries another.",
    options: [],
    start: { session: "persistent" },
    programs: [sensor, station],
    steps: () => [
      ...begin(sensor),
      Steps.wait(untilTrouble),
      Steps.stall(20_000),
      Steps.wait(46_000)
    ]
  },
  tab: {
    title: "A tab that is killed, with a store",
    explanation:
      "A page in a browser publishes while it has no network, and is killed. Five seconds later somebody opens it again. With a store the messages that waited are still there, and leave. Without one they are gone.",
    options: ["store"],
    start: { session: "persistent" },
    programs: [page, station],
    steps: ({ store }) => {
      const hasStore = store === "memory"
      return [
        ...begin(page, { hasStore, willDie: true }),
        Steps.wait(untilTrouble),
        Steps.loseNetwork("reset", 7000),
        Steps.wait(4000),
        Steps.kill(page, "The tab is killed, with everything in its memory."),
        Steps.wait(3000),
        Steps.restoreNetwork,
        Steps.wait(2000),
        Steps.start({ ...page, kind: "reopened" }, { words: "Somebody opens the page again.", hasStore }),
        Steps.wait(20_000)
      ]
    }
  }
}

export const scenarioOf = (name: ScenarioName): Scenario => scenarios[name]

/** The options that matter in every scenario. */
const common: ReadonlyArray<Name> = [
  "version",
  "qos",
  "session",
  "reconnect",
  "messages",
  "interval",
  "window",
  "outbox",
  "outboxPolicy",
  "receiveMaximum",
  "buffer",
  "bufferPolicy",
  "handling"
]

/** The options that a reader tries first. */
const main: ReadonlyArray<Name> = ["version", "qos", "session", "reconnect"]

/** The options of a scenario that are shown at once: its own, and the options that a reader tries first. */
export const mainOptionsOf = (name: ScenarioName): ReadonlyArray<Name> => [...scenarios[name].options, ...main]

/** The options of a scenario: its own first. */
export const optionsOf = (name: ScenarioName): ReadonlyArray<Name> => [...scenarios[name].options, ...common]

/** The setting that a scenario begins with. */
export const startOf = (name: ScenarioName): Setting => ({
  version: "5.0",
  qos: 1,
  session: "clean",
  reconnect: "default",
  messages: 20,
  interval: 500,
  window: 1000,
  outbox: 10_000,
  outboxPolicy: "suspend",
  receiveMaximum: 1000,
  buffer: 10_000,
  bufferPolicy: "suspend",
  handling: 0,
  ending: "silence",
  poison: "stop",
  store: "memory",
  ...scenarios[name].start,
  scenario: name
})
